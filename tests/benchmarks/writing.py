"""Measures writes: at each length, of a whole session, of images, by many processes at once."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Sequence
from itertools import pairwise
from pathlib import Path

from tests.benchmarks import child, reading
from tests.benchmarks.competitors import Floor, SessionFS
from tests.benchmarks.frameworks import OpenAIAgents
from tests.benchmarks.measuring import DURABILITIES, Durability, in_turn, settle
from tests.benchmarks.stage import APART, STORES, Stage, Writer, able, at, grouped, readies, saved
from tests.benchmarks.stores import progress
from tests.benchmarks.workloads import LENGTHS, MILESTONES, PROCESSES, Turn, image_turns, raw


def at_lengths(stage: Stage) -> None:
    """Write turns to sessions of each length, and see how much memory that takes at the greatest.

    All lengths several times in turn, because they are compared with each other too.
    """
    passes = stage.effort.passes
    with stage.place() as place:
        lengths = [_Length(stage, place, length) for length in LENGTHS]
        for i in progress("writes at each length", range(passes), passes):
            for each in lengths:
                each.measure(i)
        for each in lengths:
            each.close()
        _memory(stage, max(LENGTHS), place, lengths[-1].writers.values())


class _Length:
    """Measures writes to sessions that have about one length."""

    def __init__(self, stage: Stage, place: Path, length: int) -> None:
        self._stage, self._length, self._grown = stage, length, length
        out = stage.effort.left_out if length == max(LENGTHS) else ()
        above = place / f"{length}"
        self.writers = {
            kind: Writer(kind, at(above, kind), "relaxed", stage.turns)
            for kind in STORES
            if kind.name not in out
        }

    def measure(self, number: int) -> None:
        """Do one of the passes."""
        total, passes = self._stage.effort.rounds[self._length], self._stage.effort.passes
        rounds = range(total * number // passes, total * (number + 1) // passes)
        step = max(3, self._length // 10)
        for begin in range(rounds.start, rounds.stop, step):
            chosen = range(begin, min(begin + step, rounds.stop))
            for durability in DURABILITIES:
                # Sessions that have grown by a fifth make way for new ones.
                if self._grown + len(chosen) > self._length // 5:
                    self._begin()
                self._grown += len(chosen)
                self._measure(durability, chosen)

    def _begin(self) -> None:
        for kind, each in self.writers.items():
            ours = issubclass(kind, SessionFS) and kind is not SessionFS
            each.reopen("relaxed", resume=False)
            each.begin(self._length, like=self.writers[SessionFS] if ours else None)
        self._grown = 0

    def _measure(self, durability: Durability, rounds: range) -> None:
        chosen = [self.writers[kind] for kind in able(durability, list(self.writers))]
        for each in chosen:
            each.reopen(durability)
        settle()
        what, budget = f"write at {self._length}", self._stage.effort.budget
        for group in grouped(chosen):
            in_turn(self._stage.results, what, durability, readies(group), rounds, budget=budget)

    def close(self) -> None:
        for each in self.writers.values():
            each.close()


def _memory(stage: Stage, length: int, place: Path, writers: Collection[Writer]) -> None:
    turns = saved(place, stage.turns[-5:])
    stage.results.add(f"raw after {length}", "–", "–", stage.raw(length), unit="byte")
    for each in progress("memory", writers, len(writers)):
        if not isinstance(each.store, Floor):
            taken = [child.memory(each.store, each.session, turns) for _ in range(stage.effort.runs)]
            stage.results.add(f"memory at {length}", "–", each.store.name, *taken, unit="byte")


def from_the_start(stage: Stage) -> None:
    """Write a whole session turn by turn, and see how it grows; then open it."""
    for durability in DURABILITIES:
        with stage.place() as place:
            found = _whole(stage, durability, place)
            if durability == "relaxed":  # all stores are here, and reading is the same for both
                reading.openings(stage, place, found)


def _begun(place: Path, durability: Durability, turns: Sequence[Turn]) -> list[Writer]:
    writers = [Writer(kind, at(place, kind), durability, turns) for kind in able(durability)]
    for each in writers:
        each.begin(0)
    return writers


def _whole(stage: Stage, durability: Durability, place: Path) -> dict[str, reading.Session]:
    number, results = stage.effort.whole, stage.results
    writers = _begun(place, durability, stage.turns)

    def grown(turns: int) -> None:
        results.add(f"raw after {turns}", "–", "–", stage.raw(turns), unit="byte")
        for each in writers:
            stage.count(f"after {turns}", durability, each.store)

    settle()
    edges = sorted({*range(0, number, 50), *MILESTONES, number})
    steps = [each for each in pairwise(edges) if each[1] <= number]
    for begin, end in progress(f"a whole session, {durability}", steps, len(steps)):
        for group in grouped(writers):
            in_turn(results, f"session of {number}", durability, readies(group), range(begin, end))
        if end in MILESTONES or end == number:
            grown(end)
    found: dict[str, reading.Session] = {}
    for each in writers:
        conversation = each.conversation
        assert conversation is not None
        found[each.store.name] = reading.Session(conversation.id, conversation.earlier())
        each.close()
        # Closed, because SQLite tidies up then.
        stage.count(f"of {number}", durability, each.store)
    return found


def images(stage: Stage) -> None:
    """Show images of 2 MB in one session; whole lists of them grow to the square."""
    number = stage.effort.images
    turns = image_turns(number)
    needed = 2 * 4 * 1.34 * 2e6 * number * (number + 1) / 2
    if shutil.disk_usage(stage.directory).free < needed:
        print(f"\nno images: {needed / 1e9:.0f} GB must be free")
        return
    stage.results.add(f"raw of images {number}", "–", "–", sum(map(len, map(raw, turns))), unit="byte")
    what = f"session of images {number}"
    for durability in DURABILITIES:
        with stage.place() as place:
            writers = _begun(place, durability, turns)
            settle()
            shown = progress(f"images, {durability}", range(number), number)
            in_turn(stage.results, what, durability, readies(writers), shown)
            for each in writers:
                each.close()
                stage.count(f"of images {number}", durability, each.store)


def processes(stage: Stage) -> None:
    """Let processes write at once: to a session each, and where that can be to one for all."""
    number = PROCESSES * stage.effort.turns_each
    for durability in DURABILITIES:
        runs = range(stage.effort.runs)
        for _ in progress(f"{PROCESSES} processes, {durability}", runs, len(runs)):
            with stage.place() as place:
                file = saved(place, stage.turns[: stage.effort.turns_each])
                for kind in able(durability, (Floor, *APART)):
                    store = kind(at(place, kind), durability)
                    sessions = [store.begin("A session") for _ in range(PROCESSES)]
                    each_its_own = [conversation.id for conversation in sessions]
                    sessions.append(store.begin("For all"))
                    for conversation in sessions:
                        conversation.close()
                    store.close()
                    shared = [sessions[-1].id] * PROCESSES
                    kinds = {f"{PROCESSES} sessions": each_its_own}
                    if isinstance(store, Floor | SessionFS | OpenAIAgents):
                        kinds["one session"] = shared
                    for name, ids in kinds.items():
                        what = f"{PROCESSES} writers, {name}"
                        seconds, refused = child.at_once(store, ids, file)
                        stage.results.add(what, durability, store.name, seconds / number)
                        stage.results.add(
                            f"refused, {what}", durability, store.name, refused, unit="integer"
                        )
