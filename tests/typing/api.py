"""Uses of the public interface that type checkers must understand; never run.

``mypy`` checks it with the rest of the tests, ``nox -s typing`` with pyright too.
"""

from __future__ import annotations

from typing import Any, assert_type
from uuid import UUID

import msgspec

from sessionfs import (
    AsyncFileStorage,
    AsyncSessionStorage,
    ChatMessage,
    Checkpoint,
    ContentPart,
    CreateCheckpointRequest,
    CreateSessionRequest,
    FileStorage,
    Role,
    SearchQuery,
    Session,
    SessionStorage,
)


class Turn(msgspec.Struct, dict=True):
    """A message type of the caller's own."""

    speaker: str
    words: str


def typed(session_id: UUID) -> None:
    storage = FileStorage("store")
    assert_type(storage, FileStorage[ChatMessage])
    made = storage.create_session(CreateSessionRequest("t", [ChatMessage("user", "Hello")]))
    checkpoint = storage.append_messages(made.session_id, [ChatMessage(Role.ASSISTANT, "Hi")])
    storage.append_messages(
        str(made.session_id), [{"role": "user"}], expected_active=str(checkpoint.id)
    )
    message = storage.get_active_checkpoint(session_id).state.messages[-1]
    assert_type(message, ChatMessage)
    assert_type(message.content, str | list[ContentPart] | None)
    assert_type(storage.get_session(session_id), Session[ChatMessage])
    storage.create_checkpoint(session_id, CreateCheckpointRequest([message], str(checkpoint.id)))
    assert_type(storage.root, str)


def plain(session_id: UUID) -> None:
    storage = FileStorage("store", message_type=dict)
    assert_type(storage, FileStorage[dict[str, Any]])
    storage.get_active_checkpoint(session_id).state.messages[0]["role"]


def own(session_id: UUID) -> None:
    with FileStorage("store", message_type=Turn, durability="relaxed") as storage:
        assert_type(storage.get_checkpoint(session_id), Checkpoint[Turn])
        found = storage.get_session(session_id).active_checkpoint
        assert found is not None
        assert_type(found.state.messages[0].speaker, str)


async def coroutines(session_id: UUID) -> None:
    async with AsyncFileStorage("store") as storage:
        assert_type(storage, AsyncFileStorage[ChatMessage])
        found = await storage.get_checkpoint(str(session_id), partial=True)
        assert_type(found, Checkpoint[ChatMessage])
        result = await storage.search(SearchQuery("tomato").with_session(str(session_id)))
        assert_type(result.total, int)
    plain = AsyncFileStorage("store", message_type=dict)
    assert_type(await plain.get_active_checkpoint(session_id), Checkpoint[dict[str, Any]])


def protocols() -> None:
    storage: SessionStorage[ChatMessage] = FileStorage("store")
    assert_type(storage.get_active_checkpoint("id").state.messages, list[ChatMessage])
    anything: SessionStorage = FileStorage("store", message_type=dict)
    other: AsyncSessionStorage[ChatMessage] = AsyncFileStorage("store")
    del anything, other
