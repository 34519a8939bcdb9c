"""What a source held is given back: whole, cut, grown, written anew, and with work done here since."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from sessionfs import (
    CreateCheckpointRequest,
    FileStorage,
    InvalidRequestError,
    UpdateSessionRequest,
    tools,
)
from sessionfs.testing import check_importer

from .helpers import FIXTURES, import_all, messages_of
from .test_stakpak import checkpoint, database, message

pytestmark = pytest.mark.slow

OURS = [FIXTURES / name for name in ("claude-code.jsonl", "codex.jsonl", "gemini.json", "gemini.jsonl")]
_BESIDE = Path(__file__).parents[3] / "shared" / "transcripts"
RECORDED = sorted(Path(os.environ.get("SESSIONFS_TRANSCRIPTS", _BESIDE)).glob("*.json*"))
EVERY = [*OURS, *RECORDED]

each_transcript = pytest.mark.parametrize("path", EVERY, ids=lambda path: path.name)


def exported(storage: FileStorage, session: UUID) -> bytes:
    return b"".join(tools.original(storage, session).chunks())


@each_transcript
def test_all_is_kept_however_it_comes(tmp_path: Path, path: Path) -> None:
    """Whole, again, cut anywhere, grown, and with work done here."""
    check_importer(tools.recognise(path), path, tmp_path)


def test_a_source_that_was_written_anew_takes_the_place_of_what_it_was(
    storage: FileStorage, tmp_path: Path
) -> None:
    whole = json.loads((FIXTURES / "gemini.json").read_text())
    copy = tmp_path / "session.json"
    for content in ("one", "two"):
        whole["messages"][2]["content"] = content
        copy.write_text(json.dumps(whole))
        [result], _ = import_all(storage, copy)
        assert json.loads(exported(storage, result.session_id)) == whole
    assert content in [each["content"] for each in messages_of(storage, result.session_id)]
    assert len(storage.get_session(result.session_id).heads) == 1
    refs = Path(storage.session_path(result.session_id), "refs")
    assert len(list(refs.glob("active.*"))) == 1


def test_what_was_made_here_of_an_imported_state_is_work_done_here(
    storage: FileStorage, tmp_path: Path
) -> None:
    """Also where whoever made it kept the metadata, in which the import noted how far it came."""
    copy = tmp_path / "6f1c2a9e-4b7d-4e0a-9c35-1d2e3f405162.jsonl"
    lines = (FIXTURES / "claude-code.jsonl").read_text().splitlines(keepends=True)
    copy.write_text("".join(lines[:5]))
    [first], _ = import_all(storage, copy)
    state = storage.get_active_checkpoint(first.session_id).state
    request = CreateCheckpointRequest(state.messages[:1], metadata=state.metadata)
    mine = storage.create_checkpoint(first.session_id, request)
    copy.write_text("".join(lines))
    [then], _ = import_all(storage, copy)
    assert then.branched
    assert storage.get_active_checkpoint(first.session_id).id == mine.id
    assert exported(storage, first.session_id).decode().count("\n") == len(lines)


def test_an_older_copy_changes_nothing(storage: FileStorage, tmp_path: Path) -> None:
    """As where a conversation was moved to a file of another shape, and the old one stayed."""
    whole = json.loads((FIXTURES / "gemini.json").read_text())
    older, newer = tmp_path / "session.json", tmp_path / "session.jsonl"
    older.write_text(json.dumps(whole))
    around = {name: value for name, value in whole.items() if name != "messages"}
    newer.write_text("".join(json.dumps(each) + "\n" for each in (around, *whole["messages"])))
    import_all(storage, older)
    [result], _ = import_all(storage, newer)
    active = storage.get_active_checkpoint(result.session_id).id
    for path in (older, newer, older):
        [again], _ = import_all(storage, path)
        assert again.new_checkpoints == 0
        assert storage.get_active_checkpoint(result.session_id).id == active


def test_rows_of_stakpak(storage: FileStorage, tmp_path: Path) -> None:
    a, b = message("a"), message("b")
    states: list[Any] = [
        {"messages": [a], "metadata": None},
        {"messages": [a, b], "metadata": {"n": 1, "source": "theirs"}, "more": [1]},
        {"messages": [a, b]},
        {"messages": None, "metadata": {}},
        {},
        None,
    ]
    rows = [checkpoint(n, n - 1 or None, state) for n, state in enumerate(states, 1)]
    rows.append(checkpoint(7, 6, "no JSON"))
    path = database(tmp_path / "local.db", *rows)
    [first, second], _ = import_all(storage, path)
    given = [line.record for line in tools.original(storage, first.session_id).records]
    assert [each["table"] for each in given] == ["sessions"] + ["checkpoints"] * 7
    assert [given[0]["row"][name] for name in ("title", "agent_id")] == ["first", "agent-7"]
    assert [each["row"]["state"] for each in given[1:]] == [*states, "no JSON"]
    assert [each["row"]["id"] for each in given[1:]] == [row[0] for row in rows]
    [only] = [line.record for line in tools.original(storage, second.session_id).records]
    assert only["row"]["title"] == "second"


def test_a_session_of_this_store_has_no_original(storage: FileStorage) -> None:
    session = storage.import_session(next(tools.read(OURS[0])).request).session_id
    forked = storage.fork_session(session).session_id
    with pytest.raises(InvalidRequestError, match="was not imported"):
        tools.original(storage, forked)


def test_a_row_that_changed_is_given_as_it_is_now(storage: FileStorage, tmp_path: Path) -> None:
    path = database(tmp_path / "local.db", checkpoint(1, None, {"messages": [message("a")]}))
    session = import_all(storage, path)[0][0].session_id
    storage.update_session(session, UpdateSessionRequest().with_title("mine"))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE sessions SET title = 'theirs', updated_at = '2026-02-02T00:00:00Z'")
    import_all(storage, path)
    row = next(tools.original(storage, session).records).record["row"]
    assert (row["title"], row["updated_at"]) == ("theirs", "2026-02-02T00:00:00Z")
    assert storage.get_session(session).title == "mine"
    before = sorted(Path(storage.session_path(session)).rglob("*"))
    import_all(storage, path)
    assert sorted(Path(storage.session_path(session)).rglob("*")) == before
