"""A program that saves its whole state again and again is answered as if it came for the first time.

The state that was stored last is held in memory to be fast. Each test stores the same states twice: in
one storage, which holds them, and in one that is opened anew for each, which does not.
"""

from __future__ import annotations

import copy
import random
import re
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from sessionfs import (
    ChatMessage,
    CreateCheckpointRequest,
    CreateSessionRequest,
    FileStorage,
    FunctionCall,
    InvalidRequestError,
    Role,
    Severity,
    ToolCall,
)
from sessionfs import storage as storage_module
from sessionfs.format.records import LARGE_MESSAGE
from sessionfs.messages.codec import encode_alike, encode_state
from sessionfs.store import state_cache
from tests.effort import chosen

from ..internals import sessions_held
from .helpers import overwrite

pytestmark = pytest.mark.slow

LENGTH = 100
_SHA = re.compile(rb"[0-9a-f]{64}")
ID = "0199f3a2-6c1e-7d55-9b1f-3f0c7a1e2d44"


class Note(msgspec.Struct, dict=True):
    """A message of a program's own."""

    role: str
    content: Any = None
    extra: Any = None


def plain(i: int) -> dict[str, Any]:
    if i % 3:
        return {"role": "user", "content": f"message {i}", "created_at": i, "name": None}
    function = {"name": "f", "arguments": '{"x":1}'}
    return {
        "role": "assistant",
        "tool_calls": [{"id": f"c{i}", "type": "function", "function": function}],
        "metadata": {"score": None, "flag": True, "n": 1, "id": ID, "list": [1, 2], "1": "one"},
    }


def typed(i: int) -> ChatMessage:
    if i % 3:
        return ChatMessage(Role.USER, f"message {i}", created_at=i)
    calls = [ToolCall(id=f"c{i}", function=FunctionCall("f", '{"x":1}'))]
    return ChatMessage(Role.ASSISTANT, tool_calls=calls, metadata=plain(i)["metadata"])


def own(i: int) -> Note:
    if i % 5 == 1:
        return Note("user", [f"part {i}"])
    return Note("user", [f"part {i}"] if i % 2 else f"message {i}", plain(0)["metadata"])


def alike(i: int) -> dict[str, Any]:
    """A dict that is what a ChatMessage encodes to."""
    return {name: value for name, value in plain(i).items() if name != "name"}


KINDS: dict[str, Callable[[int], Any]] = {
    "dict": plain,
    "ChatMessage": typed,
    "own": own,
    "dict of a ChatMessage": alike,
}
HELD: dict[str, type[Any]] = {
    "dict": dict,
    "ChatMessage": ChatMessage,
    "own": Note,
    "dict of a ChatMessage": ChatMessage,
}
"""What a storage reads, so that states of each kind are held."""


class Twice:
    """Two stores that are given the same states."""

    def __init__(self, tmp_path: Path, message_type: type[Any] = ChatMessage) -> None:
        self._paths = tmp_path / "held", tmp_path / "anew"
        self._type = message_type
        self.held = FileStorage(self._paths[0], message_type=message_type)
        self.session = self.held.create_session(CreateSessionRequest("a session")).session_id
        self._other = self._anew().create_session(CreateSessionRequest("a session")).session_id

    def _anew(self) -> FileStorage:
        return FileStorage(self._paths[1], message_type=self._type)

    def save(self, messages: Any) -> Any:
        """Store a state in both; return what both say of it."""
        again = copy.deepcopy(messages)
        first = outcome(self.held, self.session, messages)
        assert first == outcome(self._anew(), self._other, again)
        assert stored(self.held, self.session) == stored(self._anew(), self._other)
        return first

    def append(self, message: Any) -> None:
        """Let another method add a message in both."""
        self.held.append_messages(self.session, [message])
        self._anew().append_messages(self._other, [message])

    def rewind(self) -> None:
        """Make the first checkpoint active in both."""
        for storage, session in ((self.held, self.session), (self._anew(), self._other)):
            first = storage.list_checkpoints(session).checkpoints[0]
            storage.set_active_checkpoint(session, first.id)

    def check(self) -> None:
        """Whatever was returned and given may have been changed since: what is stored was not."""
        read = FileStorage(self._paths[0]).get_active_checkpoint(self.session).state.messages
        other = FileStorage(self._paths[1]).get_active_checkpoint(self._other).state.messages
        assert read == other


