"""How Claude Code's records become messages."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

from sessionfs import FileStorage

from .helpers import FIXTURES, import_one, messages_of, restored, write_lines

TRANSCRIPT = FIXTURES / "claude-code.jsonl"


def test_facts(storage: FileStorage) -> None:
    found = storage.get_session(import_one(storage, TRANSCRIPT))
    assert found.id == UUID("6f1c2a9e-4b7d-4e0a-9c35-1d2e3f405162")
    assert found.title == "Watering schedule for the garden controller"
    assert found.cwd == "/home/ana/garden"


def test_roles_texts_calls_and_results(storage: FileStorage) -> None:
    messages = messages_of(storage, import_one(storage, TRANSCRIPT))
    assert [message["role"] for message in messages] == [
        "user", "assistant", "assistant", "tool", "tool", "assistant",
        "user", "assistant", "tool", "assistant", "user", "assistant",
    ]  # fmt: skip
    assert messages[0]["content"].startswith("The tomato bed")
    assert [part["type"] for part in messages[1]["content"]] == ["thinking", "text"]
    assert [call["function"]["name"] for call in messages[2]["tool_calls"]] == ["Read", "Bash"]
    assert messages[2]["tool_calls"][0]["function"]["arguments"] == (
        '{"file_path":"/home/ana/garden/schedule.toml"}'
    )
    assert [message["tool_call_id"] for message in messages[3:5]] == ["toolu_01", "toolu_02"]
    assert messages[4]["metadata"] == {"is_error": True}
    assert [part["type"] for part in messages[6]["content"]] == ["text", "image"]
    assert messages[8]["content"] == "The file has been updated."
    assert messages[1]["model"] == {"provider": "anthropic", "id": "claude-sonnet-4-5"}
    assert messages[1]["usage"]["prompt_tokens"] == 1812
    assert messages[1]["usage"]["total_tokens"] == 1852
    assert messages[0]["created_at"] == 1_772_355_600_000


def test_stats_count_its_tools(storage: FileStorage) -> None:
    stats = storage.get_session_stats(import_one(storage, TRANSCRIPT))
    assert (stats.total_tool_calls, stats.successful_tool_calls, stats.failed_tool_calls) == (3, 2, 1)
    assert [tool.tool_name for tool in stats.tools_usage] == ["Bash", "Edit", "Read"]


def test_subagents_inside_a_transcript_are_kept_but_not_in_the_conversation(
    storage: FileStorage,
) -> None:
    session = import_one(storage, TRANSCRIPT)
    assert "listed twice." not in str(messages_of(storage, session)[7:9])
    assert sum(line.record.get("isSidechain") is True for line in restored(storage, session)) == 2


def test_a_subagents_own_file_is_a_session_of_its_own(storage: FileStorage, tmp_path: Path) -> None:
    main = import_one(storage, TRANSCRIPT)
    path = write_lines(
        tmp_path / "agent-1a2b.jsonl",
        *(
            {
                "type": role,
                "isSidechain": True,
                "agentId": "1a2b",
                "sessionId": str(main),
                "message": {"role": role, "content": text},
            }
            for role, text in (("user", "look for twins"), ("assistant", "none"))
        ),
    )
    other = import_one(storage, path)
    assert other != main
    assert [m["content"] for m in messages_of(storage, other)] == ["look for twins", "none"]
    assert storage.get_session(other).title == "look for twins"


def test_odd_records_are_kept_as_records(storage: FileStorage, tmp_path: Path) -> None:
    odd = [
        {"type": "user", "message": {"content": []}},
        {"type": "user", "message": {"content": ["text"]}},
        {"type": "user", "message": None},
        {"type": "assistant"},
        ["an", "array"],
        7,
        None,
        {"type": 5, "timestamp": 5},
    ]
    spoken = {
        "type": "user",
        "message": {"role": "user", "content": "hello"},
        "timestamp": "not a time",
    }
    session = import_one(storage, write_lines(tmp_path / "odd.jsonl", *odd, spoken))
    assert [line.record for line in restored(storage, session)] == [*odd, spoken]
    assert [m["content"] for m in messages_of(storage, session)] == ["hello"]


def test_a_title_is_what_a_person_said_first(storage: FileStorage, tmp_path: Path) -> None:
    texts = ["<command-name>/clear</command-name>", "  \n", "x" * 200 + "\nsecond line"]
    records = [{"type": "user", "message": {"role": "user", "content": text}} for text in texts]
    session = import_one(storage, write_lines(tmp_path / "title.jsonl", *records))
    assert storage.get_session(session).title == "x" * 79 + "…"
    nameless = write_lines(tmp_path / "nameless.jsonl", {**records[0], "other": 1})
    assert storage.get_session(import_one(storage, nameless)).title == "Untitled"


def test_a_resumed_session_is_not_the_one_that_it_goes_on_from(
    storage: FileStorage, tmp_path: Path
) -> None:
    old, new = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"

    def said(session: str, text: str) -> dict[str, object]:
        message = {"role": "user", "content": text}
        return {"type": "user", "sessionId": session, "message": message}

    first, second = said(old, "first"), said(new, "second")
    by_name = [
        write_lines(tmp_path / f"{old}.jsonl", first),
        write_lines(tmp_path / f"{new}.jsonl", first, said(old, "copied")),
    ]
    assert [str(import_one(storage, path)) for path in by_name] == [old, new]
    other = FileStorage(tmp_path / "other", message_type=dict)
    by_records = [
        write_lines(tmp_path / "one.jsonl", first),
        write_lines(tmp_path / "two.jsonl", first, second),
    ]
    assert [str(import_one(other, path)) for path in by_records] == [old, new]
    assert [m["content"] for m in messages_of(other, UUID(new))] == ["first", "second"]
