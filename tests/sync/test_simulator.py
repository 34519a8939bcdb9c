"""Stores converge whatever tools do to their files, and what would not is found: see ``simulator``."""

from __future__ import annotations

import pytest
from hypothesis import Phase, seed
from hypothesis.stateful import run_state_machine_as_test

from sessionfs import StorageError

from ..effort import LEVEL, Counted, chosen
from .planted import PLANTED
from .simulator import Simulator, chosen_settings
from .world import Violation

pytestmark = [pytest.mark.slow, pytest.mark.once]

SHARDS = 4
USUAL = 240
RUNS = chosen(few=16, usual=USUAL, everything=20_000) // SHARDS
STEPS = chosen(few=54, usual=54, everything=108)
"""At most: a few runs end early, and the mean is to be 50 and 100."""


@pytest.mark.parametrize("shard", range(SHARDS))
def test_all_replicas_agree_and_nothing_is_lost(shard: int, counted: Counted) -> None:
    class Shard(Simulator):
        """Counts by itself."""

    # The usual run tries the same each time, and is no lottery; the long one never tries the same.
    machine = Shard if LEVEL == "all" else seed(shard)(Shard)
    run_state_machine_as_test(machine, settings=chosen_settings(RUNS, STEPS))
    counted("runs of three simulated replicas", Shard.runs)
    counted("steps in these", Shard.steps)
    counted("violations in these", 0)


@pytest.mark.parametrize("bug", PLANTED)
def test_a_bug_is_found_within_the_usual_number_of_runs(bug: str, counted: Counted) -> None:
    class Planted(Simulator):
        """Looks at what a user sees alone, and not at whether a name has one content."""

        names_have_one_content = False

    # Ten sequences of runs: one that begins unluckily goes on so for long.
    settings = chosen_settings(USUAL // 10, 50, phases=[Phase.generate], report_multiple_bugs=False)

    def simulate() -> None:
        for number in range(1, 11):
            run_state_machine_as_test(seed(number)(Planted), settings=settings)

    with PLANTED[bug](), pytest.raises((Violation, StorageError)):
        simulate()
    print(f"{bug}: found in run {Planted.runs}")
    counted("bugs planted for the simulator, and found", 1)
