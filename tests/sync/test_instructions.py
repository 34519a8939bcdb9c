"""The document and the scenarios agree: its commands are run, and what they say of tools is there."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from .instructions import BLOCKS
from .scenarios import SCENARIOS

pytestmark = pytest.mark.once


def _all_scenarios() -> None:
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        import_module(f"{__package__}.{path.stem}")


def test_every_command_of_the_document_is_run_by_a_scenario() -> None:
    _all_scenarios()
    run = {key for each in SCENARIOS.values() if not each.replayed for key in each.follows}
    assert BLOCKS
    assert run == set(BLOCKS)


def test_there_are_enough_of_them() -> None:
    _all_scenarios()
    shown = {(each.tool, each.shows) for each in SCENARIOS.values() if not each.replayed}
    assert len(shown) == len([each for each in SCENARIOS.values() if not each.replayed]) >= 25
