"""The watcher for asyncio: the same events, none lost by who stops waiting."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from sessionfs import SessionSummary
from sessionfs.watch.aio import AsyncWatcher

from .helpers import PATIENCE, Replay, refuse, watch_async
from .test_closing import threads
from .writer import Do, here


async def settle(replay: Replay, watcher: AsyncWatcher) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                replay.apply(await asyncio.wait_for(anext(watcher), 0.05))
            except TimeoutError:
                if replay.is_right():
                    return


@pytest.fixture
def do(tmp_path: Path) -> Do:
    return here(tmp_path)


def test_the_same_events(tmp_path: Path, do: Do) -> None:
    async def main() -> Replay:
        replay = Replay(tmp_path)
        async with watch_async(tmp_path) as watcher:
            session = do("create", "first")
            await settle(replay, watcher)
            do("append", session)
            do("rename", session)
            await settle(replay, watcher)
            do("remove", session)
            await settle(replay, watcher)
        assert threads() == set()
        assert [event async for event in watcher] == []
        return replay

    before = threading.active_count()
    assert len(asyncio.run(main()).events) > 5
    assert threading.active_count() == before


def test_it_begins_with_the_first_event_that_is_asked_for(tmp_path: Path, do: Do) -> None:
    async def main() -> list[str]:
        watcher = watch_async(tmp_path)
        assert threads() == set()
        assert watcher.changed_since_last_call() is None
        first = asyncio.ensure_future(anext(watcher))
        while not (watcher._feed and watcher._feed.started):
            await asyncio.sleep(0)
        do("create", "first")
        events = [await first]
        async for event in watcher:
            events.append(event)
            if len(events) == 3:
                break
        await watcher.aclose()
        await watcher.aclose()
        return [type(event).__name__ for event in events]

    names = asyncio.run(main())
    assert names == ["SessionCreated", "CheckpointCreated", "ActiveChanged"]
    assert threads() == set()


def test_cancelling_who_waits_loses_no_event(tmp_path: Path, do: Do) -> None:
    async def main() -> None:
        replay = Replay(tmp_path)
        async with watch_async(tmp_path) as watcher:
            session = do("create", "first")
            for n in range(200):
                if n % 20 == 0:
                    do("append", session)
                waiting = asyncio.ensure_future(anext(watcher))
                for _ in range(n % 4):
                    await asyncio.sleep(0.001 * (n % 3))
                waiting.cancel()
                with suppress(asyncio.CancelledError):
                    replay.apply(await waiting)
            await settle(replay, watcher)

    asyncio.run(main())


def test_two_tasks_share_the_events(tmp_path: Path, do: Do) -> None:
    async def main() -> int:
        async with watch_async(tmp_path) as watcher:

            async def count() -> int:
                return len([event async for event in watcher])

            counting = [asyncio.ensure_future(count()) for _ in range(2)]
            do("create", "first")
            listener = Replay(tmp_path)
            assert listener.sessions
            while not watcher._feed or watcher._feed._due or not watcher._feed._known:
                await asyncio.sleep(0.01)
            while watcher._feed._events:
                await asyncio.sleep(0.01)
            await watcher.aclose()
            return sum(await asyncio.gather(*counting))

    assert asyncio.run(main()) == 3


def test_closed_before_it_began(tmp_path: Path) -> None:
    async def main() -> list[object]:
        watcher = watch_async(tmp_path)
        await watcher.aclose()
        return [event async for event in watcher]

    assert asyncio.run(main()) == []


def test_cancelled_while_it_opens(tmp_path: Path, do: Do) -> None:
    opened = threading.Event()

    def baseline() -> list[SessionSummary]:
        opened.wait(PATIENCE)
        return []

    async def main() -> None:
        opening = asyncio.ensure_future(watch_async(tmp_path, baseline=baseline).__aenter__())
        await asyncio.sleep(0)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        opened.set()
        async with asyncio.timeout(PATIENCE):
            while threads():
                await asyncio.sleep(0.01)

    asyncio.run(main())


def test_a_baseline_that_fails_fails_the_watch(tmp_path: Path) -> None:
    async def main() -> None:
        async with watch_async(tmp_path, baseline=refuse):
            pass

    with pytest.raises(ZeroDivisionError):
        asyncio.run(main())


def test_the_blocking_watcher_needs_no_asyncio() -> None:
    code = "import sys, sessionfs.watch; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"asyncio", "watchfiles", "anyio", "sqlite3"}.isdisjoint(loaded.stdout.split())
