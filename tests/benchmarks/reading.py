"""Measures reads: opening, resuming in a new process, and finding among many sessions."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from sessionfs import ChatMessage
from tests.benchmarks.competitors import Floor, SessionFSReturned, SessionFSWhole, Store
from tests.benchmarks.measuring import Ready, in_turn, settle
from tests.benchmarks.stage import APART, STORES, Stage, at, environment
from tests.benchmarks.stores import SEED, Words, progress

LENGTH = 1_000
"""Turns of the session that is opened."""

RESUMED = 100
"""Turns of the session that new processes resume."""

FINDINGS = ("list 20", "title search", "text search, common word", "text search, rare word")

SETTLED = 2.5
"""Seconds after which a directory's time tells of every later change."""


class Session(NamedTuple):
    """A session that was written.

    Attributes:
        id: what opens it.
        earlier: of the checkpoints that can be opened, the messages and what opens them.

    """

    id: str
    earlier: list[tuple[int, Any]]


def openings(stage: Stage, place: Path, sessions: dict[str, Session]) -> None:
    """Open the newest and a random checkpoint, each time in a store that is opened for it."""
    written, rng = stage.effort.whole, random.Random(SEED)
    newest: dict[str, Ready] = {}
    earlier: dict[str, Ready] = {}
    for kind in STORES:
        if kind in (Floor, SessionFSWhole, SessionFSReturned):
            continue
        path, session = at(place, kind), sessions[kind.name]
        store = kind(path, "relaxed")
        if written < LENGTH:
            conversation = store.resume(session.id)
            conversation.seed(list(stage.turns[written:LENGTH]))
            conversation.close()
        assert store.newest(session.id) == 4 * LENGTH, kind
        store.close()
        newest[kind.name] = Opening(kind, path, session, None).ready
        if session.earlier:
            earlier[kind.name] = Opening(kind, path, session, rng).ready
    file = place / "messages.json"
    messages = [message for turn in stage.turns[:LENGTH] for message in turn]
    file.write_bytes(msgspec.json.encode(messages))
    newest["floor: one JSON file"] = lambda: partial(_one_file, file)
    settle()
    for name, stores in (("newest", newest), ("random", earlier)):
        rounds = progress(f"opening, {name}", range(stage.effort.openings), stage.effort.openings)
        what, budget = f"open {name} of {LENGTH}", stage.effort.budget
        in_turn(stage.results, what, "–", stores, rounds, budget=budget)


class Opening:
    """Opens a checkpoint, each time in a store that is opened for it and closed later."""

    def __init__(
        self, kind: type[Store], path: Path, session: Session, rng: random.Random | None
    ) -> None:
        self._kind, self._path, self._session, self._rng = kind, path, session, rng
        self._store: Store | None = None

    def ready(self) -> Callable[[], object]:
        if self._store is not None:
            self._store.close()
        if self._rng is None:
            return self._newest
        return partial(self._at, *self._rng.choice(self._session.earlier))

    def _newest(self) -> None:
        self._store = self._kind(self._path, "relaxed")
        self._store.newest(self._session.id)

    def _at(self, messages: int, checkpoint: object) -> None:
        self._store = self._kind(self._path, "relaxed")
        assert self._store.at(self._session.id, checkpoint) == messages


def _one_file(file: Path) -> None:
    data = file.read_bytes()
    hashlib.sha256(data).hexdigest()
    msgspec.json.decode(data, type=list[ChatMessage])


def starts(stage: Stage) -> None:
    """Resume a session in new processes, beside those that only start Python."""
    with stage.place() as place:
        codes = {"Python alone": "pass", "import sessionfs": "import sessionfs"}
        for kind in APART:
            store = kind(at(place, kind), "relaxed")
            conversation = store.begin("A session")
            conversation.seed(list(stage.turns[:RESUMED]))
            code = store.resuming(conversation.id)
            codes[store.name] = f"{code}\nassert len(m) == {4 * RESUMED}"
            conversation.close()
            store.close()
        stores: dict[str, Ready] = {}
        for name, code in codes.items():
            command, variables = [sys.executable, "-c", code], environment()
            subprocess.run(command, check=True, env=variables)  # compiles what it imports
            stores[name] = partial(_starting, command, variables)
        rounds = progress("resuming", range(stage.effort.starts), stage.effort.starts)
        in_turn(stage.results, f"resume {RESUMED}", "–", stores, rounds)


def _starting(command: list[str], variables: dict[str, str]) -> Callable[[], object]:
    return partial(subprocess.run, command, check=True, env=variables)


def among_many(stage: Stage) -> None:
    """Write many sessions of 5 turns, and find some again where the store can do that."""
    number, results = stage.effort.sessions, stage.results
    rng = random.Random(SEED)
    titles = Words(rng)
    with stage.place() as place:
        kinds: tuple[type[Store], ...] = (Floor, *APART)
        stores = [kind(at(place, kind), "relaxed") for kind in kinds]
        begun: dict[str, Ready] = {
            store.name: partial(_session, stage, store, titles, rng) for store in stores
        }
        settle()
        rounds = progress("many sessions", range(number), number)
        in_turn(results, f"each of {number} sessions", "relaxed", begun, rounds)
        for store in stores:
            stage.count(f"of {number} sessions", "relaxed", store)
        time.sleep(SETTLED)
        _find(stage, stores, titles.vocabulary)
        for store in stores:
            store.close()


def _session(stage: Stage, store: Store, titles: Words, rng: random.Random) -> Callable[[], object]:
    title, begin = titles.text(40), rng.randrange(len(stage.turns) - 5)
    turns = [store.prepare(turn) for turn in stage.turns[begin : begin + 5]]

    def write() -> None:
        conversation = store.begin(title)
        for turn in turns:
            conversation.write(turn)
        conversation.close()

    return write


def _find(stage: Stage, stores: list[Store], vocabulary: list[str]) -> None:
    number, results = stage.effort.sessions, stage.results
    rare = next(word for word in reversed(vocabulary[: len(vocabulary) // 10]) if len(word) > 5)
    common = vocabulary[10]
    asked: tuple[Callable[[Store], int | None], ...] = (
        lambda store: store.listing(),
        lambda store: store.titles(common),
        lambda store: store.texts(common),
        lambda store: store.texts(rare),
    )
    for name, ask in zip(FINDINGS, asked, strict=True):
        able = []
        for store in stores:
            begin = time.perf_counter()
            if ask(store) is not None:
                able.append(store)
                first = time.perf_counter() - begin
                results.add(f"{name}, the first time, of {number}", "–", store.name, first)
        ready = {store.name: _asking(ask, store) for store in able}
        rounds = progress(name, range(20), 20)
        in_turn(results, f"{name} of {number}", "–", ready, rounds, budget=stage.effort.budget)


def _asking(ask: Callable[[Store], object], store: Store) -> Ready:
    return lambda: partial(ask, store)
