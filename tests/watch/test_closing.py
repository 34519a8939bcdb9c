"""Nothing stays behind a watch, however it ends."""

from __future__ import annotations

import gc
import threading
from pathlib import Path

import pytest

from .helpers import Replay, eventually, listening, refuse, run, watch
from .writer import here

pytestmark = pytest.mark.slow


def threads() -> set[str]:
    return {each.name for each in threading.enumerate() if each.name.startswith("sessionfs")}


@pytest.mark.parametrize("notify", [True, False])
def test_close_leaves_no_thread_and_no_event(tmp_path: Path, notify: bool) -> None:
    do = here(tmp_path)
    do("create", "first")
    watcher = watch(tmp_path, notify=notify)
    assert threads()
    if notify:
        listening(watcher)
        do("create", "second")
        eventually(lambda: watcher._feed._events)
    watcher.close()
    assert threads() == set()
    assert list(watcher) == []
    assert watcher.next_event() is None
    assert watcher.changed_since_last_call() is None
    watcher.close()


def test_an_exception_in_the_block_leaves_no_thread(tmp_path: Path) -> None:
    here(tmp_path)("create", "first")
    with pytest.raises(ZeroDivisionError), watch(tmp_path):
        raise ZeroDivisionError
    assert threads() == set()


def test_an_exception_while_it_opens_leaves_no_thread(tmp_path: Path) -> None:
    here(tmp_path)("create", "first")
    with pytest.raises(ZeroDivisionError):
        watch(tmp_path, baseline=refuse)
    assert threads() == set()


def test_closing_wakes_who_waits(tmp_path: Path) -> None:
    watcher = watch(tmp_path)
    got: list[object] = []
    waiting = [threading.Thread(target=lambda: got.append(watcher.next_event())) for _ in range(2)]
    waiting.append(threading.Thread(target=lambda: got.extend(watcher)))
    for thread in waiting:
        thread.start()
    watcher.close()
    for thread in waiting:
        thread.join(60)
        assert not thread.is_alive()
    assert got == [None, None]


def test_a_timeout_gives_none_and_the_watch_goes_on(tmp_path: Path) -> None:
    replay = Replay(tmp_path)
    with watch(tmp_path) as watcher:
        assert watcher.next_event(0) is None
        assert watcher.next_event(0.01) is None
        here(tmp_path)("create", "first")
        assert replay.settle(watcher)


def test_a_forgotten_watch_ends(tmp_path: Path) -> None:
    watcher = watch(tmp_path)
    assert threads()
    del watcher
    gc.collect()
    eventually(lambda: threads() == set())


