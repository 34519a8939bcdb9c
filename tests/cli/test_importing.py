"""Importing what is on the machine, as the tools lay it out, and following what they write."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ..tools.test_stakpak import S1, checkpoint, database, message
from .command import CLAUDE, CODEX, FIXTURES, Command

ID = "6f1c2a9e-4b7d-4e0a-9c35-1d2e3f405162"
PROJECT = Path(".claude/projects/-home-ana-garden")


def lay_out(claude: Path, codex: Path, gemini: Path, stakpak: Path) -> None:
    """Lay transcripts out as the tools do, below these directories."""
    for source, target in (
        (CLAUDE, claude / "projects" / "-home-ana-garden" / f"{ID}.jsonl"),
        (CODEX, codex / "sessions" / "2026" / "04" / "10" / "rollout-2026-04-10T08-00-00-x.jsonl"),
        (CODEX, codex / "archived_sessions" / "rollout-2026-04-10T08-00-00-x.jsonl"),
        (FIXTURES / "gemini.json", gemini / "tmp" / "3f0a9b" / "chats" / "session-a.json"),
        (FIXTURES / "gemini.jsonl", gemini / "tmp" / "garden" / "chats" / "session-b.jsonl"),
    ):
        target.parent.mkdir(parents=True)
        shutil.copy(source, target)
    (stakpak / "data").mkdir(parents=True)
    database(stakpak / "data" / "local.db", checkpoint(1, None, {"messages": [message("hello")]}))


@pytest.fixture
def machine(sessionfs: Command) -> Command:
    home = sessionfs.home
    lay_out(home / ".claude", home / ".codex", home / ".gemini", home / ".stakpak")
    # What lies beside: nothing was said in the one yet, and the other is of no known tool.
    (home / PROJECT / "empty.jsonl").touch()
    (home / ".gemini/tmp/garden/logs.json").write_text("[]")
    return sessionfs


def test_what_is_on_the_machine_is_imported_listed_and_searched(machine: Command) -> None:
    out = machine("import")
    assert [line.split()[0] for line in out.splitlines()[:6]] == ["imported"] * 6
    assert out.splitlines()[-4:] == [
        "claude-code: 1 imported",
        "codex: 1 imported, 1 unchanged",
        "gemini-cli: 2 imported",
        "stakpak: 2 imported",
    ]
    assert machine.json("ls", "--all")["total"] == 6
    for text in ("seedlings", "Rename the beds", "test_rounding"):
        assert machine.json("search", text)["total"] >= 1, text
    again = machine("import").splitlines()
    assert len(again) == 4
    assert all("imported" not in line for line in again)


def test_a_person_sees_what_was_found_and_a_bar(machine: Command) -> None:
    shown = machine.on_a_terminal("import", columns=100)
    assert "gemini-cli: 2 files" in shown
    assert "Importing" in shown
    piped = Command(machine.home / "other")
    lay_out(*(piped.home / name for name in (".claude", ".codex", ".gemini", ".stakpak")))
    done = piped.run("import")
    assert "gemini-cli: 2 files" in done.stderr
    assert "Importing" not in done.stdout + done.stderr


def test_the_tools_own_variables_say_where(sessionfs: Command, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    names = ("CLAUDE_CONFIG_DIR", "CODEX_HOME", "GEMINI_CLI_HOME")
    gemini = elsewhere / "GEMINI_CLI_HOME" / ".gemini"
    lay_out(elsewhere / names[0], elsewhere / names[1], gemini, tmp_path / ".stakpak")
    variables = {name: str(elsewhere / name) for name in names}
    assert len(json.loads(sessionfs.run("import", "--dry-run", "--json").stdout)["files"]) == 1
    found = json.loads(sessionfs.run("import", "--dry-run", "--json", **variables).stdout)["files"]
    assert [each["tool"] for each in found] == [
        "claude-code", "codex", "codex", "gemini-cli", "gemini-cli", "stakpak",
    ]  # fmt: skip
    assert not (tmp_path / ".sessionfs").exists()


def test_what_is_no_transcript_is_told_of(machine: Command) -> None:
    stray = machine.home / PROJECT / "stray.jsonl"
    stray.write_text('{"some": "JSON"}\n')
    done = machine.run("import")
    assert done.returncode == 0
    assert "claude-code: 1 imported" in done.stdout
    assert f"{stray} is not a transcript" in done.stderr
    assert machine.run("import", stray).returncode == 1


def test_nothing_on_the_machine_is_no_failure(sessionfs: Command) -> None:
    done = sessionfs.run("import")
    assert (done.returncode, done.stdout) == (0, "")
    assert "no sessions of" in done.stderr


def test_a_directory_is_searched_by_content(sessionfs: Command, tmp_path: Path) -> None:
    odd = tmp_path / "backup" / "some" / "file without a name"
    odd.parent.mkdir(parents=True)
    shutil.copy(CLAUDE, odd)
    (odd.parent / "notes.txt").write_text("no transcript")
    shutil.copy(FIXTURES / "gemini.json", odd.parent / "x")
    out = sessionfs("import", tmp_path / "backup")
    assert [line.split()[2] for line in out.splitlines()] == ["claude-code", "gemini-cli"]


def test_a_conversation_that_was_moved_to_lines_counts_once(machine: Command) -> None:
    chats = machine.home / ".gemini/tmp/3f0a9b/chats"
    shutil.copy(FIXTURES / "gemini.jsonl", chats / "session-a.jsonl")
    found = [each["file"] for each in machine.json("import", "--dry-run")["files"]]
    assert [name for name in found if "session-a" in name] == [str(chats / "session-a.jsonl")]


def test_a_session_that_was_continued_here_gets_a_branch(machine: Command) -> None:
    path = machine.home / PROJECT / f"{ID}.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:5]))
    machine("import")
    script = (
        "import sys, uuid; from sessionfs import FileStorage; "
        "said = [{'role': 'user', 'content': 'x'}]; "
        "FileStorage(sys.argv[1]).append_messages(uuid.UUID(sys.argv[2]), said)"
    )
    store = str(machine.home / ".sessionfs")
    subprocess.run([sys.executable, "-c", script, store, ID], check=True, env=machine.environment)
    path.write_text("".join(lines))
    assert "as a branch: it was continued here" in machine("import")
    assert machine.json("show", ID)["active_checkpoint"]["state"]["messages"][-1]["content"] == "x"


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
    path = machine.home / PROJECT / f"{ID}.jsonl"
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
        until(printed, f"updated  {ID}")
        other = machine.home / ".codex/sessions/2026/05/01/rollout-new.jsonl"
        other.parent.mkdir(parents=True)
        other.write_text(CODEX.read_text().replace("0196a1f0-7c2e", "0196a1f0-7c2f"))
        until(printed, "imported  0196a1f0-7c2f")
    machine("import")  # whatever came in the last moment
    original = FIXTURES / "claude-code.jsonl"
    shown = machine.json("show", ID)["active_checkpoint"]["state"]["messages"]
    alone = Command(machine.home / "alone")
    alone.home.mkdir()
    alone("import", original)
    assert shown == alone.json("show", ID)["active_checkpoint"]["state"]["messages"]


def test_follow_a_file_that_grows(sessionfs: Command, tmp_path: Path) -> None:
    path = tmp_path / "here" / f"{ID}.jsonl"
    path.parent.mkdir()
    lines = CLAUDE.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:3]))
    with following(sessionfs, path, "--json") as printed:
        report = json.loads(until(printed, '"created":true')[-1])
        assert report["sessions"][0]["session_id"] == ID
        with path.open("a") as file:
            file.writelines(lines[3:])
        report = json.loads(until(printed, '"created":false')[-1])
        assert report["sessions"][0]["new_checkpoints"] >= 1


def test_stakpak_keeps_its_ids(machine: Command) -> None:
    machine("import")
    assert machine.json("show", S1)["title"] == "first"
