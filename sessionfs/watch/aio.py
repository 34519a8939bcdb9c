"""The watcher for asyncio; a module of its own, so that nobody else pays for importing that."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import TracebackType
from typing import Self
from uuid import UUID

from ..models.events import RELIST_SECONDS, Event
from ..store.session import SessionDirectory
from .feed import Baseline, Feed


class AsyncWatcher:
    """``Watcher`` for asyncio, in the event loop that it is first used in.

    It begins with ``async with``, or else with the first event that is asked for. Who stops waiting
    for an event loses none. Arguments are those of ``Watcher``.
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
        self._root, self._directory, self._session_ids = root, directory, session_ids
        self._baseline, self._relist_seconds, self._notify = baseline, relist_seconds, notify
        self._feed: Feed | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news = asyncio.Event()
        self._closed = False

    async def __aenter__(self) -> Self:
        try:
            await self._started()
        except BaseException:  # without a block to leave, nobody would close it
            if self._feed is not None:
                self._feed.stop()
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
        feed = await self._started()
        while feed is not None:
            over = feed.over  # before a look for events: none comes after it
            event = feed.take()
            if event is not None:
                return event
            if over:
                break
            await self._wait()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """See ``Watcher.close``."""
        self._closed = True
        feed = self._feed
        if feed is not None:
            feed.stop()
            # In another loop than its own nobody would wake us; the thread ends soon anyway.
            while asyncio.get_running_loop() is self._loop and feed.is_ours() and not feed.ended:
                await self._wait()
            feed.join()

    @property
    def is_closed(self) -> bool:
        """Whether there will be no event any more."""
        return self._closed or (self._feed is not None and self._feed.over)

    def changed_since_last_call(self) -> set[UUID] | None:
        """See ``Watcher.changed_since_last_call``."""
        return self._feed.changed() if self._feed is not None else None

    def mark(self, session_id: UUID) -> None:
        """See ``Watcher.mark``."""
        if self._feed is not None:
            self._feed.mark(session_id)

    async def _started(self) -> Feed | None:
        """Return the feed once what is here is known; None: it was closed before it began."""
        if self._feed is None:
            if self._closed:
                return None
            self._feed = self._begin()
            weakref.finalize(self, self._feed.stop)
        while not self._feed.started and self._feed.is_ours():
            await self._wait()
        if self._feed.failure is not None:
            raise self._feed.failure
        return self._feed

    def _begin(self) -> Feed:
        self._loop = loop = asyncio.get_running_loop()
        news = self._news

        def wake() -> None:  # that knows nothing of the watcher, so that a forgotten one ends
            with suppress(RuntimeError):  # the loop is closed, and nobody waits any more
                loop.call_soon_threadsafe(news.set)

        return Feed(
            self._root,
            self._directory,
            self._session_ids,
            baseline=self._baseline,
            relist_seconds=self._relist_seconds,
            notify=self._notify,
            wake=wake,
            alive=lambda: not loop.is_closed(),
        )

    async def _wait(self) -> None:
        """Wait for the thread's next news: none can come between a look for them and this."""
        self._news.clear()
        await self._news.wait()
