"""Setting what is active, and forking."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sessionfs import (
    Id,
    Checkpoint,
    CheckpointSummary,
    CreateCheckpointRequest,
    CreateSessionResult,
    FileStorage,
    InvalidRequestError,
    ListSessionsQuery,
    ListSessionsResult,
    NotFoundError,
    Session,
    SessionVisibility,
    UpdateSessionRequest,
)

from .register import caught_by


@caught_by("test_rewind_and_redo", "test_branch_then_append")
class RewindMakesACopy(FileStorage):
    def set_active_checkpoint(self, session_id: Id, checkpoint_id: Id) -> CheckpointSummary:
        super().set_active_checkpoint(session_id, checkpoint_id)
        state = self.get_checkpoint(checkpoint_id).state
        self.create_checkpoint(session_id, CreateCheckpointRequest(state.messages))
        return self.list_checkpoints(session_id).checkpoints[-1]


@caught_by("test_set_what_is_active")
class SettingWhatIsActiveIsAnError(FileStorage):
    def set_active_checkpoint(self, session_id: Id, checkpoint_id: Id) -> CheckpointSummary:
        if self.get_active_checkpoint(session_id).id == checkpoint_id:
            raise InvalidRequestError("active already")
        return super().set_active_checkpoint(session_id, checkpoint_id)


@caught_by("test_newest_checkpoint_is_active_after_a_rewind")
class RewoundStays(FileStorage):
    def create_checkpoint(
        self,
        session_id: Id,
        request: CreateCheckpointRequest,
        *,
        expected_active: Id | None = None,
    ) -> Checkpoint:
        active = self.get_active_checkpoint(session_id).id
        newest = self.list_checkpoints(session_id).checkpoints[-1].id
        made = super().create_checkpoint(session_id, request, expected_active=expected_active)
        if active != newest:
            self.set_active_checkpoint(session_id, active)
        return made


@caught_by("test_set_active_returns_a_summary", "test_rewind_and_redo", "test_append")
class SummariesWithoutCount(FileStorage):
    def append_messages(
        self,
        session_id: Id,
        messages: Sequence[Any],
        *,
        metadata: dict[str, Any] | None = None,
        expected_active: Id | None = None,
    ) -> CheckpointSummary:
        summary = super().append_messages(
            session_id, messages, metadata=metadata, expected_active=expected_active
        )
        summary.message_count = len(messages)
        return summary

    def set_active_checkpoint(self, session_id: Id, checkpoint_id: Id) -> CheckpointSummary:
        summary = super().set_active_checkpoint(session_id, checkpoint_id)
        summary.message_count = 0
        super().set_active_checkpoint(session_id, self.list_checkpoints(session_id).checkpoints[-1].id)
        return summary


@caught_by("test_fork", "test_fork_of_a_deleted_session", "test_fork_is_independent")
class ForkIsTheSession(FileStorage):
    def fork_session(
        self, session_id: Id, *, checkpoint_id: Id | None = None, title: str | None = None
    ) -> CreateSessionResult:
        super().fork_session(session_id, checkpoint_id=checkpoint_id, title=title)
        active = self.get_active_checkpoint(session_id)
        return CreateSessionResult(active.session_id, active)


@caught_by("test_fork_of_an_older_checkpoint")
class ForkOfTheActiveOnly(FileStorage):
    def fork_session(
        self, session_id: Id, *, checkpoint_id: Id | None = None, title: str | None = None
    ) -> CreateSessionResult:
        return super().fork_session(session_id, title=title or None)


@caught_by("test_checkpoint_of_another_session")
class AnyCheckpointWillDo(FileStorage):
    def fork_session(
        self, session_id: Id, *, checkpoint_id: Id | None = None, title: str | None = None
    ) -> CreateSessionResult:
        try:
            return super().fork_session(session_id, checkpoint_id=checkpoint_id, title=title)
        except NotFoundError:
            return super().fork_session(session_id, title=title)

    def set_active_checkpoint(self, session_id: Id, checkpoint_id: Id) -> CheckpointSummary:
        try:
            return super().set_active_checkpoint(session_id, checkpoint_id)
        except NotFoundError:
            active = self.get_active_checkpoint(session_id)
            return super().set_active_checkpoint(session_id, active.id)


@caught_by("test_fork")
class ForkIsPrivate(FileStorage):
    def fork_session(
        self, session_id: Id, *, checkpoint_id: Id | None = None, title: str | None = None
    ) -> CreateSessionResult:
        made = super().fork_session(session_id, checkpoint_id=checkpoint_id, title=title)
        private = UpdateSessionRequest(visibility=SessionVisibility.PRIVATE)
        self.update_session(made.session_id, private)
        return made


@caught_by("test_fork", "test_fork_of_an_older_checkpoint")
class ForkFromNowhere(FileStorage):
    def get_session(self, session_id: Id) -> Session:
        found = super().get_session(session_id)
        found.forked_from = None
        return found


@caught_by("test_where_a_fork_starts_is_listed")
class ForksAreNotListed(FileStorage):
    def list_sessions(self, query: ListSessionsQuery | None = None) -> ListSessionsResult:
        found = super().list_sessions(query)
        for each in found.sessions:
            each.forked_from = None
        return found


@caught_by("test_bad_title_of_a_fork")
class ForkTakesAnyTitle(FileStorage):
    def fork_session(
        self, session_id: Id, *, checkpoint_id: Id | None = None, title: str | None = None
    ) -> CreateSessionResult:
        title = None if title is None else ascii(title)
        return super().fork_session(session_id, checkpoint_id=checkpoint_id, title=title)


@caught_by("test_heads_that_met_stay_until_it_is_settled")
class OneHeadAtMost(FileStorage):
    def get_session(self, session_id: Id) -> Session:
        found = super().get_session(session_id)
        found.heads = found.heads[:1]
        return found


@caught_by("test_one_line_of_work_has_one_head", "test_heads_that_met_stay_until_it_is_settled")
class EveryLeafIsAHead(FileStorage):
    def get_session(self, session_id: Id) -> Session:
        found = super().get_session(session_id)
        listed = self.list_checkpoints(session_id).checkpoints
        parents = {each.parent_id for each in listed}
        found.heads = [each for each in reversed(listed) if each.id not in parents]
        return found
