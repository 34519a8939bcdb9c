"""What the parts of the suite that search share: texts and messages to find, and ways to find them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from ..models import (
    ChatMessage,
    ContentPart,
    FunctionCall,
    ImageUrl,
    Message,
    ModelInfo,
    Role,
    SearchHit,
    SearchQuery,
    TokenUsage,
    ToolCall,
)
from ..protocols import SessionStorage
from .base import EVERYTHING, exact, messages_of, new_session, user
from .listing import SEARCHES

LITERALS = [
    *(each for each in SEARCHES if each.values[0]),
    pytest.param("STRASSE", ["die Straße", "die STRAẞE", "strasse"], ["strase"], id="sharp s"),
    pytest.param("σίσυφος", ["ΣΊΣΥΦΟΣ"], ["Σισυφος"], id="final sigma"),
    pytest.param("é", ["caf\xe9"], ["cafe", "cafe\u0301"], id="composed"),
    pytest.param("e\u0301", ["cafe\u0301"], ["cafe", "caf\xe9"], id="decomposed"),
    pytest.param("x", ["axe", "X"], ["a × b"], id="one letter"),
    pytest.param("ab", ["cabin", "AB"], ["a b", "ba"], id="two letters"),
    pytest.param("arch", ["researching", "(arch)"], ["ar ch", "ach"], id="inside a word"),
    pytest.param("ing t", ["going there"], ["ing", "going  there"], id="over the end of a word"),
    pytest.param("  ", ["two  spaces"], ["one space", "a\t\tb"], id="two spaces"),
    pytest.param(" end", ["the end"], ["end", "\tend"], id="space before"),
    pytest.param("tab\t", ["tab\tbed"], ["tab bed", "tab"], id="tab after"),
    pytest.param("\n", ["a\nb"], ["a\\nb", "a\rb"], id="newline alone"),
    pytest.param("\r\n", ["a\r\nb"], ["a\nb"], id="carriage return"),
    pytest.param("\0", ["a\0b"], ["a0b", "a\\0b"], id="nul"),
    pytest.param("fn(a, b)", ["x = fn(a, b);"], ["fn(a,b)", "fn a b", "f n(a, b)"], id="call"),
    pytest.param("--flag=1", ["run --flag=1 x"], ["-flag=1", "flag 1", "--flag=2"], id="flag"),
    pytest.param("-no", ["--no"], ["no", "yes"], id="minus first"),
    pytest.param("a->b", ["(*a->b)"], ["a>b", "a- >b"], id="arrow"),
    pytest.param("/etc/x.d", ["cat /etc/x.d/y"], ["/etc/x/d", "etc x d"], id="path"),
    pytest.param('{"k": [1]}', ['see {"k": [1]}'], ['{"k":[1]}'], id="JSON"),
    pytest.param("'; DROP TABLE x; --", ["a'; DROP TABLE x; --"], ["DROP TABLE x"], id="SQL"),
    pytest.param("''", ["it''s"], ["it's"], id="two apostrophes"),
    pytest.param('""', ['say ""'], ['say "'], id="two quotes"),
    pytest.param("one OR two", ["one OR two"], ["one", "two"], id="OR"),
    pytest.param("NOT x", ["is NOT x"], ["y", "x NOT"], id="NOT"),
    pytest.param("NEAR(a b)", ["NEAR(a b)"], ["a b"], id="NEAR"),
    pytest.param("name:", ["name: me"], ["name me"], id="column"),
    pytest.param("pre*", ["pre*"], ["prefix"], id="prefix"),
    pytest.param("^start", ["a ^start"], ["start"], id="caret"),
    pytest.param("end$", ["the end$"], ["the end"], id="dollar"),
    pytest.param("a|b", ["a|b"], ["a", "b"], id="bar"),
    pytest.param("(?i)x", ["(?i)x"], ["x"], id="flags of an expression"),
    pytest.param("a+?", ["a+?"], ["a", "aa"], id="plus"),
    pytest.param("\\d", ["\\d"], ["5", "d"], id="class of an expression"),
    pytest.param("\\", ["C:\\x"], ["C:/x"], id="backslash alone"),
    pytest.param("12", ["3123"], ["1 2", "1.2"], id="digits"),
    pytest.param("漢", ["読漢字"], ["読字"], id="one character without spaces"),
    pytest.param("中文搜", ["全中文搜索"], ["中文", "中 文 搜"], id="several without spaces"),
    pytest.param("👩\u200d💻", ["a 👩\u200d💻"], ["👩", "👩💻"], id="joined emoji"),
    pytest.param("👩", ["👩\u200d💻"], ["👨"], id="part of an emoji"),
    pytest.param("مرحبا", ["قل مرحبا"], ["مرحب"], id="Arabic"),
    pytest.param("long " * 900, ["so " + "long " * 900], ["long " * 899], id="long"),
]

_CALL = ToolCall(id="call_77", function=FunctionCall("read_file", '{"path":"/a b"}'))
_ESCAPED = json.dumps({"cmd": 'echo "hi"\nC:\\x é'})
_MEANT = ['echo "hi"', '"hi"\nC:\\x É', 'echo \\"hi\\"', "\\u00e9"]
FILLING = "filling " * 10_000
"""Makes a message a large one, whatever is large to a storage."""

KINDS: list[Any] = [
    pytest.param(user("a Text"), ["text"], ["user", "role", "content"], id="text"),
    pytest.param(
        ChatMessage(
            Role.USER,
            [
                ContentPart("text", "one"),
                ContentPart("image_url", image_url=ImageUrl("data:image/png;base64,aGlkZGVu")),
                ContentPart("image_url", image_url=ImageUrl("https://host/an.png", detail=None)),
                ContentPart("text", "two"),
            ],
        ),
        ["one", "two", "host/an.png"],
        ["onetwo", "one two", "aGlkZGVu", "base64", "image_url"],
        id="parts",
    ),
    pytest.param(
        ChatMessage(Role.ASSISTANT, tool_calls=[_CALL]),
        ["read_file", "EAD_FI", '"path"', "/a b"],
        ["call_77", "read_file/a b"],
        id="call",
    ),
    pytest.param(
        ChatMessage(Role.ASSISTANT, "I look", tool_calls=[_CALL]),
        ["I look", "read_file", "/a b"],
        ["call_77", "I lookread_file", "I look read_file"],
        id="text and call",
    ),
    pytest.param(
        ChatMessage(
            Role.ASSISTANT, tool_calls=[ToolCall(id="1", function=FunctionCall("b", _ESCAPED))]
        ),
        _MEANT,
        ["hi C:"],
        id="escaped arguments",
    ),
    pytest.param(
        ChatMessage(
            Role.ASSISTANT, tool_calls=[ToolCall(id="1", function=FunctionCall("b", "no { \\json"))]
        ),
        ["no { \\json"],
        [],
        id="arguments that are no JSON",
    ),
    pytest.param(
        ChatMessage(Role.TOOL, "42 files", tool_call_id="call_78"),
        ["42 files"],
        ["call_78", "tool"],
        id="result",
    ),
    pytest.param(ChatMessage(Role.TOOL, tool_call_id="call_78"), [], ["call_78"], id="empty result"),
    pytest.param(
        ChatMessage(
            Role.ASSISTANT,
            "said",
            usage=TokenUsage(11_223, 1, 11_224),
            id="id_79",
            model=ModelInfo("maker", "model-x"),
            finish_reason="length",
            metadata={"key": "beside"},
        ),
        ["said"],
        ["id_79", "maker", "model-x", "length", "beside", "11223"],
        id="what is beside the text",
    ),
    pytest.param(
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "let me think", "signature": "c2lnbmVk"},
                {
                    "type": "tool_use",
                    "id": "toolu_80",
                    "name": "grep",
                    "input": {"pattern": "need.e", "type": "rust", "id": "ticket 17"},
                },
                {"type": "image", "source": {"type": "base64", "data": "aGlkZGVu"}},
                {"type": "input_audio", "input_audio": {"data": "aGVhcmQ=", "format": "wav"}},
            ],
        },
        ["let me think", "grep", "need.e", "rust", "ticket 17"],
        ["c2lnbmVk", "toolu_80", "aGlkZGVu", "aGVhcmQ", "tool_use"],
        id="parts of another maker",
    ),
    pytest.param(
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_80",
                    "content": [{"type": "text", "text": "deep inside"}],
                }
            ],
        },
        ["deep inside"],
        ["toolu_80", "tool_result"],
        id="result in a part",
    ),
    pytest.param(
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "call_81", "function": {"name": "bash", "arguments": "{}"}}],
        },
        ["bash"],
        ["call_81"],
        id="call without a type",
    ),
    pytest.param(
        {"type": "function_call", "call_id": "call_82", "name": "bash", "arguments": _ESCAPED},
        ["bash", *_MEANT],
        ["call_82"],
        id="call of another maker",
    ),
    pytest.param(
        {"kind": "note", "id": "id_83", "body": {"lines": ["first", {"x": "second"}]}, "n": 5},
        ["first", "second", "note"],
        ["id_83", "firstsecond", "first second", "body"],
        id="another shape",
    ),
    pytest.param({}, [], ["e", "{"], id="nothing"),
    pytest.param(
        user(f"{FILLING}a Needle\nhere {FILLING}"),
        ["a needle", "needle\nhere fill"],
        ["needle here"],
        id="large",
    ),
    pytest.param(
        {"kind": "note", "body": [FILLING, "a Needle", FILLING]}, ["a needle"], [], id="large dict"
    ),
    pytest.param(
        ChatMessage(
            Role.ASSISTANT,
            tool_calls=[
                ToolCall(id="call_84", function=FunctionCall("b", json.dumps([FILLING, '"needle"'])))
            ],
        ),
        ['"needle"'],
        ["call_84"],
        id="large call",
    ),
]


def at(milliseconds: int) -> datetime:
    """Return the moment of so many milliseconds since 1970."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)


