"""What is read of messages of every shape, and that all who show or count them agree."""

from __future__ import annotations

import re
from base64 import b64encode
from html import unescape
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessionfs import ChatMessage, CreateSessionRequest, FileStorage, SearchQuery
from sessionfs.exporters import as_html, as_markdown
from sessionfs.messages import parts
from sessionfs.messages.parts import CallKeys, CallPart, Media, ResultPart, Text, Thinking, Unknown
from sessionfs.testing.tool_shapes import TOOL_SHAPES

PNG = b64encode(b"\x89PNG\r\n\x1a\n").decode()
PDF = b64encode(b"%PDF-1.7").decode()


def assistant(*content: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": list(content)}


def user(*content: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(content)}


def model(*content: Any) -> dict[str, Any]:
    return {"role": "model", "parts": list(content)}


SHAPES: dict[str, tuple[dict[str, Any], list[parts.Part]]] = {
    # OpenAI, chat
    "text": ({"role": "user", "content": "a"}, [Text("a")]),
    "nothing": ({"role": "user"}, []),
    "refusal": ({"role": "assistant", "content": None, "refusal": "no"}, [Text("no")]),
    "calls": (
        {
            "role": "assistant",
            "content": "a",
            "tool_calls": [
                {"id": "1", "type": "function", "function": {"name": "run", "arguments": '{"x":1}'}},
                {"id": "2", "type": "custom", "custom": {"name": "patch", "input": "*** Begin"}},
                {"id": "3", "name": "read", "args": {"path": "/"}, "type": "tool_call"},
            ],
        },
        [
            Text("a"),
            CallPart("1", "run", '{"x":1}'),
            CallPart("2", "patch", "*** Begin"),
            CallPart("3", "read", {"path": "/"}),
        ],
    ),
    "function_call": (
        {"role": "assistant", "content": None, "function_call": {"name": "run", "arguments": "{}"}},
        [CallPart(None, "run", "{}")],
    ),
    "result": (
        {"role": "tool", "tool_call_id": "1", "content": "done"},
        [ResultPart("1", None, "done")],
    ),
    "failed result": (
        {"role": "tool", "tool_call_id": "1", "content": "no", "metadata": {"is_error": True}},
        [ResultPart("1", None, "no", failed=True)],
    ),
    "result of a function": (
        {"role": "function", "name": "run", "content": "done"},
        [ResultPart(None, "run", "done")],
    ),
    "images and files": (
        user(
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
            {
                "type": "file",
                "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"},
            },
            {"type": "file", "file": {"file_id": "file-1"}},
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        ),
        [
            Media("image", "image/png", PNG),
            Media("document", "application/pdf", PDF, name="a.pdf"),
            Media("document", where="file-1"),
            Media("audio", "audio/wav", "AAAA"),
        ],
    ),
    "spoken answer": (
        {"role": "assistant", "content": None, "audio": {"id": "1", "data": "AAAA", "transcript": "a"}},
        [Media("audio", "", "AAAA"), Text("a")],
    ),
    # OpenAI, Responses
    "item: message": (
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "a"},
                {"type": "input_image", "image_url": "https://example.org/a.png"},
                {"type": "output_text", "text": "b", "annotations": []},
                {"type": "refusal", "refusal": "no"},
            ],
        },
        [Text("a"), Media("image", where="https://example.org/a.png"), Text("b"), Text("no")],
    ),
    "item: call": (
        {"type": "function_call", "id": "fc", "call_id": "1", "name": "run", "arguments": "{}"},
        [CallPart("1", "run", "{}")],
    ),
    "item: custom call": (
        {"type": "custom_tool_call", "call_id": "1", "name": "patch", "input": "x"},
        [CallPart("1", "patch", "x")],
    ),
    "item: shell": (
        {
            "type": "local_shell_call",
            "call_id": "1",
            "status": "completed",
            "action": {"command": ["ls"]},
        },
        [CallPart("1", "local_shell_call", {"command": ["ls"]})],
    ),
    "item: output": (
        {"type": "function_call_output", "call_id": "1", "output": "done"},
        [ResultPart("1", None, "done")],
    ),
    "item: failed output": (
        {
            "type": "custom_tool_call_output",
            "call_id": "1",
            "output": {"content": "no", "success": False},
        },
        [ResultPart("1", None, "no", failed=True)],
    ),
    "item: web search": (
        {"type": "web_search_call", "id": "1", "status": "completed", "action": {"query": "a"}},
        [
            CallPart("1", "web_search_call", {"query": "a"}),
            ResultPart("1", "web_search_call"),
        ],
    ),
    "item: web search that has not ended": (
        {"type": "web_search_call", "id": "1", "status": "searching"},
        [CallPart("1", "web_search_call")],
    ),
    "item: MCP": (
        {
            "type": "mcp_call",
            "id": "1",
            "name": "find",
            "arguments": "{}",
            "error": "no",
            "output": None,
        },
        [CallPart("1", "find", "{}"), ResultPart("1", "find", "no", failed=True)],
    ),
    "item: reasoning": (
        {
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": "a"}],
            "content": [{"type": "reasoning_text", "text": "b"}],
            "encrypted_content": "gAAA",
        },
        [Thinking("a"), Thinking("b")],
    ),
    "item: encrypted reasoning": (
        {"type": "reasoning", "summary": [], "encrypted_content": "gAAA"},
        [Thinking("[encrypted]")],
    ),
    # Anthropic
    "thinking and calls": (
        assistant(
            {"type": "thinking", "thinking": "a", "signature": "xyz"},
            {"type": "redacted_thinking", "data": "xyz"},
            {"type": "text", "text": "b"},
            {"type": "tool_use", "id": "1", "name": "run", "input": {"x": 1}},
            {"type": "server_tool_use", "id": "2", "name": "web_search", "input": {}},
            {"type": "mcp_tool_use", "id": "3", "name": "find", "server_name": "s", "input": {}},
        ),
        [
            Thinking("a"),
            Thinking("[encrypted]"),
            Text("b"),
            CallPart("1", "run", {"x": 1}),
            CallPart("2", "web_search", {}),
            CallPart("3", "find", {}),
        ],
    ),
    "results": (
        user(
            {"type": "tool_result", "tool_use_id": "1", "content": "done"},
            {"type": "tool_result", "tool_use_id": "2", "content": "no", "is_error": True},
            {"type": "tool_result", "tool_use_id": "3"},
            {
                "type": "web_search_tool_result",
                "tool_use_id": "4",
                "content": {"type": "web_search_tool_result_error", "error_code": "unavailable"},
            },
            {"type": "text", "text": "go on"},
        ),
        [
            ResultPart("1", None, "done"),
            ResultPart("2", None, "no", failed=True),
            ResultPart("3", None, None),
            ResultPart(
                "4",
                None,
                {"type": "web_search_tool_result_error", "error_code": "unavailable"},
                failed=True,
            ),
            Text("go on"),
        ],
    ),
    "documents": (
        user(
            {
                "type": "document",
                "title": "A",
                "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
            },
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "b"}},
            {
                "type": "document",
                "source": {"type": "content", "content": [{"type": "text", "text": "c"}]},
            },
            {"type": "document", "source": {"type": "url", "url": "https://example.org/a.pdf"}},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
            {"type": "image", "source": {"type": "file", "file_id": "file_1"}},
        ),
        [
            Media("document", "application/pdf", PDF, name="A"),
            Media("document", "text/plain"),
            Text("b"),
            Media("document"),
            Text("c"),
            Media("document", where="https://example.org/a.pdf"),
            Media("image", "image/png", PNG),
            Media("image", where="file_1"),
        ],
    ),
    # Gemini
    "parts": (
        model(
            {"text": "a", "thought": True},
            {"text": "b", "thoughtSignature": "xyz"},
            {"functionCall": {"id": "1", "name": "run", "args": {"x": 1}}, "thoughtSignature": "xyz"},
            {"functionCall": {"name": "run"}},
            {"inlineData": {"mimeType": "image/png", "data": PNG}},
            {"fileData": {"mimeType": "application/pdf", "fileUri": "gs://a/b.pdf"}},
        ),
        [
            Thinking("a"),
            Text("b"),
            CallPart("1", "run", {"x": 1}),
            CallPart(None, "run"),
            Media("image", "image/png", PNG),
            Media("document", "application/pdf", where="gs://a/b.pdf"),
        ],
    ),
    "responses": (
        user_parts := {
            "role": "user",
            "parts": [
                {"functionResponse": {"id": "1", "name": "run", "response": {"output": "done"}}},
                {"functionResponse": {"name": "run", "response": {"error": "no"}}},
                {"functionResponse": {"name": "run", "response": {"a": [1], "b": 2}}},
            ],
        },
        [
            ResultPart("1", "run", "done"),
            ResultPart(None, "run", "no", failed=True),
            ResultPart(None, "run", '{"a":[1],"b":2}'),
        ],
    ),
    "executed code": (
        model(
            {"executableCode": {"language": "PYTHON", "code": "1"}},
            {"codeExecutionResult": {"outcome": "OUTCOME_FAILED", "output": "no"}},
        ),
        [
            CallPart(None, "code_execution", {"language": "PYTHON", "code": "1"}),
            ResultPart(None, "code_execution", "no", failed=True),
        ],
    ),
    "names of the Python client": (
        model(
            {"function_call": {"name": "run", "args": {}}, "text": None, "inline_data": None},
            {"function_response": {"name": "run", "response": {"result": "done"}}},
            {"inline_data": {"mime_type": "audio/mp3", "data": "AAAA"}},
        ),
        [
            CallPart(None, "run", {}),
            ResultPart(None, "run", "done"),
            Media("audio", "audio/mp3", "AAAA"),
        ],
    ),
    # Others
    "another shape": ({"kind": "note"}, [Unknown("message of another shape", {"kind": "note"})]),
    "content of another shape": ({"role": "user", "content": 5}, [Unknown("content", 5)]),
    "parts of another shape": (
        user("a", 5, {"type": "video", "frames": 7}, {"type": ["x"]}),
        [
            Text("a"),
            Unknown("part", 5),
            Unknown("video", {"type": "video", "frames": 7}),
            Unknown("part", {"type": ["x"]}),
        ],
    ),
    "calls of another shape": (
        {"role": "assistant", "tool_calls": [5, {"function": {"name": 5}}, {"id": "1"}]},
        [
            Unknown("tool call", 5),
            Unknown("tool call", {"function": {"name": 5}}),
            Unknown("tool call", {"id": "1"}),
        ],
    ),
}
del user_parts


