"""The index of one store, as the storage uses it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import RLock
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from ..errors import StorageError
from ..fs import atfork
from ..models import IndexState, ListSessionsQuery, ListSessionsResult, SearchResult, SessionSummary
from ..models.maintenance import Progress
from ..queries import listing, search, transcript
from ..queries.listing import CheckpointRow
from ..queries.search import CheckedQuery
from ..store.root import OBJECTS, REFS, Root
from ..store.session import SessionDirectory
from . import checkpoints, holders, sessions
from .checkpoints import ContentsReading
from .database import Database, UnusableError
from .fulltext.query import IndexDelta, Searcher, StaleError
from .location import IndexLocation
from .staleness import Differences, StalenessCheck, find_differences, take_notice
from .watches import WatchNotices
from .writer import IndexWriter, record_all

if TYPE_CHECKING:
    from sqlite3 import Connection

WORTH_WRITING = 8
"""From this many changed sessions on they are recorded; fewer cost less to look at than to record."""

WORTH_INDEXING = 32
"""From this many objects on that are not recorded yet they are; fewer cost less to read."""

_TRIES = 3
_STATE = """
SELECT (SELECT count(*) FROM sessions), (SELECT count(*) FROM contents),
    (SELECT count(*) FROM checkpoints), (SELECT coalesce(sum(length), 0) FROM contents)
