"""How Gemini CLI's records become messages, in both of its shapes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from uuid import UUID

import pytest

from sessionfs import FileStorage, InvalidRequestError, tools

from .helpers import FIXTURES, import_one, messages_of, write_lines

DOCUMENT, LINES = FIXTURES / "gemini.json", FIXTURES / "gemini.jsonl"


def test_facts(storage: FileStorage) -> None:
    found = storage.get_session(import_one(storage, DOCUMENT))
    assert found.id == UUID("7c1d8a52-0f3e-4b6a-9d17-5e2f40a1b3c6")
    assert found.title == "Which of the seedlings need water today?"
    assert found.created_at.isoformat() == "2026-05-04T10:00:00+00:00"
    found = storage.get_session(import_one(storage, LINES))
    assert (found.title, found.cwd) == ("Rename the garden beds", "/home/ana/garden")


def test_roles_texts_calls_and_results(storage: FileStorage) -> None:
    messages = messages_of(storage, import_one(storage, DOCUMENT))
    assert [message["role"] for message in messages] == [
        "user", "assistant", "tool", "tool", "assistant", "user", "assistant",
    ]  # fmt: skip
    assert messages[1]["tool_calls"][0] == {
        "id": "read_file-1",
        "type": "function",
        "function": {
            "name": "read_file",
            "arguments": '{"absolute_path":"/home/ana/garden/plan.md"}',
        },
    }
    assert [each["tool_call_id"] for each in messages[2:4]] == ["read_file-1", "run-2"]
    assert messages[2]["content"] == "# Plan\n\nMonday: basil, leek\n"
    assert messages[3]["content"] == "Command not allowed"
    assert messages[3]["metadata"]["is_error"] is True
    assert [part.get("text") for part in messages[5]["content"]] == [
        "And tomorrow?", "See the photo.", None,
    ]  # fmt: skip
    assert messages[1]["model"] == {"provider": "google", "id": "gemini-2.5-pro"}
    assert messages[1]["usage"]["total_tokens"] == 1265
    assert messages[0]["created_at"] == 1_777_888_800_000


def test_stats_count_its_tools(storage: FileStorage) -> None:
    stats = storage.get_session_stats(import_one(storage, DOCUMENT))
    assert (stats.total_tool_calls, stats.successful_tool_calls, stats.failed_tool_calls) == (2, 1, 1)


def test_what_was_written_anew_counts_once_and_what_was_taken_back_not_at_all(
    storage: FileStorage,
) -> None:
    messages = messages_of(storage, import_one(storage, LINES))
    assert [(each["role"], each["content"]) for each in messages] == [
        ("user", "Rename the beds in the plan"),
        ("assistant", ""),
        ("tool", "1 replacement"),
        ("assistant", "Renamed one bed."),
        ("user", "Keep the others"),
        ("assistant", "They stay."),
    ]
    assert len(messages[1]["tool_calls"]) == 1


def test_taking_back_what_nobody_knows_takes_back_all(storage: FileStorage, tmp_path: Path) -> None:
    header, *said = LINES.read_text().splitlines()[:4]
    last = {"id": "z", "type": "user", "content": "anew"}
    path = write_lines(tmp_path / "s.jsonl", header, *said, {"$rewindTo": "nobody"}, last)
    assert [each["content"] for each in messages_of(storage, import_one(storage, path))] == ["anew"]


@pytest.mark.parametrize("indent", [None, 2])
def test_a_conversation_on_one_line_or_many(
    storage: FileStorage, tmp_path: Path, indent: int | None
) -> None:
    path = tmp_path / "s.json"
    whole = json.loads(DOCUMENT.read_text())
    path.write_text(json.dumps(whole, indent=indent))
    session = import_one(storage, path)
    assert len(messages_of(storage, session)) == 7
    given = b"".join(tools.original(storage, session).chunks())
    assert list(json.loads(given).items()) == list(whole.items())


def test_the_directory_is_noted_beside_newer_projects(storage: FileStorage, tmp_path: Path) -> None:
    chats = tmp_path / "garden" / "chats"
    chats.mkdir(parents=True)
    whole = json.loads(DOCUMENT.read_text())
    for name, matches in (("/home/ana/other", False), ("/home/ana/garden", True)):
        (chats.parent / ".project_root").write_text(name + "\n")
        whole["projectHash"] = hashlib.sha256(b"/home/ana/garden").hexdigest()
        whole["sessionId"] = name
        (chats / "s.json").write_text(json.dumps(whole))
        found = storage.get_session(import_one(storage, chats / "s.json"))
        assert found.cwd == (name if matches else None)


def test_half_a_conversation_is_none_yet(tmp_path: Path) -> None:
    """The tool writes the whole file each time: whoever reads in between finds a part."""
    path = tmp_path / "s.json"
    path.write_bytes(DOCUMENT.read_bytes()[:-40])
    with pytest.raises(InvalidRequestError, match="not a transcript"):
        list(tools.read(path))


def test_odd_records_are_kept(storage: FileStorage, tmp_path: Path) -> None:
    records = [
        json.loads(LINES.read_text().splitlines()[0]),
        {"id": "a", "type": "user", "content": "plain"},
        {"id": "b", "type": "user", "content": {"text": "one part"}},
        {"id": "c", "type": "user", "content": ["a text", {"functionResponse": {}}]},
        {"id": "d", "type": "gemini", "content": None, "toolCalls": [5, {"name": 7}]},
        {"id": "e", "type": "gemini", "content": [], "tokens": 5, "toolCalls": "none"},
        {"id": "f", "type": "gemini", "content": "x", "toolCalls": [{"name": "t", "result": "text"}]},
        {"id": "g", "type": "gemini", "content": "", "toolCalls": [{"name": "t", "result": [{}, {}]}]},
        {"id": "h", "type": "gemini", "content": "", "toolCalls": [{"name": "t", "result": 5}]},
        {"id": 7, "type": "user", "content": [7, {"text": 7}, {"text": "y", "more": 1}]},
        {"type": []},
        {"$set": 5},
        {"$set": {"directories": [7], "messages": [{"id": "a"}]}},
    ]
    session = import_one(storage, write_lines(tmp_path / "odd.jsonl", *records))
    given = b"".join(tools.original(storage, session).chunks()).splitlines()
    assert [json.loads(line) for line in given] == records
    contents = [each.get("content") for each in messages_of(storage, session)]
    assert contents[:2] == ["plain", "one part"]
    assert "text" in contents
