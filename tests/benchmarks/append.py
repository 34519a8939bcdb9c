"""What an append costs at turn 10 and at turn 1,000, over the floor of the disk, in one run.

    python tests/benchmarks/append.py [--directory DIR] [--appends N | --quick]

The floor is the same new bytes written to one new file, with fsync of file and directory ("full") or
without ("relaxed"). The sessions are written in turn, append by append, so that a disk whose speed
drifts treats them alike. Prints medians in microseconds and their ratios.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import msgspec

from sessionfs import CreateSessionRequest, FileStorage

Durability = Literal["full", "relaxed"]


def turn(rng: random.Random) -> list[dict[str, Any]]:
    """Return a turn of about 2.7 KB in 4 messages."""

    def text(length: int) -> str:
        return "".join(rng.choices("etaoin shrdlu", k=length))

    call = {"id": "call", "type": "function", "function": {"name": "shell", "arguments": text(200)}}
    return [
        {"role": "user", "content": text(300)},
        {"role": "assistant", "content": text(200), "tool_calls": [call]},
        {"role": "tool", "content": text(1000), "tool_call_id": "call"},
        {"role": "assistant", "content": text(700)},
    ]


class Session:
    """A session that has reached a length."""

    def __init__(self, storage: FileStorage, turns: int, rng: random.Random) -> None:
        self._storage, self._rng = storage, rng
        self._id = storage.create_session(CreateSessionRequest(f"{turns} turns")).session_id
        for _ in range(turns):
            self.append()

    def append(self) -> None:
        self._storage.append_messages(self._id, turn(self._rng))


class Floor:
    """Writes the same bytes to one new file each."""

    def __init__(self, directory: Path, durability: Durability, rng: random.Random) -> None:
        directory.mkdir()
        self._directory, self._sync, self._rng, self._n = directory, durability == "full", rng, 0

    def append(self) -> None:
        self._n += 1
        data = msgspec.json.encode(turn(self._rng))
        descriptor = os.open(self._directory / str(self._n), os.O_CREAT | os.O_WRONLY | os.O_EXCL)
        os.write(descriptor, data)
        if self._sync:
            os.fsync(descriptor)
        os.close(descriptor)
        if self._sync:
            parent = os.open(self._directory, os.O_RDONLY)
            os.fsync(parent)
            os.close(parent)


def measure(directory: Path, durability: Durability, appends: int) -> None:
    rng = random.Random(1)
    storage = FileStorage(directory / durability, durability=durability)
    relaxed = FileStorage(directory / durability, durability="relaxed")
    rounds: dict[str, list[float]] = {"floor": [], "turn 10": [], "turn 1,000": []}
    short, long = Session(relaxed, 10, rng), Session(relaxed, 1_000, rng)
    for each in (short, long):
        each._storage = storage
        each.append()
    floor = Floor(directory / f"floor-{durability}", durability, rng)
    for i in range(appends):
        if i % 20 == 0:  # the short one stays short
            short = Session(relaxed, 10, rng)
            short._storage = storage
            short.append()
        for name, append in (
            ("floor", floor.append),
            ("turn 10", short.append),
            ("turn 1,000", long.append),
        ):
            rounds[name].append(timed(append))
    medians = {name: statistics.median(times) * 1e6 for name, times in rounds.items()}
    print(f"\nappend_messages, durability {durability}, {appends} appends each")
    for name, median in medians.items():
        p95 = statistics.quantiles(rounds[name], n=20)[-1] * 1e6
        over = median / medians["floor"]
        print(f"  {name:12} median {median:8.0f} us   p95 {p95:8.0f} us   {over:.2f} x floor")
    print(f"  turn 1,000 against turn 10: {medians['turn 1,000'] / medians['turn 10']:.2f} x")


def timed(call: Callable[[], None]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def measure_import(runs: int = 20) -> None:
    """Print what ``import sessionfs`` adds to the start of the interpreter, run in turn."""
    times: dict[str, list[float]] = {"pass": [], "import sessionfs": []}
    for _ in range(runs):
        for code, taken in times.items():
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            taken.append(time.perf_counter() - start)
    bare, whole = (statistics.median(taken) * 1e3 for taken in times.values())
    print(f"\nimport sessionfs: {whole - bare:.0f} ms over {bare:.0f} ms of bare Python")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--directory", type=Path, help="on the disk to measure; default: a temporary one"
    )
    parser.add_argument("--appends", type=int, default=400)
    parser.add_argument("--quick", action="store_const", const=40, dest="appends", help="40 appends")
    arguments = parser.parse_args()
    directory = Path(tempfile.mkdtemp(dir=arguments.directory))
    try:
        measure(directory, "full", arguments.appends)
        measure(directory, "relaxed", arguments.appends)
        measure_import()
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
