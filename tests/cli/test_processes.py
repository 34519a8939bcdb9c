"""Each command in a process of its own, as people run it, does what it does in that of the tests."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from typer.main import get_command

from sessionfs import FileStorage
from sessionfs.cli.app import app

from .command import CLAUDE, CLAUDE_ID, CODEX, Command

pytestmark = [pytest.mark.slow, pytest.mark.wheel]

LINES = (
    f"import {CLAUDE}",
    "ls --all",
    "search tomato",
    "show @1",
    "log @2",
    "diff @1 @2",
    "cat @1",
    "export @2 -f html",
    "path @1 --json",
    f"rewind {CLAUDE_ID} CHECKPOINT",
    "fork @1",
    "rename @1 Peas",
    "rm @1",
    f"restore {CLAUDE_ID}",
    "merge other",
    f"purge {CLAUDE_ID} --yes",
    "relocate /home/ana /srv",
    "stats",
    "index",
    "doctor --read-all",
)
GO_ON = {"follow", "watch"}
"""They end when they are interrupted, and have tests of their own, of processes."""


@pytest.mark.parametrize("line", LINES)
def test_a_process_does_the_same(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    command = Command(tmp_path / "home")
    command("import", CLAUDE, CODEX)
    with FileStorage(command.home / ".sessionfs") as storage:
        oldest = storage.list_checkpoints(storage.list_sessions().sessions[-1].id).checkpoints[0]
        if line.startswith(("purge", "restore")):
            storage.delete_session(storage.list_sessions().sessions[-1].id)
    shutil.copytree(command.home / ".sessionfs", "other")
    shutil.copytree(command.home, "before")
    arguments = line.replace("CHECKPOINT", str(oldest.id)).split()
    inside = command.run(*arguments)
    shutil.rmtree(command.home)
    Path("before").rename(command.home)
    outside = command.process(*arguments)
    assert (inside.returncode, outside.returncode) == (0, 0), outside.stderr
    assert outside.stderr == inside.stderr
    assert without_new_ids(outside.stdout) == without_new_ids(inside.stdout)
    assert outside.stdout


def without_new_ids(text: str) -> str:
    return re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", "ID", text)


def test_all_commands_are_among_them() -> None:
    group = get_command(app)
    assert {each.split()[0] for each in LINES} | GO_ON == set(group.commands)  # type: ignore[attr-defined]
