"""Messages passed back, and states that are large or odd."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from sessionfs import (
    Id,
    ChatMessage,
    Checkpoint,
    CheckpointSummary,
    CreateCheckpointRequest,
    CreateSessionRequest,
    CreateSessionResult,
    FileStorage,
    InvalidRequestError,
    Session,
)

from .register import caught_by


class Wary(FileStorage):
    """Refuses some states that are fine."""

    def create_session(self, request: CreateSessionRequest) -> CreateSessionResult:
        created = super().create_session(request)
        if self.too_much(msgspec.json.encode([request.messages, request.metadata]).decode()):
            raise InvalidRequestError("too much")
        return created

    def create_checkpoint(
        self,
        session_id: Id,
        request: CreateCheckpointRequest,
        *,
        expected_active: Id | None = None,
    ) -> Checkpoint:
        made = super().create_checkpoint(session_id, request, expected_active=expected_active)
        if self.too_much(msgspec.json.encode([request.messages, request.metadata]).decode()):
            raise InvalidRequestError("too much")
        return made

    def too_much(self, encoded: str) -> bool:
        raise NotImplementedError


@caught_by("test_dicts_of_the_known_shape", "test_reads_as_chat_message")
class AlwaysDicts(FileStorage):
    def __init__(self, root: Path, *, durability: Any, message_type: type[Any]) -> None:
        del message_type
        super().__init__(root, durability=durability, message_type=dict)


@caught_by(
    "test_plain_view_reads_every_field",
    "test_passed_back_unchanged",
    "test_reads_every_field",
    "test_dict_passed_back_unchanged",
)
class OnlyKnownFieldsWritten(FileStorage):
    def create_session(self, request: CreateSessionRequest) -> CreateSessionResult:
        try:
            known: list[Any] = msgspec.convert(request.messages, list[ChatMessage])
        except msgspec.ValidationError:
            return super().create_session(request)
        return super().create_session(msgspec.structs.replace(request, messages=known))


@caught_by(
    "test_changed_in_place",
    "test_changed_twice",
    "test_deep_copy_is_independent",
    "test_dict_changed_in_place",
)
class ChangesOverlooked(FileStorage):
    def get_session(self, session_id: Id) -> Session:
        found = super().get_session(session_id)
        if found.active_checkpoint is not None:
            for each in found.active_checkpoint.state.messages:
                was = copy.deepcopy(each)
                vars(self).setdefault("read", {})[id(each)] = each, was
                if isinstance(each, ChatMessage):
                    vars(each)["was"] = was  # a copy has it too
        return found

    def create_checkpoint(
        self,
        session_id: Id,
        request: CreateCheckpointRequest,
        *,
        expected_active: Id | None = None,
    ) -> Checkpoint:
        if isinstance(request.messages, list):
            messages = [self.as_it_was(each) for each in request.messages]
            request = msgspec.structs.replace(request, messages=messages)
        return super().create_checkpoint(session_id, request, expected_active=expected_active)

    def append_messages(
        self,
        session_id: Id,
        messages: Sequence[Any],
        *,
        metadata: dict[str, Any] | None = None,
        expected_active: Id | None = None,
    ) -> CheckpointSummary:
        if isinstance(messages, list):
            messages = [self.as_it_was(each) for each in messages]
        return super().append_messages(
            session_id, messages, metadata=metadata, expected_active=expected_active
        )

    def as_it_was(self, message: Any) -> Any:
        if isinstance(message, ChatMessage):
            return vars(message).get("was", message)
        return vars(self).get("read", {}).get(id(message), (message, message))[1]


@caught_by("test_nesting_of_200")
class NestingOf100(Wary):
    def too_much(self, encoded: str) -> bool:
        return '[{"deeper":' * 50 in encoded


@caught_by("test_wide_is_not_deep", "test_many_messages")
class WideIsDeep(Wary):
    def too_much(self, encoded: str) -> bool:
        return encoded.count("{") > 800


@caught_by("test_large_metadata", "test_large_contents")
class NothingLarge(Wary):
    def too_much(self, encoded: str) -> bool:
        return len(encoded) > 64 << 10