def sent(text: str, milliseconds: int) -> ChatMessage:
    """Return what a user says, and when."""
    return ChatMessage(Role.USER, text, created_at=milliseconds)


def calling(text: str | None, *calls: tuple[str, str], **rest: Any) -> ChatMessage:
    """Return an assistant's message that calls tools, given as (id, name)."""
    made = [ToolCall(id=id_, function=FunctionCall(name, "{}")) for id_, name in calls]
    return ChatMessage(Role.ASSISTANT, text, tool_calls=made, **rest)


def result(text: str, call: str) -> ChatMessage:
    """Return the result of a call."""
    return ChatMessage(Role.TOOL, text, tool_call_id=call)


def told(storage: SessionStorage, hit: SearchHit, text: str) -> str:
    """Return what a hit tells of: its message, or its title; the places that it names are checked."""
    assert hit.matches
    for start, stop in hit.matches:
        assert text.casefold() in hit.snippet[start:stop].casefold()
    assert all(before[1] <= after[0] for before, after in pairwise(hit.matches))
    if hit.checkpoint_id is None:
        assert (hit.message_index, hit.role, hit.tools) == (None, None, [])
        assert hit.created_at == hit.session.updated_at
        return f"title: {hit.session.title}"
    found = storage.get_checkpoint(hit.checkpoint_id)
    assert found.session_id == hit.session.id
    assert hit.message_index is not None
    return shown(messages_of(found)[hit.message_index])


def found(storage: SessionStorage, text: str, **rest: Any) -> list[str]:
    """Return all that is found, in its order, as ``told`` does."""
    answer = storage.search(SearchQuery(text, **{"limit": EVERYTHING, **rest}))
    assert answer.total == len(answer.hits)
    assert answer.problems == []
    return [told(storage, hit, text) for hit in answer.hits]


def crowd(storage: SessionStorage) -> None:
    """Create sessions that are in nobody's way, and have them all searched."""
    for i in range(9):
        new_session(storage, user(f"one of many {i}"), title="")
    assert len(found(storage, "one of many")) == 9


def shown(message: Message) -> str:
    """Return the content of a message if it is a text, or else the whole message as JSON."""
    plain = msgspec.to_builtins(message)
    return plain["content"] if isinstance(plain.get("content"), str) else exact(plain)
