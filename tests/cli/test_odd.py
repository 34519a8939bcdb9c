"""The command where something is odd: damaged stores, strange arguments, names that are no text."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sessionfs import (
    CreateSessionRequest,
    FileStorage,
    ImportSessionRequest,
    ImportSessionResult,
    InvalidRequestError,
)

from .command import CLAUDE, CLAUDE_ID, Command

pytestmark = pytest.mark.once


def damage_active(command: Command) -> None:
    active = Path(command("path", "6f1c", "--active").strip())
    active.chmod(0o600)
    active.write_bytes(b"damage")


def test_another_checkpoint_is_shown_where_the_active_one_is_damaged(imported: Command) -> None:
    oldest = imported("log", "6f1c").splitlines()[-1].split()[1]
    damage_active(imported)
    assert imported.run("show", "6f1c").returncode == 1
    shown = imported("show", "6f1c", "-c", oldest)
    assert "Watering schedule" in shown
    assert "The tomato bed gets watered twice a day" in shown
    found = imported.json("show", "6f1c", "-c", oldest)
    assert (found["id"], found["cwd"]) == (CLAUDE_ID, "/home/ana/garden")
    assert len(found["active_checkpoint"]["state"]["messages"]) == 6


def test_the_path_of_a_session_whose_active_checkpoint_is_damaged(imported: Command) -> None:
    damage_active(imported)
    found = imported.json("path", "6f1c")
    assert found["active"] is None
    assert found["objects"]
    assert imported.run("path", "6f1c", "--active").returncode == 1
    for file in Path(found["path"], "objects").iterdir():
        file.unlink()
    Path(found["path"], "objects").rmdir()
    assert imported.json("path", "6f1c")["objects"] == []


def test_log_of_a_session_without_checkpoints_says_what_is_missing(imported: Command) -> None:
    directory = Path(imported("path", "6f1c").strip())
    for file in (directory / "objects").iterdir():
        file.unlink()
    done = imported.run("log", "6f1c")
    assert (done.returncode, done.stdout) == (1, "")
    assert "has not arrived" in done.stderr or "missing" in done.stderr
    assert imported.json("log", "6f1c", code=1)["code"] == "incomplete"


def test_a_home_of_nobody_is_one_line(sessionfs: Command) -> None:
    for arguments in (["ls", "--store", "~nosuch/x"], ["import", "~nosuch", str(CLAUDE)]):
        done = sessionfs.run(*arguments)
        assert done.returncode == 1
        assert len(done.stderr.splitlines()) == 1, done.stderr
        assert "~nosuch" in done.stderr
    assert sessionfs.json("ls")["total"] == 1


def test_messages_with_odd_tool_calls_are_shown(sessionfs: Command) -> None:
    storage = FileStorage(sessionfs.home / ".sessionfs")
    messages: list[Any] = [
        {"role": "assistant", "content": "x", "tool_calls": calls} for calls in (5, "a", {"b": 1}, [7])
    ]
    storage.create_session(CreateSessionRequest("odd", messages))
    shown = [line for line in sessionfs("show", "@1").splitlines() if line.startswith("→")]
    assert shown == ["→ 5", "→ a", "→ {'b': 1}", "→ 7"]


def test_a_number_of_thousands_of_digits_is_no_session(imported: Command) -> None:
    for given in ("@" + "1" * 5000, "1" * 5000):
        done = imported.run("show", given)
        assert done.returncode == 1
        assert len(done.stderr) < 200


@pytest.mark.skipif(sys.platform == "darwin", reason="names are texts there")
def test_a_store_whose_path_is_no_text(sessionfs: Command) -> None:
    name = sessionfs.home / os.fsdecode(b"st\xffre")
    transcript = sessionfs.home / os.fsdecode(b"n\xffme.jsonl")
    transcript.write_bytes(CLAUDE.read_bytes() + b'{"cut')
    report = sessionfs.json("import", transcript, "--store", name)
    assert report["files"][0]["file"] == str(transcript)
    assert sessionfs.json("path", "@1", "--store", name)["path"].startswith(str(name))
    done = subprocess.run(
        [sys.executable, "-m", "sessionfs", "path", "@1", "--store", name],
        capture_output=True,
        check=True,
        env=sessionfs.environment,
    )
    assert done.stdout.startswith(os.fsencode(name))
    assert sessionfs.json("import", os.fsdecode(b"\xff"), code=1)["files"][0]["code"]


def test_ls_of_a_directory_as_people_name_it(
    sessionfs: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = FileStorage(sessionfs.home / ".sessionfs")
    here = sessionfs.home / "here"
    here.mkdir()
    storage.create_session(CreateSessionRequest("mine", [], cwd=str(here)))
    monkeypatch.chdir(here)
    for option, given in (("--cwd", "."), ("--below", ".."), ("--cwd", "../here")):
        assert "mine" in sessionfs("ls", option, given), (option, given)
    assert sessionfs.run("ls", "--search", "nothing").stderr == "no session matches\n"


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


def test_the_store_is_listed_once_a_command(imported: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = []
    sound = FileStorage.list_sessions

    def counting(storage: FileStorage, *arguments: Any) -> Any:
        listed.append(arguments)
        return sound(storage, *arguments)

    monkeypatch.setattr(FileStorage, "list_sessions", counting)
    imported("ls", "--search", "garden")
    # The page, and how many deleted ones it leaves out: no command reads all to show a few.
    assert [query.limit for (query,) in listed] == [20, 0]
    for line in ("show 6f1c", "log 6f1c", "path 6f1c --json", "stats 6f1c"):
        listed.clear()
        imported(*line.split())
        assert len(listed) == 1, line


def test_log_reads_few_of_the_messages_of_a_long_session(
    imported: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    sound = FileStorage.list_checkpoints

    def counting(*arguments: Any) -> Any:
        result = sound(*arguments)
        read.extend(each.message_count for each in result.checkpoints if each.state is not None)
        return result

    monkeypatch.setattr(FileStorage, "list_checkpoints", counting)
    long = imported.home / "long.jsonl"
    record = {"type": "user", "message": {"role": "user", "content": "x"}}
    answer = {"type": "assistant", "message": {"role": "assistant", "content": "y"}}
    long.write_text((json.dumps(record) + "\n" + json.dumps(answer) + "\n") * 600)
    imported("import", "--relaxed", long)
    done = imported.run("log", "x")
    assert 1_000 < sum(read) <= 10_000
    assert "50 long checkpoints" not in done.stderr
    assert "texts of" in done.stderr
