"""How Codex's records become messages."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

from sessionfs import FileStorage

from .helpers import FIXTURES, import_one, messages_of, restored, write_lines

TRANSCRIPT = FIXTURES / "codex.jsonl"


def test_facts(storage: FileStorage) -> None:
    found = storage.get_session(import_one(storage, TRANSCRIPT))
    assert found.id == UUID("0196a1f0-7c2e-7d10-8a55-6b7c8d9e0f10")
    assert found.title == "Run the tests of the cart and tell me what fails"
    assert found.cwd == "/home/ana/shop"


def test_roles_texts_calls_and_results(storage: FileStorage) -> None:
    messages = messages_of(storage, import_one(storage, TRANSCRIPT))
    assert [message["role"] for message in messages] == [
        "user", "user", "assistant", "tool", "assistant", "tool", "assistant",
        "user", "assistant", "tool", "assistant",
    ]  # fmt: skip
    assert messages[2]["tool_calls"][0] == {
        "id": "call_A1",
        "type": "function",
        "function": {
            "name": "shell",
            "arguments": '{"command":["bash","-lc","pytest tests/cart -q"],"timeout_ms":60000}',
        },
    }
    assert messages[4]["tool_calls"][0]["function"]["name"] == "apply_patch"
    assert messages[6]["content"] == [
        {"type": "text", "text": "`test_rounding` failed: the total was rounded to one digit."},
        {"type": "text", "text": "I changed it to two, and it passes now."},
    ]
    assert messages[9]["content"] == "no such image"
    assert messages[9]["metadata"]["is_error"] is True


def test_stats_count_its_tools(storage: FileStorage) -> None:
    stats = storage.get_session_stats(import_one(storage, TRANSCRIPT))
    assert (stats.total_tool_calls, stats.successful_tool_calls, stats.failed_tool_calls) == (3, 2, 1)


def test_an_older_rollout_without_envelopes(storage: FileStorage, tmp_path: Path) -> None:
    records = [
        {"id": "old-1", "timestamp": "2025-05-01T10:00:00Z", "instructions": None},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]},
        {
            "type": "local_shell_call",
            "call_id": "c1",
            "action": {"command": ["ls"]},
            "status": "completed",
        },
        {"type": "function_call_output", "call_id": "c1", "output": "a\nb"},
        {"type": "message", "role": "assistant", "content": "two files"},
        {"record_type": "state"},
    ]
    session = import_one(storage, write_lines(tmp_path / "old.jsonl", *records))
    messages = messages_of(storage, session)
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "assistant"]
    assert messages[1]["tool_calls"][0]["function"] == {
        "name": "local_shell_call",
        "arguments": '{"command":["ls"]}',
    }
    assert [line.record for line in restored(storage, session)] == records


def test_odd_items_are_kept(storage: FileStorage, tmp_path: Path) -> None:
    def item(payload: object) -> dict[str, object]:
        return {"type": "response_item", "payload": payload, "timestamp": "2025-05-01T10:00:00Z"}

    records = [
        item({"role": "user", "content": [{"text": "no type", "type": "input_text"}]}),
        item({"type": "message", "role": "stranger", "content": "?"}),
        item({"type": "message", "role": "assistant", "content": None}),
        item({"type": "function_call", "call_id": 7, "name": None}),
        item({"type": "function_call_output", "call_id": "c", "output": 5}),
        item("a text"),
        item({"type": []}),
        {"type": []},
        {"type": {}, "payload": []},
        {"type": "compacted", "payload": {"message": "summary"}},
        {"type": "event_msg"},
    ]
    session = import_one(storage, write_lines(tmp_path / "odd.jsonl", *records))
    assert [line.record for line in restored(storage, session)] == records
