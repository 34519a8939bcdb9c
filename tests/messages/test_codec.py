"""Messages and their bytes: values at the edge of what JSON, Python and other writers make."""

from __future__ import annotations

import enum
import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sessionfs import (
    ChatMessage,
    CreateCheckpointRequest,
    CreateSessionRequest,
    FileStorage,
    InvalidRequestError,
)


class Float(float):
    pass


class Integer(int):
    pass


class Text(str):
    __slots__ = ()


class Colour(enum.Enum):
    RED = "red"


class Own(msgspec.Struct, dict=True):
    """A message type of the caller's, with types that JSON has no values for."""

    when: datetime
    parts: list[str] = []
    maybe: int | msgspec.UnsetType = msgspec.UNSET


class Impostor(dict[str, Any]):
    _origin = b"not JSON"


def create(root: Path, *messages: Any, **options: Any) -> tuple[FileStorage, Any]:
    storage = FileStorage(root, durability="relaxed", **options)
    return storage, storage.create_session(CreateSessionRequest("t", list(messages))).session_id


@pytest.mark.parametrize("value", [Float(1.5), Integer(7), Text("x")])
def test_types_derived_from_plain_ones_are_refused_by_name(tmp_path: Path, value: Any) -> None:
    with pytest.raises(InvalidRequestError, match=r"messages\[0\]\.x"):
        create(tmp_path, {"role": "user", "x": value})


def test_an_enumeration_is_its_value(tmp_path: Path) -> None:
    storage, session = create(tmp_path, {"colour": Colour.RED}, message_type=dict)
    assert storage.get_active_checkpoint(session).state.messages == [{"colour": "red"}]


@pytest.mark.parametrize("parts", [["short"], ["{{{[[["] * 60, ["x"] * 300])
def test_own_message_types_may_hold_what_their_type_can_read(tmp_path: Path, parts: list[str]) -> None:
    message = Own(datetime(2026, 1, 1, tzinfo=UTC), parts)
    storage, session = create(tmp_path, message, message_type=Own)
    messages: list[Any] = storage.get_active_checkpoint(session).state.messages
    assert messages == [message]


def test_a_dict_type_of_the_callers_is_taken_for_what_it_holds(tmp_path: Path) -> None:
    storage, session = create(tmp_path, Impostor(a=1), message_type=dict)
    assert storage.get_active_checkpoint(session).state.messages == [{"a": 1}]


def test_a_dict_is_stored_in_the_order_that_it_has(tmp_path: Path) -> None:
    storage, session = create(tmp_path, {"a": 1, "b": 2}, message_type=dict)
    (message,) = storage.get_active_checkpoint(session).state.messages
    assert isinstance(message, dict)
    message["a"] = message.pop("a")
    made = storage.create_checkpoint(session, CreateCheckpointRequest([message]))
    stored: Any = made.state.messages[0]
    assert list(stored) == ["b", "a"]


def test_deep_messages_with_many_brackets_are_measured_not_guessed(tmp_path: Path) -> None:
    flat: Any = {"list": [[] for _ in range(5_000)]}
    nested: Any = {}
    for _ in range(199):
        nested = {"x": nested}
    storage, session = create(tmp_path, flat, nested, message_type=dict)
    assert storage.get_active_checkpoint(session).state.messages == [flat, nested]
    with pytest.raises(InvalidRequestError, match="deeper than 200"):
        create(tmp_path, {"x": nested})


@pytest.mark.parametrize("root", [5, None, b"bytes", "nul\0", 1.5, ["x"]])
def test_a_root_that_is_no_path_is_refused(root: Any) -> None:
    with pytest.raises(InvalidRequestError):
        FileStorage(root)


@pytest.mark.parametrize("kind", [None, "dict", int, ChatMessage | dict, msgspec.Struct, list])
def test_a_message_type_that_cannot_remember_is_refused(tmp_path: Path, kind: Any) -> None:
    with pytest.raises(InvalidRequestError, match="message_type"):
        FileStorage(tmp_path, message_type=kind)


def test_another_writers_line_ends_are_not_copied(tmp_path: Path) -> None:
    """White space between tokens is for readers to accept; ours are written without line ends."""
    storage, session = create(tmp_path, message_type=dict)
    directory = Path(storage.session_path(session))
    record = (
        f'{{"kind":"checkpoint","session":"{session}","parent":null,"base":null,"keep":0,"depth":0,'
        '"count":2,"at":"99980101T000000000000Z","metadata":{\n"a":1},'
        '"messages":[{"text":\r\n"x"},{"y":\n1}]}'
    )
    sha = hashlib.sha256(record.encode()).hexdigest()
    (directory / "objects" / f"{sha}.json").write_text(record, newline="")
    (directory / "refs" / f"active.99980101T000000000000Z-{sha[:12]}").write_text("x")
    forked = storage.fork_session(session)
    state = storage.get_active_checkpoint(session).state
    assert forked.checkpoint.state == state
    changed = storage.get_active_checkpoint(session).state.messages
    changed[0]["text"] = "changed"
    made = storage.create_checkpoint(forked.session_id, CreateCheckpointRequest(changed))
    assert storage.get_checkpoint(made.id).state.messages == [{"text": "changed"}, {"y": 1}]
    storage.append_messages(session, [])
    storage.create_checkpoint(session, CreateCheckpointRequest(state.messages[::-1]))
    for path in tmp_path.rglob("objects/*.json"):
        if path.name != f"{sha}.json":
            assert b"\n" not in path.read_bytes()
            assert b"\r" not in path.read_bytes()


class Plain(msgspec.Struct):
    text: str


class Other(msgspec.Struct):
    text: str


class Ambiguous(msgspec.Struct):
    """Can be written; but what it was, nobody could tell from that."""

    what: Plain | Other


class Unresolved(msgspec.Struct):
    what: Nowhere  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize("kind", [Ambiguous, Unresolved])
def test_a_message_that_its_own_type_cannot_read_is_refused(tmp_path: Path, kind: Any) -> None:
    with pytest.raises(InvalidRequestError, match=r"messages\[0\]"):
        create(tmp_path, kind(Plain("x")))
    assert not list(tmp_path.iterdir())
