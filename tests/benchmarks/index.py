"""What listing and search cost beside the disk's own floor and an SQLite file, in one run.

    python tests/benchmarks/index.py [--quick | --large] [--directory DIR [--keep]] [--no-sqlite]

The store has 10,000 sessions with about 20 KB of text each, 200 MB in all. With --large it has 10,000
sessions with about 100 KB each, 1 GB in all; the SQLite file beside it takes about 20 GB, as it holds
the whole conversation once a checkpoint. With --quick it has 500 sessions, 10 MB, for a look in less
than a minute.

Each figure of a listing or a search is the median over new processes, one at a time, with everything
in the page cache: from the import of sessionfs on, and without it. Every answer of the index is
compared with a plain scan of the texts, hit by hit; exits with 1 if one differs.
"""

from __future__ import annotations

import argparse
import compileall
import os
import platform
import random
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import msgspec

if not __package__:  # run as a script
    sys.path.append(str(Path(__file__).parents[2]))

import sessionfs
from sessionfs import CreateSessionRequest, FileStorage
from tests.benchmarks import stores
from tests.benchmarks.searches import Case, Comparison, Found, cases, scan
from tests.benchmarks.stores import Size, Store, Words, progress
from tests.benchmarks.tables import aim, table

PROBE = str(Path(__file__).with_name("probe.py"))
PAGE = 20
SETTLED = 2.5
"""Seconds after which a directory's time tells of every later change."""


from_disk: list[int] = []
"""Bytes that each new process had read from the disk, because the page cache had let go of them."""


class Effort(NamedTuple):
    """How often each thing is measured."""

    size: Size
    builds: int
    most_compared: int
    listings: int
    searches: int
    sqlite_searches: int


QUICK = Effort(stores.QUICK, builds=1, most_compared=10**6, listings=6, searches=2, sqlite_searches=1)
DEFAULT = Effort(
    stores.DEFAULT, builds=3, most_compared=10**6, listings=20, searches=7, sqlite_searches=3
)
LARGE = Effort(stores.LARGE, builds=1, most_compared=20_000, listings=20, searches=5, sqlite_searches=1)


class Times:
    """What new processes took, in milliseconds."""

    def __init__(self) -> None:
        self._calls: list[float] = []
        self._whole: list[float] = []

    def add(self, measured: dict[str, Any]) -> None:
        self._calls.append(1e3 * measured["call"])
        self._whole.append(1e3 * (measured["call"] + measured.get("import", 0)))

    @property
    def call(self) -> float:
        return median(self._calls)

    @property
    def whole(self) -> float:
        return median(self._whole)


