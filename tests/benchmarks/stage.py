"""What every part of the comparison works with: the stores, a place for them, and who writes them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path

import msgspec

from tests.benchmarks.competitors import (
    Floor,
    SessionFS,
    SessionFSReturned,
    SessionFSWhole,
    Store,
)
from tests.benchmarks.frameworks import LangGraph, OpenAIAgents, StrandsFiles, StrandsSnapshots
from tests.benchmarks.measuring import Durability, Ready, Results, disk
from tests.benchmarks.stakpak import Stakpak
from tests.benchmarks.workloads import Effort, Turn, raw

OURS: tuple[type[Store], ...] = (SessionFS, SessionFSWhole, SessionFSReturned)
PEERS: tuple[type[Store], ...] = (Stakpak, LangGraph, OpenAIAgents, StrandsFiles, StrandsSnapshots)
STORES: tuple[type[Store], ...] = (Floor, *OURS, *PEERS)
APART: tuple[type[Store], ...] = (SessionFS, *PEERS)
"""One of each: how sessionfs was given a turn does not show once it is written."""

CHILD = str(Path(__file__).with_name("child.py"))


class Stage:
    """A directory to work in, how much is done, and the results so far."""

    def __init__(
        self, directory: Path, effort: Effort, results: Results, turns: Sequence[Turn]
    ) -> None:
        self.directory, self.effort, self.results, self.turns = directory, effort, results, turns
        self._numbers = count()

    @contextmanager
    def place(self) -> Iterator[Path]:
        """Give a new directory, which is removed afterwards."""
        place = self.directory / f"part-{next(self._numbers)}"
        place.mkdir()
        try:
            yield place
        finally:
            shutil.rmtree(place)
            os.sync()

    def count(self, of: str, durability: Durability, store: Store) -> None:
        """Add what a store takes on the disk."""
        used = disk(store.directory)
        self.results.add(f"blocks {of}", durability, store.name, used.blocks, unit="byte")
        self.results.add(f"bytes {of}", durability, store.name, used.length, unit="byte")
        self.results.add(f"files {of}", durability, store.name, used.files, unit="integer")

    def raw(self, number: int) -> int:
        """Return the bytes of the first turns as JSON."""
        return sum(len(raw(turn)) for turn in self.turns[:number])


class Writer:
    """Writes turns to a session, and begins a new one when it is asked to.

    Args:
        store: where the sessions are.
        turns: what is written, the same to every store.
        length: turns that a session has when the first one is measured, one less.

    """

    def __init__(self, store: Store, turns: Sequence[Turn], length: int = 1) -> None:
        self.store, self._turns, self._length = store, turns, length
        self.begin()

    def begin(self) -> None:
        """Begin a session, and write what is not measured; the last of it as what follows."""
        self.conversation = self.store.begin("A session")
        self._at = self._length - 1
        if self._at:
            self.conversation.seed(list(self._turns[: self._at - 1]))
            self.conversation.write(self.store.prepare(self._turns[self._at - 1]))

    def ready(self) -> Callable[[], object]:
        """Return what writes the next turn."""
        turn = self._turns[self._at]
        self._at += 1
        return partial(self.conversation.write, self.store.prepare(turn))

    def again(self) -> None:
        """Leave the session, which has grown, for a new one."""
        self.conversation.close()
        self.begin()

    def close(self) -> None:
        self.conversation.close()
        self.store.close()


def at(place: Path, kind: type[Store]) -> Path:
    """Return where a store lies in a place."""
    return place / kind.__name__


def opened(place: Path, durability: Durability, kinds: Sequence[type[Store]] = STORES) -> list[Store]:
    """Open those stores that can be as durable."""
    return [kind(at(place, kind), durability) for kind in kinds if durability in kind.durabilities]


def readies(writers: Sequence[Writer]) -> dict[str, Ready]:
    return {each.store.name: each.ready for each in writers}


def saved(place: Path, turns: Sequence[Turn]) -> Path:
    """Write turns to a file, for other processes."""
    path = place / "turns.json"
    path.write_bytes(msgspec.json.encode(turns))
    return path


def child(what: str, store: Store, session: str, turns: Path) -> subprocess.Popen[str]:
    """Start a process that goes on with a session."""
    kind = type(store)
    command = [sys.executable, CHILD, what, f"{kind.__module__}:{kind.__name__}"]
    command += [str(store.directory), store.durability, session, str(turns)]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment()
    )


def environment() -> dict[str, str]:
    """Return an environment in which what is imported has been compiled."""
    return {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
