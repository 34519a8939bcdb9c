"""What every part of the comparison works with: the stores, a place for them, and who writes them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path

import msgspec

from tests.benchmarks.competitors import (
    Conversation,
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

_LARGE = 1 << 20


class Stage:
    """A directory to work in, how much is done, and the results so far."""

    def __init__(
        self, directory: Path, effort: Effort, results: Results, turns: Sequence[Turn]
    ) -> None:
        self.directory, self.effort, self.results, self.turns = directory, effort, results, turns
        self._numbers = count()

    @contextmanager
    def place(self) -> Iterator[Path]:
        """Give a new directory, whose large files are removed afterwards.

        The many small ones stay to the end: ext4 without a journal does not give out the inode of a
        removed file for minutes, and looks at all of them whenever a file is made.
        """
        place = self.directory / f"part-{next(self._numbers)}"
        place.mkdir()
        try:
            yield place
        finally:
            for path in place.rglob("*"):
                if path.is_file() and path.stat().st_size > _LARGE:
                    path.unlink()
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
        kind: the store.
        directory: where it is.
        durability: as how durable it is opened.
        turns: what is written, the same to every store.

    """

    def __init__(
        self, kind: type[Store], directory: Path, durability: Durability, turns: Sequence[Turn]
    ) -> None:
        self._kind, self._directory, self._turns = kind, directory, turns
        self.store = kind(directory, durability)
        self.conversation: Conversation | None = None
        self._at = 0

    def begin(self, length: int, like: Writer | None = None) -> None:
        """Begin a session that has a length already, ``like`` one whose files are the same."""
        if self.conversation is not None:
            self.conversation.close()
        if like is not None and isinstance(self.store, SessionFS):
            assert isinstance(like.store, SessionFS)
            self.conversation = self.store.adopt(like.store, like.session)
        else:
            self.conversation = self.store.begin("A session")
            self.conversation.seed(list(self._turns[:length]))
        self._at = length

    def reopen(self, durability: Durability, *, resume: bool = True) -> None:
        """Go on as another process would; what that does for the first turn is not measured."""
        session = self.session if resume else None
        self.close()
        self.store = self._kind(self._directory, durability)
        self.conversation = None
        if session is not None:
            self.conversation = self.store.resume(session)
            self.ready()()

    @property
    def session(self) -> str:
        assert self.conversation is not None
        return self.conversation.id

    def ready(self) -> Callable[[], object]:
        """Return what writes the next turn."""
        assert self.conversation is not None
        turn = self._turns[self._at]
        self._at += 1
        return partial(self.conversation.write, self.store.prepare(turn))

    def close(self) -> None:
        if self.conversation is not None:
            self.conversation.close()
        self.store.close()


def at(place: Path, kind: type[Store]) -> Path:
    """Return where a store lies in a place."""
    return place / kind.__name__


def able(durability: Durability, kinds: Sequence[type[Store]] = STORES) -> list[type[Store]]:
    """Return those stores that can be as durable."""
    return [kind for kind in kinds if durability in kind.durabilities]


def readies(writers: Iterable[Writer]) -> dict[str, Ready]:
    return {each.store.name: each.ready for each in writers}


def grouped(writers: Sequence[Writer]) -> tuple[list[Writer], list[Writer]]:
    """Part those that write what is new from those that write much, which the disk feels for long."""
    news = [each for each in writers if not each.store.whole]
    return news, [each for each in writers if each.store.whole]


def saved(place: Path, turns: Sequence[Turn]) -> Path:
    """Write turns to a file, for other processes."""
    path = place / "turns.json"
    path.write_bytes(msgspec.json.encode(turns))
    return path


def environment() -> dict[str, str]:
    """Return an environment in which what is imported has been compiled."""
    return {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
