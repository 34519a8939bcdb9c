"""The measurements as tables, and as claims beside their goals, which spec/guide/speed.md shows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks.competitors import Floor, SessionFS, SessionFSReturned, SessionFSWhole
from tests.benchmarks.measuring import DURABILITIES, Ratio, Results, p95
from tests.benchmarks.reading import LENGTH, RESUMED
from tests.benchmarks.stage import APART, PEERS, STORES
from tests.benchmarks.stakpak import Stakpak
from tests.benchmarks.tables import table
from tests.benchmarks.workloads import LENGTHS, PROCESSES

APPEND, WHOLE, FLOOR = SessionFS.name, SessionFSWhole.name, Floor.name
ONE_FILE, PYTHON = "floor: one JSON file", "Python alone"
ORDER = [FLOOR, ONE_FILE, PYTHON, "import sessionfs", *(kind.name for kind in STORES[1:])]
PICTURES = {
    "growth": "Bytes on disk of one session, against its turns",
    "latency-full": "Time to write a turn that survives a power cut, against the length of the session",
    "latency-relaxed": "Time to write a turn that survives the process, against the length",
}


def show(results: Results) -> None:
    """Print every table."""
    report = _Report(results)
    rows = [[kind.name, kind.about(), kind.kept, kind.shipped] for kind in STORES]
    table("What is measured", ["", "version", "a turn becomes", "as it is shipped"], rows)
    print(
        "  full: survives a power cut (files: fsync; SQLite: synchronous FULL). relaxed: survives"
        "\n  the end of the process (no fsync; NORMAL). Times are in ms. Ratios are sessionfs over the"
        "\n  store of the row, below 1: sessionfs is faster; in brackets: 90 of 100 repetitions."
    )
    for durability in DURABILITIES:
        for length in LENGTHS:
            report.times(f"write at {length}", durability, f"A turn written around turn {length:,}")
    report.sessions()
    report.times(f"open newest of {LENGTH}", "–", f"The newest of {LENGTH:,} turns opened")
    report.times(f"open random of {LENGTH}", "–", "A random checkpoint of those opened")
    report.times(f"resume {RESUMED}", "–", f"A session of {RESUMED} turns resumed in a new process")
    report.memory()
    report.many()
    report.images()
    report.processes()
    print("\nGoals")
    for each in claims(results):
        print(f"  {each}")


class _Report:
    def __init__(self, results: Results) -> None:
        self._results = results

    def _stores(self, what: str, durability: str) -> list[str]:
        return sorted(self._results.stores(what, durability), key=ORDER.index)

    def _over(self, what: str, durability: str, store: str, *, total: bool = False) -> list[str]:
        """Return how appending and whole states compare with a store, where they do."""
        cells = []
        for ours in (APPEND, WHOLE):
            known = self._results.of(what, durability, ours) and ours != store
            if known:
                ratio = self._results.ratio(
                    (what, ours), (what, store), durability=durability, total=total
                )
            cells.append(f"{ratio}" if known else "")
        return cells

    def times(self, what: str, durability: str, title: str) -> None:
        rows = []
        for store in self._stores(what, durability):
            values = self._results.of(what, durability, store)
            median = self._results.median(what, durability, store)
            row = [store, f"{len(values)}", ms(median), ms(p95(values))]
            rows.append(row + self._over(what, durability, store))
        name = title if durability == "–" else f"{title}, {durability}"
        head = ["", "times", "median", "p95", "append over it", "whole state over it"]
        if rows:
            table(name, head, rows)

    def sessions(self) -> None:
        for number in self._results.numbers("session of {}"):
            raw = self._results.median(f"raw after {number}", "–", "–")
            for durability in DURABILITIES:
                what, rows = f"session of {number}", []
                for store in self._stores(what, durability):
                    blocks, length, files = (
                        self._results.median(f"{each} of {number}", durability, store)
                        for each in ("blocks", "bytes", "files")
                    )
                    seconds = sum(self._results.of(what, durability, store))
                    row = [store, f"{seconds:.2f}", *self._over(what, durability, store, total=True)]
                    row += [f"{blocks / 1e6:,.2f}", f"{blocks / raw:.1f}", f"{length / raw:.1f}"]
                    rows.append([*row, f"{files:,.0f}"])
                head = ["", "seconds", "append over it", "whole state over it"]
                head += ["MB on disk", "x raw", "x raw without blocks", "files"]
                title = f"A session of {number:,} turns, {raw / 1e6:.2f} MB as JSON, from the first on"
                table(f"{title}, {durability}", head, rows)

    def memory(self) -> None:
        length = max(LENGTHS)
        if not self._results.of(f"memory at {length}", "–", APPEND):
            return
        raw = self._results.median(f"raw after {length}", "–", "–")
        rows = []
        for store in self._stores(f"memory at {length}", "–"):
            taken = self._results.median(f"memory at {length}", "–", store)
            rows.append([store, f"{taken / 1e6:.1f}", f"{taken / raw:.2f}"])
        title = f"Peak memory of going on with {length:,} turns ({raw / 1e6:.1f} MB), imports taken off"
        table(title, ["", "MB", "x raw"], rows)

    def many(self) -> None:
        for number in self._results.numbers("each of {} sessions"):
            self.times(f"each of {number} sessions", "relaxed", f"A session of 5 turns, of {number:,}")

            def median(what: str, store: str, number: int = number) -> float:
                return self._results.median(f"{what} of {number} sessions", "relaxed", store)

            rows = [
                [store, f"{median('blocks', store) / 1e6:,.1f}", f"{median('files', store):,.0f}"]
                for store in self._stores(f"blocks of {number} sessions", "relaxed")
            ]
            table(f"{number:,} sessions on disk", ["", "MB", "files"], rows)
            for name in (
                "list 20",
                "title search",
                "text search, common word",
                "text search, rare word",
            ):
                self.times(f"{name}, the first time, of {number}", "–", f"{name}, the first time")
                self.times(f"{name} of {number}", "–", f"{name}, again in the same process")
            print(
                "  The others have no such call. The first text search of sessionfs reads every session"
                "\n  once, for its index. Both in new processes, with every answer verified: index.py."
            )

    def images(self) -> None:
        for number in self._results.numbers("session of images {}"):
            what, raw = (
                f"session of images {number}",
                self._results.median(f"raw of images {number}", "–", "–"),
            )
            for durability in DURABILITIES:
                rows = []
                for store in self._stores(what, durability):
                    taken = self._results.of(what, durability, store)
                    blocks = self._results.median(f"blocks of images {number}", durability, store)
                    row = [store, f"{sum(taken):.2f}", ms(taken[-1])]
                    row += self._over(what, durability, store, total=True)
                    rows.append([*row, f"{blocks / 1e6:,.0f}", f"{blocks / raw:.1f}"])
                head = ["", "seconds", "the last", "append over it", "whole state over it"]
                title = f"A session with {number} images of 2 MB, {durability}"
                table(title, [*head, "MB on disk", "x raw"], rows)

    def processes(self) -> None:
        for durability in DURABILITIES:
            rows = []
            for name in (f"{PROCESSES} sessions", "one session"):
                what = f"{PROCESSES} writers, {name}"
                for store in self._stores(what, durability):
                    rate = 1 / self._results.median(what, durability, store)
                    refused = sum(self._results.of(f"refused, {what}", durability, store))
                    row = [f"{store}, {name}", f"{rate:,.0f}"]
                    rows.append([*row, self._over(what, durability, store)[0], f"{refused:.0f}"])
            title = f"{PROCESSES} processes writing at once, {durability}"
            head = ["", "turns a second", "time of append over it", "turns refused"]
            if rows:
                table(title, head, rows)


class Claim(NamedTuple):
    """A sentence that says what was measured, and the goal for it."""

    text: str
    goal: str
    reached: bool

    def __str__(self) -> str:
        return f"{self.text} (Goal: {self.goal}; {'reached' if self.reached else 'missed'}.)"


def claims(results: Results) -> list[Claim]:
    """Return a claim for each goal; what was not measured is left out."""
    goals: list[Callable[[Results], list[Claim]]] = [
        _floor,
        _states,
        _sessions,
        _bytes,
        _opening,
        _resuming,
        _memory,
    ]
    return [claim for goal in goals for claim in goal(results)]


def _floor(results: Results) -> list[Claim]:
    known = [each for each in LENGTHS if results.of(f"write at {each}", "full", APPEND)]
    over = [
        results.ratio((f"write at {each}", APPEND), (f"write at {each}", FLOOR), durability="full")
        for each in known
    ]
    if not over:
        return []
    at = _listed(f"{_factor(ratio)} at turn {each:,}" for ratio, each in zip(over, known, strict=True))
    floor = "writing and syncing the same bytes as one new file"
    text = f"Appending a turn, compared with {floor}, takes {at}."
    growth = over[-1].value / over[0].value
    longer = f"Appending at turn {known[-1]:,} takes {growth:.2f}x as long as at turn {known[0]:,}"
    return [
        Claim(text, "1.7x", max(each.value for each in over) <= 1.7),
        Claim(f"{longer}, each relative to its floor.", "1.2x", growth <= 1.2),
    ]


def _states(results: Results) -> list[Claim]:
    found = []
    for durability, goal, theirs in (("full", 0.25, "FULL"), ("relaxed", 0.5, "NORMAL")):
        what = "write at 1000"
        if not results.of(what, durability, WHOLE):
            continue
        ratio, returned = (
            results.ratio((what, kind.name), (what, Stakpak.name), durability=durability)
            for kind in (SessionFSWhole, SessionFSReturned)
        )
        text = (
            f"Passing a whole state to `create_checkpoint` around turn 1,000 takes {_factor(ratio)} as"
            f" long as {Stakpak.name} ({durability}, against synchronous {theirs}), and"
            f" {returned.value:.2f}x if the caller goes on with the state that was returned."
        )
        found.append(Claim(text, f"{goal}x", ratio.value <= goal))
    return found


def _sessions(results: Results) -> list[Claim]:
    found = []
    for number in results.numbers("session of {}"):
        what = f"session of {number}"
        for whole, goal, name in (
            (True, 0.2, "write the whole list every turn"),
            (False, 1.0, "append"),
        ):
            ratios: dict[str, Ratio] = {}
            for durability in DURABILITIES:
                for kind in PEERS:
                    if kind.whole == whole and results.of(what, durability, kind.name):
                        ratios[f"{kind.name} ({durability})"] = results.ratio(
                            (what, APPEND), (what, kind.name), durability=durability, total=True
                        )
            beside = _listed(f"{_factor(ratio)} the time of {store}" for store, ratio in ratios.items())
            text = f"Writing {number:,} turns with `append_messages` takes {beside}, which {name}."
            reached = max(ratio.value for ratio in ratios.values()) <= goal
            found.append(Claim(text, f"{goal:g}x", reached))
    return found


def _bytes(results: Results) -> list[Claim]:
    found = []
    for number in results.numbers("session of {}"):
        raw = results.median(f"raw after {number}", "–", "–")
        taken = {
            kind.name: [
                results.median(f"{each} of {number}", "relaxed", kind.name) / raw
                for each in ("bytes", "blocks")
            ]
            for kind in APART
        }
        length, blocks = taken.pop(APPEND)
        others = _listed(f"{name} {of:,.1f}x ({on:,.1f}x)" for name, (of, on) in taken.items())
        text = (
            f"On disk, {number:,} turns take {length:,.1f}x the bytes of their JSON"
            f" ({blocks:,.1f}x counted in blocks); {others}."
        )
        found.append(Claim(text, "3x", length <= 3))
    return found


def _opening(results: Results) -> list[Claim]:
    what = f"open newest of {LENGTH}"
    if not results.of(what, "–", APPEND):
        return []
    ratio = results.ratio((what, APPEND), (what, ONE_FILE), durability="–")
    text = (
        f"Opening the newest of {LENGTH:,} turns, verified and decoded, takes {_factor(ratio)} as long"
        " as reading, hashing and decoding one JSON file."
    )
    return [Claim(text, "1.4x", ratio.value <= 1.4)]


def _resuming(results: Results) -> list[Claim]:
    what = f"resume {RESUMED}"
    if not results.of(what, "–", APPEND):
        return []
    taken, bare = (1e3 * results.median(what, "–", store) for store in (APPEND, PYTHON))
    text = (
        f"Resuming {RESUMED} turns in a new process takes {taken - bare:.0f} ms after Python's start."
    )
    return [Claim(text, "60 ms", taken - bare <= 60)]


def _memory(results: Results) -> list[Claim]:
    length = max(LENGTHS)
    if not results.of(f"memory at {length}", "–", APPEND):
        return []
    raw = results.median(f"raw after {length}", "–", "–")
    over = results.median(f"memory at {length}", "–", APPEND) / raw
    text = f"The peak memory of appending to {length:,} turns is {over:.2f}x the size of their JSON."
    return [Claim(text, "4x", over <= 4)]


def _factor(ratio: Ratio) -> str:
    return f"{ratio.value:.2f}x ({ratio.low:.2f}–{ratio.high:.2f})"


def _listed(parts: Iterable[str]) -> str:
    *others, last = parts
    return f"{', '.join(others)} and {last}" if others else last


def ms(seconds: float) -> str:
    value = 1e3 * seconds
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def markdown(results: Results) -> str:
    """Return the claims, the machine and the pictures for spec/guide/speed.md."""
    about = results.about
    quick = "--quick " if about["effort"] == "quick" else ""
    return "\n".join(
        [
            *(f"- {each}" for each in claims(results)),
            "",
            f"Measured with `nox -s bench -- {quick}--publish` on {about['date'][:10]}:",
            f"{about['machine']}; {about['versions']}.",
            "Values are medians. In parentheses: the range of 90 of 100 resampled runs.",
            "",
            *(f"![{alt}](pictures/{name}.svg)" for name, alt in PICTURES.items()),
        ]
    )


def put_into(document: Path, text: str) -> None:
    """Replace the text between a document's two marks."""
    begin, end = "<!-- measured: -->", "<!-- :measured -->"
    old = document.read_text()
    pattern = re.compile(f"{re.escape(begin)}.*{re.escape(end)}", re.DOTALL)
    assert len(pattern.findall(old)) == 1, f"{document} has no {begin} … {end}"
    document.write_text(pattern.sub(lambda _: f"{begin}\n{text}\n{end}", old))
