"""The suite is for others too: it works as documented, and is loaded only by who asks for it."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import sessionfs.testing

pytestmark = pytest.mark.wheel


def python(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(sessionfs.__file__).parents[1])}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)


def pytest_run(some: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    # A project of its own, whose configuration is not ours, wherever the directory lies.
    (cwd / "pytest.ini").write_text("[pytest]\n")
    without = ["-p", "no:xdist", "-p", "no:cacheprovider"]
    return python("-m", "pytest", *without, "-k", some, cwd=cwd)


def test_package_does_not_load_the_suite(tmp_path: Path) -> None:
    code = (
        "import sys, sessionfs, sessionfs.aio; "
        "print({'pytest', '_pytest', 'sessionfs.testing'} & set(sys.modules))"
    )
    run = python("-c", code, cwd=tmp_path)
    assert (run.stdout, run.stderr) == ("set()\n", "")


@pytest.mark.slow
def test_example_runs(tmp_path: Path) -> None:
    documentation = inspect.getdoc(sessionfs.testing) or ""
    lines = documentation.partition("::\n")[2].splitlines()
    end = next(i for i, line in enumerate(lines) if line and not line.startswith("    "))
    (tmp_path / "test_mine.py").write_text(textwrap.dedent("\n".join(lines[:end])))
    (tmp_path / "my_package.py").write_text("from sessionfs import FileStorage as MyStorage")
    run = pytest_run("test_create_and_get or test_passed_back_unchanged or test_close", tmp_path)
    assert run.returncode == 0, run.stdout
    assert "8 passed" in run.stdout


@pytest.mark.slow
def test_failure_shows_its_values(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(
        textwrap.dedent(
            """
            from sessionfs import FileStorage, ListSessionsResult
            from sessionfs.testing import ListingContract

            class Wrong(FileStorage):
                def list_sessions(self, query=None):
                    return ListSessionsResult([], 4321)

            class TestWrong(ListingContract):
                def make_storage(self, place, message_type):
                    return Wrong(place)
            """
        )
    )
    run = pytest_run("test_empty_storage", tmp_path)
    assert run.returncode == 1, run.stdout
    assert "assert ([], 4321) == ([], 0)" in run.stdout
