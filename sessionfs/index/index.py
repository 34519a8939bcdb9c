"""The index of one store, as the storage uses it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from .. import files, listing
from ..errors import StorageError
from ..ids import HASH12
from ..models import ListSessionsQuery, ListSessionsResult, SessionSummary
from ..root import Root
from ..session import OBJECTS, REFS, SessionDirectory
from . import checkpoints, sessions
from .checkpoints import Names
from .database import Database, UnusableError
from .place import Place
from .sessions import Known, Look

if TYPE_CHECKING:
    from sqlite3 import Connection

RACY_NS = 2_000_000_000
"""A directory that changed this shortly before it was looked at may have changed once more since,
without its time telling: it is looked at again."""

WORTH_WRITING = 8
"""From this many changed sessions on they are recorded; fewer cost less to look at than to record."""


class _Changes(NamedTuple):
    """What the files say that the index does not.

    Attributes:
        looks: sessions that are not as recorded.
        gone: recorded ones that are not here any more.
        confirmed: sessions that are as recorded, and need not be looked at again once that is noted.

    """

    looks: list[Look]
    gone: list[str]
    confirmed: list[Look]


class IndexState(NamedTuple):
    """Where the index is and what it holds.

    Attributes:
        directory: where it is, or would be.
        usable: whether there is one that is ours and whole.
        sessions: how many it knows; None: there is none.
        size: of its database, in bytes.

    """

    directory: str
    usable: bool
    sessions: int | None
    size: int


class Index:
    """Answers from the index what a scan of the files would answer.

    Safe to share between threads; one at a time uses the connection.

    Args:
        root: of the store.
        index_dir: where indexes are kept; None: in the user's cache directory.
        directory_of: gives the directory of a session.

    """

    def __init__(
        self, root: Root, index_dir: str | None, directory_of: Callable[[UUID], SessionDirectory]
    ) -> None:
        self._root = root
        self._directory_of = directory_of
        self._database = Database(Place(root.path, index_dir))
        self._lock = Lock()
        self._writes = False

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._database.close()

    def list_sessions(self, query: ListSessionsQuery) -> ListSessionsResult:
        """Return the page of the sessions that a checked query asks for."""
        with self._lock:
            try:
                with self._database.reading() as connection:
                    changes = self._changes(connection)
                    answer = sessions.answer(connection, query, changes.looks, changes.gone)
            except UnusableError:
                return listing.answer(self.scan(), query)
            self._record(changes)
            return answer

    def rebuild(self, on_session: Callable[[int, int], None] | None = None) -> bool:
        """Throw the index away and make it anew; False where that cannot be done here and now.

        Args:
            on_session: told after each session how many of how many are done.

        """
        with self._lock:
            names, looks = self._root.session_names(), []
            for done, name in enumerate(names, 1):
                look = self._look(name)
                looks += [] if look is None else [look]
                if on_session is not None:
                    on_session(done, len(names))
            try:
                self._database.rebuild()
                with self._database.writing() as connection:
                    sessions.put(connection, looks, [])
                    held, _ = self._names_that_changed(checkpoints.known_names(connection))
                    checkpoints.put_names(connection, held, [])
            except UnusableError:
                return False
            return True

    def state(self) -> IndexState:
        """Return where the index is and what it holds."""
        place = self._database.place
        here = place.is_ours()
        size = files.identity(place.database)
        number = None
        if here:
            with self._lock, suppress(UnusableError), self._database.reading() as connection:
                number = len(sessions.known(connection))
        return IndexState(place.directory, here, number, size[2] if size and here else 0)

    def scan(self) -> Iterator[SessionSummary]:
        """Give every session's summary, read from the files alone."""
        for name in self._root.session_names():
            summary = listing.session_summary(self._directory_of(UUID(name)))
            if summary is not None:
                yield summary

    def sessions_holding(self, hash12: str) -> list[UUID]:
        """Return the sessions that hold an object whose hash begins like this, in ascending order.

        One that cannot be read is among them: whoever opens it is told why.
        """
        with self._lock:
            try:
                with self._database.reading() as connection:
                    known = checkpoints.known_names(connection)
                    looked, unreadable = self._names_that_changed(known)
                    found = set(checkpoints.holding(connection, hash12))
            except UnusableError:
                return [id_ for id_ in self._root.session_ids() if self._may_hold(id_, hash12)]
            found -= {each.id for each in looked} | known.keys()
            found |= {each.id for each in looked if hash12 in each.hash12}
            number = len(looked) + len(known)
            self._write(number, lambda connection: checkpoints.put_names(connection, looked, known))
            return sorted(map(UUID, found.union(unreadable)))

    def _names_that_changed(self, known: dict[str, checkpoints.Known]) -> tuple[list[Names], list[str]]:
        """List the objects of sessions that are not as recorded, and sessions that cannot be read.

        What is left in ``known`` is gone.
        """
        changed, unreadable = [], []
        for name in self._root.session_names():
            before, path = known.pop(name, None), files.join(self._root.sessions, name, OBJECTS)
            looked_ns, fingerprint = time.time_ns(), files.fingerprint(path) or (0, 0, 0)
            if before is None or before[:3] != fingerprint or _racy(before):
                try:
                    hashes = self._directory_of(UUID(name)).objects.hashes()
                except StorageError:
                    unreadable.append(name)
                    continue
                changed.append(Names(name, fingerprint, looked_ns, {sha[:HASH12] for sha in hashes}))
        return changed, unreadable

    def _may_hold(self, id_: UUID, hash12: str) -> bool:
        try:
            return bool(self._directory_of(id_).objects.hashes(hash12))
        except StorageError:
            return True

    def _changes(self, connection: Connection) -> _Changes:
        """Compare what is recorded with the directories, and look at those that differ."""
        changes = _Changes([], [], [])
        known = sessions.known(connection)
        for name in self._root.session_names():
            before = known.pop(name, None)
            if before is not None and self._is_as_recorded(name, before):
                continue
            look = self._look(name)
            if look is None:
                if before is not None:
                    changes.gone.append(name)
            elif before is None or not sessions.is_recorded(connection, look):
                changes.looks.append(look)
            elif look.looked.settled and not _racy((*look.fingerprint, look.looked_ns, True)):
                changes.confirmed.append(look)
        changes.gone.extend(known)
        return changes

    def _record(self, changes: _Changes) -> None:
        looks = changes.looks + changes.confirmed
        number = len(looks) + len(changes.gone)
        self._write(number, lambda connection: sessions.put(connection, looks, changes.gone))

    def _write(self, number: int, put: Callable[[Connection], None]) -> None:
        """Write what was found, if that much is worth it and nobody keeps us out."""
        if not number or (number < WORTH_WRITING and not self._writes):
            return
        try:
            with self._database.writing() as connection:
                put(connection)
        except UnusableError:
            return
        # What writing needs is loaded now, and the next time costs little.
        self._writes = True

    def _look(self, name: str) -> Look | None:
        looked_ns = time.time_ns()
        fingerprint = files.fingerprint(self._refs(name))
        looked = listing.look(self._directory_of(UUID(name)))
        return None if looked is None else Look(name, fingerprint or (0, 0, 0), looked_ns, looked)

    def _is_as_recorded(self, name: str, known: Known) -> bool:
        settled, fingerprint = known[4], known[:3]
        return bool(settled) and fingerprint == files.fingerprint(self._refs(name)) and not _racy(known)

    def _refs(self, name: str) -> str:
        return files.join(self._root.sessions, name, REFS)


def _racy(known: Known | checkpoints.Known) -> bool:
    return known[3] - known[0] < RACY_NS