def outcome(storage: FileStorage, session: UUID, messages: Any) -> Any:
    try:
        made = storage.create_checkpoint(session, CreateCheckpointRequest(messages))
    except InvalidRequestError as error:
        return str(error)
    found = made.state.messages
    assert found == storage.get_checkpoint(made.id).state.messages
    return [(type(each), getattr(each, "_origin", None), msgspec.json.encode(each)) for each in found]


def stored(storage: FileStorage, session: UUID) -> list[Any]:
    """Return what each object of a session has, without what is of its time and its session."""
    paths = _objects(storage, session)
    fields = [msgspec.json.decode(path.read_bytes(), type=dict[str, msgspec.Raw]) for path in paths]
    names = ("kind", "keep", "depth", "count", "message")
    return [
        (
            [bytes(each.get(name, b"")) for name in names],
            _SHA.sub(b"large", bytes(each.get("messages", b""))),
        )
        for each in sorted(fields, key=lambda each: bytes(each.get("at", b"")))
    ]


def _objects(storage: FileStorage, session: UUID) -> list[Path]:
    return [*Path(storage.session_path(session), "objects").glob("*.json")]


def in_metadata(name: str, value: object) -> Callable[[list[Any]], None]:
    def change(messages: list[Any]) -> None:
        message = messages[42]
        for place in ("metadata", "extra"):
            if isinstance(message, dict) and place in message:
                message[place][name] = value
            elif hasattr(message, place):
                getattr(message, place)[name] = value

    return change


def reordered(messages: list[Any]) -> None:
    if isinstance(messages[42], dict):
        messages[42] = dict(reversed(messages[42].items()))
    else:
        change = in_metadata("list", {"b": 1, "a": 2})
        change(messages)


def large(message: Any) -> Any:
    grown = copy.deepcopy(message)
    if isinstance(grown, dict):
        grown["content"] = "x" * 70_000
    else:
        grown.content = "x" * 70_000
    return grown


