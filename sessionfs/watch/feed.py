"""The thread of a watch that looks at sessions and queues events.

The invariant: every session that changed is looked at after its change. Notices only say which to look
at now. All are compared with what is known of them when listening begins, after whatever may have
cost notices, and at intervals; one whose time stamps are too new to rely on is looked at once more.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from uuid import UUID

from ..errors import StorageError
from ..fs import files, fingerprints
from ..models import SessionSummary
from ..models.events import Event
from ..store.root import SESSIONS
from ..store.session import SessionDirectory
from .notify import Listener, StopSignal
from .snapshot import SessionSnapshot, compare, is_unchanged, may_be_filled, take_snapshot, take_unread

_TICK_SECONDS = 0.25
_MOST_QUEUED = 10_000
_SETTLED_AFTER = fingerprints.RACY_NS / 1e9 + 0.1
_REST = 10
"""Comparing all sessions again and again takes at most this part of the time."""

Baseline = Callable[[], Iterable[SessionSummary]]
"""Gives the summaries of all sessions."""


class Feed:
    """Finds events, and keeps them until somebody takes them.

    While many events wait no session is looked at, so that a slow listener costs no memory: what
    changes meanwhile is told as one.

    Args:
        root: the directory of the store; it need not exist.
        directory: gives a session's directory, which is not used for a second look.
        session_ids: gives the ids that directories are named by.
        baseline: gives the summaries to begin with; None: every session is looked at.
        relist_seconds: how often to compare all sessions.
        notify: whether to ask the operating system for notices.
        wake: called from the thread when ``take``, ``started`` or ``ended`` may answer differently.
        alive: whether there is still somebody to wake.

    """

    def __init__(
        self,
        root: str,
        directory: Callable[[UUID], SessionDirectory],
        session_ids: Callable[[], Iterable[UUID]],
        *,
        baseline: Baseline | None,
        relist_seconds: float,
        notify: bool,
        wake: Callable[[], None],
        alive: Callable[[], bool] = lambda: True,
    ) -> None:
        self._directory, self._session_ids, self._baseline = directory, session_ids, baseline
        self._relist_seconds, self._notify, self._wake = relist_seconds, notify, wake
        self._known: dict[UUID, SessionSnapshot] = {}
        # ``with`` takes this, not the condition: an interrupt in the midst of a condition's own Python
        # code would leave the lock taken for ever.
        self._lock = threading.RLock()  # guards what the threads share, from here ...
        self._turn = threading.Condition(self._lock)
        self._due: OrderedDict[UUID, bool] = OrderedDict()  # True: whatever the fingerprints say
        self._relist_at = 0.0
        self._relisted_at = self._relist_took = 0.0
        self._events: deque[Event] = deque()
        self.failure: BaseException | None = None
        self._closed = False  # ... to here
        self._again: OrderedDict[UUID, float] = OrderedDict()  # when their time stamps are settled
        self.started = self.ended = False
        self._process = files.process_id()
        self._ending = StopSignal(alive)
        self._notices = Listener(files.join(root, SESSIONS), self._ending, self._heard, self._missed)
        self._thread = threading.Thread(target=self._run, name="sessionfs-watch")
        self._thread.start()

    @property
    def over(self) -> bool:
        """Whether there will be no event any more."""
        return self.ended or self._closed or not self.is_ours()

    def take(self) -> Event | None:
        """Return the next event, or None if there is none now; raise what made the thread fail."""
        if not self.is_ours():
            return None
        with self._lock:
            if self._closed:
                return None
            if len(self._events) == _MOST_QUEUED:
                self._turn.notify_all()
            with suppress(IndexError):  # none, or a signal handler has just taken it
                return self._events.popleft()
            if self.failure is not None:
                raise self.failure
        return None

    def stop(self) -> None:
        """Make the thread end soon, and give no event from now on."""
        if self.is_ours():
            with self._lock:
                self._closed = True
                self._ending.set()
                self._turn.notify_all()
            self._wake()

    def join(self) -> None:
        """Wait until the thread has ended."""
        if self.is_ours():
            self._thread.join()

    def changed(self) -> set[UUID] | None:
        """See ``Watcher.changed_since_last_call``."""
        return self._notices.changed() if self.is_ours() and not self.ended else None

    def mark(self, session_id: UUID) -> None:
        """See ``Watcher.mark``."""
        if self.is_ours():
            self._notices.mark((session_id,))

    def is_ours(self) -> bool:
        """Tell whether this is the process that began the watch."""
        # A child process has no thread to wait for, and locks that nobody will ever release.
        return self._process == files.process_id()

    # In the thread

    def _run(self) -> None:
        listener = threading.Thread(target=self._listen, name="sessionfs-notices")
        try:
            self._open()
            self.started = True
            self._wake()
            if self._notify:
                listener.start()
            while not self._ending.is_set():
                self._work()
        except BaseException as error:  # whoever takes events raises it
            self._fail(error)
        finally:
            self._ending.set()
            if listener.ident is not None:
                listener.join()
            self.started = self.ended = True
            self._wake()

    def _listen(self) -> None:
        try:
            self._notices.listen()
        except BaseException as error:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        with self._lock:
            self.failure = self.failure or error
            self._ending.set()
            self._turn.notify_all()

    def _open(self) -> None:
        """Take what is here as known."""
        if self._notify:  # else at once: nobody will say when to begin
            self._relist_at = time.monotonic() + self._relist_seconds
        # Names and times before summaries: what changes in between is found by comparing them.
        taken = {session: take_unread(self._directory(session)) for session in self._ids() or ()}
        for summary in self._summaries():
            found = taken.get(summary.id)
            if found is not None and summary.problem is None:
                self._keep(summary.id, found.known(summary))
        for session in taken.keys() - self._known.keys():
            if self._ending.is_set():
                return
            seen = take_snapshot(self._directory(session), None, first=True)
            if seen is not None:
                self._keep(session, seen.known)

    def _summaries(self) -> Iterable[SessionSummary]:
        try:
            return self._baseline() if self._baseline is not None else ()
        except StorageError:
            return ()  # a look at each session tells why

    def _work(self) -> None:
        """Do what is due next, or wait for something to do."""
        now = time.monotonic()
        if now >= self._relist_at:
            self._relist()
        while self._again and next(iter(self._again.values())) <= now:
            session, _ = self._again.popitem(last=False)
            with self._lock:
                self._due.setdefault(session, False)
        with self._lock:
            if not self._due or len(self._events) >= _MOST_QUEUED:
                next_at = min(self._relist_at, next(iter(self._again.values()), math.inf))
                wait = min(next_at - time.monotonic(), _TICK_SECONDS)
                if wait > 0 and not self._ending.is_set():
                    self._turn.wait(wait)
                return
            session, forced = self._due.popitem(last=False)
        self._look(session, forced=forced)

    def _heard(self, sessions: Collection[UUID]) -> None:
        with self._lock:
            self._due.update(dict.fromkeys(sessions, True))
            self._turn.notify_all()

    def _missed(self) -> None:
        with self._lock:
            soon = self._relisted_at + _REST * self._relist_took
            self._relist_at = min(self._relist_at, soon)
            self._turn.notify_all()

    def _ids(self) -> set[UUID] | None:
        """Return the ids that are here, None if the operating system refuses to tell."""
        try:
            return set(self._session_ids())
        except StorageError:
            return None

    def _relist(self) -> None:
        """Compare all sessions with what is known of them, reading none."""
        begun = time.monotonic()
        with self._lock:
            self._relist_at = begun + self._relist_seconds
        ids = self._ids()
        for session in ids | self._known.keys() if ids is not None else ():
            if self._ending.is_set():
                return
            known = self._known.get(session)
            if known is None or not is_unchanged(self._directory(session), known):
                self._notices.mark((session,))
                with self._lock:
                    self._due.setdefault(session, False)
        with self._lock:
            self._relisted_at = time.monotonic()
            self._relist_took = self._relisted_at - begun

    def _look(self, session: UUID, *, forced: bool) -> None:
        directory, before = self._directory(session), self._known.get(session)
        if before is not None and not forced and is_unchanged(directory, before):
            return
        found = take_snapshot(directory, before)
        if found is not None:
            self._keep(session, found.known)
        else:
            self._known.pop(session, None)
            if may_be_filled(directory):
                self._look_again(session)
        after = found and found.known
        if not (before and after) or before.summary != after.summary or before.prints != after.prints:
            self._notices.mark((session,))
        events = compare(before, found)
        if events:
            with self._lock:
                self._events.extend(events)
            self._wake()

    def _keep(self, session: UUID, known: SessionSnapshot) -> None:
        self._known[session] = known
        if not known.settled:
            self._look_again(session)

    def _look_again(self, session: UUID) -> None:
        """Look once more when the time stamps have become a measure of what happens after them."""
        self._again.pop(session, None)
        self._again[session] = time.monotonic() + _SETTLED_AFTER
