"""Storages that share what is not theirs, or keep what has changed."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sessionfs import (
    Id,
    CheckpointSummary,
    CreateSessionRequest,
    CreateSessionResult,
    FileStorage,
    ListSessionsQuery,
    ListSessionsResult,
    Session,
)

from .register import caught_by


@caught_by("test_another_storage_sees_the_same")
class ListsFromMemory(FileStorage):
    def list_sessions(self, query: ListSessionsQuery | None = None) -> ListSessionsResult:
        kept: dict[Any, ListSessionsResult] = self.__dict__.setdefault("kept", {})
        return copy.deepcopy(kept.setdefault(query, super().list_sessions(query)))


@caught_by("test_created_results_are_the_callers_own")
class WhatWasCreatedIsShared(FileStorage):
    def create_session(self, request: CreateSessionRequest) -> CreateSessionResult:
        created = super().create_session(request)
        self.__dict__.setdefault("made", {})[created.session_id] = created.checkpoint
        return created

    def get_session(self, session_id: Id) -> Session:
        session = super().get_session(session_id)
        made = self.__dict__.get("made", {}).get(session_id)
        if session.active_checkpoint is not None and made is not None:
            session.active_checkpoint = made
        return session


@caught_by("test_lists_are_the_callers_own")
class ListsAreShared(FileStorage):
    def list_sessions(self, query: ListSessionsQuery | None = None) -> ListSessionsResult:
        kept: dict[Any, ListSessionsResult] = self.__dict__.setdefault("kept", {})
        return kept.setdefault(query, super().list_sessions(query))


@caught_by("test_arguments_stay_the_callers")
class ArgumentsAreUsedUp(FileStorage):
    def append_messages(
        self,
        session_id: Id,
        messages: Sequence[Any],
        *,
        metadata: dict[str, Any] | None = None,
        expected_active: Id | None = None,
    ) -> CheckpointSummary:
        made = super().append_messages(
            session_id, messages, metadata=metadata, expected_active=expected_active
        )
        if isinstance(messages, list):
            messages.clear()
        return made