CHANGES: dict[str, Callable[[list[Any]], object]] = {
    "NaN for null": in_metadata("score", float("nan")),
    "1 for true": in_metadata("flag", 1),
    "1.0 for 1": in_metadata("n", 1.0),
    "true for 1": in_metadata("n", True),
    "an id for its text": in_metadata("id", UUID(ID)),
    "a time for a text": in_metadata("id", datetime(2026, 1, 1)),
    "bytes for a text": in_metadata("id", b"abc"),
    "a decimal for a number": in_metadata("n", Decimal(1)),
    "a tuple for a list": in_metadata("list", (1, 2)),
    "a set for a list": in_metadata("list", {1, 2}),
    "a key that is a number": in_metadata(1, "one"),  # type: ignore[arg-type]
    "a surrogate": in_metadata("id", "\ud800"),
    "another order": reordered,
    "one less at the end": lambda messages: messages.pop(),
    "one less in the middle": lambda messages: messages.pop(50),
    "one more in the middle": lambda messages: messages.insert(50, copy.deepcopy(messages[1])),
    "another one in the middle": lambda messages: messages.__setitem__(50, copy.deepcopy(messages[1])),
    "two changed places": lambda messages: messages.insert(0, messages.pop(1)),
    "a dict among them": lambda messages: messages.append({"role": "user", "content": "x", "odd": [1]}),
    "no message": lambda messages: messages.append("text"),
    "a large one": lambda messages: messages.append(large(messages[1])),
    "nothing": lambda messages: None,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_in_place_is_seen(tmp_path: Path, kind: str, change: str) -> None:
    """A value that a message had before is told from every other; what cannot be stored is refused."""
    both, make = Twice(tmp_path, HELD[kind]), KINDS[kind]
    messages = [make(i) for i in range(LENGTH)]
    both.save(messages)
    messages += [make(LENGTH), make(LENGTH + 1)]
    both.save(messages)
    assert both.session in sessions_held(both.held)
    CHANGES[change](messages)
    both.save(messages)
    both.save([make(i) for i in range(LENGTH + 5)])
    both.check()


@pytest.mark.parametrize("message_type", [ChatMessage, dict, Note])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_given_and_returned_is_the_callers_own(
    tmp_path: Path, kind: str, message_type: type[Any]
) -> None:
    """Changing either, however deep, changes nothing of what the next state is compared with."""
    both, make = Twice(tmp_path, message_type), KINDS[kind]
    messages = [make(i) for i in range(LENGTH)]
    for i in range(3):
        given = copy.deepcopy(messages)
        made = both.held.create_checkpoint(both.session, CreateCheckpointRequest(given))
        for message in (*given, *made.state.messages):
            spoil(message)
        messages.append(make(LENGTH + i))
    made = both.held.create_checkpoint(both.session, CreateCheckpointRequest(messages))
    expected = FileStorage(tmp_path / "held", message_type=message_type)
    assert made.state == expected.get_checkpoint(made.id).state
    found = [(int(keep), int(count)) for (_, keep, _, count, _), _ in stored(both.held, both.session)]
    before = [(0, 0), (0, LENGTH)]
    assert found == before + [(LENGTH + i, LENGTH + i + 1) for i in range(3)]


def text_of(message: Any) -> Any:
    return message.content


def spoil(message: Any) -> None:
    """Change everything in a message that can be changed in place."""
    if isinstance(message, dict):
        for each in message.values():
            spoil(each)
        message["spoiled"] = True
    elif isinstance(message, list):
        for each in message:
            spoil(each)
        message.append("spoiled")
    elif isinstance(message, msgspec.Struct):
        for name in message.__struct_fields__:
            spoil(getattr(message, name))
        message.__setattr__(message.__struct_fields__[0], "spoiled")


def test_a_state_that_was_read_keeps_what_its_type_does_not_know(tmp_path: Path) -> None:
    """Fields that no type has stay, also where the other fields are those of the state before."""
    both = Twice(tmp_path)
    odd = [{**plain(i), "unknown": i} for i in range(LENGTH)]
    both.save(odd)
    both.save([*both.held.get_active_checkpoint(both.session).state.messages, typed(1)])
    known = [typed(i) for i in range(LENGTH)]
    both.save(known)
    read = msgspec.json.decode(msgspec.json.encode(known), type=list[ChatMessage])
    read[7].__dict__["_origin"] = msgspec.json.encode({**msgspec.to_builtins(read[7]), "unknown": 1})
    found = both.save(read)
    assert b"unknown" in found[7][1]


@pytest.mark.parametrize("between", ["append", "rewind"])
def test_another_checkpoint_became_active_between(tmp_path: Path, between: str) -> None:
    """What is held is of the checkpoint that it was stored as, and of no other."""
    both = Twice(tmp_path)
    messages = [plain(i) for i in range(LENGTH)]
    both.save(messages)
    both.append(plain(1)) if between == "append" else both.rewind()
    both.save([*messages, plain(1), plain(2)])
    both.check()


def test_a_state_of_messages_of_another_shape_that_were_read(tmp_path: Path) -> None:
    """They remember their bytes, and are no plain dicts."""
    both = Twice(tmp_path)
    both.save([{"role": "nobody", "number": i} for i in range(LENGTH)])
    for i in range(3):
        read = both.held.get_active_checkpoint(both.session).state.messages
        both.save([*read, *([copy.deepcopy(read[i])] if i else [])])
    both.check()


@pytest.mark.parametrize("wrong", [None, 5, "text", {"role": "user"}, {1, 2}, deque([{"n": 1}])])
def test_what_is_no_list_is_refused_whatever_is_held(tmp_path: Path, wrong: Any) -> None:
    both = Twice(tmp_path, dict)
    messages = [plain(i) for i in range(LENGTH)]
    both.save(messages)
    assert "messages must be a list" in both.save(wrong)
    both.save([*messages, plain(1)])
    both.check()


def test_a_state_of_a_dict_type_of_the_callers(tmp_path: Path) -> None:
    both = Twice(tmp_path, dict)
    messages = [OrderedDict(plain(i)) for i in range(LENGTH)]
    for i in range(3):
        both.save(messages)
        messages.append(OrderedDict(plain(i)))
    both.check()


@pytest.mark.parametrize("over", [-1, 0, 1])
def test_the_limit_of_large_messages_is_exact_in_what_is_added(tmp_path: Path, over: int) -> None:
    both = Twice(tmp_path, dict)
    messages = [plain(i) for i in range(LENGTH)]
    both.save(messages)
    room = LARGE_MESSAGE - len(msgspec.json.encode({"content": ""}))
    both.save([*messages, {"content": "x" * (room + over)}])
    assert len(_objects(both.held, both.session)) == 3 + (over >= 0)


def test_another_thread_that_saves_in_the_middle_gets_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = FileStorage(tmp_path, durability="relaxed", message_type=dict)
    session = storage.create_session(CreateSessionRequest("t")).session_id
    messages: list[Any] = [plain(i) for i in range(LENGTH)]
    storage.create_checkpoint(session, CreateCheckpointRequest(messages))

    def slip_in(new: Any) -> Any:
        monkeypatch.setattr(state_cache, "encode_alike", encode_alike)
        theirs = [*messages, {"content": "theirs"}]
        made = storage.create_checkpoint(session, CreateCheckpointRequest(theirs))
        assert made.state.messages == theirs
        return encode_alike(new)

    monkeypatch.setattr(state_cache, "encode_alike", slip_in)
    mine = [*messages, {"content": "mine"}]
    made = storage.create_checkpoint(session, CreateCheckpointRequest(mine))
    assert made.state.messages == mine == storage.get_checkpoint(made.id).state.messages


def test_a_state_is_stored_whole_where_the_one_that_is_held_was_lost(tmp_path: Path) -> None:
    storage = FileStorage(tmp_path, durability="relaxed", message_type=dict)
    session = storage.create_session(CreateSessionRequest("t")).session_id
    messages: list[Any] = [plain(i) for i in range(LENGTH)]
    made = storage.create_checkpoint(session, CreateCheckpointRequest(messages))
    overwrite(Path(storage.checkpoint_path(made.id)), b"torn")
    messages.append(plain(1))
    made = storage.create_checkpoint(session, CreateCheckpointRequest(messages))
    assert FileStorage(tmp_path, message_type=dict).get_checkpoint(made.id).state.messages == messages


def test_more_messages_than_two_bytes_can_count_are_held_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[int] = []

    def looking(messages: Any, known: list[bytes]) -> Any:
        looked_at.append(len(messages))
        return encode_state(messages, known)

    monkeypatch.setattr(state_cache, "encode_state", looking)
    storage = FileStorage(tmp_path, durability="relaxed", message_type=dict)
    session = storage.create_session(CreateSessionRequest("t")).session_id
    messages: list[Any] = [{"n": n} for n in range((1 << 16) - 1)]
    for i in range(3):
        made = storage.create_checkpoint(session, CreateCheckpointRequest(messages))
        assert made.state.messages == messages
        messages.append({"n": i})
    assert looked_at == [(1 << 16) - 1]
    assert _active(storage, session) == messages[:-1]


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_returned_before_shares_nothing_with_what_is_returned_later(
    tmp_path: Path, kind: str
) -> None:
    storage = FileStorage(tmp_path, durability="relaxed", message_type=HELD[kind])
    session = storage.create_session(CreateSessionRequest("t")).session_id
    messages = [KINDS[kind](i) for i in range(LENGTH)]
    returned = [
        storage.create_checkpoint(session, CreateCheckpointRequest(copy.deepcopy(messages)))
        for _ in range(4)
    ]
    for message in returned[2].state.messages:
        spoil(message)
    for made in (returned[0], returned[1], returned[3]):
        assert made.state.messages == storage.get_checkpoint(made.id).state.messages


@pytest.mark.parametrize("kind", KINDS)
def test_of_a_state_that_grows_only_what_is_new_is_encoded(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever other sessions are stored between."""
    encoded: list[int] = []

    def counting(real: Callable[..., Any]) -> Callable[..., Any]:
        def count(messages: list[Any], *rest: Any) -> Any:
            encoded.append(len(messages))
            return real(messages, *rest)

        return count

    for name in ("encode_state", "encode_alike"):
        monkeypatch.setattr(state_cache, name, counting(getattr(state_cache, name)))
    storage = FileStorage(tmp_path, durability="relaxed", message_type=HELD[kind])
    sessions = [storage.create_session(CreateSessionRequest("t")).session_id for _ in range(3)]
    for new in (LENGTH, 0, 1, 5):
        for session in sessions:
            before = _active(storage, session)
            messages = [KINDS[kind](i) for i in range(len(before) + new)]
            made = storage.create_checkpoint(session, CreateCheckpointRequest(messages))
            assert len(made.state.messages) == len(before) + new
    assert encoded == [LENGTH] * 3 + [1] * 3 + [5] * 3
    storage.close()
    storage.create_checkpoint(sessions[0], CreateCheckpointRequest(messages))
    assert encoded[9:] == [len(messages)]


def _active(storage: FileStorage, session: UUID) -> list[Any]:
    return list(storage.get_active_checkpoint(session).state.messages)


def test_the_states_that_are_held_are_those_used_last_within_a_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = len(msgspec.msgpack.encode([plain(i) for i in range(LENGTH)]))
    monkeypatch.setattr(storage_module, "_STATE_BYTES", 5 * size // 2)  # two of them
    storage = FileStorage(tmp_path, durability="relaxed", message_type=dict)
    sessions = [storage.create_session(CreateSessionRequest("t")).session_id for _ in range(4)]

    def save(*which: int) -> None:
        for number in which:
            messages = [*(plain(i) for i in range(LENGTH)), plain(number)]
            made = storage.create_checkpoint(sessions[number], CreateCheckpointRequest(messages))
            assert len(made.state.messages) == LENGTH + 1

    save(0, 1)
    assert sessions_held(storage) == [sessions[0], sessions[1]]
    save(0, 2)
    assert sessions_held(storage) == [sessions[0], sessions[2]]
    save(3, 3, 1)
    assert sessions_held(storage) == [sessions[3], sessions[1]]
    big = [{"role": "user", "content": "x" * (3 * size // LENGTH)} for _ in range(LENGTH)]
    storage.create_checkpoint(sessions[0], CreateCheckpointRequest(big))
    assert not sessions_held(storage)  # one that alone is too large
    save(0)
    assert sessions_held(storage) == [sessions[0]]


def test_random_histories(tmp_path: Path) -> None:
    """States that grow, change and are of other kinds, one after the other."""
    for seed in range(chosen(few=5, usual=40, everything=400)):
        rng = random.Random(seed)
        both = Twice(tmp_path / f"{seed}", rng.choice([ChatMessage, dict, Note]))
        make = KINDS[rng.choice([*KINDS])]
        messages = [make(i) for i in range(rng.choice([3, 64, 70]))]
        for _ in range(8):
            what = rng.choice(["grow", "grow", "grow", "change", "again", "kind", "append", "rewind"])
            if what == "grow":
                messages += [make(rng.randrange(200)) for _ in range(rng.randrange(4))]
            elif what == "change":
                candidate = copy.deepcopy(messages)
                if len(candidate) > 60:
                    CHANGES[rng.choice([*CHANGES])](candidate)
                both.save(candidate)
            elif what == "append":
                both.append(make(5))
            elif what == "rewind":
                both.rewind()
            elif what == "kind":
                make = KINDS[rng.choice([*KINDS])]
                messages = [make(i) for i in range(len(messages))]
            both.save(messages)
        both.check()


def test_threads_that_save_one_session(tmp_path: Path) -> None:
    """What is held is used by one at a time: each gets the state that it gave."""
    with FileStorage(tmp_path / "store") as storage:
        session = storage.create_session(CreateSessionRequest("a session")).session_id
        wrong: list[int] = []

        def work(number: int) -> None:
            messages: list[Any] = [plain(i) for i in range(LENGTH)]
            for i in range(10):
                messages.append({"role": "user", "content": f"{number}.{i}"})
                made = storage.create_checkpoint(session, CreateCheckpointRequest(messages))
                if [text_of(each) for each in made.state.messages[LENGTH:]] != [
                    f"{number}.{j}" for j in range(i + 1)
                ]:
                    wrong.append(number)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong
        assert {each.severity for each in storage.verify().findings} <= {Severity.NOTE}
