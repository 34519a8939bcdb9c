"""Errors of the operating system at every call: a typed error that names the file, and nothing lost."""

from __future__ import annotations

import os
import random
from itertools import product
from typing import NamedTuple

import pytest

from ..effort import Counted, chosen
from .expecting import temporary
from .forks import Ended, Forks
from .stage import Stage
from .steps import WORKLOADS
from .tracing import (
    ERRORS,
    IN_A_ROW,
    INTERRUPTED,
    Position,
    fail_from,
    fail_once,
    injected,
    is_retried,
)

pytestmark = [pytest.mark.slow, pytest.mark.once]

MOST = chosen(few=1, usual=12, everything=1_000_000)
MOST_LIMITS = chosen(few=1, usual=2, everything=60)


class Fault(NamedTuple):
    place: Position
    error: str
    persists: bool

    def options(self) -> list[str]:
        if not self.persists:
            return fail_once(self.place, self.error)
        names = ERRORS[self.error]
        if names is None:
            names = {*self.place.before, self.place.name} - {"flock", "fcntl"}
        return fail_from(self.place, self.error, names)

    def __str__(self) -> str:
        return f"{self.error}{' from now on' if self.persists else ''} at {self.place.text}"


def faults(places: list[Position], seed: str, most: int) -> list[Fault]:
    """Return faults to try at these places: all there are, or so many of them by chance."""
    every = [Fault(place, error, False) for place, error in product(places, [*ERRORS, INTERRUPTED])]
    for place, (error, names) in product(places, ERRORS.items()):
        if names is None or place.name in names:
            every.append(Fault(place, error, True))
    return random.Random(seed).sample(every, min(most, len(every)))


def check_errors(ended: Ended, root: str) -> list[dict[str, str]]:
    """Assert that what was raised is of our tree, and names a file or directory of the store.

    Or of the store beside it that is merged: a call more or less before it moves a fault to another.
    """
    errors = [each["error"] for each in ended.told if "error" in each]
    for error in errors:
        assert error["code"] in ("internal", "unauthorized", "corrupt_object"), error
        assert (error["path"] or "").startswith(
            (root, os.path.join(os.path.dirname(root), "elsewhere"))
        ), error
        assert error["path"] in error["text"]
    assert ended.told[-1] == {"ended": True}
    return errors


@pytest.mark.parametrize("workload", WORKLOADS)
def test_an_error_is_told_and_loses_nothing(
    workload: str, traceable: Forks, stage: Stage, counted: Counted
) -> None:
    tried = faults(stage.positions(workload), workload, MOST)
    for fault in tried:
        again = 0 if fault.persists else IN_A_ROW if fault.error == INTERRUPTED else 1
        ended = stage.run(workload, fault.options(), again=again)
        try:
            assert injected(ended)
            errors = check_errors(ended, str(stage.root))
            if not fault.persists:
                assert {"gave_up": True} not in ended.told, "it fails still, now that the error is over"
                if len(injected(ended)) == 1:  # else what cleans up may have been hit as well
                    assert temporary(stage.root) == []
            if fault.error == INTERRUPTED and is_retried(fault.place):
                assert errors == []
            stage.check(workload, ended)
            stage.age_and_sweep()
        except BaseException as error:
            error.add_note(str(fault))
            raise
    counted("errors of system calls", len(tried))


@pytest.mark.parametrize("workload", WORKLOADS)
def test_short_writes_are_continued(workload: str, stage: Stage, counted: Counted) -> None:
    sizes = (1, 7, 4096)
    for size in sizes:
        ended = stage.run(workload, short=size)
        assert check_errors(ended, str(stage.root)) == []
        stage.check(workload, ended)
        assert temporary(stage.root) == []
    counted("runs with short writes", len(sizes))


@pytest.mark.parametrize("workload", WORKLOADS)
def test_a_file_that_is_cut_short_by_a_limit_leaves_nothing(
    workload: str, stage: Stage, counted: Counted
) -> None:
    """The kernel takes a part of the bytes, and refuses the rest: as a disk does that fills up."""
    chance = random.Random(workload)
    limits = [
        chance.choice([chance.randrange(900), chance.randrange(80_000)]) for _ in range(MOST_LIMITS)
    ]
    for limit in limits:
        ended = stage.run(workload, limit=limit, again=1)
        check_errors(ended, str(stage.root))
        assert {"gave_up": True} not in ended.told
        assert temporary(stage.root) == []
        stage.check(workload, ended)
    counted("limits of a file's length", len(limits))
