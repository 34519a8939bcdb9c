"""Which store a command is about, and opening it."""

from __future__ import annotations

import os
from contextvars import ContextVar
from pathlib import Path
from uuid import UUID

from ..errors import CorruptObjectError, IncompleteError, InvalidRequestError
from ..models import ListCheckpointsQuery, Session, SessionSummary
from ..storage import FileStorage
from . import render, resolve

ROOT_VARIABLE = "SESSIONFS_ROOT"

_MOST_WORKERS = 8

before_command: ContextVar[Path | None] = ContextVar("before_command", default=None)
"""The ``--store`` that stands before the command."""


def root(store: Path | None) -> Path:
    """Return the store's directory.

    It is the command's option, else that before the command, else the variable, else ``~/.sessionfs``.
    """
    given = store if store is not None else before_command.get()
    if given is not None:
        return expanded(given)
    return expanded(Path(os.environ.get(ROOT_VARIABLE) or "~/.sessionfs"))


def expanded(path: Path) -> Path:
    """Return a path with ``~`` and ``~user`` replaced; InvalidRequestError where nobody is known."""
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise InvalidRequestError(f"{path}: {error}", path=str(path)) from error


def absolute(path: Path | None) -> str | None:
    """Return a directory as sessions carry it."""
    return None if path is None else os.path.abspath(path)


def open_store(store: Path | None) -> FileStorage:
    """Open the store that a command is about."""
    return FileStorage(root(store), message_type=dict)


def workers() -> int:
    """Return how many processes may read a large store at once."""
    return min(os.cpu_count() or 1, _MOST_WORKERS)


def checkpoint_or_newest(storage: FileStorage, found: SessionSummary, checkpoint: str | None) -> UUID:
    """Return the id of the checkpoint that a person names, or else of the active or newest one."""
    if checkpoint is not None:
        return resolve.checkpoint_id(storage, found.id, checkpoint)
    if found.active_checkpoint_id is not None:
        return found.active_checkpoint_id
    total = storage.list_checkpoints(found.id, ListCheckpointsQuery(limit=0)).total
    newest = storage.list_checkpoints(found.id, ListCheckpointsQuery(limit=1, offset=max(total - 1, 0)))
    return newest.checkpoints[0].id if total else storage.get_active_checkpoint(found.id).id


def open_session(
    storage: FileStorage, found: SessionSummary, checkpoint: str | None, *, partial: bool = False
) -> Session:
    """Return a session at the checkpoint that a person names, or at the active one."""
    if checkpoint is None and not partial:
        return storage.get_session(found.id)
    at = storage.get_checkpoint(checkpoint_or_newest(storage, found, checkpoint), partial=partial)
    try:
        shown = storage.get_session(found.id)
    except (CorruptObjectError, IncompleteError):  # the active checkpoint, which need not be this one
        return render.with_checkpoint(found, at)
    shown.active_checkpoint = at
    return shown
