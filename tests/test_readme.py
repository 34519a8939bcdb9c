"""README says what is true: its commands and snippets run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from sessionfs import ChatMessage, FileStorage, Role

from .cli.test_importing import lay_out
from .store.helpers import overwrite

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


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


def test_the_main_job_imports_lists_and_searches_what_is_on_the_machine(shell: dict[str, str]) -> None:
    machine(Path(shell["HOME"]))
    lines = run(main_job(), shell, ROOT).splitlines()
    assert [line.split()[0] for line in lines[:6]] == ["imported"] * 6
    listed = lines.index("stakpak: 2 imported") + 1
    shown = "\n".join(lines[listed:])
    for title in ("Rename the garden beds", "Watering schedule for the garden controller"):
        assert shown.count(title) >= 2, title  # in the list, and above what was found


def test_the_main_job_is_no_failure_where_no_tool_is(shell: dict[str, str]) -> None:
    assert "imported" not in run(main_job(), shell, ROOT)


def main_job() -> str:
    """Return README's first command without its set-up, which .ci/run does for real."""
    first = next(block for block in blocks("sh") if ".venv/bin/sessionfs" in block)
    _, _, rest = first.partition('".[cli]" && ')
    return rest.replace(".venv/bin/", "")


def test_the_library_examples(tmp_path: Path) -> None:
    """The second one goes on with the store of the first, the third merges, the fourth finds damage."""
    keep, find, merge, break_ = blocks("python")
    assert run_python(keep, tmp_path) == "Garden 1\n"
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
def test_by_hand_the_imported_store_verifies_and_prints_the_active_conversation(
    shell: dict[str, str],
) -> None:
    machine(Path(shell["HOME"]))
    run(main_job(), shell, ROOT)
    (by_hand,) = (block for block in blocks("sh") if "sha256sum" in block)
    lines = run(by_hand, shell, ROOT).splitlines()
    assert lines[0] == "verified"
    storage = FileStorage(Path(shell["HOME"]) / ".sessionfs", message_type=dict)
    summary = storage.list_sessions().sessions[0]
    printed = [msgspec.json.decode(line) for line in lines[lines.index("}") + 1 :]]
    assert printed == storage.get_active_checkpoint(summary.id).state.messages
    assert f'"title": "{summary.title}"' in "\n".join(lines)


def test_every_command_is_documented() -> None:
    from sessionfs.cli.app import app

    names = [
        command.name or command.callback.__name__
        for command in app.registered_commands
        if command.callback
    ]
    assert [
        name
        for name in names
        if f"| `sessionfs {name} " not in README and f"| `sessionfs {name}`" not in README
    ] == []


def test_links_lead_somewhere() -> None:
    for document in (README, (ROOT / "spec" / "FORMAT.md").read_text()):
        for target in re.findall(r"\]\(([^)#:]+)\)", document):
            assert (ROOT / target).exists() or (ROOT / "spec" / target).exists(), target


def test_guarantees_name_tests_that_are_there() -> None:
    named = re.findall(r"`(tests/[\w/.]+)`", (ROOT / "spec" / "GUARANTEES.md").read_text())
    assert named
    assert [each for each in named if not (ROOT / each).exists()] == []