def test_a_failure_of_the_thread_is_raised_to_who_listens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with watch(tmp_path, notify=False, relist_seconds=0.05) as watcher:
        monkeypatch.setattr(watcher._feed, "_session_ids", lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            watcher.next_event(60)
        eventually(lambda: threads() == set())
        assert watcher.changed_since_last_call() is None


END = """
import sys
from pathlib import Path
from tests.watch.helpers import listening, watch
watcher = watch(Path(sys.argv[1]), notify=sys.argv[2] == "True")
if sys.argv[3] == "listening":
    listening(watcher)
print("end")
"""


@pytest.mark.parametrize("notify", [True, False])
def test_a_process_ends_with_a_watch_open(tmp_path: Path, notify: bool) -> None:
    here(tmp_path)("create", "first")
    done = run(END, tmp_path, notify, "listening" if notify else "")
    assert (done.stdout, done.stderr) == ("end\n", "")
    assert run(END + "\nraise SystemExit(3)", tmp_path, notify, "", check=False).returncode == 3


LOOP_ENDS = """
import asyncio, sys
from pathlib import Path
from tests.watch.helpers import eventually, watch_async
from tests.watch.writer import here

async def main():
    global watcher
    watcher = watch_async(Path(sys.argv[1]))
    return await anext(watcher)

here(Path(sys.argv[1]))
waiting = main()
try:
    asyncio.run(asyncio.wait_for(waiting, 0.2))
except TimeoutError:
    print("end")
asyncio.run(watcher.aclose())
import threading
print(len(threading.enumerate()))
watcher = None
async def again():
    global watcher
    watcher = await watch_async(Path(sys.argv[1])).__aenter__()
asyncio.run(again())
eventually(lambda: len(threading.enumerate()) == 1)
"""


def test_a_process_ends_when_an_event_loop_has_ended(tmp_path: Path) -> None:
    done = run(LOOP_ENDS, tmp_path)
    assert (done.stdout, done.stderr) == ("end\n1\n", "")


FORK = """
import os, sys, warnings
warnings.simplefilter("ignore")
from pathlib import Path
from tests.watch.helpers import Replay, listening, watch
from tests.watch.writer import here

root = Path(sys.argv[1])
session = here(root)("create", "first")
replay = Replay(root)
with listening(watch(root)) as watcher:
    held = watcher._news, watcher._feed._turn, watcher._feed._notices._lock
    for lock in held:
        lock.acquire()  # as a thread may have at the moment of the fork
    child = os.fork()
    if child == 0:
        assert watcher.next_event() is None
        assert list(watcher) == []
        assert watcher.changed_since_last_call() is None
        watcher.mark(session)
        watcher.close()
        with watch(root) as own:
            here(root)("rename", session)
            replay.settle(own)
        sys.exit(0)
    for lock in held:
        lock.release()
    assert os.waitpid(child, 0)[1] == 0
    replay.settle(watcher)
    assert replay.sessions[session].title == "renamed"
"""


def test_a_child_after_a_fork_does_not_hang(tmp_path: Path) -> None:
    run(FORK, tmp_path)


def test_a_slow_listener_costs_no_memory_and_misses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sessionfs.watch.feed._MOST_QUEUED", 5)
    do = here(tmp_path)
    do("create", "first")
    replay = Replay(tmp_path)
    with listening(watch(tmp_path)) as watcher:
        sessions = [do("create", str(n)) for n in range(20)]
        eventually(lambda: len(watcher._feed._events) >= 5)
        for session in sessions:
            do("append", session)
        eventually(lambda: {*sessions} <= (watcher.changed_since_last_call() or set()))
        assert len(watcher._feed._events) <= 5 + 4
        replay.settle(watcher)
    assert len(replay.sessions) == 21


def test_two_watchers_at_once(tmp_path: Path) -> None:
    do = here(tmp_path)
    do("create", "first")
    replays = [Replay(tmp_path), Replay(tmp_path)]
    with watch(tmp_path) as one, listening(watch(tmp_path)) as two:
        session = do("create", "second")
        do("append", session)
        for replay, watcher in zip(replays, (one, two), strict=True):
            replay.settle(watcher)
        one.close()
        do("rename", session)
        replays[1].settle(two)
    assert replays[1].sessions[session].title == "renamed"


INTERRUPT = """
import os, signal, sys, threading
from sessionfs import FileStorage

def interrupt():
    main, waiting = threading.main_thread().ident, []
    while waiting[:2] != ["wait", "next_event"]:
        frame, waiting = sys._current_frames()[main], []
        while frame is not None:
            waiting.append(frame.f_code.co_name)
            frame = frame.f_back
    os.kill(os.getpid(), signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)
with FileStorage(sys.argv[1]).watch() as events:
    # With the main thread deaf for it, this one gets the signal, and the main thread sleeps on.
    interrupting = threading.Thread(target=interrupt)
    interrupting.start()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        next(events)
    except KeyboardInterrupt:
        print("interrupted")
"""


def test_an_interrupt_that_does_not_wake_the_wait_ends_it(tmp_path: Path) -> None:
    here(tmp_path)("create", "first")
    assert run(INTERRUPT, tmp_path).stdout == "interrupted\n"
