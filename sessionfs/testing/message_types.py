"""Messages that were read, and are passed back: nothing that their type does not know is lost."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from ..models import (
    ChatMessage,
    ContentPart,
    CreateCheckpointRequest,
    CreateSessionRequest,
    Message,
    Role,
    ToolCall,
)
from ..protocols import SessionStorage
from .base import Contract, exact, messages_of, new_session

# Fields that ChatMessage does not know wherever there can be some, explicit nulls, and an order of
# keys and forms of numbers that no encoder of the package would choose.
RICH: dict[str, Any] = {
    "x_first": {"b": 1, "a": [10**30, -0.0]},
    "content": [
        {"type": "text", "text": "see", "cache_control": {"type": "ephemeral"}},
        {"x": None, "type": "image_url", "image_url": {"url": "u", "x_size": 1.0}},
    ],
    "role": "assistant",
    "name": None,
    "tool_calls": [
        {
            "id": "c1",
            "index": 0,
            "type": "function",
            "function": {"name": "f", "arguments": "{}", "x_strict": True},
        },
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "x_cost": 0.5},
    "cost": 1,
    "metadata": {"z": 1, "deep": {"list": [1, 2]}, "a": None},
    "x_last": "",
}

WRITES: dict[str, Callable[[SessionStorage, UUID, Message], object]] = {
    "create_checkpoint": lambda storage, session, message: storage.create_checkpoint(
        session, CreateCheckpointRequest([message])
    ),
    "append_messages": lambda storage, session, message: storage.append_messages(session, [message]),
}


def _text(message: ChatMessage) -> None:
    assert isinstance(message.content, list)
    message.content[0].text = "seen"


def _part(message: ChatMessage) -> None:
    assert isinstance(message.content, list)
    message.content.append(ContentPart("text", "another"))


def _url(message: ChatMessage) -> None:
    assert isinstance(message.content, list)
    assert message.content[1].image_url is not None
    message.content[1].image_url.url = "v"


def _arguments(message: ChatMessage) -> None:
    assert message.tool_calls is not None
    message.tool_calls[0].function.arguments = '{"a":1}'


def _call(message: ChatMessage) -> None:
    assert message.tool_calls is not None
    message.tool_calls.insert(0, ToolCall(id="c0", function=message.tool_calls[0].function))
    del message.tool_calls[0]
    message.tool_calls[0].id = "c9"


def _role(message: ChatMessage) -> None:
    message.role = Role.USER


def _name(message: ChatMessage) -> None:
    message.name = "bot"


def _content(message: ChatMessage) -> None:
    message.content = "plain now"


def _no_content(message: ChatMessage) -> None:
    message.content = None


def _metadata(message: ChatMessage) -> None:
    message.metadata["deep"]["list"].append(3)


def _metadata_key(message: ChatMessage) -> None:
    del message.metadata["z"]


def _total(message: ChatMessage) -> None:
    assert message.usage is not None
    message.usage.total_tokens = 30


# Ways to rearrange a list; the same for typed items and for dicts.
REARRANGED: dict[str, Callable[[list[Any], Any], object]] = {
    "turned around": lambda items, _: items.reverse(),
    "first removed": lambda items, _: items.pop(0),
    "one put first": lambda items, new: items.insert(0, new),
    "one added": lambda items, new: items.append(new),
}

# Each with what the stored message is then to be: a function from the whole dict to the changed one.
CHANGES: dict[str, tuple[Callable[[ChatMessage], None], Callable[[dict[str, Any]], object]]] = {
    "role": (_role, lambda d: d.update(role="user")),
    "field that was null": (_name, lambda d: d.update(name="bot")),
    "text of a part": (_text, lambda d: d["content"][0].update(text="seen")),
    "part added": (_part, lambda d: d["content"].append({"type": "text", "text": "another"})),
    "url in a part": (_url, lambda d: d["content"][1]["image_url"].update(url="v")),
    "arguments of a call": (
        _arguments,
        lambda d: d["tool_calls"][0]["function"].update(arguments='{"a":1}'),
    ),
    "id of a call": (_call, lambda d: d["tool_calls"][0].update(id="c9")),
    "content of another type": (_content, lambda d: d.update(content="plain now")),
    "content removed": (_no_content, lambda d: d.pop("content")),
    "deep in metadata": (_metadata, lambda d: d["metadata"]["deep"]["list"].append(3)),
    "key removed from metadata": (_metadata_key, lambda d: d["metadata"].pop("z")),
    "usage": (_total, lambda d: d["usage"].update(total_tokens=30)),
}

COPIES: dict[str, Callable[[ChatMessage], ChatMessage]] = {
    "same": lambda message: message,
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}


class TypedMessagesContract(Contract):
    """A ``ChatMessage`` that was read keeps what it does not show, and shows what is changed."""

    def test_reads_as_chat_message(self, storage: SessionStorage) -> None:
        """What has the fields of a ChatMessage is read as one, unknown fields or not."""
        session, _ = new_session(storage, dict(RICH), {"role": "user"}, {"kind": "note"})
        rich, bare, note = messages_of(storage.get_session(session))
        assert isinstance(rich, ChatMessage)
        assert (rich.role, rich.cost, rich.name) == (Role.ASSISTANT, 1, None)
        assert rich.text() == "see"
        assert bare == ChatMessage(Role.USER)
        assert note == {"kind": "note"}

    def test_plain_view_reads_every_field(self, storage: SessionStorage, plain: SessionStorage) -> None:
        """A view with ``message_type=dict`` reads every field of the same messages."""
        session, _ = new_session(storage, RICH, {"role": "user"})
        assert exact(messages_of(plain.get_session(session))) == exact([RICH, {"role": "user"}])

    @pytest.mark.parametrize("copied", COPIES)
    @pytest.mark.parametrize("write", WRITES)
    def test_passed_back_unchanged(
        self, storage: SessionStorage, plain: SessionStorage, write: str, copied: str
    ) -> None:
        """A message passed back unchanged, or a copy of it, is stored as it was."""
        source, _ = new_session(storage, RICH)
        [message] = messages_of(storage.get_session(source))
        target, _ = new_session(storage)
        WRITES[write](storage, target, COPIES[copied](message))
        assert exact(messages_of(plain.get_session(target))) == exact([RICH])
        created = storage.create_session(CreateSessionRequest("t", [COPIES[copied](message)]))
        assert exact(messages_of(plain.get_checkpoint(created.checkpoint.id))) == exact([RICH])

    @pytest.mark.parametrize("copied", COPIES)
    @pytest.mark.parametrize("change", CHANGES)
    def test_changed_in_place(
        self, storage: SessionStorage, plain: SessionStorage, change: str, copied: str
    ) -> None:
        """A change in place is stored, at any depth; what was not changed stays as it was."""
        in_place, in_dict = CHANGES[change]
        session, first = new_session(storage, RICH)
        [message] = messages_of(storage.get_session(session))
        changed = COPIES[copied](message)
        in_place(changed)
        storage.create_checkpoint(session, CreateCheckpointRequest([changed], parent_id=first))
        expected = copy.deepcopy(RICH)
        in_dict(expected)
        assert messages_of(plain.get_session(session)) == [expected]
        assert messages_of(storage.get_session(session)) == [changed]
        # What it was read from is as it was, and so is another reader's message.
        assert exact(messages_of(plain.get_checkpoint(first))) == exact([RICH])

    def test_change_adds_nothing(self, storage: SessionStorage, plain: SessionStorage) -> None:
        """A change does not fill in what the message had left out, beside the change or elsewhere."""
        given: dict[str, Any] = {
            "role": "assistant",
            "tool_calls": [{"id": "c1", "function": {"name": "f"}}],
        }
        session, _ = new_session(storage, given)
        [message] = messages_of(storage.get_session(session))
        message.tool_calls[0].id = "c2"
        message.name = "bot"
        storage.append_messages(session, [message])
        expected = copy.deepcopy(given)
        expected["tool_calls"][0]["id"] = "c2"
        expected["name"] = "bot"
        assert messages_of(plain.get_session(session)) == [given, expected]

    @pytest.mark.parametrize("how", REARRANGED)
    def test_items_keep_their_own_fields(
        self, storage: SessionStorage, plain: SessionStorage, how: str
    ) -> None:
        """An item of a list that is moved takes along what its type does not know."""
        parts: list[Any] = [{"type": "text", "text": text, "x": text} for text in "abc"]
        session, _ = new_session(storage, {"role": "user", "content": parts})
        [message] = messages_of(storage.get_session(session))
        REARRANGED[how](message.content, ContentPart("text", "new"))
        storage.create_checkpoint(session, CreateCheckpointRequest([message]))
        expected = copy.deepcopy(parts)
        REARRANGED[how](expected, {"type": "text", "text": "new"})
        [found] = messages_of(plain.get_session(session))
        assert found["content"] == expected

    def test_equal_items_keep_their_own_fields(
        self, storage: SessionStorage, plain: SessionStorage
    ) -> None:
        """Items that differ only in what their type does not know are not taken for each other."""
        parts: list[Any] = [{"type": "text", "text": "same", "x": i} for i in range(3)]
        session, _ = new_session(storage, {"role": "user", "content": parts})
        [message] = messages_of(storage.get_session(session))
        message.content.append(ContentPart("text", "new"))
        storage.create_checkpoint(session, CreateCheckpointRequest([message]))
        [found] = messages_of(plain.get_session(session))
        assert found["content"] == [*parts, {"type": "text", "text": "new"}]

    def test_deep_copy_is_independent(self, storage: SessionStorage, plain: SessionStorage) -> None:
        """A deep copy that is changed leaves the original one that is unchanged."""
        session, _ = new_session(storage, RICH)
        [message] = messages_of(storage.get_session(session))
        twin = copy.deepcopy(message)
        _text(twin)
        _metadata(twin)
        storage.append_messages(session, [message, twin])
        same, changed = messages_of(plain.get_session(session))[1:]
        assert exact(same) == exact(RICH)
        assert changed["content"][0]["text"] == "seen"

    def test_changed_twice(self, storage: SessionStorage, plain: SessionStorage) -> None:
        """A message that was changed and stored may be changed and stored again, or back."""
        session, _ = new_session(storage, RICH)
        [message] = messages_of(storage.get_session(session))
        message.name = "one"
        storage.append_messages(session, [message])
        message.name = "two"
        storage.append_messages(session, [message])
        message.name = None
        storage.append_messages(session, [message])
        found = messages_of(plain.get_session(session))
        assert [each["name"] for each in found] == [None, "one", "two", None]
        assert all(each["x_first"] == RICH["x_first"] for each in found)

    def test_whole_state_read_and_extended(
        self, storage: SessionStorage, plain: SessionStorage
    ) -> None:
        """Reading a state, adding to it and storing it keeps all of it: what an agent does."""
        session, first = new_session(storage, RICH, {"kind": "note", "x": [1.0]})
        for i in range(3):
            active = storage.get_active_checkpoint(session)
            state = [*active.state.messages, ChatMessage(Role.USER, str(i))]
            request = CreateCheckpointRequest(state, parent_id=active.id)
            storage.create_checkpoint(session, request, expected_active=active.id)
        found = messages_of(plain.get_session(session))
        assert exact(found[:2]) == exact([RICH, {"kind": "note", "x": [1.0]}])
        assert [each["content"] for each in found[2:]] == ["0", "1", "2"]
        assert plain.get_checkpoint(first).state.messages == found[:2]


class PlainMessagesContract(Contract):
    """A storage of dicts shows every field, and stores what the dict is when it is passed back."""

    def test_reads_every_field(self, storage: SessionStorage) -> None:
        """Messages of any shape are dicts, whole and in order."""
        session, _ = new_session(storage, RICH, ChatMessage(Role.USER, "hi"))
        rich, typed_one = messages_of(storage.get_session(session))
        assert exact(rich) == exact(RICH)
        assert isinstance(typed_one, dict)
        assert (typed_one["role"], typed_one["content"]) == ("user", "hi")

    @pytest.mark.parametrize("write", WRITES)
    def test_dict_passed_back_unchanged(self, storage: SessionStorage, write: str) -> None:
        """A dict passed back unchanged, or a copy of it, is stored as it was."""
        source, _ = new_session(storage, RICH)
        [message] = messages_of(storage.get_session(source))
        for each in (message, copy.copy(message), copy.deepcopy(message), dict(message)):
            target, _ = new_session(storage)
            WRITES[write](storage, target, each)
            assert exact(messages_of(storage.get_session(target))) == exact([RICH])

    @pytest.mark.parametrize("write", WRITES)
    def test_dict_changed_in_place(self, storage: SessionStorage, write: str) -> None:
        """Keys that are set, removed or changed at any depth are stored so."""
        source, _ = new_session(storage, RICH)
        [message] = messages_of(storage.get_session(source))
        expected = copy.deepcopy(RICH)
        for each in (message, expected):
            each["content"][0]["text"] = "seen"
            each["metadata"]["deep"]["list"].append(3)
            each["tool_calls"][0]["function"]["new"] = {}
            each["content"].append({"type": "text"})
            each["x_first"]["a"] = []
            del each["usage"]["x_cost"], each["x_last"], each["name"]
        target, _ = new_session(storage)
        WRITES[write](storage, target, message)
        assert messages_of(storage.get_session(target)) == [expected]
        assert exact(messages_of(storage.get_session(source))) == exact([RICH])