@pytest.mark.parametrize("shape", SHAPES)
def test_parts_of_every_shape(shape: str) -> None:
    message, expected = SHAPES[shape]
    assert parts.parts(message) == expected


@pytest.mark.parametrize("shape", SHAPES)
def test_a_call_or_result_is_also_found_without_the_other_parts(shape: str) -> None:
    message, expected = SHAPES[shape]
    tools = [part for part in expected if isinstance(part, CallPart | ResultPart)]
    assert parts.tool_parts(message) == tools
    assert parts.calls(message) + parts.results(message) == sorted(
        tools, key=lambda part: isinstance(part, ResultPart)
    )


def test_an_item_has_the_role_of_who_makes_it() -> None:
    roles = {shape: parts.role_of(SHAPES[shape][0]) for shape in SHAPES}
    assert (roles["item: call"], roles["item: reasoning"]) == ("assistant", "assistant")
    assert (roles["item: output"], roles["item: message"]) == ("tool", "user")
    assert (roles["parts"], roles["another shape"]) == ("model", "")


def test_text_names_what_is_not_text_and_a_result_was_not_said() -> None:
    message, _ = SHAPES["results"]
    assert parts.text_of(message) == "done\nno\n\n[web_search_tool_result_error]\ngo on"
    assert parts.spoken_text(message) == "go on"
    message, _ = SHAPES["images and files"]
    assert parts.text_of(message).splitlines() == [
        "[image: PNG, 8 bytes]",
        "[document: a.pdf, application/pdf, 8 bytes]",
        "[document: file-1]",
        "[audio: audio/wav, 3 bytes]",
    ]


