"""Finding a checkpoint by its id alone, among the sessions that may hold it."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from ..errors import NotFoundError, StorageError
from .session import SessionDirectory


def find(holding: Iterable[SessionDirectory], checkpoint_id: UUID) -> tuple[SessionDirectory, str]:
    """Return where a checkpoint is; a damaged or misplaced copy only if there is no sound one."""
    unsound: tuple[SessionDirectory, str] | None = None
    refused: StorageError | None = None
    for directory in holding:
        try:
            sha = directory.find(checkpoint_id)
        except StorageError as error:
            refused = refused or error
            continue
        if sha is not None and directory.is_sound(sha):
            return directory, sha
        unsound = unsound or (None if sha is None else (directory, sha))
    if unsound is not None:
        return unsound
    raise refused or NotFoundError(f"checkpoint {checkpoint_id} does not exist")
