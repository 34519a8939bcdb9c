"""msgspec crashes the process where a type is used while another thread uses it for the first time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.effort import Counted, chosen

ROUNDS = chosen(few=100, usual=300, everything=10_000)


def first_uses(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-m", "tests.faults.first_uses", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_threads_that_use_a_type_of_the_caller_for_the_first_time(
    tmp_path: Path, counted: Counted
) -> None:
    done = first_uses(tmp_path / "store", str(ROUNDS))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    counted("types used for the first time by many threads", ROUNDS)


def test_types_are_learnt_where_no_other_thread_uses_them(tmp_path: Path) -> None:
    done = first_uses(tmp_path / "store")
    assert (done.returncode, done.stderr) == (0, "")
    # When a module is loaded, which one thread does, or under the lock of those that make decoders.
    assert {*done.stdout.split()} <= {"decoders.decoder", "decoders.packed_decoder"}
    assert "decoders.decoder" in done.stdout
