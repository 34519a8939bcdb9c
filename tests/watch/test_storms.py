"""Storms of notices, and notices that the operating system drops, end in the right state."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from .helpers import PATIENCE, REPOSITORY, Replay, list_afresh, listening, open_store, watch
from .writer import Do, here

pytestmark = [pytest.mark.slow, pytest.mark.once]

STORM = """
import os, sys
number, *directories = sys.argv[1:]
for n in range(int(number)):
    path = os.path.join(directories[n % len(directories)], f"foreign-{n}")
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
"""


def storm(number: int, sessions: list[Path]) -> subprocess.Popen[bytes]:
    """Create this many foreign files in the directories of sessions, in another process."""
    directories = [str(session / inside) for session in sessions for inside in ("objects", "refs")]
    return subprocess.Popen([sys.executable, "-c", STORM, str(number), *directories])


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """Give a store that is removed at once: what lies in it is much."""
    yield tmp_path / "store"
    shutil.rmtree(tmp_path / "store")


def change_everything(do: Do, sessions: list[UUID]) -> None:
    for session in sessions:
        do("append", session)
    do("rename", sessions[0])
    do("delete", sessions[1])
    do("remove", sessions[2])
    do("create", "made in the storm")


def test_50_000_files_while_sessions_change(root: Path) -> None:
    do = here(root)
    sessions = [do("create", str(n)) for n in range(10)]
    replay = Replay(root)
    with listening(watch(root, relist_seconds=1.0)) as watcher:
        storming = storm(50_000, [root / "sessions" / str(session) for session in sessions])
        while storming.poll() is None:
            do("append", sessions[3])
            event = watcher.next_event(0.05)
            if event is not None:
                replay.apply(event)
        assert storming.returncode == 0
        change_everything(do, sessions)
        replay.settle(watcher)


def test_notices_that_are_dropped_are_made_good(root: Path) -> None:
    """A process that is stopped reads no notices: more are dropped than the system holds back."""
    do = here(root)
    sessions = [do("create", str(n)) for n in range(10)]
    known = list_afresh(root)
    command = [sys.executable, "-m", "tests.watch.listener", str(root)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE) as listener:
        patience = threading.Timer(PATIENCE, listener.kill)
        patience.start()
        try:
            assert listener.stdout is not None
            assert listener.stdout.readline() == b"listening\n"
            os.kill(listener.pid, signal.SIGSTOP)
            # All in the one session that is not changed, so that no notice names the others.
            assert storm(20_000, [root / "sessions" / str(sessions[-1])]).wait(PATIENCE) == 0
            change_everything(do, sessions[:-1])
            expected = list_afresh(root)
            os.kill(listener.pid, signal.SIGCONT)
            told = {id_: msgspec.to_builtins(each) for id_, each in known.items()}
            while told != {id_: msgspec.to_builtins(each) for id_, each in expected.items()}:
                event = msgspec.json.decode(listener.stdout.readline())
                if event.get("removed"):
                    del told[UUID(event["session_id"])]
                elif "session" in event:
                    told[UUID(event["session_id"])] = event["session"]
        finally:
            patience.cancel()
            listener.kill()


def test_thousands_of_sessions_that_are_copied_in(root: Path) -> None:
    do = here(root)
    session = do("create", "first")
    source = root / "sessions" / str(session)
    replay = Replay(root)
    with listening(watch(root, relist_seconds=1.0)) as watcher:
        for n in range(1_000):
            os.renames(copy_of(source, root.parent / "copy"), root / "sessions" / str(UUID(int=n)))
        replay.settle(watcher)
        assert len(replay.sessions) == 1_001
        assert open_store(root).list_sessions().total == 1_001


def copy_of(source: Path, target: Path) -> Path:
    return Path(shutil.copytree(source, target))
