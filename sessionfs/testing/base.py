"""What the parts of the suite share: opening storages, and words to build and compare with."""

from __future__ import annotations

import asyncio
import copy
import inspect
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self, cast
from uuid import UUID

import msgspec
import pytest

from ..errors import InvalidRequestError, StorageError
from ..models import (
    ChatMessage,
    Checkpoint,
    CheckpointState,
    CreateCheckpointRequest,
    CreateSessionRequest,
    ListCheckpointsQuery,
    ListCheckpointsResult,
    ListSessionsQuery,
    ListSessionsResult,
    Message,
    Role,
    Session,
)
from ..protocols import AsyncSessionStorage, SessionStorage

AnyStorage = SessionStorage | AsyncSessionStorage

NOBODY = UUID("01890000-0000-7000-8000-000000000000")
"""An id that no session and no checkpoint has."""

EVERYTHING = 100_000


class OpenStorage(Protocol):
    """Opens another view of the test's sessions."""

    def __call__(self, message_type: type[Any]) -> SessionStorage:
        """Return a storage that reads messages as this type."""
        ...


class AsyncAdapter:
    """An ``AsyncSessionStorage`` with the methods of a ``SessionStorage``.

    Each call runs on the event loop of ``runner`` until it is done.
    """

    def __init__(self, wrapped: AsyncSessionStorage, runner: asyncio.Runner) -> None:
        self.wrapped = wrapped
        self._runner = runner

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self.wrapped, name)
        if not callable(attribute):
            return attribute
        return lambda *args, **kwargs: self._runner.run(_settle(attribute, *args, **kwargs))

    def __enter__(self) -> Self:
        entered = self._runner.run(_settle(cast("Any", self.wrapped).__aenter__))
        return self if entered is self.wrapped else cast("Self", entered)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._runner.run(_settle(cast("Any", self.wrapped).__aexit__, kind, error, traceback))


async def _settle(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    # Called here, not before: some functions need the loop to be running when they are called.
    result = function(*args, **kwargs)
    return await result if inspect.isawaitable(result) else result


class Contract:
    """Opens the storage under test; the parts of the suite derive from this."""

    message_type: type[Any] = ChatMessage
    """As what the storage under test reads messages."""

    def make_storage(self, place: Path, message_type: type[Any]) -> AnyStorage | Awaitable[AnyStorage]:
        """Return a storage that keeps its sessions in a directory, and reads messages as this type."""
        raise NotImplementedError("define make_storage in the test class")

    @pytest.fixture
    def open_storage(self, tmp_path: Path) -> Iterator[OpenStorage]:
        """Give a function that opens views of the test's sessions, closed when the test ends."""
        with asyncio.Runner() as runner:
            opened: list[SessionStorage] = []

            def open_one(message_type: type[Any]) -> SessionStorage:
                made: Any = self.make_storage(tmp_path, message_type)
                if inspect.isawaitable(made):
                    made = runner.run(_settle(lambda: made))
                if inspect.iscoroutinefunction(made.list_sessions):
                    made = AsyncAdapter(made, runner)
                opened.append(cast("SessionStorage", made))
                return opened[-1]

            yield open_one
            for storage in opened:
                storage.close()

    @pytest.fixture
    def storage(self, open_storage: OpenStorage) -> SessionStorage:
        """Give the storage under test, empty, its coroutines made plain."""
        return open_storage(self.message_type)

    @pytest.fixture
    def plain(self, open_storage: OpenStorage) -> SessionStorage:
        """Give a view of the same sessions that reads every message as a dict."""
        return open_storage(dict)


def user(text: str) -> ChatMessage:
    """Return what a user says."""
    return ChatMessage(Role.USER, text)


def assistant(text: str) -> ChatMessage:
    """Return what an assistant says."""
    return ChatMessage(Role.ASSISTANT, text)


def new_session(
    storage: SessionStorage, *messages: Message, title: str = "a title", **rest: Any
) -> tuple[UUID, UUID]:
    """Create a session; return its id and that of its first checkpoint."""
    created = storage.create_session(CreateSessionRequest(title, list(messages), **rest))
    return created.session_id, created.checkpoint.id


def append(storage: SessionStorage, session: UUID, *messages: Message, **rest: Any) -> UUID:
    """Append messages; return the id of the checkpoint."""
    return storage.append_messages(session, list(messages), **rest).id


def checkpoint(
    storage: SessionStorage, session: UUID, *messages: Message, parent: UUID | None = None
) -> UUID:
    """Create a checkpoint with these messages as its whole state; return its id."""
    request = CreateCheckpointRequest(list(messages), parent_id=parent)
    return storage.create_checkpoint(session, request).id


def messages_of(found: Session | Checkpoint | CheckpointState | None) -> list[Any]:
    """Return the messages of a session, a checkpoint or a state."""
    if isinstance(found, Session):
        found = found.active_checkpoint
    if isinstance(found, Checkpoint):
        found = found.state
    assert found is not None
    return found.messages


def typed(message: Message) -> ChatMessage:
    """Return a message as a ChatMessage, whatever it was read as."""
    return msgspec.convert(message, ChatMessage) if isinstance(message, dict) else message


def said(found: Session | Checkpoint | CheckpointState | None) -> list[str]:
    """Return the texts of the messages of a session, a checkpoint or a state."""
    return [typed(message).text() for message in messages_of(found)]


def active_id(storage: SessionStorage, session: UUID) -> UUID:
    """Return the id of a session's active checkpoint."""
    return storage.get_active_checkpoint(session).id


def exact(value: object) -> str:
    """Return a text that differs wherever two JSON values do: order of keys, 1 and 1.0, -0.0."""
    return json.dumps(value)


def everything(
    storage: SessionStorage,
) -> tuple[ListSessionsResult, list[Session], list[ListCheckpointsResult]]:
    """Return all that can be read of a storage, as a copy that shares nothing with it."""
    listed = storage.list_sessions(ListSessionsQuery(limit=EVERYTHING))
    ids = [summary.id for summary in listed.sessions]
    query = ListCheckpointsQuery(limit=EVERYTHING, include_state=True)
    sessions = [storage.get_session(id_) for id_ in ids]
    checkpoints = [storage.list_checkpoints(id_, query) for id_ in ids]
    return copy.deepcopy((listed, sessions, checkpoints))


@contextmanager
def refused(
    storage: SessionStorage, error: type[StorageError] = InvalidRequestError
) -> Iterator[pytest.ExceptionInfo[StorageError]]:
    """Expect an error of this class, and that nothing that can be read has changed."""
    before = everything(storage)
    with pytest.raises(error) as caught:
        yield caught
    assert everything(storage) == before
