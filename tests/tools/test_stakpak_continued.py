"""A session that was continued both in Stakpak and here: nothing is lost, a branch is made."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from sessionfs import CreateCheckpointRequest, FileStorage, ImportSessionResult, tools

from ..cli.command import Command
from .helpers import import_all, messages_of
from .test_common import files
from .test_stakpak import S1, checkpoint, database, message

SESSION = UUID(S1)
A, B, C, D, MINE = (message(text) for text in ("a", "b", "c", "d", "mine"))


def row(n: int, parent: int | None, *messages: Any, at: str) -> tuple[Any, ...]:
    """Return a row with a time of its own."""
    state = {"messages": list(messages), "metadata": {"n": n}}
    return (*checkpoint(n, parent, state)[:6], at, at)


def add(path: Path, *rows: tuple[Any, ...]) -> None:
    """Go on in Stakpak."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany("INSERT INTO checkpoints VALUES (?,?,?,?,?,?,?,?)", rows)


def bring(storage: FileStorage, path: Path) -> ImportSessionResult:
    results, problems = import_all(storage, path)
    assert problems == [f for f in problems if S1 not in f.message]
    return next(each for each in results if each.session_id == SESSION)


def heads(storage: FileStorage) -> list[list[Any]]:
    """Return what was said at each head, the active one first."""
    found = storage.get_session(SESSION).heads
    listed = next(each for each in storage.list_sessions().sessions if each.id == SESSION)
    assert listed.heads == len(found)
    return [storage.get_checkpoint(each.id).state.messages for each in found]


def given(storage: FileStorage) -> list[Any]:
    """Return the ids of the rows that the store gives back."""
    original = b"".join(tools.original(storage, SESSION).chunks()).splitlines()
    told = [json.loads(line) for line in original]
    return [each["row"]["id"] for each in told if each["table"] == "checkpoints"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return database(
        tmp_path / "local.db",
        row(1, None, A, at="2026-01-01T00:00:01+00:00"),
        row(2, 1, A, B, at="2026-01-01T00:00:02+00:00"),
    )


@pytest.mark.parametrize("when", ["2026-01-01T00:00:03+00:00", "2999-01-01T00:00:00+00:00"])
def test_both_are_kept_whichever_was_later(storage: FileStorage, path: Path, when: str) -> None:
    assert not bring(storage, path).branched
    mine = storage.append_messages(SESSION, [MINE])
    add(path, row(3, 2, A, B, C, at=when))
    result = bring(storage, path)
    assert (result.branched, result.new_checkpoints, result.total_checkpoints) == (True, 1, 3)
    assert storage.get_active_checkpoint(SESSION).id == mine.id
    assert heads(storage) == [[A, B, MINE], [A, B, C]]
    assert given(storage) == ["c1", "c2", "c3"]
    before = files(Path(storage.backend_info().store_path or ""))
    again = bring(storage, path)
    assert (again.new_checkpoints, again.total_checkpoints, again.branched) == (0, 3, False)
    assert files(Path(storage.backend_info().store_path or "")) == before
    # The branch goes on, and does not become a third.
    add(path, row(4, 3, A, B, C, D, at="2999-01-01T00:00:01+00:00"))
    assert bring(storage, path).branched
    assert heads(storage) == [[A, B, MINE], [A, B, C, D]]
    assert given(storage) == ["c1", "c2", "c3", "c4"]
    # Whoever chooses the branch has one head, and what comes then follows it.
    storage.set_active_checkpoint(SESSION, storage.get_session(SESSION).heads[1].id)
    assert heads(storage) == [[A, B, C, D]]
    add(path, row(5, 4, A, B, C, D, A, at="2999-01-01T00:00:02+00:00"))
    assert not bring(storage, path).branched
    assert heads(storage) == [[A, B, C, D, A]]


def test_what_carries_the_metadata_of_a_row_on_is_work_done_here(
    storage: FileStorage, path: Path
) -> None:
    bring(storage, path)
    state = storage.get_active_checkpoint(SESSION).state
    state.messages.append(MINE)
    storage.create_checkpoint(SESSION, CreateCheckpointRequest(state.messages, metadata=state.metadata))
    add(path, row(3, 2, A, B, C, at="2026-01-01T00:00:03+00:00"))
    assert bring(storage, path).branched
    assert heads(storage) == [[A, B, MINE], [A, B, C]]
    assert given(storage) == ["c1", "c2", "c3"]


def test_branches_of_stakpaks_own_are_one_head_however_they_came(
    storage: FileStorage, path: Path, tmp_path: Path
) -> None:
    rows = [
        row(3, 1, A, C, at="2026-01-01T00:00:03+00:00"),
        row(4, 2, A, B, D, at="2026-01-01T00:00:04+00:00"),
    ]
    bring(storage, path)
    for each, active in zip(rows, ([A, C], [A, B, D]), strict=True):
        add(path, each)
        assert not bring(storage, path).branched
        assert heads(storage) == [active]
    whole = FileStorage(tmp_path / "whole", durability="relaxed", message_type=dict)
    bring(whole, path)
    assert messages_of(whole, SESSION) == messages_of(storage, SESSION)


def test_the_command_says_that_a_branch_was_made(tmp_path: Path) -> None:
    command = Command(tmp_path)
    (tmp_path / ".stakpak/data").mkdir(parents=True)
    path = database(
        tmp_path / ".stakpak/data/local.db", row(1, None, A, at="2026-01-01T00:00:01+00:00")
    )
    command("import")
    FileStorage(tmp_path / ".sessionfs").append_messages(SESSION, [MINE])
    add(path, row(2, 1, A, B, at="2999-01-01T00:00:02+00:00"))
    out = command("import")
    assert f"updated  {S1}  stakpak  2 checkpoints, 1 new, as a branch: it was continued here" in out
    assert "2 heads" in command("ls")
    assert "unchanged" in command("import", path)
    assert [each["head"] for each in command.json("log", S1)["checkpoints"]].count(True) == 2