def probe(name: str, *arguments: object) -> dict[str, Any]:
    """Measure in a new process, which finds everything compiled."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, PROBE, name, *map(str, arguments)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_inblock
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE)
    from_disk.append(512 * (resource.getrusage(resource.RUSAGE_CHILDREN).ru_inblock - before))
    measured: dict[str, Any] = msgspec.json.decode(done.stdout)
    return measured


def measure_index(store: Store, length: int, builds: int) -> None:
    """Make the index from nothing, in one process and with as many others as there are cores."""
    ways = {"in one process": 1, "with others": os.cpu_count() or 1}
    made: dict[str, list[dict[str, Any]]] = {way: [] for way in ways}
    for _ in progress("index", range(builds), builds):
        for way, workers in ways.items():
            made[way].append(probe("build", store.root, store.index_dir, str(workers)))
    size = made["in one process"][-1]["size"]
    over = size / length
    rows = [
        ["size", f"{size / 1e6:.0f} MB", ""],
        ["size over text", f"{over:.2f} x", aim(1.5, over, "x")],
    ]
    for way, workers in ways.items():
        seconds = median(each["call"] for each in made[way])
        speed = length / 1e6 / seconds
        name = way if workers == 1 else f"with {workers} others"
        rows += [
            [f"time {name}", f"{seconds:.1f} s", ""],
            ["  text a second", f"{speed:.1f} MB/s", aim(20, speed, "MB/s", at_least=True)],
            ["  most memory of it", f"{max(each['memory'] for each in made[way]) / 1e6:.0f} MB", ""],
        ]
    table(f"The index, made from nothing in a new process, {builds} times each", ["", "", "aim"], rows)


def compare(comparison: Comparison, wanted: list[Case], found: list[Found], most: int) -> bool:
    """Compare every answer with the scan; print how it differs, and return whether none does."""
    different = [("listing", comparison.listing_difference())]
    # What has more hits than that is compared by their number, later: going through millions of them
    # page by page takes longer than all that is measured.
    pairs = [pair for pair in zip(wanted, found, strict=True) if pair[1].total <= most]
    for case, right in progress("comparison", pairs, len(pairs)):
        different.append((repr(case.query), comparison.difference(case, right)))
    for name, difference in different:
        if difference is not None:
            print(f"\nWRONG {name}: {difference}")
    wrong = sum(difference is not None for _, difference in different)
    total = sum(right.total for _, right in pairs)
    print(
        f"\nCompared with a plain scan: {len(pairs)} searches with {total:,} hits, each in its place,"
        f" and the list of all sessions; wrong: {wrong or 'none'}"
    )
    return not wrong


def measure_searches(
    store: Store, wanted: list[Case], found: list[Found], effort: Effort, *, sqlite: bool
) -> None:
    ours: list[Times] = [Times() for _ in wanted]
    theirs = [(Times(), Times()) for _ in wanted]
    in_theirs = [0] * len(wanted)
    for run in progress("search", range(effort.searches), effort.searches):
        for i, (case, right) in enumerate(zip(wanted, found, strict=True)):
            query = msgspec.json.encode(case.query).decode()
            measured = probe("search", store.root, store.index_dir, query)
            assert measured["found"] == right.total, case
            ours[i].add(measured)
            if sqlite and run < effort.sqlite_searches:
                measured = probe("sqlite_search", store.database, query, -1)
                in_theirs[i] = measured["found"]
                theirs[i][0].add(measured)
                theirs[i][1].add(probe("sqlite_search", store.database, query, PAGE))
    head = ["", "hits", "sessions", "ms", "with import"]
    if sqlite:
        head += ["| SQLite sessions", "all, ms", "x ours", f"first {PAGE}, ms", "x ours"]
    rows: list[list[str]] = []
    for i, (case, right) in enumerate(zip(wanted, found, strict=True)):
        sessions = len({*right.titles, *right.numbers})
        row = [case.name, f"{right.total:,}", f"{sessions:,}"]
        row += [f"{ours[i].call:.1f}", f"{ours[i].whole:.1f}"]
        if sqlite:
            row.append(f"| {in_theirs[i]:,}")
            row += [cell for each in theirs[i] for cell in _beside(each.call, ours[i].call)]
        rows.append(row)
    call, whole = median(each.call for each in ours), median(each.whole for each in ours)
    last = [f"median of {len(wanted)}", "", "", f"{call:.1f}", f"{whole:.1f}"]
    if sqlite:
        last.append("|")
        for k in (0, 1):
            last += _beside(median(each[k].call for each in theirs), call)
    times = f"{effort.searches} times"
    if sqlite:
        times += f", SQLite {effort.sqlite_searches}"
    table(f"Search for the first {PAGE} hits, each in a new process, {times}", head, [*rows, last])
    print(f"  aim of the median, with import: {aim(120, whole, 'ms')}")
    if sqlite:
        every, first = (median(each[k].whole for each in theirs) for k in (0, 1))
        print(
            f"  SQLite with import: median {every:.1f} and {first:.1f} ms; ratios are without import.\n"
            f"  It looks with LIKE at newest states and titles, and finds sessions, not messages. The\n"
            f"  first {PAGE} come without a total. Letter case is put aside in ASCII only; quotes in\n"
            f"  arguments stand there escaped twice; no column tells role, tool and since: left out."
        )


def _beside(theirs: float, ours: float) -> list[str]:
    return [f"{theirs:.1f}", f"{theirs / ours:.2f}"]


def measure_listings(store: Store, newest: list[str], effort: Effort, *, sqlite: bool) -> None:
    at = store.root, store.index_dir
    floor, same, changed = Times(), Times(), Times()
    with FileStorage(store.root, index_dir=store.index_dir) as storage:
        request = CreateSessionRequest("Changes", [{"role": "user", "content": "Begin"}])
        session_id = str(storage.create_session(request).session_id)
    # Before and after those with changes, so that a machine whose speed drifts treats them alike.
    half, runs = effort.listings // 2, effort.listings
    plan = [same] * half + [changed] * runs + [same] * (runs - half)
    before: Times | None = None
    for times in progress("listing", plan, len(plan)):
        if times is changed:
            probe("append", *at, session_id)
        elif before is not same:
            time.sleep(SETTLED)
            assert probe("update", *at)["done"]
        before = times
        floor.add(probe("floor", store.root))
        measured = probe("listing", *at)
        assert measured["ids"] == [session_id, *newest[: PAGE - 1]]
        times.add(measured)
    repeated, watched = probe("repeated", *at, "no"), probe("repeated", *at, "watched")
    shutil.rmtree(store.root / "sessions" / session_id)

    def row(name: str, times: Times, aim: str = "") -> list[str]:
        ratios = times.call / floor.call, times.whole / floor.call
        cells = [f"{times.call:.1f}", f"{ratios[0]:.2f}", f"{times.whole:.1f}", f"{ratios[1]:.2f}"]
        return [name, *cells, aim]

    def once(name: str, seconds: float, aim: str = "") -> list[str]:
        return [name, f"{1e3 * seconds:.{1 if seconds >= 0.01 else 2}f}", "", "", "", aim]

    difference = changed.call - same.call
    rows = [
        row("floor: scandir of sessions/, stat of each refs/", floor),
        row("none changed", same, aim(3, same.call / floor.call, "x")),
        row("one changed", changed),
        ["  more than none", f"{difference:.1f}", "", "", "", aim(5, difference, "ms")],
        once("again in the same process", median(repeated["calls"])),
    ]
    if "calls" in watched:
        again = median(watched["calls"])
        rows += [
            once("again, with a watch open", again, aim(2, 1e3 * again, "ms")),
            once("  opening it, once", watched["open"]),
            once("  the first list after that, once", watched["first"]),
        ]
    else:
        rows.append([f"again, with a watch open: skipped, {watched['skipped']}", *[""] * 5])
    if sqlite:
        rows += [row(*each) for each in _sqlite_listings(store, newest, runs).items()]
    table(
        f"Listing of the {PAGE} newest, each in a new process, {runs} times",
        ["", "ms", "x floor", "with import", "x floor", "aim without import"],
        rows,
    )


def _sqlite_listings(store: Store, newest: list[str], runs: int) -> dict[str, Times]:
    own, decoded = Times(), Times()
    for _ in progress("SQLite listing", range(runs), runs):
        for times, kind in ((own, "own"), (decoded, "decoded")):
            measured = probe("sqlite_listing", store.database, kind)
            assert measured["ids"] == newest
            times.add(measured)
    return {
        "SQLite: the tool's own query, which counts checkpoints": own,
        "SQLite: only the page joined, messages counted": decoded,
    }


def describe(store: Store) -> int:
    """Print what is measured; return the bytes of its text."""
    sessions = length = messages = checkpoints = 0
    for made in store.sessions():
        sessions += 1
        length += made.length
        messages += made.messages
        checkpoints += len(made.turns)
    print(
        f"sessionfs {sessionfs.__version__}, Python {platform.python_version()},"
        f" SQLite {sqlite3.sqlite_version}, {platform.system()} {platform.release()},"
        f" {os.cpu_count()} cores\n"
        f"{sessions:,} sessions with {length / 1e6:.0f} MB of text in {messages:,} messages and"
        f" {checkpoints:,} checkpoints"
    )
    return length


def measure(store: Store, effort: Effort, *, sqlite: bool) -> bool:
    """Print all tables; return whether every answer was right."""
    store.make()
    made = time.monotonic()
    length = describe(store)
    wanted = cases(store, Words(random.Random(stores.SEED)))
    found = scan(store, wanted)
    if sqlite:
        reason = store.make_database()
        if reason is None:
            size = store.database.stat().st_size
            print(f"the SQLite file takes {size / 1e6:,.0f} MB, {size / length:.1f} x text")
        else:
            print(f"no SQLite file: {reason}")
            sqlite = False
    time.sleep(max(0, made + SETTLED - time.monotonic()))
    measure_index(store, length, effort.builds)
    with FileStorage(store.root, index_dir=store.index_dir) as storage:
        comparison = Comparison(store, storage)
        right = compare(comparison, wanted, found, effort.most_compared)
        newest = comparison.newest(PAGE)
    measure_listings(store, newest, effort, sqlite=sqlite)
    measure_searches(store, wanted, found, effort, sqlite=sqlite)
    reading = [each for each in from_disk if each > 1 << 20]
    print(
        f"\n{len(reading)} of {len(from_disk)} processes read more than 1 MB from the disk,"
        f" {sum(reading) / 1e6:,.0f} MB in all"
    )
    return right


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_const", const=QUICK, dest="effort")
    size.add_argument("--large", action="store_const", const=LARGE, dest="effort")
    parser.add_argument(
        "--directory", type=Path, help="where to put the store; default: a temporary one"
    )
    parser.add_argument("--keep", action="store_true", help="leave the store there, and use it again")
    parser.add_argument("--no-sqlite", action="store_true", help="leave the SQLite file out")
    parser.set_defaults(effort=DEFAULT)
    arguments = parser.parse_args()
    effort: Effort = arguments.effort
    if arguments.keep and arguments.directory is None:
        parser.error("--keep needs --directory")
    compileall.compile_dir(Path(sessionfs.__file__).parent, quiet=1)
    if arguments.keep:
        directory = arguments.directory / f"sessions-{effort.size.name}"
        return (
            0 if measure(Store(directory, effort.size), effort, sqlite=not arguments.no_sqlite) else 1
        )
    directory = Path(tempfile.mkdtemp(dir=arguments.directory))
    try:
        right = measure(Store(directory / "all", effort.size), effort, sqlite=not arguments.no_sqlite)
    finally:
        shutil.rmtree(directory)
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
