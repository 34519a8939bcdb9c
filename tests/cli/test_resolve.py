"""How sessions, checkpoints and directories are named on a command line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from sessionfs import (
    CreateSessionRequest,
    FileStorage,
)

from .command import CLAUDE, CLAUDE_ID, Command
from .samples import make


def test_ids_by_prefix_and_by_age(imported: Command) -> None:
    assert imported.json("show", "@2")["id"] == CLAUDE_ID
    assert imported.json("show", CLAUDE_ID.upper())["id"] == CLAUDE_ID
    assert "2 sessions" in imported.run("show", "@3").stderr
    FileStorage(imported.home / ".sessionfs").create_session(CreateSessionRequest("a", []))
    FileStorage(imported.home / ".sessionfs").create_session(CreateSessionRequest("b", []))
    ambiguous = imported.run("show", "01")
    assert ambiguous.returncode == 1
    assert "begins the ids of 3 sessions" in ambiguous.stderr
    shown = [line.split()[0] for line in imported("ls").splitlines()[1:]]
    for prefix in shown:
        imported("path", prefix)
    assert len(set(shown)) == 4


def test_a_session_is_named_by_words_of_its_title(imported: Command) -> None:
    for words in ("watering garden", "GARDEN schedule", "controller"):
        assert imported.json("show", words)["id"] == CLAUDE_ID
    assert "these words in its title" in imported.run("show", "watering cart").stderr
    other = make(imported, "Watering", [])
    ambiguous = imported.json("show", "wat", code=1)
    assert (ambiguous["code"], "is in 2 titles" in ambiguous["error"]) == ("invalid_request", True)
    assert imported.json("show", "watering")["id"] == other  # the whole title is meant
    imported("rm", other)
    assert imported.json("show", "wat")["id"] == CLAUDE_ID  # one that is not deleted is meant
    assert imported.json("show", other[:13])["id"] == other


def test_without_a_home_all_works_that_needs_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As somebody whom this machine does not know, as containers run it."""
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000_000)
    monkeypatch.chdir(tmp_path)
    command = Command(tmp_path)
    del command.environment["HOME"]
    run = command.run
    store = ("--store", tmp_path / "store")
    for arguments in (["import", CLAUDE], ["ls"], ["show", "@1"], ["search", "tomato"], ["index"]):
        done = run(*arguments, *store)
        assert (done.returncode, done.stderr) == (0, ""), arguments
    assert "The tomato bed" in run("search", "tomato bed", *store).stdout
    for arguments in (["ls"], ["import", *store], ["follow", *store]):
        done = run(*arguments)
        assert (done.returncode, len(done.stderr.splitlines())) == (1, 1), done.stderr
        assert "home directory" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_a_home_of_nobody_is_one_line(sessionfs: Command) -> None:
    for arguments in (["ls", "--store", "~nosuch/x"], ["import", "~nosuch", str(CLAUDE)]):
        done = sessionfs.run(*arguments)
        assert done.returncode == 1
        assert len(done.stderr.splitlines()) == 1, done.stderr
        assert "~nosuch" in done.stderr
    assert sessionfs.json("ls")["total"] == 1


def test_a_number_of_thousands_of_digits_is_no_session(imported: Command) -> None:
    for given in ("@" + "1" * 5000, "1" * 5000):
        done = imported.run("show", given)
        assert done.returncode == 1
        assert len(done.stderr) < 200


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
