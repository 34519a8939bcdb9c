"""A root that is opened, and what all methods of ``FileStorage`` share."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

from . import checks, files, finding
from .clock import wall_clock
from .errors import InvalidRequestError, NotFoundError
from .files import Durability, Files, StrPath
from .ids import hash12_of
from .objects import ObjectCache
from .root import Root
from .session import Environment, SessionDirectory
from .states import States
from .views import Views

if TYPE_CHECKING:
    from .index import Index

_CACHE_BYTES = 64 << 20
_STATE_BYTES = 16 << 20
"""Of messages as they are packed; held as values they take a few times as much."""


class OpenedStore:
    """A root with what is held of it in memory; see ``FileStorage`` for the arguments."""

    def __init__(
        self,
        root: StrPath,
        durability: Durability,
        index_dir: StrPath | None,
        message_type: type[Any],
        max_object_bytes: int,
    ) -> None:
        if durability not in ("full", "relaxed"):
            raise InvalidRequestError(f'durability must be "full" or "relaxed", not {durability!r}')
        path = checks.path(root, "root")
        if files.is_no_directory(path):
            raise InvalidRequestError(f"{path} is not a directory", path=path)
        writer = Files(durability, checks.positive(max_object_bytes, "max_object_bytes"))
        self._root = Root(path, writer)
        index_parent = None if index_dir is None else checks.path(index_dir, "index_dir")
        self._options: dict[str, Any] = {
            "durability": durability,
            "index_dir": index_parent,
            "message_type": message_type,
            "max_object_bytes": max_object_bytes,
        }
        self._made: dict[str, Index] = {}
        self._environment = Environment(writer, ObjectCache(_CACHE_BYTES), wall_clock, self._wrote)
        self._views = Views(message_type)
        self._states = States(self._views.codec, _STATE_BYTES)
        self._grown: set[UUID] = set()
        self._root.check_readable()

    def __reduce__(self) -> tuple[Callable[[], Self], tuple[()]]:
        """Pickle what it was opened with: whoever unpickles it opens the same root."""
        return partial(type(self), self._root.path, **self._options), ()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of what is held in memory. Nothing is ever left to be written."""
        self._environment.cache.clear()
        self._states.clear()
        index = self._made.get("index")
        if index is not None:
            index.close()

    @property
    def _index(self) -> Index:
        """The index; made when something is listed or searched, as is what it takes to do so loaded."""
        made = self._made.get("index")
        if made is None:
            from .index import Index

            made = Index(self._root, self._options["index_dir"], self._directory)
            made = self._made.setdefault("index", made)  # another thread may have been first
        return made

    def _wrote(self, session_id: UUID) -> None:
        index = self._made.get("index")
        if index is not None:  # else nobody has read what this changes
            index.notices.mark(session_id)

    def _directory(self, session_id: UUID) -> SessionDirectory:
        checks.uuid(session_id, "session_id")
        path = self._root.session_path(session_id)
        return SessionDirectory(path, session_id, self._environment)

    def _existing(self, session_id: UUID) -> SessionDirectory:
        directory = self._directory(session_id)
        if not directory.exists():
            raise NotFoundError(f"session {session_id} does not exist")
        return directory

    def _find(self, checkpoint_id: UUID) -> tuple[SessionDirectory, str]:
        checks.uuid(checkpoint_id, "checkpoint_id")
        holding = self._index.sessions_holding(hash12_of(checkpoint_id))
        return finding.find(map(self._directory, holding), checkpoint_id)

    def _writable(self, session_id: UUID) -> SessionDirectory:
        directory = self._existing(session_id)
        self._settle(session_id)
        return directory

    def _growing(self, session_id: UUID) -> SessionDirectory:
        """Return a session for something that looks itself whether the session is still there."""
        directory = self._directory(session_id)
        if session_id not in self._grown:
            self._existing(session_id)
            self._grown.add(session_id)
        self._settle(session_id)
        return directory

    def _settle(self, session_id: UUID) -> None:
        self._root.check_writable(session_id)
        self._root.settle(session_id)
