"""The thread of a watch: it is noticed of changes, looks at sessions, and queues events.

The invariant: every session that changed is looked at after its change. A notice of the operating
system only says which to look at now; all of them are looked at when the thread starts to listen, and
at intervals, because notices get lost. A session whose time stamps are too new to rely on is looked
at once more when they are not.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Generator
from contextlib import closing, suppress
from uuid import UUID

from ..errors import StorageError
from ..ids import parse_session_id
from ..models.events import Event
from ..root import SESSIONS
from ..session import SessionDirectory
from .fingerprints import RACY_NS, fingerprint, is_settled, real, times
from .looking import Entry, compare, is_unchanged, look, refused

_TICK_SECONDS = 0.25
_STEP_MS, _DEBOUNCE_MS = 50, 500
_MOST_QUEUED = 10_000
_SETTLED_AFTER = RACY_NS / 1e9 + 0.1


class _Ending:
    """Whether a watch is to end: it was closed, or nobody is left to listen."""

    def __init__(self, alive: Callable[[], bool]) -> None:
        self._alive = alive
        self.closed = threading.Event()

    def is_set(self) -> bool:
        # Without this a watch that was never closed would keep the process from ending.
        return self.closed.is_set() or not threading.main_thread().is_alive() or not self._alive()


class Feed:
    """Finds events, and keeps them until somebody takes them.

    While many events wait the thread pauses, so that a slow listener costs no memory: what changes
    meanwhile is told as one.

    Args:
        root: the directory of the store; it need not exist.
        directory: gives a session's directory, which is not used for a second look.
        session_ids: gives the ids that directories are named by.
        relist_seconds: how often to look at all sessions.
        notify: whether to ask the operating system for notices.
        wake: called from the thread when ``take``, ``started`` or ``ended`` may answer differently.
        alive: whether there is still somebody to wake.

    """

    def __init__(
        self,
        root: str,
        directory: Callable[[UUID], SessionDirectory],
        session_ids: Callable[[], list[UUID]],
        relist_seconds: float,
        notify: bool,
        *,
        wake: Callable[[], None],
        alive: Callable[[], bool] = lambda: True,
    ) -> None:
        self._root, self._directory, self._session_ids = root, directory, session_ids
        self._relist_seconds, self._notify, self._wake = relist_seconds, notify, wake
        self._relist_at = 0.0
        self._prefix = root
        self._entries: dict[UUID, Entry] = {}
        self._due: dict[UUID, bool] = {}  # whom to look at; True: whatever the fingerprints say
        self._again: dict[UUID, float] = {}  # whom to look at once their time stamps are settled
        self._lock = threading.Lock()
        self._listening = False
        self._changed: set[UUID] | None = None
        self._events: deque[Event] = deque()
        self._failure: BaseException | None = None
        self.started = self.ended = False
        self._ending = _Ending(alive)
        self._thread = threading.Thread(target=self._run, name="sessionfs-watch")
        self._thread.start()

    @property
    def over(self) -> bool:
        """Whether there will be no event any more."""
        return self.ended or self._ending.closed.is_set()

    def take(self) -> Event | None:
        """Return the next event, or None if there is none now; raise what made the thread fail."""
        if not self._ending.closed.is_set():
            with suppress(IndexError):
                return self._events.popleft()
            if self._failure is not None:
                raise self._failure
        return None

    def stop(self) -> None:
        """Make the thread end soon, and give no event from now on."""
        self._ending.closed.set()
        self._wake()

    def join(self) -> None:
        """Wait until the thread has ended."""
        self._thread.join()

    def changed(self) -> set[UUID] | None:
        """See ``Watcher.changed_since_last_call``."""
        with self._lock:
            if not self._listening:
                return None
            changed, self._changed = self._changed, set()
            return changed

    def mark(self, *session_ids: UUID) -> None:
        """See ``Watcher.mark``."""
        with self._lock:
            if self._changed is not None:
                self._changed.update(session_ids)

    def _run(self) -> None:
        try:
            for session_id in self._ids() or ():
                if self._ending.is_set():
                    break
                self._look(session_id, first=True)
            self.started = True
            self._wake()
            with closing(self._notices()) as notices:
                for paths in notices:
                    self._note(paths)
                    self._look_at_due()
        except BaseException as error:  # whoever takes events raises it
            self._failure = error
        finally:
            self._listen(False)
            self.started = self.ended = True
            self._wake()

    # Noticing

    def _notices(self) -> Generator[set[str], None, None]:
        """Give the paths that notices name as they come, and an empty set now and then."""
        from watchfiles import watch  # not above: few of those who import this package watch

        retry_at = 0.0
        while not self._ending.is_set():
            inode = self._inode()
            if not self._notify or inode is None or time.monotonic() < retry_at:
                self._ending.closed.wait(_TICK_SECONDS)
                yield set()
                continue
            self._prefix = real(self._root)
            batches = watch(
                self._prefix,
                watch_filter=None,
                debounce=_DEBOUNCE_MS,
                step=_STEP_MS,
                stop_event=self._ending,
                rust_timeout=int(_TICK_SECONDS * 1000),
                yield_on_timeout=True,
                raise_interrupt=False,
                ignore_permission_denied=True,
            )
            self._relist_at = 0.0  # no notice tells what changed before
            try:
                with closing(batches):
                    for batch in batches:
                        paths = {path for _, path in batch}
                        yield paths
                        self._listen(True)
                        if self._prefix in paths or self._inode() != inode:
                            break
            except FileNotFoundError:
                self._ending.closed.wait(_TICK_SECONDS)  # the root went away again
            except (OSError, RuntimeError):  # the system allows no more notices
                retry_at = time.monotonic() + self._relist_seconds
            self._relist_at = 0.0
            self._listen(False)

    def _inode(self) -> int | None:
        found = times(self._root)
        return found and found[2]

    def _listen(self, listening: bool) -> None:
        with self._lock:
            self._listening = listening
            if not listening:
                self._changed = None

    def _note(self, paths: set[str]) -> None:
        """Make due what notices named, and what it is time to look at."""
        inside = {path.removeprefix(self._prefix).replace("\\", "/") for path in paths}
        places = {tuple(path.split("/", 3)[1:3]) for path in inside if path.startswith("/")}
        names = {place[1] for place in places if place[0] == SESSIONS and len(place) == 2}
        named = {session for name in names if (session := parse_session_id(name))}
        self._due.update(dict.fromkeys(named, True))
        self.mark(*named)
        if (SESSIONS,) in places:
            self._relist_at = 0.0
            with self._lock:
                self._changed = None
        now = time.monotonic()
        if now >= self._relist_at:
            ids = self._ids()
            self._relist_at = now + self._relist_seconds
            if ids is not None:
                self._due = dict.fromkeys(ids | self._entries.keys(), False) | self._due
        elif len(named) < len(names):  # something else moved among the sessions
            ids = self._ids()
            if ids is not None:
                self._due = dict.fromkeys(ids ^ self._entries.keys(), False) | self._due
        for session in [session for session, at in self._again.items() if now >= at]:
            del self._again[session]
            self._due.setdefault(session, False)

    def _ids(self) -> set[UUID] | None:
        """Return the ids that are here, None if the operating system refuses to tell."""
        try:
            return set(self._session_ids())
        except StorageError:
            return None

    # Looking

    def _look_at_due(self) -> None:
        while self._due and len(self._events) < _MOST_QUEUED and not self._ending.is_set():
            session = next(iter(self._due))
            self._look(session, forced=self._due.pop(session))

    def _look(self, session: UUID, *, forced: bool = False, first: bool = False) -> None:
        directory, before = self._directory(session), self._entries.get(session)
        try:
            if before and not forced and is_unchanged(directory, before):
                return
            self.mark(session)
            after = look(directory, before, first=first)
        except StorageError as error:
            after = before and refused(before, error)
        if after is not None:
            self._entries[session] = after._replace(known=after.known._replace(arrived=()))
            settled = after.settled
        else:
            self._entries.pop(session, None)
            settled = is_settled(fingerprint(directory.path), time.time_ns())
        if not settled:
            self._again[session] = time.monotonic() + _SETTLED_AFTER
        found = compare(before and before.known, after and after.known)
        if found and not first:
            self._events.extend(found)
            self._wake()
