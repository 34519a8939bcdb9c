"""What a source held is given back: whole, cut, grown, written anew, and with work done here since."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from sessionfs import FileStorage, InvalidRequestError, importers

from ..effort import Counted, chosen
from .helpers import FIXTURES, import_all, messages_of
from .test_stakpak import checkpoint, database, message

OURS = [FIXTURES / name for name in ("claude-code.jsonl", "codex.jsonl", "gemini.json", "gemini.jsonl")]
_BESIDE = Path(__file__).parents[3] / "shared" / "transcripts"
RECORDED = sorted(Path(os.environ.get("SESSIONFS_TRANSCRIPTS", _BESIDE)).glob("*.json*"))
EVERY = [*OURS, *RECORDED]

each_transcript = pytest.mark.parametrize("path", EVERY, ids=lambda path: path.name)


def records(data: bytes) -> list[Any]:
    """Return the records of a file as JSON; what is no JSON as it is."""
    try:
        whole = json.loads(data)
        if "messages" in whole:
            return [whole]
    except ValueError:
        pass
    return [as_json(line) for line in data.split(b"\n") if line.strip()]


def as_json(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return line


def exported(storage: FileStorage, session: UUID) -> bytes:
    return b"".join(importers.original(storage, session).chunks())


def cuts(path: Path) -> list[bytes]:
    """Return shorter copies of a transcript, as it was earlier: some end in the middle of a record."""
    data = path.read_bytes()
    if path.suffix == ".json":
        whole = json.loads(data)
        return [
            json.dumps(
                {**whole, "messages": whole["messages"][:n], "lastUpdated": f"{n}"}, indent=2
            ).encode()
            for n in range(len(whole["messages"]))
        ]
    ends = [i + 1 for i, byte in enumerate(data) if byte == 0x0A]
    return [data[:end] for start in ends for end in (start, start - 1, start - 9)][: len(ends) * 3]


@each_transcript
def test_every_record_is_given_back(storage: FileStorage, path: Path) -> None:
    results, problems = import_all(storage, path)
    assert problems == []
    assert records(exported(storage, results[0].session_id)) == records(path.read_bytes())
    again, _ = import_all(storage, path)
    assert [each.new_checkpoints for each in again] == [0]


@each_transcript
def test_a_longer_copy_continues_whatever_was_imported(
    storage: FileStorage, tmp_path: Path, path: Path, counted: Counted
) -> None:
    alone = FileStorage(tmp_path / "alone", durability="relaxed", message_type=dict)
    [fresh], _ = import_all(alone, path)
    copy = tmp_path / path.name
    tried = cuts(path)[:: chosen(few=5, usual=2, everything=1)]
    for i, cut in enumerate(tried):
        copy.write_bytes(cut)
        store = FileStorage(tmp_path / f"{i}", durability="relaxed", message_type=dict)
        try:
            [first], _ = import_all(store, copy)
        except InvalidRequestError:
            continue  # so short that nobody knows what it is
        assert records(exported(store, first.session_id)) == records(cut)
        copy.write_bytes(path.read_bytes())
        [then], problems = import_all(store, copy)
        assert problems == []
        if then.session_id != first.session_id:
            continue  # cut within what names the session
        assert records(exported(store, then.session_id)) == records(path.read_bytes())
        assert messages_of(store, then.session_id) == messages_of(alone, fresh.session_id)
        assert len(store.get_session(then.session_id).heads) == 1
        before = {p.name for p in (tmp_path / f"{i}").rglob("*")}
        [again], _ = import_all(store, copy)
        assert (again.new_checkpoints, again.total_checkpoints) == (0, then.total_checkpoints)
        assert {p.name for p in (tmp_path / f"{i}").rglob("*")} == before
    counted("copies cut and continued", len(tried))


@each_transcript
def test_a_transcript_that_is_written_to_all_the_time(
    storage: FileStorage, tmp_path: Path, path: Path
) -> None:
    copy = tmp_path / path.name
    for cut in [*cuts(path), path.read_bytes()]:
        copy.write_bytes(cut)
        try:
            results, _ = import_all(storage, copy)
        except InvalidRequestError:
            continue
    session = results[0].session_id
    assert records(exported(storage, session)) == records(path.read_bytes())
    assert len(storage.get_session(session).heads) == 1


@each_transcript
def test_work_done_here_is_left_alone(storage: FileStorage, tmp_path: Path, path: Path) -> None:
    copy = tmp_path / path.name
    # Whole lines, and half of them.
    half = cuts(path)[len(cuts(path)) // 2 // 3 * 3] if path.suffix == ".jsonl" else cuts(path)[1]
    copy.write_bytes(half)
    [first], _ = import_all(storage, copy)
    mine = storage.append_messages(first.session_id, [{"role": "user", "content": "and here"}])
    copy.write_bytes(path.read_bytes())
    for new in (True, False):
        [then], _ = import_all(storage, copy)
        assert (then.new_checkpoints > 0, then.branched) == (new, new)
        assert storage.get_active_checkpoint(first.session_id).id == mine.id
        heads = [each.id for each in storage.get_session(first.session_id).heads]
        assert len(heads) == 2
        assert records(exported(storage, first.session_id)) == records(path.read_bytes())
    # Whoever settles on the source's branch has it all.
    storage.set_active_checkpoint(first.session_id, heads[1])
    alone = FileStorage(tmp_path / "alone", durability="relaxed", message_type=dict)
    [fresh], _ = import_all(alone, path)
    assert messages_of(storage, first.session_id) == messages_of(alone, fresh.session_id)


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
    given = [line.record for line in importers.original(storage, first.session_id).records]
    assert [each["table"] for each in given] == ["sessions"] + ["checkpoints"] * 7
    assert [given[0]["row"][name] for name in ("title", "agent_id")] == ["first", "agent-7"]
    assert [each["row"]["state"] for each in given[1:]] == [*states, "no JSON"]
    assert [each["row"]["id"] for each in given[1:]] == [row[0] for row in rows]
    [only] = [line.record for line in importers.original(storage, second.session_id).records]
    assert only["row"]["title"] == "second"


def test_a_session_of_this_store_has_no_original(storage: FileStorage) -> None:
    session = storage.import_session(next(importers.read(OURS[0])).request).session_id
    forked = storage.fork_session(session).session_id
    with pytest.raises(InvalidRequestError, match="was not imported"):
        importers.original(storage, forked)
