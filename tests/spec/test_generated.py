"""What is committed is what the generator writes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .support import GOLDEN, SPEC


def _check(spec: Path) -> tuple[int, list[str]]:
    command = [sys.executable, "-B", str(spec / "make_spec.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not done.stderr
    return done.returncode, done.stdout.splitlines()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    ignored = shutil.ignore_patterns("__pycache__")
    return Path(shutil.copytree(SPEC, tmp_path / "spec", ignore=ignored))


def test_committed_files_equal_generated_ones() -> None:
    assert _check(SPEC) == (0, [])


def test_check_names_every_difference(copy: Path) -> None:
    (copy / "vectors/ids.json").write_bytes(b"{}\n")
    (copy / "vectors/fold.json").unlink()
    (copy / "golden/sound/store/.gitignore").write_bytes(b"")
    (copy / "golden/extra.json").write_bytes(b"{}")
    assert _check(copy) == (
        1,
        [
            "unexpected: golden/extra.json",
            "different: golden/sound/store/.gitignore",
            "missing: vectors/fold.json",
            "different: vectors/ids.json",
        ],
    )


def test_writing_again_repairs_what_differs(copy: Path) -> None:
    (copy / "vectors/ids.json").write_bytes(b"{}\n")
    (copy / "golden/extra.json").write_bytes(b"{}")
    subprocess.run([sys.executable, "-B", str(copy / "make_spec.py")], check=True)
    assert _check(copy) == (0, [])


def test_spec_imports_nothing_of_the_package() -> None:
    for script in SPEC.glob("*.py"):
        assert "import sessionfs" not in script.read_text()
        assert "from sessionfs" not in script.read_text()


def test_the_reference_reader_is_as_short_as_the_prose_says() -> None:
    assert len((SPEC / "reference_reader.py").read_text().splitlines()) < 400


def test_golden_stores_stay_small_and_whole() -> None:
    sizes = [path.stat().st_size for path in (SPEC / "golden").rglob("*") if path.is_file()]
    assert sum(sizes) < 1_500_000
    for name in GOLDEN:
        assert (SPEC / "golden" / name / "expected.json").is_file()
        assert (SPEC / "golden" / name / "store/sessionfs.json").is_file()