def test_results_without_ids_belong_to_the_calls_of_their_tool_in_order() -> None:
    keys = CallKeys()
    first, second, other = (keys.of_call(CallPart(None, tool)) for tool in ("run", "run", "read"))
    named = keys.of_call(CallPart("1", "run"))
    assert len({first, second, other, named}) == 4
    assert keys.of_result(ResultPart(None, "run")) == first
    assert keys.of_result(ResultPart("1", "run")) == named
    assert keys.of_result(ResultPart(None, "run")) == second
    assert keys.of_result(ResultPart(None, "run")) is None
    assert keys.of_result(ResultPart(None, None)) is None


_FIELDS = ("role", "type", "content", "parts", "tool_calls", "function_call", "tool_call_id")
_NAMES = sorted({name for message, _ in SHAPES.values() for name in re.findall(r"\w+", str(message))})
_VALUES = st.recursive(
    st.sampled_from([None, True, 5, 1.5, "", "data:image/png;base64,?", *_NAMES]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_NAMES), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=400, deadline=None)
@given(
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(_FIELDS, _VALUES),
    )
)
def test_no_message_makes_reading_fail(message: dict[str, Any]) -> None:
    found = parts.parts(message)
    assert parts.tool_parts(message) == [
        part for part in found if isinstance(part, CallPart | ResultPart)
    ]
    for part in found:
        for each in part.content if isinstance(part, ResultPart) else [part]:
            if isinstance(each, Media):
                assert each.picture is None or each.size
            elif isinstance(each, Unknown):
                assert msgspec.json.decode(each.json) == each.raw
            elif isinstance(each, CallPart):
                assert isinstance(each.arguments, str)
    assert isinstance(parts.text_of(message), str)
    assert isinstance(parts.searchable_text(message), str)


