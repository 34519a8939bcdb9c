"""``sessionfs import``: what is on the machine, as the tools lay it out."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from sessionfs import (
    FileStorage,
    ImportSessionRequest,
    ImportSessionResult,
    InvalidRequestError,
)

from ...tools.test_stakpak import S1
from ..command import CLAUDE, CLAUDE_ID, CODEX, FIXTURES, Command
from ..samples import PROJECT, lay_out


def test_damaged_lines_are_named(sessionfs: Command) -> None:
    torn = sessionfs.home / "torn.jsonl"
    torn.write_text(CLAUDE.read_text() + '{"type":"user"')
    done = sessionfs.run("import", torn)
    assert done.returncode == 0
    assert re.search(r"torn\.jsonl:\d+: not JSON", done.stderr)


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
    path = machine.home / PROJECT / f"{CLAUDE_ID}.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:5]))
    machine("import")
    script = (
        "import sys, uuid; from sessionfs import FileStorage; "
        "said = [{'role': 'user', 'content': 'x'}]; "
        "FileStorage(sys.argv[1]).append_messages(uuid.UUID(sys.argv[2]), said)"
    )
    store = str(machine.home / ".sessionfs")
    subprocess.run(
        [sys.executable, "-c", script, store, CLAUDE_ID], check=True, env=machine.environment
    )
    path.write_text("".join(lines))
    assert "as a branch: it was continued here" in machine("import")
    assert (
        machine.json("show", CLAUDE_ID)["active_checkpoint"]["state"]["messages"][-1]["content"] == "x"
    )


def test_stakpak_keeps_its_ids(machine: Command) -> None:
    machine("import")
    assert machine.json("show", S1)["title"] == "first"


@pytest.mark.slow
def test_an_import_that_is_interrupted_says_what_is_done(tmp_path: Path) -> None:
    command = Command(tmp_path)
    large = tmp_path / "large.jsonl"
    record = CODEX.read_text().splitlines(keepends=True)
    with large.open("w") as file:
        file.write(record[0])
        for _ in range(40_000 // len(record)):
            file.writelines(record[1:])
    arguments = ["import", "--relaxed", str(CLAUDE), str(large)]
    process = subprocess.Popen(
        [sys.executable, "-m", "sessionfs", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=command.environment,
        # A shell that starts us in the background has interrupts ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    # The second is being written once its directory is there, which appears as a whole or not at all.
    sessions = tmp_path / ".sessionfs" / "sessions"
    while not any(sessions.glob(".tmp-*/objects/*.json")) or not any(sessions.glob("6f1c*")):
        assert process.poll() is None, "it was done before it could be interrupted"
        os.sched_yield()
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert errors.startswith("interrupted: 1 of 2 files done; importing again brings the rest")
    assert [path.name for path in sessions.iterdir()] == [CLAUDE_ID]
    again = command(*arguments).splitlines()
    assert [line.split()[0] for line in again] == ["unchanged", "imported"]
    assert command.run("doctor").returncode == 0


def test_one_session_that_is_refused_does_not_keep_back_the_next(
    sessionfs: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = sessionfs.home / "local.db"
    ids = [f"0d4f7c1e-2222-4a4a-9b9b-00000000000{n}" for n in range(3)]
    with closing(sqlite3.connect(path)) as database, database:
        database.executescript(
            "CREATE TABLE sessions(id, title, created_at);"
            "CREATE TABLE checkpoints(id, session_id, parent_id, state, created_at);"
        )
        for id_ in ids:
            database.execute("INSERT INTO sessions VALUES (?,?,?)", (id_, "t", "2026-01-01T00:00:00Z"))
    sound = FileStorage.import_session

    def refusing(storage: FileStorage, request: ImportSessionRequest) -> ImportSessionResult:
        if str(request.session_id) == ids[1]:
            raise InvalidRequestError("refused")
        return sound(storage, request)

    monkeypatch.setattr(FileStorage, "import_session", refusing)
    [report] = sessionfs.json("import", "--relaxed", path, code=1)["files"]
    assert [each["session_id"] for each in report["sessions"]] == [ids[0], ids[2]]
    assert (report["error"], report["code"]) == ("refused", "invalid_request")
    assert len(report["problems"]) == 3
