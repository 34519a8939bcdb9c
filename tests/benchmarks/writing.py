"""Measures writes: at each length, of a whole session, of images, by many processes at once."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

from tests.benchmarks import reading
from tests.benchmarks.competitors import Floor, SessionFS
from tests.benchmarks.frameworks import OpenAIAgents
from tests.benchmarks.measuring import DURABILITIES, Durability, in_turn, settle
from tests.benchmarks.stage import APART, Stage, Writer, child, opened, readies, saved
from tests.benchmarks.stores import progress
from tests.benchmarks.workloads import LENGTHS, MILESTONES, PROCESSES, image_turns, raw


def at_lengths(stage: Stage) -> None:
    """Write turns to sessions of each length, and see how much memory that takes at the greatest."""
    for length in LENGTHS:
        for durability in DURABILITIES:
            with stage.place() as place:
                writers = [Writer(store, stage.turns, length) for store in opened(place, durability)]
                _at_length(stage, length, durability, writers)
                for each in writers:
                    each.close()
                if length == max(LENGTHS) and durability == "relaxed":
                    _memory(stage, length, place, writers)


def _at_length(stage: Stage, length: int, durability: Durability, writers: list[Writer]) -> None:
    rounds, fresh = stage.effort.rounds[length], max(5, length // 5)
    what, budget = f"write at {length}", stage.effort.budget
    # Sessions that have grown by so many turns make way for new ones: they stay as long as they are.
    begins = range(0, rounds, fresh)
    for begin in progress(f"{what}, {durability}", begins, len(begins)):
        if begin:
            for each in writers:
                each.again()
        settle()
        chosen = range(begin, min(begin + fresh, rounds))
        in_turn(stage.results, what, durability, readies(writers), chosen, budget=budget)


def _memory(stage: Stage, length: int, place: Path, writers: list[Writer]) -> None:
    turns = saved(place, stage.turns[-10:])
    stage.results.add(f"raw after {length}", "–", "–", stage.raw(length), unit="byte")
    for each in progress("memory", writers, len(writers)):
        if isinstance(each.store, Floor):
            continue
        for _ in range(3):
            bare, whole = (
                int(child("memory", each.store, session, turns).communicate()[0])
                for session in ("-", each.conversation.id)
            )
            name = each.store.name
            stage.results.add(f"memory at {length}", "–", name, whole - bare, unit="byte")


def from_the_start(stage: Stage) -> None:
    """Write a whole session turn by turn, and see how it grows; then open it."""
    for durability in DURABILITIES:
        with stage.place() as place:
            found = _whole(stage, durability, place)
            if durability == "relaxed":  # all stores are here, and reading is the same for both
                reading.openings(stage, place, found)


def _whole(stage: Stage, durability: Durability, place: Path) -> dict[str, reading.Session]:
    number, results = stage.effort.whole, stage.results
    writers = [Writer(store, stage.turns) for store in opened(place, durability)]

    def grown(turns: int) -> None:
        results.add(f"raw after {turns}", "–", "–", stage.raw(turns), unit="byte")
        for each in writers:
            stage.count(f"after {turns}", durability, each.store)

    def rounds() -> Iterator[int]:
        for i in progress(f"a whole session, {durability}", range(number), number):
            if i in MILESTONES:
                grown(i)
            yield i

    settle()
    in_turn(results, f"session of {number}", durability, readies(writers), rounds())
    grown(number)
    found: dict[str, reading.Session] = {}
    for each in writers:
        conversation = each.conversation
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
            writers = [Writer(store, turns) for store in opened(place, durability)]
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
                for store in opened(place, durability, (Floor, *APART)):
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
                        writers = [child("write", store, session, file) for session in ids]
                        seconds, refused = _at_once(writers)
                        stage.results.add(what, durability, store.name, seconds / number)
                        stage.results.add(
                            f"refused, {what}", durability, store.name, refused, unit="integer"
                        )


def _at_once(writers: list[subprocess.Popen[str]]) -> tuple[float, int]:
    """Let processes that are ready begin; return the seconds, and how many writes were refused."""
    for each in writers:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    begin = perf_counter()
    for each in writers:
        assert each.stdin is not None
        each.stdin.write("\n")
        each.stdin.flush()
    answers = [each.communicate()[0] for each in writers]
    return perf_counter() - begin, sum(map(int, answers))
