"""README says what is true: its commands and snippets run, and its links lead somewhere."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sessionfs import ChatMessage, CreateSessionRequest, FileStorage, Role

from .cli.test_importing import lay_out
from .store.helpers import overwrite

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def read(document: str) -> dict[str, str]:
    """Return the fenced blocks, each by its section, language and number: ``Sync: sh 1``."""
    found: dict[str, str] = {}
    for section in re.split(r"^## ", document, flags=re.MULTILINE):
        title, _, body = section.partition("\n")
        seen: Counter[str] = Counter()
        for language, block in re.findall(r"^```([^\n]*)\n(.*?)^```$", body, re.DOTALL | re.MULTILINE):
            seen[language] += 1
            found[f"{title}: {language or 'plain'} {seen[language]}"] = block
    return found


BLOCKS = read(README)
RUN: list[str] = []
"""The blocks that a test takes."""


def runs(*keys: str) -> Callable[[Callable[..., None]], Any]:
    """Give a test the blocks that it runs: it has them from README and from nowhere else."""
    RUN.extend(keys)
    return pytest.mark.parametrize("blocks", [[BLOCKS[key] for key in keys]], ids=[keys[0]])


@pytest.fixture
def shell(tmp_path: Path) -> dict[str, str]:
    """An environment with an empty home, and ``sessionfs`` on the path."""
    binaries = tmp_path / "bin"
    binaries.mkdir()
    script = binaries / "sessionfs"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m sessionfs "$@"\n')
    script.chmod(0o755)
    return {
        "HOME": str(tmp_path / "home"),
        "PATH": f"{binaries}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "COLUMNS": "110",
    }


def run(script: str, environment: dict[str, str], cwd: Path) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd=cwd,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def machine(home: Path) -> None:
    """Lay transcripts out in a home directory as the tools do."""
    lay_out(home / ".claude", home / ".codex", home / ".gemini", home / ".stakpak")


def without_set_up(command: str) -> str:
    """Return README's first command without its set-up, which .ci/run does for real."""
    _, _, rest = command.partition('".[cli]" && ')
    return rest.replace(".venv/bin/", "")


FIRST = "Thirty seconds: sh 1"


@runs(FIRST)
def test_the_main_job_imports_lists_and_searches_what_is_on_the_machine(
    blocks: list[str], shell: dict[str, str]
) -> None:
    machine(Path(shell["HOME"]))
    lines = run(without_set_up(blocks[0]), shell, ROOT).splitlines()
    assert [line.split()[0] for line in lines[:6]] == ["imported"] * 6
    listed = lines.index("stakpak: 2 imported") + 1
    shown = "\n".join(lines[listed:])
    for title in ("Rename the garden beds", "Watering schedule for the garden controller"):
        assert shown.count(title) >= 2, title  # in the list, and above what was found


@runs(FIRST)
def test_the_main_job_is_no_failure_where_no_tool_is(blocks: list[str], shell: dict[str, str]) -> None:
    assert "imported" not in run(without_set_up(blocks[0]), shell, ROOT)


@runs(FIRST, "Thirty seconds: text 1")
def test_what_it_prints_is_what_readme_shows(blocks: list[str], shell: dict[str, str]) -> None:
    command, shown = blocks
    home = Path(shell["HOME"])
    machine(home)
    shutil.rmtree(home / ".stakpak")
    printed = iter([_dateless(line) for line in run(without_set_up(command), shell, ROOT).splitlines()])
    expected = [_dateless(line) for line in shown.splitlines() if line != "…"]
    assert len(expected) >= 10
    for line in expected:
        begin, cut, _ = line.partition(" …")
        # In order: what README leaves out is skipped.
        assert any(each.startswith(begin) if cut else each == line for each in printed), line


def _dateless(line: str) -> str:
    """Return a line without how long ago that was, and without what aligns its columns."""
    return re.sub(
        r"\s+", " ", re.sub(r"\b\d+ (s|min|h|d|w)\b|\b20\d\d-\d\d-\d\d\b", "then", line)
    ).rstrip()


@runs(FIRST, "Thirty seconds: sh 2")
def test_the_second_command_runs_tests(blocks: list[str], shell: dict[str, str]) -> None:
    """All of them, after its set-up, is for .ci/run, which finds both commands by how they begin."""
    found = re.findall(r"^python3 -m venv .*\n", README, re.MULTILINE)
    assert found == blocks
    set_up, install, command = blocks[1].strip().split(" && ")
    assert set_up == "python3 -m venv .venv"
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(re.findall(r'"\.\[(\w+)\]"', blocks[0] + install)) == {"cli", "dev"} <= set(extras)
    assert command == ".venv/bin/pytest"
    some = f'"{sys.executable}" -m pytest -n0 tests/spec/test_names.py'
    assert " passed" in run(command.replace(".venv/bin/pytest", some), shell, ROOT)


