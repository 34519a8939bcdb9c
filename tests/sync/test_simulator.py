"""Stores converge whatever tools do to their files; see ``tests.sync.simulator``."""

from __future__ import annotations

import os

from hypothesis import Phase
from hypothesis.stateful import run_state_machine_as_test

from .simulator import Simulator, chosen_settings

RUNS = int(os.environ.get("R", "30"))


def test_all() -> None:
    run_state_machine_as_test(Simulator, settings=chosen_settings(RUNS, 50, derandomize=True))
    print(Simulator.runs, Simulator.steps)
