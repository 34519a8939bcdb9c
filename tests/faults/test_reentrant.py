"""A signal handler or a finalizer that uses a storage never waits for the thread that it interrupts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.effort import Counted, chosen

POINTS = chosen(few=20, usual=60, everything=100_000)
HUNG_SECONDS = 60 + POINTS * 5
"""Far more than it takes: what waits for itself waits for ever."""


@pytest.mark.once
def test_a_use_in_the_middle_of_another_one(tmp_path: Path, counted: Counted) -> None:
    command = [
        sys.executable,
        "-W",
        "error",
        "-m",
        "tests.faults.reentrant",
        str(tmp_path),
        str(POINTS),
    ]
    with open(tmp_path / "tried", "w+") as tried:
        try:
            done = subprocess.run(
                command,
                stdout=tried,
                stderr=subprocess.PIPE,
                text=True,
                timeout=HUNG_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            done = None
        tried.seek(0)
        told = tried.read().splitlines()
    assert done is not None, f"it waits for itself: {told[-1]}"
    assert (done.returncode, done.stderr) == (0, ""), told[-1]
    counted("uses of a storage in the middle of another one", int(told[-1]))
