"""Stores converge whatever tools do to their files, and what would not is found: see ``simulator``."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import Phase, seed
from hypothesis.stateful import run_state_machine_as_test

from sessionfs import StorageError

from ..effort import LEVEL, Counted, chosen
from .planted import PLANTED
from .simulator import Simulator, chosen_settings
from .world import Violation

SHARDS = 4
RUNS = chosen(few=40, usual=500, everything=20_000)
STEPS = chosen(few=50, usual=50, everything=100)


def _run(machine: type[Simulator], number: int, runs: int, **more: Any) -> None:
    # The usual run is no lottery: it tries the same each time. Where time does not matter, chance does.
    chosen_machine = machine if LEVEL == "all" else seed(number)(machine)
    run_state_machine_as_test(chosen_machine, settings=chosen_settings(runs, STEPS, **more))


@pytest.mark.parametrize("shard", range(SHARDS))
def test_all_replicas_agree_and_nothing_is_lost(shard: int, counted: Counted) -> None:
    class Shard(Simulator):
        """Counts by itself."""

    try:
        _run(Shard, shard, RUNS // SHARDS)
    finally:
        counted("simulated runs of three replicas", Shard.runs)
        counted("steps of them", Shard.steps)
    counted("violations in them", 0)


@pytest.mark.parametrize("bug", PLANTED)
def test_a_bug_is_found_within_the_usual_run(bug: str, counted: Counted) -> None:
    class Planted(Simulator):
        """Looks at what a user sees alone, and not at whether a name has one content."""

        names_have_one_content = False

    with PLANTED[bug](), pytest.raises((Violation, StorageError)) as found:
        _run(Planted, 0, RUNS, phases=[Phase.generate], report_multiple_bugs=False)
    print(f"{bug}: found in run {Planted.runs}: {str(found.value)[:200]}")
    counted("bugs planted for the simulator, and found", 1)
