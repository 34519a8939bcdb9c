"""Stakpak's database: branches, rows without a state, damaged rows, both schemas."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from sessionfs import FileStorage, InvalidRequestError, ListCheckpointsQuery, SessionStatus, importers

from .helpers import import_all

SCHEMA = """
CREATE TABLE sessions(id TEXT PRIMARY KEY, title TEXT NOT NULL, agent_id TEXT,
    visibility TEXT NOT NULL DEFAULT 'PRIVATE', status TEXT DEFAULT 'ACTIVE', cwd TEXT,
    created_at TEXT NOT NULL, updated_at TEXT NOT NULL);
CREATE TABLE checkpoints(id TEXT PRIMARY KEY, session_id TEXT NOT NULL, status TEXT,
    execution_depth INTEGER, parent_id TEXT, state TEXT,
    created_at TEXT NOT NULL, updated_at TEXT NOT NULL);
"""
S1, S2 = "0d4f7c1e-2222-4a4a-9b9b-000000000001", "0d4f7c1e-2222-4a4a-9b9b-000000000002"


def message(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text, "unknown": {"kept": True}}


def checkpoint(n: int, parent: int | None, state: object, session: str = S1) -> tuple[Any, ...]:
    text = state if isinstance(state, str | None) else json.dumps(state)
    time = f"2026-01-01T00:00:{n:02}+00:00"
    return (f"c{n}", session, "COMPLETE", n, f"c{parent}" if parent else None, text, time, time)


def database(path: Path, *checkpoints: tuple[Any, ...]) -> Path:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(SCHEMA)
        for id_, title, visibility, status in (
            (S1, "first", "PUBLIC", "ACTIVE"),
            (S2, "second", "PRIVATE", "DELETED"),
        ):
            connection.execute(
                "INSERT INTO sessions VALUES (?,?,?,?,?,?,?,?)",
                (id_, title, "agent-7", visibility, status, "/work", *["2026-01-01T00:00:00Z"] * 2),
            )
        connection.executemany("INSERT INTO checkpoints VALUES (?,?,?,?,?,?,?,?)", checkpoints)
    return path


def test_sessions_with_branches_and_their_facts(storage: FileStorage, tmp_path: Path) -> None:
    a, b, c, d = message("a"), message("b"), message("c"), message("d")
    path = database(
        tmp_path / "local.db",
        checkpoint(1, None, {"messages": [a], "metadata": None}),
        checkpoint(2, 1, {"messages": [a, b], "metadata": {"trimmed_up_to_index": 5}}),
        checkpoint(4, 1, {"messages": [a, d]}),
        checkpoint(3, 2, {"messages": [a, b, c]}),
        checkpoint(5, None, {"messages": [d]}, S2),
    )
    results, problems = import_all(storage, path)
    assert problems == []
    assert [result.session_id for result in results] == [UUID(S1), UUID(S2)]
    first, second = (storage.get_session(UUID(each)) for each in (S1, S2))
    assert (first.title, first.visibility, first.cwd) == ("first", "PUBLIC", "/work")
    assert second.status is SessionStatus.DELETED
    page = storage.list_checkpoints(UUID(S1), ListCheckpointsQuery().with_state()).checkpoints
    assert [each.state.messages for each in page if each.state] == [[a], [a, b], [a, b, c], [a, d]]
    ids = [each.id for each in page]
    assert [each.parent_id for each in page] == [None, ids[0], ids[1], ids[0]]
    assert page[1].state is not None
    assert page[1].state.metadata is not None
    assert page[1].state.metadata["trimmed_up_to_index"] == 5
    assert page[1].state.metadata["source"]["row"]["id"] == "c2"
    assert page[0].created_at == datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC)
    assert first.active_checkpoint is not None
    assert first.active_checkpoint.id == ids[3]
    again, _ = import_all(storage, path)
    assert [result.new_checkpoints for result in again] == [0, 0]


def test_damage_is_told_and_kept_and_the_rest_imported(storage: FileStorage, tmp_path: Path) -> None:
    a, b = message("a"), message("b")
    path = database(
        tmp_path / "local.db",
        checkpoint(1, None, {"messages": [a]}),
        checkpoint(2, 1, '{"messages": [cut o'),
        checkpoint(3, 2, {"messages": [a, b]}),
        checkpoint(4, 3, None),
        checkpoint(6, None, '"text"', S2),
        checkpoint(7, None, {"messages": ["not an object"]}, S2),
    )
    results, problems = import_all(storage, path)
    assert len(results) == 2
    told = [problem.message for problem in problems]
    assert ["c2" in each or "c6" in each or "c7" in each for each in told[:3]] == [True] * 3
    assert "no checkpoint that can be read" in told[3]
    page = storage.list_checkpoints(UUID(S1), ListCheckpointsQuery().with_state()).checkpoints
    assert [each.state.messages for each in page if each.state] == [[a], [a, b], []]
    assert page[1].parent_id is None
    (meta,) = Path(storage.session_path(UUID(S1)), "refs").glob("meta.*")
    source = json.loads(meta.read_bytes())["set"]["source"]
    assert source["damaged"][0]["state"] == '{"messages": [cut o'
    assert source["row"]["agent_id"] == "agent-7"


def test_the_older_schema_without_status_and_cwd(storage: FileStorage, tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(
            SCHEMA.replace("status TEXT DEFAULT 'ACTIVE', cwd TEXT,", "").replace(
                "status TEXT,\n    execution_depth INTEGER, ", ""
            )
        )
        row = (S1, "old", None, "PRIVATE", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z")
        connection.execute("INSERT INTO sessions VALUES (?,?,?,?,?,?)", row)
        state = json.dumps({"messages": [message("a")]})
        times = ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z")
        connection.execute(
            "INSERT INTO checkpoints VALUES (?,?,?,?,?,?)", ("c1", S1, None, state, *times)
        )
    results, problems = import_all(storage, path)
    assert problems == []
    found = storage.get_session(results[0].session_id)
    assert (found.title, found.status, found.cwd) == ("old", SessionStatus.ACTIVE, None)


def test_other_databases_are_refused(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection, connection:
        connection.execute("CREATE TABLE other(id)")
    with pytest.raises(InvalidRequestError, match="no transcript"):
        list(importers.read(tmp_path / "other.db"))


def test_a_torn_database_is_an_error_of_our_tree(tmp_path: Path) -> None:
    rows = [checkpoint(n, None, {"messages": [message("x" * 5000)]}) for n in range(1, 50)]
    path = database(tmp_path / "local.db", *rows)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(InvalidRequestError, match="local"):
        list(importers.read(path))


def test_reading_leaves_the_database_alone(storage: FileStorage, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    path = database(folder / "local.db", checkpoint(1, None, {"messages": []}))
    before = {each.name: each.read_bytes() for each in folder.iterdir()}
    import_all(storage, path)
    assert {each.name: each.read_bytes() for each in folder.iterdir()} == before
