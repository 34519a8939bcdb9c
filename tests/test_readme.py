"""README and the guides are true: their commands and examples run, and their links lead somewhere."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sessionfs import ChatMessage, CreateSessionRequest, FileStorage, Role

from .cli.samples import lay_out
from .store.helpers import overwrite

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
GUIDE = ROOT / "spec" / "guide"
ELSEWHERE = {
    "commands": "tests/cli/test_documentation.py writes it from the commands themselves",
    "sync": "tests/sync runs its commands against the real tools",
}
"""The guides whose blocks other tests check."""


def read(path: Path) -> dict[str, str]:
    """Return the fenced blocks by document, section, language and number: ``sync: git: sh 1``."""
    found: dict[str, str] = {}
    for section in re.split(r"^## ", path.read_text(), flags=re.MULTILINE):
        title, _, body = section.removeprefix("# ").partition("\n")
        seen: Counter[str] = Counter()
        for language, block in re.findall(r"^```([^\n]*)\n(.*?)^```$", body, re.DOTALL | re.MULTILINE):
            seen[language] += 1
            found[f"{path.stem}: {title}: {language or 'plain'} {seen[language]}"] = block
    return found


DOCUMENTS = [
    ROOT / "README.md",
    *(path for path in sorted(GUIDE.glob("*.md")) if path.stem not in ELSEWHERE),
]
BLOCKS = {key: block for path in DOCUMENTS for key, block in read(path).items()}
RUN: list[str] = []
"""The blocks that a test takes."""


def runs(*keys: str) -> Callable[[Callable[..., None]], Any]:
    """Give a test the blocks that it runs, exactly as the documents have them."""
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


FIRST = "README: Thirty seconds: sh 1"


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


@runs(FIRST, "README: Thirty seconds: text 1")
def test_what_it_prints_is_what_readme_shows(blocks: list[str], shell: dict[str, str]) -> None:
    command, shown = blocks
    home = Path(shell["HOME"])
    machine(home)
    shutil.rmtree(home / ".stakpak")
    printed = iter([_dateless(line) for line in run(without_set_up(command), shell, ROOT).splitlines()])
    expected = [_dateless(line) for line in shown.splitlines() if line != "…"]
    assert len(expected) >= 6
    for line in expected:
        begin, cut, _ = line.partition(" …")
        # In order: what README leaves out is skipped.
        assert any(each.startswith(begin) if cut else each == line for each in printed), line


def _dateless(line: str) -> str:
    """Return a line without how long ago that was, and without what aligns its columns."""
    return re.sub(
        r"\s+", " ", re.sub(r"\b\d+ (s|min|h|d|w)\b|\b20\d\d-\d\d-\d\d\b", "then", line)
    ).rstrip()


@pytest.mark.slow
@runs(FIRST, "README: Thirty seconds: sh 2")
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


@runs("README: The library in ten lines: python 1", "README: The library in ten lines: python 2")
def test_the_library_in_ten_lines(blocks: list[str], tmp_path: Path) -> None:
    keep, coroutines = blocks
    assert all(len(re.findall(r"^.", each, re.MULTILINE)) <= 10 for each in blocks)
    assert run_python(keep, tmp_path) == "Done.\n[('Garden', 1)]\n"
    assert run_python(coroutines, tmp_path) == "Garden 1\n"


@runs(
    "library: Create and append: python 1",
    "library: Store a whole state: python 1",
    "library: Messages: python 1",
    "library: Rewind, branch, fork: python 1",
    "library: Search: python 1",
    "library: Watch: python 1",
    "library: Export: python 1",
)
def test_the_library_guide(blocks: list[str], tmp_path: Path) -> None:
    *examples, watch, export = blocks
    assert [run_python(each, tmp_path) for each in examples] == [
        "Done.\n",
        "3 {'step': 2}\n",
        "Buy seeds\n",
        "4 1\n",
        "0 Water the [tomato]es\n",
    ]
    assert run_python(watch, tmp_path).startswith("CheckpointCreated(")
    assert run_python(export, tmp_path) == ""
    assert "Peas too" in (tmp_path / "session.md").read_text()


@runs("library: Merge: python 1")
def test_the_library_guide_merges_and_settles_heads(blocks: list[str], tmp_path: Path) -> None:
    with FileStorage(tmp_path / "store") as storage:
        made = storage.create_session(CreateSessionRequest("Garden"))
    shutil.copytree(tmp_path / "store", tmp_path / "laptop")
    heads = {}
    for name in ("store", "laptop"):
        with FileStorage(tmp_path / name) as storage:
            message = ChatMessage(Role.USER, name)
            heads[name] = storage.append_messages(made.session_id, [message]).id
    merged = run_python(blocks[0].replace("/mnt/laptop/store", str(tmp_path / "laptop")), tmp_path)
    assert merged == "0 1 []\n"
    with FileStorage(tmp_path / "store") as storage:
        (settled,) = storage.get_session(made.session_id).heads
    assert settled.id == heads["store"]  # the laptop's was later, and so active


@runs("library: Handle damage: python 1")
def test_the_library_guide_finds_damage_and_repairs_it(blocks: list[str], tmp_path: Path) -> None:
    storage = FileStorage(tmp_path / "store")
    made = storage.create_session(CreateSessionRequest("Garden", [ChatMessage(Role.USER, "Water")]))
    storage.append_messages(made.session_id, [ChatMessage(Role.ASSISTANT, "Done.")])
    shutil.copytree(tmp_path / "store", tmp_path / "backup")
    path = Path(storage.checkpoint_path(made.checkpoint.id))
    overwrite(path, path.read_bytes()[:-1])
    example = blocks[0].replace("/mnt/backup/store", str(tmp_path / "backup"))
    finding, state = run_python(example, tmp_path).splitlines()
    assert finding == f"error object-damaged {path}"
    assert "Gap(start=0, count=1" in state
    assert storage.verify().sound
    assert storage.get_session(made.session_id).active_checkpoint is not None


@pytest.mark.slow
@runs("importers: Adding one: python 1")
def test_the_importers_guide_tests_an_importer(blocks: list[str], tmp_path: Path) -> None:
    (tmp_path / "test_codex.py").write_text(blocks[0])
    command = [sys.executable, "-m", "pytest", "-n0", "-p", "no:cacheprovider", "--rootdir", str(ROOT)]
    command.append(str(tmp_path / "test_codex.py"))
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


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
@runs(FIRST, "on-disk: Print a session: sh 1")
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


@runs(FIRST, "README: What is on disk: plain 1", "on-disk: Reading a store by hand: plain 1")
def test_on_disk_is_what_readme_draws(blocks: list[str], shell: dict[str, str]) -> None:
    machine(Path(shell["HOME"]))
    run(without_set_up(blocks[0]), shell, ROOT)
    root = Path(shell["HOME"]) / ".sessionfs"
    there = {_nameless(path.name) for path in root.rglob("*")}
    for drawing in blocks[1:]:
        drawn = set()
        for line in drawing.splitlines()[1:]:
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
@runs(FIRST, "README: Sync in two commands: sh 1")
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
    fences = sum(len(re.findall("^```", path.read_text(), re.MULTILINE)) for path in DOCUMENTS)
    assert fences == 2 * len(BLOCKS)
    assert set(RUN) == set(BLOCKS)
    assert set(ELSEWHERE) <= {path.stem for path in GUIDE.glob("*.md")}


def type_checkers() -> dict[str, list[str]]:
    mypy = [sys.executable, "-m", "mypy", "--strict", "--no-incremental"]
    pyright = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable]
    return {"mypy": mypy, "pyright": pyright}


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.parametrize("checker", type_checkers())
def test_python_passes_type_checkers(checker: str, tmp_path: Path) -> None:
    if find_spec(checker) is None:
        pytest.skip(f"{checker} is not installed")
    blocks = [block for key, block in BLOCKS.items() if ": python" in key]
    assert blocks
    for number, block in enumerate(blocks):
        (tmp_path / f"block_{number}.py").write_text(block)
    done = subprocess.run(
        [*type_checkers()[checker], *sorted(map(str, tmp_path.glob("*.py")))],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": str(ROOT), "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stdout


def test_readme_is_short() -> None:
    assert len(README.split()) <= 900


def documents() -> list[Path]:
    return [
        *ROOT.glob("*.md"),
        *(ROOT / "spec").glob("*.md"),
        *(ROOT / "spec" / "format").glob("*.md"),
        *GUIDE.glob("*.md"),
    ]


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
    speed = (GUIDE / "speed.md").read_text()
    assert len(re.findall(r"<!-- measured: -->.*<!-- :measured -->", speed, re.DOTALL)) == 1


def test_guarantees_name_tests_that_are_there() -> None:
    named = re.findall(r"`(tests/[\w/.]+)`", (GUIDE / "guarantees.md").read_text())
    assert named
    assert [each for each in named if not (ROOT / each).exists()] == []
