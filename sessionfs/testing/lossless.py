"""What is stored is what was given: any shape, any size, every value that JSON can carry."""

from __future__ import annotations

from typing import Any

import pytest

from ..models import (
    ChatMessage,
    ContentPart,
    CreateCheckpointRequest,
    FunctionCall,
    ImageUrl,
    ListCheckpointsQuery,
    Message,
    ModelInfo,
    PromptTokensDetails,
    Role,
    TokenUsage,
    ToolCall,
)
from ..protocols import SessionStorage
from .base import (
    Contract,
    append,
    assistant,
    checkpoint,
    exact,
    messages_of,
    new_session,
    said,
    typed,
    user,
)

VALUES: dict[str, Any] = {
    "null": None,
    "true": True,
    "one": 1,
    "one point zero": 1.0,
    "zero": 0,
    "minus zero": -0.0,
    "2**53 + 1": 2**53 + 1,
    "2**63": 2**63,
    "2**64": 2**64,
    "-2**64": -(2**64),
    "10**50": 10**50,
    "1e308": 1e308,
    "smallest float": 5e-324,
    "a third": 1 / 3,
    "empty text": "",
    "nul": "a\x00b",
    "control characters": "".join(map(chr, range(32))) + "\x7f",
    "line separators": "a\u2028b\u2029c\u0085d",
    "byte order mark": "\ufeff",
    "no character": "\uffff",
    "astral": "𝒳👩‍💻",
    "combining": "e\u0301",
    "crlf": "a\r\nb\rc\n",
    "json in json": '{"a": "\\u0041"}',
    "slashes": "\\ / \\\\ \"'",
    "empty list": [],
    "empty object": {},
    "empty key": {"": {"": []}},
    "odd keys": {"a.b": 1, "$ref": 2, "__proto__": 3, "\u2028": 4, "0": 5},
    "mixed": [None, True, 1, 1.0, "1", [[]], {"a": [{}]}],
}

SHAPES: dict[str, dict[str, Any]] = {
    "empty": {},
    "no role": {"type": "summary", "text": "x"},
    "another role": {"role": "wizard", "content": "x"},
    "role of another type": {"role": 1, "content": "x"},
    "content of another type": {"role": "user", "content": {"parts": [1]}},
    "parts of another type": {"role": "user", "content": ["plain", 1]},
    "claude": {"type": "assistant", "message": {"content": [{"type": "tool_use", "input": {}}]}},
    "codex": {"type": "function_call", "call_id": "c", "arguments": "{}"},
    "like a record": {"kind": "checkpoint", "session": None, "messages": ["0" * 64]},
}

LARGE = 64 << 10