"""
_MOST_AT_ONCE = 200
"""So many sessions at most are read into memory for one answer."""


class _Changes(NamedTuple):
    """What a look at the sessions that may have changed showed; of the ``purged`` some is hidden."""

    looks: list[sessions.SessionReading]
    gone: list[str]
    confirmed: list[sessions.SessionReading]
    purged: list[str]


class Index:
    """Answers from the index what a scan of the files would answer.

    Safe to share between threads; one at a time uses the connection. A signal handler, or a finalizer
    that the garbage collector runs, may come in the middle of a use by the same thread: to wait would
    be for ever, and the open transaction is not to be touched, so that the files answer.

    Args:
        root: of the store.
        index_dir: where indexes are kept; None: in the user's cache directory.
        directory_of: gives the directory of a session.

    Attributes:
        notices: the open watches; while there is one, answers need not look at every session.

    """

    def __init__(
        self, root: Root, index_dir: str | None, directory_of: Callable[[UUID], SessionDirectory]
    ) -> None:
        self._root = root
        self._directory_of = directory_of
        self._database = Database(IndexLocation(root.path, index_dir))
        self._writes = False
        self.notices = WatchNotices(root)
        self._begin()
        atfork.renew_after_fork(self)

    def renew(self) -> None:
        """Begin anew, knowing nothing of what the index holds."""
        self._database.abandon(amid_a_call=self._user is not None)
        self._begin()

    def _begin(self) -> None:
        self._lock = RLock()
        self._user: object = None
        self._due: list[Callable[[], None]] = []
        self._sessions = StalenessCheck("sessions", REFS)
        self._objects = StalenessCheck("objects", OBJECTS)
        self._contents = StalenessCheck("contents", OBJECTS)
        self._levels = (self._sessions, self._objects, self._contents)

    def close(self) -> None:
        """Close the connection; in the middle of a use by this thread, at its end."""
        self._do_when_free(self._database.close)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait for other threads; UnusableError in the middle of a use by this one."""
        with self._lock:
            if self._user is not None:
                raise UnusableError("this thread is in the middle of using the index")
            self._user = user = object()
            try:
                yield
                while self._due:
                    self._due.pop()()
            finally:
                if self._user is user:
                    self._user = None

    def _do_when_free(self, do: Callable[[], None]) -> None:
        self._due.append(do)
        with suppress(UnusableError), self._turn():
            pass  # at its end it is done

    # Answers

    def list_sessions(self, query: ListSessionsQuery) -> ListSessionsResult:
        """Return the page of the sessions that a checked query asks for."""
        with suppress(UnusableError), self._turn():
            self._notice()
            with self._database.reading() as connection:
                (differing,) = self._differing(connection, self._sessions)
                changed = self._changed_sessions(connection, differing)
                answer = sessions.answer(connection, query, changed.looks, changed.gone)
            self._write(changed, [], [])
            return answer
        return listing.answer(self.scan(), query)

    def search(self, checked: CheckedQuery) -> SearchResult:
        """Return the page of hits that a checked query asks for."""
        with suppress(UnusableError), self._turn():
            for _ in range(_TRIES):
                try:
                    return self._search(checked)
                except StaleError as error:
                    with suppress(UnusableError), self._recording() as recorder:
                        recorder.forget([error.id])
                    for level in self._levels:
                        level.pending.add(error.id)
        read = ((each, transcript.read_transcript(self._directory_of(each.id))) for each in self.scan())
        return search.answer(read, checked)

    def checkpoints(self, id_: UUID, page: slice) -> tuple[list[CheckpointRow], int] | None:
        """Return a page of a session's checkpoints, oldest first, and how many there are.

        None: ask the files. So where something is damaged, and where there is so little that reading
        costs less than recording.
        """
        directory = self._directory_of(id_)
        with suppress(UnusableError, StorageError), self._turn():
            for _ in range(_TRIES):
                with self._database.reading() as connection:
                    look = checkpoints.look(connection, directory)
                    found = checkpoints.record(connection, str(id_)) if look is None else look.base
                    if found is not None:
                        answer = checkpoints.checkpoints(connection, found, look, page)
                    elif look is None or len(look.objects) < WORTH_INDEXING:
                        return None
                written = look is not None and self._write(_Changes([], [], [], []), [look], [])
                if found is not None:
                    return answer
                if not written:
                    return None
        return None

    def sessions_holding(self, hash12: str) -> list[UUID]:
        """Return the sessions that hold an object whose hash begins like this, in ascending order.

        One that cannot be read is among them: whoever opens it is told why.
        """
        with suppress(UnusableError), self._turn():
            self._notice()
            with self._database.reading() as connection:
                (differing,) = self._differing(connection, self._objects)
                found = holders.holding(connection, hash12)
            looks: list[holders.ObjectNames] = []
            unreadable: list[str] = []
            for name in differing.changed:
                try:
                    looks.append(holders.read_names(self._directory_of(UUID(name))))
                except StorageError:
                    unreadable.append(name)
            found -= {*differing.changed, *differing.gone}
            wanted = bytes.fromhex(hash12)
            found |= {each.id for each in looks if wanted in each.names}
            if self._is_worth(len(looks) + len(differing.gone)):
                with suppress(UnusableError), self._database.writing() as connection:
                    holders.put(connection, looks, differing.gone)
                    self._objects.pending -= {each.id for each in looks}
            return sorted(map(UUID, found.union(unreadable)))
        return [id_ for id_ in self._root.session_ids() if self._may_hold(id_, hash12)]

    def scan(self) -> Iterator[SessionSummary]:
        """Give every session's summary, read from the files alone."""
        for name in self._root.session_names():
            summary = listing.session_summary(self._directory_of(UUID(name)))
            if summary is not None:
                yield summary

    # Upkeep

    def update(self, on_session: Progress | None = None, workers: int = 1) -> bool:
        """Record all that has changed, messages too; False where that cannot be done here and now."""
        with suppress(UnusableError), self._turn():
            self._notice()
            self._update(on_session, workers)
            return True
        return False

    def rebuild(self, on_session: Progress | None = None, workers: int = 1) -> bool:
        """Throw the index away and make it anew; False where that cannot be done here and now."""
        with suppress(UnusableError), self._turn():
            self._notice()
            self._database.rebuild()
            self._update(on_session, workers)
            return True
        return False

    def discard(self) -> None:
        """Throw the index away, with what it held of messages; it is made anew when it is needed.

        In the middle of a use by this thread, at its end.
        """
        self._do_when_free(self._discard)

    def _discard(self) -> None:
        with suppress(UnusableError):
            if self._database.place.is_ours():
                self._database.rebuild()

    def state(self) -> IndexState:
        """Return where the index is and what it holds."""
        place = self._database.place
        sessions_, searchable, checkpoints, text = [None] * 4
        usable = place.is_ours()
        if usable:
            with suppress(UnusableError), self._turn(), self._database.reading() as connection:
                sessions_, searchable, checkpoints, text = connection.execute(_STATE).fetchone()
        size = place.size if usable else 0
        held = sessions_, searchable, checkpoints, text
        return IndexState(place.directory, usable, *held, size, None if usable else place.problem)

    def _update(self, on_session: Progress | None = None, workers: int = 1) -> None:
        with self._database.reading() as connection:
            found = self._differing(connection, *self._levels)
        todo = sorted({name for each in found for name in each.changed})
        gone = {name for each in found for name in each.gone}
        if gone:
            with self._recording() as recorder:
                recorder.forget(gone)
        for names_ in record_all(
            self._recording, self._root, self._directory_of, todo, on_session, workers
        ):
            for level in self._levels:
                level.pending.difference_update(names_)

    # What changed

    def _notice(self) -> None:
        take_notice(self._levels, self.notices.take())

    def _differing(self, connection: Connection, *levels: StalenessCheck) -> list[Differences]:
        """Return the sessions that may have changed, for each of the levels."""
        return find_differences(connection, self._root, levels)

    def _changed_sessions(self, connection: Connection, differing: Differences) -> _Changes:
        """Look at sessions that may have changed; ``confirmed`` are those that proved not to have."""
        changed = _Changes([], differing.gone, [], [])
        for name in differing.changed:
            look = sessions.look(self._directory_of(UUID(name)))
            if look is not None and look.purged:
                changed.purged.append(name)
            if look is None:
                changed.gone.append(name)
            elif not sessions.is_recorded(connection, look):
                changed.looks.append(look)
            else:
                self._sessions.pending.discard(name)
                if look.settled:
                    changed.confirmed.append(look)
        return changed

    def _changed_contents(
        self, connection: Connection, differing: Differences
    ) -> dict[str, ContentsReading]:
        looks: dict[str, ContentsReading] = {}
        for name in differing.changed:
            try:
                look = checkpoints.look(connection, self._directory_of(UUID(name)))
            except StorageError as error:
                looks[name] = checkpoints.unreadable(name, error.message)
            else:
                if look is not None:
                    looks[name] = look
                else:
                    self._contents.pending.discard(name)
        return looks

    def _may_hold(self, id_: UUID, hash12: str) -> bool:
        try:
            return bool(self._directory_of(id_).objects.hashes(hash12))
        except StorageError:
            return True

    # Recording

    def _is_worth(self, number: int) -> bool:
        return number >= WORTH_WRITING or (number > 0 and self._writes)

    @contextmanager
    def _recording(self) -> Iterator[IndexWriter]:
        with self._database.writing() as connection:
            recorder = IndexWriter(connection, self._database.place)
            yield recorder
            recorder.finish()
        # What writing needs is loaded now, and the next time costs little.
        self._writes = True

    def _write(self, changed: _Changes, looks: list[ContentsReading], gone: list[str]) -> bool:
        """Record what was found if it is worth it; False if it was not, or somebody keeps us out."""
        summaries = changed.looks + changed.confirmed
        read = sum(len(look.checkpoints) for look in looks)
        number = len(summaries) + len(changed.gone) + len(looks) + len(gone)
        if not self._is_worth(number) and read < WORTH_INDEXING:
            return False
        try:
            with self._recording() as recorder:
                recorder.summaries(summaries, changed.gone)
                recorder.forget_contents(gone)
                for look in looks:
                    recorder.contents(look)
        except UnusableError:
            return False
        self._sessions.pending.difference_update(each.id for each in summaries)
        self._sessions.pending.difference_update(changed.gone)
        self._contents.pending.difference_update(recorder.written, gone)
        return True

    # Search

    def _search(self, checked: CheckedQuery) -> SearchResult:
        self._notice()
        with self._database.reading() as connection:
            in_sessions, in_contents = self._differing(connection, self._sessions, self._contents)
            if len(in_contents.changed) < WORTH_WRITING:
                return self._answer(connection, checked, in_sessions, in_contents)
        with suppress(UnusableError):
            self._update()
        with self._database.reading() as connection:
            in_sessions, in_contents = self._differing(connection, self._sessions, self._contents)
            if len(in_contents.changed) > _MOST_AT_ONCE:
                raise UnusableError("others are at work on most of the store")
            return self._answer(connection, checked, in_sessions, in_contents)

    def _answer(
        self,
        connection: Connection,
        checked: CheckedQuery,
        in_sessions: Differences,
        in_contents: Differences,
    ) -> SearchResult:
        changed = self._changed_sessions(connection, in_sessions)
        also = sorted({*in_contents.changed, *changed.purged})
        looks = self._changed_contents(connection, in_contents._replace(changed=also))
        seen = IndexDelta(
            {look.id: look.summary for look in changed.looks},
            looks,
            {*changed.gone, *in_contents.gone},
        )
        place = self._database.place
        answer = Searcher(connection, place, checked, seen, self._directory_of).answer()
        connection.rollback()  # who writes waits for those who read
        readable = [look for look in looks.values() if look.base is not None or look.objects]
        self._write(changed, readable, in_contents.gone)
        return answer
