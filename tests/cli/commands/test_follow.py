"""``sessionfs follow``: what the tools write is imported as they write it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ..command import CLAUDE, CLAUDE_ID, CODEX, FIXTURES, Command
from ..samples import PROJECT

pytestmark = pytest.mark.slow


@contextmanager
def following(command: Command, *arguments: str | Path) -> Iterator[Iterator[str]]:
    """Follow in a process; gives what it prints."""
    process = subprocess.Popen(
        [sys.executable, "-m", "sessionfs", "follow", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=command.environment,
    )
    assert process.stdout is not None
    # Only so that what never comes is a failure, and not a test that never ends.
    patience = threading.Timer(120, process.kill)
    patience.start()
    try:
        yield iter(process.stdout)
    finally:
        patience.cancel()
        process.kill()
        process.wait()
        process.stdout.close()


def until(lines: Iterator[str], text: str) -> list[str]:
    """Read until a line holds a text; a process that ends before fails the test."""
    read: list[str] = []
    for line in lines:
        read.append(line)
        if text in line:
            return read
    raise AssertionError(f"ended without {text!r}: {read}")


def test_follow_imports_what_the_tools_write(machine: Command) -> None:
    path = machine.home / PROJECT / f"{CLAUDE_ID}.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:3]))
    with following(machine) as printed:
        assert len([line for line in until(printed, "following") if "imported" in line]) == 6
        for line in lines[3:]:
            # As tools do: a record at a time, and some of them not at once.
            with path.open("a") as file:
                file.write(line[:20])
                file.flush()
                os.fsync(file.fileno())
                file.write(line[20:])
        until(printed, f"updated  {CLAUDE_ID}")
        other = machine.home / ".codex/sessions/2026/05/01/rollout-new.jsonl"
        other.parent.mkdir(parents=True)
        other.write_text(CODEX.read_text().replace("0196a1f0-7c2e", "0196a1f0-7c2f"))
        until(printed, "imported  0196a1f0-7c2f")
    machine("import")  # whatever came in the last moment
    original = FIXTURES / "claude-code.jsonl"
    shown = machine.json("show", CLAUDE_ID)["active_checkpoint"]["state"]["messages"]
    alone = Command(machine.home / "alone")
    alone.home.mkdir()
    alone("import", original)
    assert shown == alone.json("show", CLAUDE_ID)["active_checkpoint"]["state"]["messages"]


def test_follow_a_file_that_grows(sessionfs: Command, tmp_path: Path) -> None:
    path = tmp_path / "here" / f"{CLAUDE_ID}.jsonl"
    path.parent.mkdir()
    lines = CLAUDE.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:3]))
    with following(sessionfs, path, "--json") as printed:
        report = json.loads(until(printed, '"created":true')[-1])
        assert report["sessions"][0]["session_id"] == CLAUDE_ID
        with path.open("a") as file:
            file.writelines(lines[3:])
        report = json.loads(until(printed, '"created":false')[-1])
        assert report["sessions"][0]["new_checkpoints"] >= 1
