"""Appending messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from sessionfs import (
    Id,
    ChatMessage,
    CheckpointSummary,
    ConflictError,
    CreateCheckpointRequest,
    FileStorage,
    InvalidRequestError,
    ListCheckpointsQuery,
)

from .register import ALL, caught_by


@caught_by("test_unstorable_values")
class WhatMsgspecDoes(FileStorage):
    """NaN becomes null, bytes a text, integer keys texts: as msgspec encodes them."""

    def append_messages(
        self,
        session_id: Id,
        messages: Sequence[Any],
        *,
        metadata: dict[str, Any] | None = None,
        expected_active: Id | None = None,
    ) -> CheckpointSummary:
        try:
            messages = msgspec.json.decode(msgspec.json.encode(messages))
            metadata = msgspec.json.decode(msgspec.json.encode(metadata))
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidRequestError(str(error)) from error
        return super().append_messages(
            session_id, messages, metadata=metadata, expected_active=expected_active
        )


@caught_by("test_fields_of_another_type", "test_no_message", "test_no_metadata")
class NothingChecked(FileStorage):
    def append_messages(
        self,
        session_id: Id,
        messages: Sequence[Any],
        *,
        metadata: dict[str, Any] | None = None,
        expected_active: Id | None = None,
    ) -> CheckpointSummary:
        try:
            return super().append_messages(
                session_id, messages, metadata=metadata, expected_active=expected_active
            )
        except InvalidRequestError as error:
            if isinstance(error, ConflictError):
                raise
            return super().append_messages(session_id, [])


@caught_by("test_append", "test_append_many_times", "test_append_follows_what_is_active")
class AppendReplaces(FileStorage):
    def append_messages(
        self,
        session_id: Id,
        messages: Sequence[Any],
        *,
        metadata: dict[str, Any] | None = None,
        expected_active: Id | None = None,
    ) -> CheckpointSummary:
        made = self.create_checkpoint(
            session_id,
            CreateCheckpointRequest(messages, metadata=metadata),
            expected_active=expected_active,
        )
        return self.set_active_checkpoint(session_id, made.id)


@caught_by("test_append_follows_what_is_active", "test_branch_then_append")
class AppendFollowsTheNewest(FileStorage):
    def append_messages(
        self,
        session_id: Id,
        messages: Sequence[Any],
        *,
        metadata: dict[str, Any] | None = None,
        expected_active: Id | None = None,
    ) -> CheckpointSummary:
        newest = self.list_checkpoints(session_id, ListCheckpointsQuery(limit=ALL)).checkpoints[-1]
        self.set_active_checkpoint(session_id, newest.id)
        return super().append_messages(
            session_id, messages, metadata=metadata, expected_active=expected_active
        )


@caught_by("test_append_nothing")
class AppendOfNothingIsNothing(FileStorage):
    def append_messages(
        self,
        session_id: Id,
        messages: Sequence[Any],
        *,
        metadata: dict[str, Any] | None = None,
        expected_active: Id | None = None,
    ) -> CheckpointSummary:
        if isinstance(messages, list) and not messages:
            active = self.get_active_checkpoint(session_id).id
            return self.set_active_checkpoint(session_id, active)
        return super().append_messages(
            session_id, messages, metadata=metadata, expected_active=expected_active
        )


@caught_by("test_append_with_stale_expectation")
class AppendIgnoresTheExpectation(FileStorage):
    def append_messages(
        self,
        session_id: Id,
        messages: Sequence[Any],
        *,
        metadata: dict[str, Any] | None = None,
        expected_active: Id | None = None,
    ) -> CheckpointSummary:
        return super().append_messages(session_id, messages, metadata=metadata)


@caught_by("test_append_with_expectation")
class AppendWantsNoExpectation(FileStorage):
    def append_messages(
        self,
        session_id: Id,
        messages: Sequence[Any],
        *,
        metadata: dict[str, Any] | None = None,
        expected_active: Id | None = None,
    ) -> CheckpointSummary:
        if expected_active is not None:
            raise ConflictError("always")
        return super().append_messages(session_id, messages, metadata=metadata)


@caught_by("test_no_list_of_messages", "test_no_metadata")
class Converting(FileStorage):
    def append_messages(
        self,
        session_id: Id,
        messages: Sequence[Any],
        *,
        metadata: dict[str, Any] | None = None,
        expected_active: Id | None = None,
    ) -> CheckpointSummary:
        given: Any = messages
        if isinstance(given, dict | ChatMessage | int):
            given = [given]
        return super().append_messages(
            session_id,
            list(given or ()),
            metadata=metadata or None,
            expected_active=expected_active,
        )


@caught_by("test_large_before_bad", "test_unstorable_values")
class MessagesOneByOne(FileStorage):
    def append_messages(
        self,
        session_id: Id,
        messages: Sequence[Any],
        *,
        metadata: dict[str, Any] | None = None,
        expected_active: Id | None = None,
    ) -> CheckpointSummary:
        if isinstance(messages, list) and len(messages) > 1:
            super().append_messages(session_id, messages[:1], expected_active=expected_active)
            return super().append_messages(session_id, messages[1:], metadata=metadata)
        return super().append_messages(
            session_id, messages, metadata=metadata, expected_active=expected_active
        )
