"""What is given stays the giver's, and what is returned is the caller's own."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from ..models import (
    ChatMessage,
    CheckpointState,
    ContentPart,
    CreateCheckpointRequest,
    CreateSessionRequest,
    FunctionCall,
    ListCheckpointsQuery,
    Message,
    Role,
    ToolCall,
    UpdateSessionRequest,
)
from ..protocols import SessionStorage
from .base import Contract, everything, messages_of, new_session, typed, user

READS: dict[str, Callable[[SessionStorage, UUID, UUID], CheckpointState]] = {
    "get_session": lambda storage, session, _: _state(storage.get_session(session).active_checkpoint),
    "get_checkpoint": lambda storage, _, first: _state(storage.get_checkpoint(first)),
    "get_active_checkpoint": lambda storage, session, _: _state(storage.get_active_checkpoint(session)),
    "list_checkpoints": lambda storage, session, _: _state(
        storage.list_checkpoints(session, ListCheckpointsQuery(include_state=True)).checkpoints[0]
    ),
    "update_session": lambda storage, session, _: _state(
        storage.update_session(session, UpdateSessionRequest()).active_checkpoint
    ),
}


class OwnershipContract(Contract):
    """Changing what was passed in or returned changes nothing that is stored."""

    @pytest.mark.parametrize("read", READS)
    def test_results_are_the_callers_own(self, storage: SessionStorage, read: str) -> None:
        """Messages, metadata and lists that were returned can be changed by their reader."""
        session, first = new_session(storage, *_messages(), metadata={"deep": {"list": [1]}})
        before = everything(storage)
        for _ in range(2):  # the second time from whatever the first one left in memory
            _spoil(READS[read](storage, session, first))
            assert everything(storage) == before

    def test_created_results_are_the_callers_own(self, storage: SessionStorage) -> None:
        """The same holds for what creating and forking return."""
        metadata = {"deep": {"list": [1]}}
        created = storage.create_session(CreateSessionRequest("t", _messages(), metadata=metadata))
        forked = storage.fork_session(created.session_id)
        request = CreateCheckpointRequest(_messages(), metadata=copy.deepcopy(metadata))
        made = storage.create_checkpoint(created.session_id, request)
        before = everything(storage)
        for each in (created.checkpoint, forked.checkpoint, made):
            _spoil(each.state)
        assert everything(storage) == before

    def test_lists_are_the_callers_own(self, storage: SessionStorage) -> None:
        """Lists of sessions and of checkpoints can be changed by their reader."""
        call = ToolCall(id="c1", function=FunctionCall("read"))
        session, _ = new_session(storage, ChatMessage(Role.ASSISTANT, tool_calls=[call]))
        listed = storage.list_sessions()
        checkpoints = storage.list_checkpoints(session)
        stats = storage.get_session_stats(session)
        before = copy.deepcopy((listed, checkpoints, stats))
        listed.sessions[0].title = "spoilt"
        listed.sessions.clear()
        checkpoints.checkpoints[0].message_count = 99
        checkpoints.checkpoints.clear()
        stats.total_sessions = 99
        stats.tools_usage.clear()
        again = (
            storage.list_sessions(),
            storage.list_checkpoints(session),
            storage.get_session_stats(session),
        )
        assert again == before

    @pytest.mark.parametrize("write", ["create_session", "create_checkpoint", "append_messages"])
    def test_arguments_stay_the_callers(self, storage: SessionStorage, write: str) -> None:
        """What was passed in is neither changed nor kept: it can be used for something else."""
        session, _ = new_session(storage)
        messages = _messages()
        metadata: dict[str, Any] = {"deep": {"list": [1]}}
        given = copy.deepcopy((messages, metadata))
        if write == "create_session":
            made = storage.create_session(CreateSessionRequest("t", messages, metadata=metadata))
            session = made.session_id
        elif write == "create_checkpoint":
            storage.create_checkpoint(session, CreateCheckpointRequest(messages, metadata=metadata))
        else:
            storage.append_messages(session, messages, metadata=metadata)
        assert (messages, metadata) == given
        _spoil(CheckpointState(messages, metadata))
        stored = storage.get_active_checkpoint(session)
        assert stored.state.metadata == given[1]
        assert [_comparable(each) for each in messages_of(stored)] == [
            _comparable(each) for each in given[0]
        ]


def _messages() -> list[Message]:
    return [
        user("1"),
        ChatMessage(Role.USER, [ContentPart("text", "part")], metadata={"deep": [1]}),
        {"kind": "note", "deep": {"list": [1, {"x": 1}]}},
    ]


def _comparable(message: Message) -> Message:
    return message if isinstance(message, dict) and "role" not in message else typed(message)


def _state(found: Any) -> CheckpointState:
    state = found.state
    assert isinstance(state, CheckpointState)
    return state


def _spoil(state: CheckpointState) -> None:
    """Change everything in a state that can be changed."""
    first, parts, note = state.messages
    if isinstance(first, dict):
        first["content"] = "spoilt"
    else:
        first.content = "spoilt"
    content: Any = parts["content"] if isinstance(parts, dict) else parts.content
    metadata: Any = parts["metadata"] if isinstance(parts, dict) else parts.metadata
    if isinstance(content[0], dict):
        content[0]["text"] = "spoilt"
    else:
        content[0].text = "spoilt"
    content.append(content[0])
    metadata["deep"].append("spoilt")
    assert isinstance(note, dict)
    note["deep"]["list"][1]["x"] = "spoilt"
    note["spoilt"] = True
    state.messages.append(note)
    assert state.metadata is not None
    state.metadata["deep"]["list"].append("spoilt")
    state.metadata["spoilt"] = True
