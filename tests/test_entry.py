"""The installed command, where another project with the same import name has overwritten files."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

import sessionfs

PACKAGE = Path(sessionfs.__file__).parent
COMMAND = [sys.executable, "-S", "-c", "from sessionfs._entry import main; main()", "--version"]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory of installed packages, with a copy of this one."""
    for path in Path(msgspec.__file__).parent.parent.iterdir():
        if "sessionfs" not in path.name:
            (tmp_path / path.name).symlink_to(path)
    shutil.copytree(PACKAGE, tmp_path / "sessionfs", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def run(place: Path) -> subprocess.CompletedProcess[str]:
    env = {"PYTHONPATH": str(place), "HOME": str(place), "PATH": "/usr/bin:/bin"}
    return subprocess.run(COMMAND, capture_output=True, text=True, check=False, env=env, cwd=place)


def assert_says_so(done: subprocess.CompletedProcess[str]) -> None:
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert "another package with this import name has replaced files of sessionfs-store" in line
    assert "pipx install 'sessionfs-store[cli]'" in line


def test_the_package_as_it_is(place: Path) -> None:
    done = run(place)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"sessionfs {sessionfs.__version__}\n"


def test_another_package_that_was_installed_later(place: Path) -> None:
    (place / "sessionfs/__init__.py").write_text('__version__ = "0.26.0"\n')
    (place / "sessionfs/cli.py").write_text("def main(): print('theirs')\n")
    assert_says_so(run(place))


def test_another_package_that_was_uninstalled_and_took_files_along(place: Path) -> None:
    (place / "sessionfs/__init__.py").unlink()
    assert_says_so(run(place))