class LosslessContract(Contract):
    """Nothing of a message or of metadata is lost, changed or put in another order."""

    @pytest.mark.parametrize("name", VALUES)
    def test_values(self, storage: SessionStorage, name: str) -> None:
        """Every JSON value is kept exactly: in a dict, a typed message's metadata, and metadata."""
        value = VALUES[name]
        given: dict[str, Any] = {"value": value, "list": [value], "deep": {"er": {"value": value}}}
        session, _ = new_session(storage, given, ChatMessage(Role.USER, metadata=given), metadata=given)
        state = storage.get_active_checkpoint(session).state
        assert exact(state.metadata) == exact(given)
        assert exact(state.messages[0]) == exact(given)
        assert exact(typed(state.messages[1]).metadata) == exact(given)

    @pytest.mark.parametrize("name", SHAPES)
    def test_dicts_of_any_shape(self, storage: SessionStorage, name: str) -> None:
        """A dict that is no ChatMessage is stored, and read as it is."""
        given = SHAPES[name]
        session, first = new_session(storage, user("1"), given)
        append(storage, session, given)
        [one, two, three] = messages_of(storage.get_session(session))
        assert typed(one) == user("1")
        assert exact(two) == exact(three) == exact(given)
        # What was read can be passed back.
        again = checkpoint(storage, session, two, one, two, parent=first)
        assert exact(messages_of(storage.get_checkpoint(again))[0]) == exact(given)

    def test_dicts_of_the_known_shape(self, storage: SessionStorage) -> None:
        """A dict with the fields of a ChatMessage is as good as one."""
        session, _ = new_session(storage, {"role": "assistant", "content": "x", "created_at": 5})
        [message] = messages_of(storage.get_session(session))
        assert isinstance(message, dict if self.message_type is dict else self.message_type)
        assert typed(message) == ChatMessage(Role.ASSISTANT, "x", created_at=5)

    def test_roles(self, storage: SessionStorage) -> None:
        """Every role is kept, given as a member or as its text."""
        texts: list[Any] = [role.value for role in Role]
        given = [ChatMessage(role, str(role)) for role in [*Role, *texts]]
        session, _ = new_session(storage, *given)
        found = [typed(each) for each in messages_of(storage.get_session(session))]
        assert [each.role for each in found] == [*Role, *Role]
        assert [each.content for each in found] == [*texts, *texts]
        assert {type(each.role) for each in found} == {Role}

    def test_every_field(self, storage: SessionStorage) -> None:
        """Every field of a message is kept: tool calls, parts, usage, times and the rest."""
        call = ToolCall(id="c1", function=FunctionCall("read", '{"path":"a"}'), metadata={"x": [1]})
        given = [
            ChatMessage(
                role=Role.ASSISTANT,
                content=[
                    ContentPart("text", "see"),
                    ContentPart("image_url", image_url=ImageUrl("data:image/png;base64,AA==", "low")),
                    ContentPart("thinking"),
                ],
                name="bot",
                tool_calls=[call, ToolCall(id="c2", type="custom", function=FunctionCall("run"))],
                usage=TokenUsage(1, 2, 3, PromptTokensDetails(4, 5, 6, 7)),
                id="m1",
                model=ModelInfo("anthropic", "claude-sonnet-4"),
                cost=0.1,
                finish_reason="tool_calls",
                created_at=1_700_000_000_000,
                completed_at=1_700_000_000_001,
                metadata={"any": [None]},
            ),
            ChatMessage(Role.TOOL, "result", tool_call_id="c1", metadata={"is_error": False}),
            ChatMessage(Role.ASSISTANT, None, tool_calls=[]),
            ChatMessage(Role.ASSISTANT, [], cost=0.0, created_at=0),
        ]
        session, first = new_session(storage, *given)
        append(storage, session, *given)
        found = [typed(each) for each in messages_of(storage.get_session(session))]
        assert found == given + given
        assert [typed(each) for each in messages_of(storage.get_checkpoint(first))] == given

    def test_order_of_keys(self, storage: SessionStorage) -> None:
        """Keys stay in the order in which they were given."""
        given = {"z": 1, "a": {"y": 1, "b": 2}, "m": [{"x": 1, "c": 2}]}
        turned = {"a": {"b": 2, "y": 1}, "m": [{"c": 2, "x": 1}], "z": 1}
        session, _ = new_session(storage, given, turned, metadata=given)
        append(storage, session, metadata=turned)
        listed = storage.list_checkpoints(session, ListCheckpointsQuery(include_state=True))
        states = [each.state for each in listed.checkpoints]
        for state, metadata in zip(states, (given, turned), strict=True):
            assert state is not None
            assert exact(state.metadata) == exact(metadata)
            assert exact(state.messages) == exact([given, turned])

    def test_messages_that_look_the_same(self, storage: SessionStorage) -> None:
        """Equal messages are as many as were given, and almost equal ones stay different."""
        session, first = new_session(storage, *[user("same")] * 3)
        append(storage, session, user("same"), user("same"))
        assert said(storage.get_session(session)) == ["same"] * 5
        fewer = checkpoint(storage, session, user("same"), parent=first)
        assert said(storage.get_checkpoint(fewer)) == ["same"]
        alike: list[Message] = [{"v": 1}, {"v": 1.0}, {"v": True}, {"v": "1"}, {"v": [1]}, {"v": -0.0}]
        almost = checkpoint(storage, session, *alike, parent=first)
        turned = checkpoint(storage, session, *alike[::-1], parent=almost)
        assert exact(messages_of(storage.get_checkpoint(almost))) == exact(alike)
        assert exact(messages_of(storage.get_checkpoint(turned))) == exact(alike[::-1])

    def test_nesting_of_200(self, storage: SessionStorage) -> None:
        """Nesting of 200, a message's own braces counted, is kept."""
        given = nested(200)
        assert exact(given).count("[") + exact(given).count("{") == 200
        session, _ = new_session(storage, given, metadata=given)
        state = storage.get_active_checkpoint(session).state
        assert exact(state.messages) == exact([given])
        assert exact(state.metadata) == exact(given)

    def test_wide_is_not_deep(self, storage: SessionStorage) -> None:
        """Any number of lists and objects is fine as long as they lie side by side."""
        given: dict[str, Any] = {"wide": [[{"x": i}] for i in range(1_000)]}
        session, _ = new_session(storage, given, metadata=given)
        state = storage.get_active_checkpoint(session).state
        assert exact(state.messages) == exact([given])
        assert exact(state.metadata) == exact(given)

    @pytest.mark.parametrize("size", [LARGE - 1, LARGE, LARGE + 1, 5_000_000])
    def test_large_contents(self, storage: SessionStorage, size: int) -> None:
        """A large message is kept, in every checkpoint that holds it and in forks, typed or not."""
        text = "x" * (size - len('{"role":"user","content":""}'))
        odd = {"kind": "file", "data": "é\u2028🎉\x00x" * (LARGE // 5)}
        session, first = new_session(storage, user(text), odd, user("small"))
        second = append(storage, session, user("more"), user(text))
        third = checkpoint(storage, session, odd, user(text), parent=first)
        fork = storage.fork_session(session, checkpoint_id=second).checkpoint.id
        expected: dict[Any, list[Message]] = {
            first: [user(text), odd, user("small")],
            second: [user(text), odd, user("small"), user("more"), user(text)],
            third: [odd, user(text)],
        }
        expected[fork] = expected[second]
        for id_, messages in expected.items():
            found = messages_of(storage.get_checkpoint(id_))
            assert len(found) == len(messages)
            for one, other in zip(found, messages, strict=True):
                # "is", because an assert would take long to describe texts of this size.
                same = one == other if isinstance(other, dict) else typed(one) == other
                assert same is True

    def test_many_messages(self, storage: SessionStorage) -> None:
        """20,000 messages are kept and counted, and can be added to."""
        texts = [f"message {i}" for i in range(20_000)]
        session, first = new_session(storage, *map(user, texts))
        append(storage, session, assistant("last"))
        checkpoint(storage, session, *map(user, texts[:-1]), assistant("other"), parent=first)
        listed = storage.list_checkpoints(session).checkpoints
        assert [each.message_count for each in listed] == [20_000, 20_001, 20_000]
        for each, expected in zip(
            listed, (texts, [*texts, "last"], [*texts[:-1], "other"]), strict=True
        ):
            assert (said(storage.get_checkpoint(each.id)) == expected) is True

    def test_large_metadata(self, storage: SessionStorage) -> None:
        """Metadata may be large too."""
        session, _ = new_session(storage)
        request = CreateCheckpointRequest([], metadata={"blob": "x" * 200_000})
        made = storage.create_checkpoint(session, request)
        assert (storage.get_checkpoint(made.id).state.metadata == request.metadata) is True


def nested(levels: int) -> dict[str, Any]:
    """Return an object that is nested this deep, its own braces counted."""
    inner: Any = "bottom"
    for level in range(levels - 1):
        inner = [inner] if level % 2 else {"deeper": inner}
    return {"deep": inner}
