"""Stakpak's database: branches, rows without a state, damaged rows, both schemas."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from sessionfs import FileStorage, InvalidRequestError, ListCheckpointsQuery, SessionStatus, tools
from sessionfs.tools import stakpak

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
    assert [each.state.messages for each in page if each.state] == [[a], [a], [a, b], []]
    ids = [each.id for each in page]
    assert [each.parent_id for each in page] == [None, *ids[:3]]
    assert kept_damage(storage, UUID(S1)) == ['{"messages": [cut o']
    (meta,) = Path(storage.session_path(UUID(S1)), "refs").glob("meta.*")
    assert json.loads(meta.read_bytes())["set"]["source"]["row"]["agent_id"] == "agent-7"


def kept_damage(storage: FileStorage, session: UUID) -> list[str]:
    page = storage.list_checkpoints(session, ListCheckpointsQuery().with_state()).checkpoints
    found = [(each.state.metadata or {})["source"].get("damaged") for each in page if each.state]
    return [row["state"] for row in found if row]


def test_a_row_that_is_damaged_later_is_kept_and_leaves_the_conversation_active(
    storage: FileStorage, tmp_path: Path
) -> None:
    a, b = message("a"), message("b")
    rows = [
        checkpoint(1, None, {"messages": [a]}),
        checkpoint(2, 1, {"messages": [a, b]}),
        checkpoint(4, 99, "CUT OFF"),
        checkpoint(5, 1, {"messages": [a, a]}),
        checkpoint(3, None, "EARLIER"),
    ]
    for count, active, damaged in (
        (2, [a, b], []),
        (3, [a, b], ["CUT OFF"]),
        (4, [a, a], ["CUT OFF"]),
        (5, [a, a], ["EARLIER", "CUT OFF", "CUT OFF"]),
    ):
        path = database(tmp_path / f"{count}.db", *rows[:count])
        import_all(storage, path)
        again, _ = import_all(storage, path)
        assert again[0].new_checkpoints == 0
        assert storage.get_active_checkpoint(UUID(S1)).state.messages == active
        assert kept_damage(storage, UUID(S1)) == damaged


def test_an_older_row_that_comes_later_adds_only_its_checkpoint(
    storage: FileStorage, tmp_path: Path
) -> None:
    a, b, c = message("a"), message("b"), message("c")
    rows = [
        checkpoint(2, None, {"messages": [a]}),
        checkpoint(4, None, {"messages": [a, b]}),
        checkpoint(5, 4, {"messages": [a, b, c]}),
    ]
    import_all(storage, database(tmp_path / "one.db", *rows))
    for n, state in ((1, {"messages": [a]}), (3, {"messages": [a, b, b]})):
        rows.append(checkpoint(n, None, state))
        results, _ = import_all(storage, database(tmp_path / f"{n}.db", *rows))
        assert results[0].new_checkpoints == 1


@pytest.mark.parametrize("stamp", ["9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59-05:00", "?"])
def test_a_row_without_a_usable_time_is_taken_over_and_told(
    storage: FileStorage, tmp_path: Path, stamp: str
) -> None:
    row = checkpoint(1, None, {"messages": [message("a")]})
    results, problems = import_all(
        storage,
        database(tmp_path / "local.db", (*row[:6], stamp, stamp), checkpoint(2, None, None, S2)),
    )
    assert len(results) == 2
    assert [stamp in problem.message for problem in problems] == [True]
    made = storage.get_active_checkpoint(UUID(S1))
    assert made.state.messages == [message("a")]
    assert made.state.metadata is not None
    assert made.state.metadata["source"]["row"]["created_at"] == stamp


def test_values_that_no_json_carries_keep_back_no_session(storage: FileStorage, tmp_path: Path) -> None:
    path = database(tmp_path / "local.db", checkpoint(1, None, {"messages": []}))
    odd: list[tuple[object, ...]] = [
        (S1 + "9", "inf", float("inf"), "PRIVATE"),
        (b"\x00blob", b"\xff", 1.5, b"x"),
        (7, "seven", b"\xff", 5),
        (None, "", None, ""),
    ]
    with closing(sqlite3.connect(path)) as connection, connection:
        for id_, title, agent, visibility in odd:
            connection.execute(
                "INSERT INTO sessions VALUES (?,CAST(? AS TEXT),?,?,NULL,CAST(x'ff41' AS TEXT),?,?)",
                (id_, title, agent, visibility, "2025-01-01T00:00:00Z", float("-inf")),
            )
        connection.execute(
            "INSERT INTO checkpoints VALUES (?,?,?,?,?,CAST(x'22ff' AS TEXT),?,?)",
            ("bad", 7, float("inf"), b"\xff", 3, "2025-01-01T00:00:00Z", float("inf")),
        )
    results, problems = import_all(storage, path)
    assert len({result.session_id for result in results}) == 6
    assert "checkpoint bad: its state is not JSON" in " ".join(each.message for each in problems)
    again, _ = import_all(storage, path)
    assert {result.new_checkpoints for result in again} == {0}


def test_a_session_that_cannot_be_read_does_not_keep_back_the_next(
    storage: FileStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = database(tmp_path / "local.db", checkpoint(1, None, {"messages": []}))
    sound = stakpak._rows

    def rows(database: Any, session: object) -> Any:
        if session == S1:
            raise sqlite3.DatabaseError("a page is malformed")
        return sound(database, session)

    monkeypatch.setattr(stakpak, "_rows", rows)
    transcripts = tools.read(path)
    assert next(transcripts).request.session_id == UUID(S2)
    with pytest.raises(InvalidRequestError, match=f"{S1}: a page is malformed"):
        next(transcripts)


def test_a_state_holds_only_what_goes_beyond_its_parents(storage: FileStorage, tmp_path: Path) -> None:
    texts = [message(str(n)) for n in range(40)]
    rows = [checkpoint(n, n - 1 or None, {"messages": texts[:n]}) for n in range(1, 40)]
    rows.append(checkpoint(40, 39, {"messages": [*texts[:5], texts[0]]}))
    path = database(tmp_path / "local.db", *rows)
    transcript = next(iter(tools.read(path)))
    assert callable(transcript.request.checkpoints)
    held = [len(each.messages) for each in transcript.request.checkpoints(iter(()))]
    assert held == [1] * 39 + [6]
    import_all(storage, path)
    page = storage.list_checkpoints(UUID(S1), ListCheckpointsQuery().with_state()).checkpoints
    wanted = [*(texts[:n] for n in range(1, 40)), [*texts[:5], texts[0]]]
    assert [each.state.messages for each in page if each.state] == wanted


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
    with pytest.raises(InvalidRequestError, match="not a transcript"):
        list(tools.read(tmp_path / "other.db"))


def test_tables_with_other_columns_are_refused(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection, connection:
        connection.execute("CREATE TABLE sessions(id, name)")
        connection.execute("CREATE TABLE checkpoints(id, name)")
    with pytest.raises(InvalidRequestError, match="not a transcript"):
        list(tools.read(tmp_path / "other.db"))


def test_a_database_whose_path_is_no_text(storage: FileStorage, tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"\xff #?%41")
    folder.mkdir()
    path = database(folder / "local.db", checkpoint(1, None, {"messages": []}))
    assert len(import_all(storage, path)[0]) == 2


def test_a_torn_database_is_an_error_of_our_tree(tmp_path: Path) -> None:
    rows = [checkpoint(n, None, {"messages": [message("x" * 5000)]}) for n in range(1, 50)]
    path = database(tmp_path / "local.db", *rows)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(InvalidRequestError, match="local"):
        list(tools.read(path))


def test_reading_leaves_the_database_alone(storage: FileStorage, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    path = database(folder / "local.db", checkpoint(1, None, {"messages": []}))
    before = {each.name: each.read_bytes() for each in folder.iterdir()}
    import_all(storage, path)
    assert {each.name: each.read_bytes() for each in folder.iterdir()} == before


def test_an_id_that_is_no_text_keeps_back_its_own_session_alone(tmp_path: Path) -> None:
    path = tmp_path / "local.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE sessions(id, title, created_at)")
        connection.execute("CREATE TABLE checkpoints(id, session_id, parent_id, state, created_at)")
        connection.execute("INSERT INTO sessions VALUES (CAST(x'80' AS TEXT), 'bad', '1')")
        connection.execute("INSERT INTO sessions VALUES (?, 'good', '2')", (S1,))
    titles: list[str] = []
    with pytest.raises(InvalidRequestError, match="not UTF-8"):
        titles.extend(each.request.title for each in tools.read(path))
    assert titles == ["good"]


def test_a_column_whose_name_is_no_text_is_no_transcript(tmp_path: Path) -> None:
    path = tmp_path / "local.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE sessions(id, title, created_at)")
        connection.execute("CREATE TABLE checkpoints(id, session_id, parent_id, state, created_at)")
    path.write_bytes(path.read_bytes().replace(b"parent_id, state", b"parent_id, st\x80te"))
    with pytest.raises(InvalidRequestError, match="not a transcript"):
        list(tools.read(path))


def test_a_fifo_beside_a_database_is_not_waited_for(tmp_path: Path) -> None:
    path = database(tmp_path / "local.db")
    os.mkfifo(f"{path}-journal")
    source = (
        "import pathlib, sys; from sessionfs import tools; list(tools.read(pathlib.Path(sys.argv[1])))"
    )
    done = subprocess.run(
        [sys.executable, "-c", source, str(path)],
        capture_output=True,
        text=True,
        timeout=120,  # what waits for a FIFO waits for ever
        check=False,
    )
    assert f"{path}-journal is not a regular file" in done.stderr
