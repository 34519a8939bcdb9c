"""Watching a store: events for the changes that any process or sync tool makes.

Both watchers tell the same events in the same order: for one session a change is told once, its
creation before its checkpoints, and a checkpoint before it is told to be active. Who keeps the
``session`` of the last event that has one knows what ``list_sessions`` returns.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self
from uuid import UUID

from ..models.events import Event
from ..session import SessionDirectory
from .feed import Feed
from .fingerprints import RACY_NS, Fingerprint, fingerprint, is_settled
from .looking import Known, compare

__all__ = [
    "RACY_NS",
    "RELIST_SECONDS",
    "AsyncWatcher",
    "Fingerprint",
    "Known",
    "Watcher",
    "compare",
    "fingerprint",
    "is_settled",
]

RELIST_SECONDS = 30.0
"""How often all sessions are looked at, whatever was noticed."""


class Watcher:
    """A blocking iterator of events.

    What changes after the constructor has returned is told; what was here before is known. To be
    closed, or used in a ``with`` block. Threads may share it: each event goes to one of them.

    Args:
        root: the directory of the store; it need not exist.
        directory: gives a session's directory for one look. One with an object cache of its own
            sees objects that vanish.
        session_ids: gives the ids that directories here are named by.
        relist_seconds: how often to look at all sessions, for what no notice told.
        notify: False: do not ask the operating system for notices, as where it gives none (network
            file systems); changes are then found every ``relist_seconds``.

    """

    def __init__(
        self,
        root: str,
        directory: Callable[[UUID], SessionDirectory],
        session_ids: Callable[[], list[UUID]],
        *,
        relist_seconds: float = RELIST_SECONDS,
        notify: bool = True,
    ) -> None:
        self._news = threading.Condition()
        self._feed = Feed(root, directory, session_ids, relist_seconds, notify, wake=self._wake)
        try:
            with self._news:
                self._news.wait_for(lambda: self._feed.started)
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
        with self._news:
            while True:
                over = self._feed.over
                event = self._feed.take()
                left = None if end is None else end - time.monotonic()
                if event is not None or over or (left is not None and left <= 0):
                    return event
                self._news.wait(left)

    def changed_since_last_call(self) -> set[UUID] | None:
        """Return the sessions that may have changed since the call before, without any file access.

        None: any may have; so the first time, and while there are no notices. A change made by this
        process counts from ``mark``, others' from the notice, some tenths of a second later; one
        that no notice told, from the next look at all sessions. For one caller, in any thread.
        """
        return self._feed.changed()

    def mark(self, session_id: UUID) -> None:
        """Count a session as changed, at once; for those who write in this process."""
        self._feed.mark(session_id)

    def close(self) -> None:
        """End the watch and its thread, and wake who waits. Events that nobody took are dropped."""
        self._feed.stop()
        self._feed.join()

    def _wake(self) -> None:
        with self._news:
            self._news.notify_all()


class AsyncWatcher:
    """``Watcher`` for asyncio, in the event loop that it is first used in.

    It begins with ``async with``, or else with the first event that is asked for. Who stops waiting
    for an event loses none.
    """

    def __init__(
        self,
        root: str,
        directory: Callable[[UUID], SessionDirectory],
        session_ids: Callable[[], list[UUID]],
        *,
        relist_seconds: float = RELIST_SECONDS,
        notify: bool = True,
    ) -> None:
        self._arguments = (root, directory, session_ids, relist_seconds, notify)
        self._feed: Feed | None = None
        self._news = asyncio.Event()

    async def __aenter__(self) -> Self:
        feed = self._begin()
        try:
            while not feed.started:
                await self._wait()
        except BaseException:  # without a block to leave, nobody would close it
            feed.stop()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        feed = self._begin()
        while True:
            over = feed.over
            event = feed.take()
            if event is not None:
                return event
            if over:
                raise StopAsyncIteration
            await self._wait()

    async def aclose(self) -> None:
        """See ``Watcher.close``."""
        if self._feed is not None:
            self._feed.stop()
            while not self._feed.ended:
                await self._wait()
            self._feed.join()

    def changed_since_last_call(self) -> set[UUID] | None:
        """See ``Watcher.changed_since_last_call``."""
        return self._feed.changed() if self._feed else None

    def mark(self, session_id: UUID) -> None:
        """See ``Watcher.mark``."""
        if self._feed:
            self._feed.mark(session_id)

    def _begin(self) -> Feed:
        if self._feed is None:
            loop = asyncio.get_running_loop()
            self._feed = Feed(
                *self._arguments,
                wake=lambda: self._wake(loop),
                alive=lambda: not loop.is_closed(),
            )
        return self._feed

    async def _wait(self) -> None:
        """Wait for the thread's next news: none can come between a look for them and this."""
        self._news.clear()
        await self._news.wait()

    def _wake(self, loop: asyncio.AbstractEventLoop) -> None:
        with suppress(RuntimeError):  # the loop is closed, and nobody waits any more
            loop.call_soon_threadsafe(self._news.set)
