"""What every importer of line files owes: nothing lost, nothing twice, damage told."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sessionfs import ChatMessage, FileStorage, InvalidRequestError, ListCheckpointsQuery, tools

from .helpers import (
    FIXTURES,
    import_all,
    import_one,
    messages_of,
    restored,
    source_records,
    write_lines,
)

TRANSCRIPTS = [FIXTURES / "claude-code.jsonl", FIXTURES / "codex.jsonl"]


def files(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_every_record_can_be_had_again_in_its_order(storage: FileStorage, path: Path) -> None:
    session = import_one(storage, path)
    assert [json.dumps(line.record) for line in restored(storage, session)] == source_records(path)


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_importing_again_changes_no_byte(storage: FileStorage, path: Path, tmp_path: Path) -> None:
    import_one(storage, path)
    before = files(tmp_path)
    results, _ = import_all(storage, path)
    assert [(result.created, result.new_checkpoints) for result in results] == [(False, 0)]
    assert files(tmp_path) == before


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_two_machines_import_the_same_files(tmp_path: Path, path: Path) -> None:
    for name in ("one", "other"):
        import_one(FileStorage(tmp_path / name, durability="relaxed"), path)
    assert files(tmp_path / "one") == files(tmp_path / "other")


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_messages_are_typed(tmp_path: Path, path: Path) -> None:
    storage = FileStorage(tmp_path, durability="relaxed")
    messages = storage.get_active_checkpoint(import_one(storage, path)).state.messages
    assert {type(message) for message in messages} == {ChatMessage}


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_what_was_done_here_since_stays_active(storage: FileStorage, path: Path) -> None:
    session = import_one(storage, path)
    mine = storage.append_messages(session, [{"role": "user", "content": "and here"}])
    storage.delete_session(session)
    import_all(storage, path)
    assert storage.get_active_checkpoint(session).id == mine.id
    assert storage.get_session(session).status == "DELETED"


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_a_longer_copy_adds_what_is_new(storage: FileStorage, path: Path, tmp_path: Path) -> None:
    lines = path.read_text().splitlines(keepends=True)
    short = tmp_path / "short.jsonl"
    # Cut where a turn of the person begins, so that the turns before are the same in both.
    cut = max(
        i for i, line in enumerate(lines) if '"role":"user"' in line and "tool_result" not in line
    )
    short.write_text("".join(lines[:cut]))
    session = import_one(storage, short)
    before = {each.id for each in storage.list_checkpoints(session).checkpoints}
    results, _ = import_all(storage, path)
    assert (results[0].session_id, results[0].created) == (session, False)
    assert results[0].new_checkpoints == 1
    assert before < {each.id for each in storage.list_checkpoints(session).checkpoints}
    assert [json.dumps(line.record) for line in restored(storage, session)] == source_records(path)


def test_damage_is_reported_with_its_line_and_the_rest_imported(
    storage: FileStorage, tmp_path: Path
) -> None:
    good = (FIXTURES / "claude-code.jsonl").read_text().splitlines()
    lines = [
        *good[:3],
        '{"type":"user","message":{"content":"cut o',
        *good[3:8],
        good[8] + good[9],
        "",
        '{"lone": "\\ud800"}',
        '{"big": 1e999}',
        "[" * 500 + "]" * 500,
        *good[10:],
        good[0][:40],
    ]
    path = write_lines(tmp_path / "torn.jsonl", *lines)
    with path.open("ab") as file:
        file.write(b'{"bytes": "\xff"}')
    results, problems = import_all(storage, path)
    last = len(lines)
    assert [problem.line for problem in problems] == [4, 12, 13, 14, last, last + 1]
    session = results[0].session_id
    whole = import_one(FileStorage(tmp_path / "b", message_type=dict), FIXTURES / "claude-code.jsonl")
    sound = messages_of(FileStorage(tmp_path / "b", message_type=dict), whole)
    assert [m["content"] for m in messages_of(storage, session) if "content" in m] == [
        m["content"] for m in sound if "content" in m
    ]
    kept = {line.number: line.record for line in restored(storage, session) if line.damage}
    assert kept[4] == lines[3]
    assert kept[13] == lines[12]
    assert kept[last + 1].startswith("base64:")
    both = [line.record["uuid"] for line in restored(storage, session) if line.number == 10]
    assert both == [json.loads(good[8])["uuid"], json.loads(good[9])["uuid"]]


def test_checkpoints_have_the_times_of_their_turns(storage: FileStorage) -> None:
    session = import_one(storage, FIXTURES / "claude-code.jsonl")
    listed = storage.list_checkpoints(session, ListCheckpointsQuery()).checkpoints
    assert [each.created_at for each in listed] == [
        datetime(2026, 3, 1, 9, 0, 10, 750_000, tzinfo=UTC),
        datetime(2026, 3, 1, 9, 2, 9, 600_000, tzinfo=UTC),
        datetime(2026, 3, 2, 7, 30, 6, tzinfo=UTC),
    ]
    found = storage.get_session(session)
    assert found.created_at == datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
    assert found.updated_at == listed[-1].created_at
    assert [each.parent_id for each in listed] == [None, listed[0].id, listed[1].id]
    assert [each.message_count for each in listed] == [6, 10, 12]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "is empty"),
        (b"# a document\n", "not a transcript"),
        (b'{"some":"json"}\n', "not a transcript"),
    ],
)
def test_a_file_of_no_tool_is_refused(tmp_path: Path, content: bytes, what: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(InvalidRequestError, match=what):
        list(tools.read(path))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match="No such file"):
        list(tools.read(tmp_path / "absent"))
    with pytest.raises(InvalidRequestError, match="directory"):
        list(tools.read(tmp_path))