def test_a_result_deep_in_results_is_shown_as_json() -> None:
    message: Any = {"type": "text", "text": "deep inside"}
    for i in range(300):
        message = {"type": "tool_result", "tool_use_id": str(i), "content": [message]}
    message = user(message)
    part: parts.Part = parts.results(message)[0]
    while isinstance(part, ResultPart):
        (part,) = part.content
    assert isinstance(part, Unknown)
    assert "deep inside" in part.json
    assert parts.searchable_text(message) == "deep inside"


def test_fields_that_a_type_does_not_know_are_read(tmp_path: Path) -> None:
    storage = FileStorage(tmp_path, durability="relaxed")
    messages = [SHAPES["thinking and calls"][0], SHAPES["responses"][0]]
    made = storage.create_session(CreateSessionRequest("t", messages))
    read = storage.get_session(made.session_id)
    assert [fields for _, fields in parts.numbered_messages(read)] == messages


# One answer


def everything() -> list[dict[str, Any]]:
    """Return a session in which each shape of calls has a tool of its own."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": "go"}]
    for number, case in enumerate(TOOL_SHAPES):
        raw = msgspec.json.encode(case.values[:2]).decode()
        raw = raw.replace('"bash"', f'"bash{number}"').replace('"c1"', f'"c{number}"')
        messages += msgspec.json.decode(raw)
    messages += [SHAPES[name][0] for name in ("item: web search", "executed code")]
    return messages


@pytest.mark.parametrize("message_type", [dict, ChatMessage])
def test_page_markdown_statistics_and_search_tell_the_same_calls(
    tmp_path: Path, message_type: type[Any]
) -> None:
    messages = everything()
    storage = FileStorage(
        tmp_path / "store",
        durability="relaxed",
        index_dir=tmp_path / "index",
        message_type=message_type,
    )
    session_id = storage.create_session(CreateSessionRequest("t", messages)).session_id
    called = [call.tool for message in messages for call in parts.calls(message)]
    assert len(called) == len(set(called)) == len(TOOL_SHAPES) + 2

    session = storage.get_session(session_id)
    page = b"".join(as_html(storage, session)).decode()
    assert f"{len(called)} tool calls" in page
    folds = re.findall(r'<summary><span class="tool">(.*?)</span>(.*?)</summary>', page)
    assert [unescape(tool) for tool, _ in folds] == called
    failed = {tool for tool, rest in folds if "failed" in rest}
    assert "No result" not in page

    text = b"".join(as_markdown(storage, session)).decode()
    assert re.findall(r"^Calls `(.*)`:$", text, re.MULTILINE) == called
    stats = storage.get_session_stats(session_id)
    usage = {tool.tool_name: tool.usage_counts for tool in stats.tools_usage}
    assert stats.total_tool_calls == len(called)
    assert usage.keys() == set(called)
    assert {tool for tool, counts in usage.items() if counts.failed} == failed
    assert stats.aborted_tool_calls == 0

    for number, case in enumerate(TOOL_SHAPES):
        hits = storage.search(SearchQuery("needle", tool=f"bash{number}")).hits
        places = sorted(hit.message_index or 0 for hit in hits)
        assert places == [2 * number + 1, 2 * number + 2], case.id
