"""Measures stores in turn, and compares what was measured.

Every round measures each store once, in another order, so that a disk or a machine whose speed drifts
treats all alike; a tool that measures one thing after the other cannot do that. What is measured is
kept as benchmarks of pyperf, one a store and thing, which ``python -m pyperf`` reads.
"""

from __future__ import annotations

import gc
import os
import random
import statistics
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, Self

import pyperf

Durability = Literal["full", "relaxed"]
DURABILITIES: tuple[Durability, ...] = ("full", "relaxed")

Ready = Callable[[], Callable[[], object]]
"""Prepares a call, which is then measured."""

_RESAMPLES = 500


class Ratio(NamedTuple):
    """How one compares with another, with the interval that 90 of 100 repetitions fall into."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f}–{self.high:.2f})"


class Key(NamedTuple):
    """What was measured, how durable, in which store."""

    what: str
    durability: str
    store: str


class Results:
    """All that was measured: seconds, bytes or numbers, by what they are of."""

    def __init__(self) -> None:
        self._values: dict[Key, list[float]] = {}
        self._units: dict[str, str] = {}
        self.about: dict[str, str] = {}

    def add(self, what: str, durability: str, store: str, *values: float, unit: str = "second") -> None:
        """Add measured values; pyperf knows the units second, byte and integer."""
        self._values.setdefault(Key(what, durability, store), []).extend(values)
        self._units[what] = unit

    def of(self, what: str, durability: str, store: str) -> list[float]:
        """Return all values, none if it was not measured."""
        return self._values.get(Key(what, durability, store), [])

    def median(self, what: str, durability: str, store: str) -> float:
        return statistics.median(self.of(what, durability, store))

    def stores(self, what: str, durability: str) -> list[str]:
        """Return which stores this was measured of."""
        return [key.store for key in self._values if key[:2] == (what, durability)]

    def numbers(self, what: str) -> list[int]:
        """Return the numbers N of all that is called as ``what``, where N stands for ``{}``."""
        begin, _, end = what.partition("{}")
        names = {key.what for key in self._values}
        parts = [
            name[len(begin) : len(name) - len(end)]
            for name in names
            if name.startswith(begin) and name.endswith(end)
        ]
        return sorted(int(part) for part in parts if part.isdecimal())

    def ratio(
        self, of: tuple[str, str], to: tuple[str, str], *, durability: str, total: bool = False
    ) -> Ratio:
        """Compare the medians of two (what, store), or their sums."""
        ours, theirs = (self.of(what, durability, store) for what, store in (of, to))
        return compare(ours, theirs, sum if total else statistics.median, 10 if total else 0)

    def save(self, path: Path) -> None:
        suite = []
        for key, values in self._values.items():
            about = {**self.about, "name": " | ".join(key), "unit": self._units[key.what]}
            # pyperf keeps only what is above 0.
            kept = [max(value, 1e-9) for value in values]
            run = pyperf.Run(kept, metadata=about, collect_metadata=False)
            suite.append(pyperf.Benchmark([run]))
        pyperf.BenchmarkSuite(suite).dump(str(path), replace=True)

    @classmethod
    def load(cls, path: Path) -> Self:
        results = cls()
        for benchmark in pyperf.BenchmarkSuite.load(str(path)).get_benchmarks():
            about = dict(benchmark.get_metadata())
            what, durability, store = about.pop("name").split(" | ")
            unit = about.pop("unit")
            results.add(what, durability, store, *benchmark.get_values(), unit=unit)
            results.about = {key: str(value) for key, value in about.items()}
        return results


def compare(
    ours: Sequence[float],
    theirs: Sequence[float],
    statistic: Callable[[Sequence[float]], float],
    block: int = 0,
) -> Ratio:
    """Return the ratio of a statistic, its interval by drawing again from what was measured.

    With a ``block`` values are drawn only from among so many neighbours, because a later turn of a
    session may cost more than an earlier one.
    """
    rng = random.Random(1)

    def drawn(values: Sequence[float]) -> list[float]:
        size = block or len(values)
        parts = [values[i : i + size] for i in range(0, len(values), size)]
        return [each for part in parts for each in rng.choices(part, k=len(part))]

    ratios = sorted(statistic(drawn(ours)) / statistic(drawn(theirs)) for _ in range(_RESAMPLES))
    low, high = ratios[_RESAMPLES // 20], ratios[-_RESAMPLES // 20]
    return Ratio(statistic(ours) / statistic(theirs), low, high)


def p95(values: Sequence[float]) -> float:
    """Return what 95 of 100 stay below; of few values it is near the greatest."""
    if len(values) < 2:
        return values[0]
    return statistics.quantiles(values, n=20, method="inclusive")[-1]


def timed(call: Callable[[], object]) -> float:
    """Return the seconds that a call takes; garbage is collected outside, as ``timeit`` has it."""
    gc.disable()
    begin = pyperf.perf_counter()
    call()
    end = pyperf.perf_counter()
    gc.enable()
    return float(end - begin)


def in_turn(
    results: Results,
    what: str,
    durability: str,
    stores: dict[str, Ready],
    rounds: Iterable[int],
    *,
    budget: float = float("inf"),
) -> None:
    """Measure every store once a round; one that took its budget of seconds sits out the rest."""
    rng = random.Random(2)
    for i in rounds:
        names = [name for name in stores if i < 5 or sum(results.of(what, durability, name)) < budget]
        for name in rng.sample(names, len(names)):
            call = stores[name]()
            results.add(what, durability, name, timed(call))


class Disk(NamedTuple):
    """What a directory takes: bytes of its blocks, bytes of its files, and how many files."""

    blocks: int
    length: int
    files: int


def disk(directory: Path) -> Disk:
    blocks = length = files = 0
    for top, _, names in os.walk(directory):
        blocks += os.stat(top).st_blocks * 512
        for name in names:
            status = os.stat(os.path.join(top, name))
            blocks, length, files = blocks + status.st_blocks * 512, length + status.st_size, files + 1
    return Disk(blocks, length, files)


def settle() -> None:
    """Write what is left in the page cache, and leave what lives on to no garbage collection."""
    os.sync()
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def fsync_seconds(directory: Path) -> float:
    """Return what an fsync of a grown file costs here, a median."""
    path = directory / "fsync"
    with path.open("wb", buffering=0) as file:

        def sync() -> None:
            file.write(bytes(4096))
            os.fsync(file.fileno())

        taken = [timed(sync) for _ in range(20)]
    path.unlink()
    return statistics.median(taken)
