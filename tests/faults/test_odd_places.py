"""No command hangs if something else has the name of a directory or of an index file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.effort import chosen

from .odd_places import KINDS, PLACES

HUNG_SECONDS = 120
"""Far more than it takes: what waits for a FIFO waits for ever."""

PAIRS = [
    (place, kind)
    for place in PLACES
    for kind in list(KINDS)[: chosen(few=1, usual=1, everything=len(KINDS))]
    if place != "sessions"
]


def _ask(directory: Path, place: str, kind: str) -> None:
    command = [sys.executable, "-W", "error", "-m", "tests.faults.odd_places"]
    with open(directory / "asked", "w+") as asked:
        try:
            done = subprocess.run(
                [*command, str(directory), place, kind],
                stdin=subprocess.DEVNULL,
                stdout=asked,
                stderr=subprocess.PIPE,
                text=True,
                timeout=HUNG_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            asked.seek(0)
            pytest.fail(f"it hangs: {asked.read().splitlines()[-1:]}")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_a_directory_is_not_waited_for(tmp_path: Path, kind: str) -> None:
    _ask(tmp_path, "sessions", kind)


@pytest.mark.slow
@pytest.mark.parametrize(("place", "kind"), PAIRS)
def test_whatever_it_is(tmp_path: Path, place: str, kind: str) -> None:
    _ask(tmp_path, place, kind)
