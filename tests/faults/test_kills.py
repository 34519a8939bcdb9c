"""SIGKILL at every system call that changes the store: what was acknowledged is there, whole."""

from __future__ import annotations

import random
import signal

import pytest

from ..effort import Counted, chosen
from .forks import Forks
from .stage import Stage
from .steps import WORKLOADS
from .tracing import kill_at

pytestmark = [pytest.mark.slow, pytest.mark.once]

MOST = chosen(few=1, usual=1000, everything=1000)


@pytest.mark.parametrize("workload", WORKLOADS)
def test_a_kill_loses_nothing_that_was_acknowledged(
    workload: str, traceable: Forks, stage: Stage, counted: Counted
) -> None:
    found = stage.positions(workload)
    places = [each for each in found if each.mutates or chosen(few=0, usual=0, everything=1)]
    places = random.Random(workload).sample(places, min(MOST, len(places)))
    for place in places:
        ended = stage.run(workload, kill_at(place))
        assert ended.killed_by == signal.SIGKILL, place.text
        try:
            stage.check(workload, ended)
            stage.age_and_sweep()
            if workload == "purge":
                stage.purge_again()
        except BaseException as error:
            error.add_note(f"killed before {place.text}")
            raise
    counted("calls at which a process was killed", len(places))
