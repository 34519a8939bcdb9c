"""Checks that need an environment of their own. ``nox --list`` names them all."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import tomllib
from pathlib import Path

import nox

PYPROJECT = tomllib.loads(Path("pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
PYTHONS = [
    match[1]
    for each in PROJECT["classifiers"]
    if (match := re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", each))
]
TEST_TOOLS = ("pytest", "pytest-xdist", "pyfakefs", "hypothesis", "jsonschema")

FEW = {"SESSIONFS_EFFORT": "few"}
USUAL = {"SESSIONFS_EFFORT": "usual"}
ALL = {"SESSIONFS_EFFORT": "all"}
"""How much the tests marked `sweep` try: for an answer within minutes, in CI, and for hours."""

GIVEN = {name: value for name, value in os.environ.items() if name == "SESSIONFS_EFFORT"}
"""What the caller asks for, for sessions that leave the choice."""

COVERING = [
    *("tests/contract", "tests/faults", "tests/format", "tests/fs", "tests/maintenance"),
    *("tests/messages", "tests/property", "tests/spec", "tests/store"),
]
"""Tests of what reads and writes the files of a store."""

nox.options.sessions = ["lint", "typing", "spec", "tests", "minimums", "build"]
nox.options.error_on_missing_interpreters = False
nox.options.default_venv_backend = "venv"


def requirements(*extras: str) -> list[str]:
    """Return the requirements of the package with these extras."""
    optional = PROJECT["optional-dependencies"]
    return PROJECT["dependencies"] + [each for extra in extras for each in optional[extra]]


def test_tools() -> list[str]:
    """Return what the tests need besides the package and its command line."""
    return [each for each in requirements("dev") if each.split(">")[0] in TEST_TOOLS]


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the default tests on each installed Python."""
    session.install("--editable", ".[cli]", *test_tools())
    session.run("pytest", *session.posargs)


@nox.session
def slow(session: nox.Session) -> None:
    """Run the slow tests, and the sweeps as far as CI or SESSIONFS_EFFORT takes them."""
    session.install("--editable", ".[cli]", *test_tools())
    session.run("pytest", "-m", "slow or sweep", *session.posargs, env={**USUAL, **GIVEN})


@nox.session(python=PYTHONS[0])
def minimums(session: nox.Session) -> None:
    """Run the default tests that depend on versions with the lowest that pyproject.toml allows."""
    lowest = [each.replace(">=", "==") for each in requirements("cli")]
    session.install("--editable", ".[cli]", *test_tools(), *lowest)
    chosen = "not slow and not once and not sweep"
    session.run("pytest", "-m", chosen, *session.posargs, env=FEW)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, formatting, and the layers of imports."""
    session.install("--editable", ".[cli]", "ruff", "import-linter")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("lint-imports")


@nox.session
def typing(session: nox.Session) -> None:
    """Check the types of the package, the tests and the spec's scripts."""
    session.install("--editable", ".[dev]")
    session.run("mypy")


@nox.session
def spec(session: nox.Session) -> None:
    """Check that the generator writes the vectors and golden stores, and that the package agrees."""
    session.run("python", "spec/format/make_spec.py", "--check")
    session.install("--editable", ".[cli]", *test_tools())
    session.run("pytest", "tests/spec")


@nox.session
def build(session: nox.Session) -> None:
    """Build the wheel and the source archive, and test the installed wheel."""
    session.install("build", *test_tools())
    # Not nox's own directory: it is in a git work tree, where purge refuses to work.
    with tempfile.TemporaryDirectory() as directory:
        dist, away = Path(directory, "dist"), Path(directory, "away")
        session.run("python", "-m", "build", "--outdir", str(dist))
        (wheel,) = dist.glob("*.whl")
        session.install(f"{wheel}[cli]")
        # Away from the checkout, so that the package can only come from the wheel.
        away.mkdir()
        for name in ("tests", "spec", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "pyproject.toml"):
            copy = shutil.copytree if Path(name).is_dir() else shutil.copy2
            copy(name, away / name)
        with session.chdir(away):
            session.run("pytest", "-p", "no:cacheprovider", "-m", "wheel", *session.posargs)


@nox.session
def coverage(session: nox.Session) -> None:
    """Require 100 % branch coverage of the modules that write, read and decode files."""
    session.install("--editable", ".[cli]", *test_tools(), "pytest-cov>=6.0")
    # Its threads switch at every instruction, which a trace function cannot follow.
    apart = "tests/faults/test_shared_root.py::test_threads_share_a_memory_that_is_too_small_for_all"
    session.run(
        "pytest", "-m", "", "--cov", f"--deselect={apart}", *COVERING, *session.posargs, env=FEW
    )


@nox.session
def mutants(session: nox.Session) -> None:
    """Mutate every line of what writes, verifies and decodes files; list what no test finds."""
    session.install("--editable", ".[cli]", *test_tools(), "mutmut>=3.8")
    session.run("mutmut", "run", *session.posargs, env=FEW)
    session.run("mutmut", "results")


@nox.session
def bench(session: nox.Session) -> None:
    """Run the benchmarks. --quick and --directory go to each script.

    --publish draws the pictures and fills spec/guide/speed.md.
    """
    # pip supports dependency groups only since 25.1.
    session.install(".[cli]", *PYPROJECT["dependency-groups"]["bench"])
    session.run("python", "tests/benchmarks/compare.py", *session.posargs)
    others = [each for each in session.posargs if each != "--publish"]
    session.run("python", "tests/benchmarks/index.py", *others)
    session.run("python", "tests/benchmarks/transcripts.py", *others)


@nox.session
def faults(session: nox.Session) -> None:
    """Try every crash, kill, error, race, kind of damage and hostile record, and count them (long)."""
    session.install("--editable", ".[cli]", *test_tools())
    session.run("pytest", "-m", "", "tests/faults", "tests/maintenance", *session.posargs, env=ALL)


@nox.session
def removals(session: nox.Session) -> None:
    """Append a million times beside purges, repairs and merges, and try 20,000 schedules of these."""
    session.install("--editable", ".[cli]", *test_tools())
    session.run("pytest", "-m", "", "tests/faults/test_removals.py", *session.posargs, env=ALL)


@nox.session
def rendering(session: nox.Session) -> None:
    """Render the worst texts of Markdown and of each language that is highlighted (an hour)."""
    session.install("--editable", ".[cli]", *test_tools())
    session.run("pytest", "-m", "", "tests/exporters/test_limits.py", *session.posargs, env=ALL)


@nox.session
def sync(session: nox.Session) -> None:
    """Sync stores with real tools, and print a table of the scenarios."""
    session.install("--editable", ".[cli]", *test_tools())
    apart = "--ignore=tests/sync/test_simulator.py"
    session.run(
        *("pytest", "-m", "", "tests/sync", apart, *session.posargs),
        env={**USUAL, "SESSIONFS_SCENARIOS": "table"},
    )


@nox.session
def simulator(session: nox.Session) -> None:
    """Simulate 20,000 runs of 100 steps of replicas that sync in every way (hours)."""
    session.install("--editable", ".[cli]", *test_tools())
    session.run("pytest", "-m", "", "tests/sync/test_simulator.py", *session.posargs, env=ALL)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Fuzz the decoders for ten minutes."""
    session.install("--editable", ".[cli]", *test_tools())
    session.run("pytest", "-m", "", "tests/faults/test_fuzz.py", *session.posargs, env=ALL)
