"""The blocking watcher: an iterator over what a feed finds."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Self
from uuid import UUID

from ..models.events import RELIST_SECONDS, Event
from ..store.session import SessionDirectory

if TYPE_CHECKING:
    from .feed import Baseline

_NAP = 1.0
"""Seconds of a wait: Python does not see a signal that came right before one until it is over."""


class Watcher:
    """A blocking iterator of events.

    What changes after the constructor has returned is told; what was here before is known. To be
    closed, or used in a ``with`` block. Threads may share it: each event goes to one of them. In a
    child process after a fork it is over.

    Args:
        root: the directory of the store; it need not exist.
        directory: gives a session's directory for one look. One with an object cache of its own
            sees objects whose bytes are damaged later.
        session_ids: gives the ids that directories here are named by.
        baseline: gives the summaries of all sessions, from where that is quick, and is called once,
            in the watch's thread; None: each session is looked at.
        relist_seconds: how often to compare all sessions, for what no notice told.
        notify: False: do not ask the operating system for notices, as where it gives none (network
            file systems); changes are then found every ``relist_seconds``.

    """

    def __init__(
        self,
        root: str,
        directory: Callable[[UUID], SessionDirectory],
        session_ids: Callable[[], Iterable[UUID]],
        *,
        baseline: Baseline | None = None,
        relist_seconds: float = RELIST_SECONDS,
        notify: bool = True,
    ) -> None:
        from .feed import Feed  # which few programs need

        self._lock = lock = threading.RLock()
        self._news = news = threading.Condition(lock)

        def wake() -> None:  # that knows nothing of the watcher, so that a forgotten one ends
            with lock:
                news.notify_all()

        self._feed = Feed(
            root,
            directory,
            session_ids,
            baseline=baseline,
            relist_seconds=relist_seconds,
            notify=notify,
            wake=wake,
        )
        weakref.finalize(self, self._feed.stop)
        try:
            with lock:
                news.wait_for(lambda: self._feed.started)
            if self._feed.failure is not None:
                raise self._feed.failure
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Event:
        event = self.next_event()
        if event is None:
            raise StopIteration
        return event

    def next_event(self, timeout: float | None = None) -> Event | None:
        """Wait for the next event, at most this many seconds; None: the time is over, or the watch."""
        end = None if timeout is None else time.monotonic() + timeout
        if not self._feed.is_ours():
            return None
        with self._lock:  # no news can come between a look for them and the wait
            while True:
                over = self._feed.over  # before a look for events: none comes after it
                event = self._feed.take()
                left = None if end is None else end - time.monotonic()
                if event is not None or over or (left is not None and left <= 0):
                    return event
                self._news.wait(_NAP if left is None else min(left, _NAP))

    @property
    def is_closed(self) -> bool:
        """Whether there will be no event any more."""
        return self._feed.over

    def changed_since_last_call(self) -> set[UUID] | None:
        """Return the sessions that may have changed since the call before, without any file access.

        None: any may have; so the first time, and while notices may be missing. A change made by this
        process counts from ``mark``, others' from the notice, less than a tenth of a second later;
        one that no notice told, from the next comparison of all sessions. A session is given for two
        seconds after a notice, however often this is called. For one caller, in any thread.
        """
        return self._feed.changed()

    def mark(self, session_id: UUID) -> None:
        """Count a session as changed, at once; for those who write in this process."""
        self._feed.mark(session_id)

    def close(self) -> None:
        """End the watch and its threads, and wake who waits. Events that nobody took are dropped."""
        self._feed.stop()
        self._feed.join()
