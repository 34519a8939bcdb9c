"""The benchmark of imports can be run as the others are."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]
SCRIPT = "tests/benchmarks/transcripts.py"


@pytest.mark.slow
def test_it_measures_less_where_it_is_told_to_and_leaves_nothing_behind(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.mkdir()
    os.utime(there, (0, 0))
    done = subprocess.run(
        [sys.executable, ROOT / SCRIPT, "--quick", "--directory", there],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert re.match(r"500 transcripts, \d MB\n", done.stdout)
    for line in (
        "first import: ",
        "second import: ",
        "21 MB, first import: ",
        "21 MB, second import: ",
    ):
        assert re.search(rf"^{line}\d", done.stdout, re.MULTILINE), done.stdout
    assert [*there.iterdir()] == []
    assert there.stat().st_mtime > 0  # it was there that something was made, and removed


def test_the_session_bench_runs_it_with_what_the_others_are_given() -> None:
    nox = ROOT / "noxfile.py"
    if not nox.exists():
        pytest.skip("not a checkout")
    bench = nox.read_text().split("def bench(")[1].split("\n@nox")[0]
    assert re.findall(r'"(tests/benchmarks/\w+\.py)", \*(?:session\.posargs|others)\)', bench) == [
        "tests/benchmarks/compare.py",
        "tests/benchmarks/index.py",
        SCRIPT,
    ]