@runs(
    "The library in ten lines: python 1",
    "The library in ten lines: python 2",
    "Find and watch: python 1",
    "Sync: python 1",
    "Guarantees: python 1",
)
def test_the_library_examples(blocks: list[str], tmp_path: Path) -> None:
    """Each goes on with the store of the one before; the fourth merges, the fifth finds damage."""
    keep, coroutines, find, merge, break_ = blocks
    assert all(len(re.findall(r"^.", each, re.MULTILINE)) <= 10 for each in (keep, coroutines))
    assert run_python(keep, tmp_path) == "Done.\n[('Garden', 1)]\n"
    assert run_python(coroutines, tmp_path) == "2 1\n"
    found, event = run_python(find, tmp_path).splitlines()
    assert found == "Garden 0 Water the [tomato]es"
    assert event.startswith("CheckpointCreated(")
    shutil.copytree(tmp_path / "store", tmp_path / "laptop")
    heads = set()
    for name in ("store", "laptop"):
        with FileStorage(tmp_path / name) as storage:
            (session,) = storage.list_sessions().sessions
            heads.add(storage.append_messages(session.id, [ChatMessage(Role.USER, name)]).id)
            later = storage.get_active_checkpoint(session.id).id
    merged = run_python(merge.replace("/mnt/laptop/store", str(tmp_path / "laptop")), tmp_path)
    assert merged == "0 1 []\n"
    with FileStorage(tmp_path / "store") as storage:
        (settled,) = storage.get_session(session.id).heads
        assert {settled.id} == heads - {later}
    shutil.copytree(tmp_path / "store", tmp_path / "backup")
    storage = FileStorage(tmp_path / "store")
    path = Path(storage.checkpoint_path(storage.list_checkpoints(session.id).checkpoints[0].id))
    overwrite(path, path.read_bytes()[:-1])
    finding, state = run_python(
        break_.replace("/mnt/backup/store", str(tmp_path / "backup")), tmp_path
    ).splitlines()
    assert finding.startswith(f"error object-damaged {path}")
    assert "Gap(start=0, count=1" in state
    assert storage.verify().sound
    assert storage.get_session(session.id).active_checkpoint is not None


def run_python(example: str, directory: Path) -> str:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", example],
        capture_output=True,
        text=True,
        check=True,
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ).stdout


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
@runs(FIRST, "On disk, and by hand: sh 1")
def test_by_hand_the_imported_store_verifies_and_prints_the_active_conversation(
    blocks: list[str], shell: dict[str, str]
) -> None:
    machine(Path(shell["HOME"]))
    run(without_set_up(blocks[0]), shell, ROOT)
    lines = run(blocks[1], shell, ROOT).splitlines()
    assert lines[0] == "verified"
    storage = FileStorage(Path(shell["HOME"]) / ".sessionfs", message_type=dict)
    summary = storage.list_sessions().sessions[0]
    printed = [msgspec.json.decode(line) for line in lines[lines.index("}") + 1 :]]
    assert printed == storage.get_active_checkpoint(summary.id).state.messages
    assert f'"title": "{summary.title}"' in "\n".join(lines)


@runs(FIRST, "On disk, and by hand: plain 1")
def test_on_disk_is_what_readme_draws(blocks: list[str], shell: dict[str, str]) -> None:
    machine(Path(shell["HOME"]))
    run(without_set_up(blocks[0]), shell, ROOT)
    root = Path(shell["HOME"]) / ".sessionfs"
    there = {_nameless(path.name) for path in root.rglob("*")}
    drawn = set()
    for line in blocks[1].splitlines()[1:]:
        names, _, _ = line.strip().partition("   ")
        for name in names.split("  "):
            drawn |= {_nameless(part) for part in name.split("/") if part}
    assert drawn == there


def _nameless(name: str) -> str:
    """Return a file's name without its id, time and hash."""
    name = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<session>", name)
    name = re.sub(r"\d{8}T\d{12}Z", "<at>", name)
    return re.sub(r"[0-9a-f]{12,64}…?", "<hash>", name)


@pytest.mark.skipif(shutil.which("rsync") is None, reason="rsync is not installed")
@runs(FIRST, "Sync: sh 1")
def test_after_syncing_both_have_everything(blocks: list[str], shell: dict[str, str]) -> None:
    home = Path(shell["HOME"])
    machine(home)
    run(without_set_up(blocks[0]), shell, ROOT)
    laptop = home / "laptop"
    with FileStorage(laptop / ".sessionfs") as storage:
        storage.create_session(CreateSessionRequest("On the laptop"))
    run(blocks[1].replace("laptop:", f"{laptop}/").replace("~", str(home)), shell, ROOT)
    titles = [
        sorted(each.title for each in FileStorage(root / ".sessionfs").list_sessions().sessions)
        for root in (home, laptop)
    ]
    assert titles[0] == titles[1]
    assert "On the laptop" in titles[0]
    assert "Rename the garden beds" in titles[0]


def test_every_block_is_run_by_a_test() -> None:
    assert len(BLOCKS) >= 10
    assert len(re.findall("^```", README, re.MULTILINE)) == 2 * len(BLOCKS)
    assert set(RUN) == set(BLOCKS)


def documents() -> list[Path]:
    return [*ROOT.glob("*.md"), *(ROOT / "spec").glob("*.md")]


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", _without_code(document.read_text())):
        if target.startswith(("https:", "mailto:")):
            continue
        name, _, heading = target.partition("#")
        leads = (document.parent / name) if name else document
        assert leads.exists(), target
        assert not heading or heading in _headings(leads), target


def _without_code(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)


def _headings(document: Path) -> list[str]:
    """Return the names that links give to a document's headings."""
    found = re.findall(r"^#+ (.*)$", _without_code(document.read_text()), re.MULTILINE)
    return [re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in found]


def test_the_measured_figures_have_their_place() -> None:
    assert len(re.findall(r"<!-- measured: -->.*<!-- :measured -->", README, re.DOTALL)) == 1


def test_guarantees_name_tests_that_are_there() -> None:
    named = re.findall(r"`(tests/[\w/.]+)`", (ROOT / "spec" / "GUARANTEES.md").read_text())
    assert named
    assert [each for each in named if not (ROOT / each).exists()] == []
