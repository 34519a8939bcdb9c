"""Checks that need an environment of their own. ``nox`` runs them all but ``bench``."""

from __future__ import annotations

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

ONCE = [
    "--ignore=tests/cli/test_changing.py",
    "--ignore=tests/cli/test_conversation.py",
    "--ignore=tests/cli/test_damaged.py",
    "--ignore=tests/cli/test_forks.py",
    "--ignore=tests/cli/test_looks.py",
    "--ignore=tests/cli/test_odd.py",
    "--ignore=tests/cli/test_readme_commands.py",
    "--ignore=tests/contract/test_suite_catches.py",
    "--ignore=tests/faults/test_crash_states.py",
    "--ignore=tests/faults/test_crash_states_catch.py",
    "--ignore=tests/faults/test_damage_everywhere.py",
    "--ignore=tests/faults/test_errors.py",
    "--ignore=tests/faults/test_forks.py",
    "--ignore=tests/faults/test_hostile_names.py",
    "--ignore=tests/faults/test_kills.py",
    "--ignore=tests/faults/test_many_writers.py",
    "--ignore=tests/faults/test_random_kills.py",
    "--ignore=tests/faults/test_reads.py",
    "--ignore=tests/faults/test_terminal.py",
    "--ignore=tests/contract/test_suite_is_shipped.py",
    "--ignore=tests/importers/test_bench.py",
    "--ignore=tests/importers/test_compressed.py",
    "--ignore=tests/importers/test_real_cases.py",
    "--ignore=tests/index/test_histories.py",
    "--ignore=tests/property",
    "--ignore=tests/store/test_cost.py",
    "--ignore=tests/sync",
    "--ignore=tests/watch/test_answers.py",
    "--ignore=tests/watch/test_changed.py",
    "--ignore=tests/watch/test_histories.py",
    "--ignore=tests/watch/test_states.py",
    "--ignore=tests/watch/test_storms.py",
]
"""Tests that take long, of what depends on no version and on no wheel: the usual run has them."""

OF_THE_WHEEL = [
    *("tests/cli/test_cli.py", "tests/exporters", "tests/importers", "tests/spec", "tests/store"),
    "tests/test_public_api.py",
    "tests/contract/test_suite_is_shipped.py",
]
"""Tests that see whether all of the package is in the wheel."""

FEW = {"SESSIONFS_EFFORT": "few"}
"""For runs that look for other faults than those that the usual run has tried already."""

ALL = {"SESSIONFS_EFFORT": "all"}
"""For runs that try everything, however long it takes."""

COVERING = [
    *(f"tests/{each}" for each in ("contract", "doctor", "faults", "property", "spec", "store")),
    "tests/sync/test_merge_from.py",
]
"""Tests of the files of a store, and not of what stands upon them."""

nox.options.sessions = ["lint", "typing", "spec", "tests", "minimums", "build"]
nox.options.error_on_missing_interpreters = False
nox.options.default_venv_backend = "venv"


def requirements(*extras: str) -> list[str]:
    """Return the requirements of the package and of these extras."""
    optional = PROJECT["optional-dependencies"]
    return PROJECT["dependencies"] + [each for extra in extras for each in optional[extra]]


def test_tools() -> list[str]:
    """Return what the tests need beside the package and its command line."""
    return [each for each in requirements("dev") if each.split(">")[0] in TEST_TOOLS]


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests on each Python that is installed."""
    session.install("--editable", ".[cli]", *test_tools())
    session.run("pytest", *session.posargs)


@nox.session(python=PYTHONS[0])
def minimums(session: nox.Session) -> None:
    """Run the tests with the lowest versions that pyproject.toml allows."""
    lowest = [each.replace(">=", "==") for each in requirements("cli")]
    session.install("--editable", ".[cli]", *test_tools(), *lowest)
    session.run("pytest", *ONCE, *session.posargs, env=FEW)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, formatting, and that imports go downward only."""
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
    """Check that vectors and golden stores are what the generator writes, and the package agrees."""
    session.run("python", "spec/make_spec.py", "--check")
    session.install("--editable", ".[cli]", *test_tools())
    session.run("pytest", "tests/spec")


@nox.session
def build(session: nox.Session) -> None:
    """Build the wheel and the source archive, and run the tests against the installed wheel."""
    session.install("build", *test_tools())
    # Not nox's own directory: that is in a git work tree, in which nothing is purged.
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
            session.run("pytest", "-p", "no:cacheprovider", *OF_THE_WHEEL, *session.posargs, env=FEW)


@nox.session
def coverage(session: nox.Session) -> None:
    """Ask for every branch of the modules that write, read and decode."""
    session.install("--editable", ".[cli]", *test_tools(), "pytest-cov>=6.0")
    # Threads that take turns at every instruction are too fast for a trace function.
    apart = "tests/faults/test_shared_root.py::test_threads_share_a_memory_that_is_too_small_for_all"
    session.run("pytest", "--cov", f"--deselect={apart}", *COVERING, *session.posargs, env=FEW)


@nox.session
def mutants(session: nox.Session) -> None:
    """Plant a bug on every line of what writes, verifies and decodes, and count what is found."""
    session.install("--editable", ".[cli]", *test_tools(), "mutmut>=3.8")
    session.run("mutmut", "run", *session.posargs, env=FEW)
    session.run("mutmut", "results")


@nox.session
def bench(session: nox.Session) -> None:
    """Measure, beside floors and competitors; --quick and --directory go to each script. No test.

    --publish draws the pictures and fills README's table.
    """
    # Not as a group, which pip knows only since 25.1.
    session.install(".[cli]", *PYPROJECT["dependency-groups"]["bench"])
    session.run("python", "tests/benchmarks/compare.py", *session.posargs)
    others = [each for each in session.posargs if each != "--publish"]
    session.run("python", "tests/benchmarks/index.py", *others)
    session.run("python", "tests/benchmarks/transcripts.py", *others)


@nox.session
def faults(session: nox.Session) -> None:
    """Try every crash, kill, error, damage, race and hostile record, and print how many; takes long."""
    session.install("--editable", ".[cli]", *test_tools())
    session.run("pytest", "tests/faults", "tests/doctor", *session.posargs, env=ALL)


@nox.session
def sync(session: nox.Session) -> None:
    """Sync stores with real tools, and print the table of what was tried with each."""
    session.install("--editable", ".[cli]", *test_tools())
    apart = "--ignore=tests/sync/test_simulator.py"
    session.run("pytest", "tests/sync", apart, *session.posargs, env={"SESSIONFS_SCENARIOS": "table"})


@nox.session
def simulator(session: nox.Session) -> None:
    """Simulate 20,000 runs of 100 steps of replicas that are synced in every way; takes hours."""
    session.install("--editable", ".[cli]", *test_tools())
    session.run("pytest", "tests/sync/test_simulator.py", *session.posargs, env=ALL)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Feed the decoders for ten minutes."""
    session.install("--editable", ".[cli]", *test_tools())
    session.run("pytest", "tests/faults/test_fuzz.py", *session.posargs, env=ALL)
