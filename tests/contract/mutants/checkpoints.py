"""Creating and listing checkpoints."""

from __future__ import annotations

from uuid import UUID

import msgspec

from sessionfs import (
    Id,
    Checkpoint,
    CheckpointSummary,
    ConflictError,
    CreateCheckpointRequest,
    FileStorage,
    InvalidRequestError,
    ListCheckpointsQuery,
    ListCheckpointsResult,
)

from .register import ALL, caught_by


class Checkpoints(FileStorage):
    """Lists checkpoints in steps that mutants can replace."""

    def list_checkpoints(
        self, session_id: Id, query: ListCheckpointsQuery | None = None
    ) -> ListCheckpointsResult:
        listed = super().list_checkpoints(session_id, query)
        query = query or ListCheckpointsQuery()
        whole = super().list_checkpoints(session_id, ListCheckpointsQuery(limit=ALL))
        return self.changed(listed, query, whole.checkpoints)

    def changed(
        self,
        listed: ListCheckpointsResult,
        query: ListCheckpointsQuery,
        whole: list[CheckpointSummary],
    ) -> ListCheckpointsResult:
        raise NotImplementedError


class Creating(FileStorage):
    """Changes what is asked of create_checkpoint."""

    def create_checkpoint(
        self,
        session_id: Id,
        request: CreateCheckpointRequest,
        *,
        expected_active: Id | None = None,
    ) -> Checkpoint:
        request, expected_active = self.asked(session_id, request, expected_active)
        return super().create_checkpoint(session_id, request, expected_active=expected_active)

    def asked(
        self, session_id: Id, request: CreateCheckpointRequest, expected: Id | None
    ) -> tuple[CreateCheckpointRequest, Id | None]:
        raise NotImplementedError


@caught_by("test_bad_pages", "test_negative_for_checkpoints")
class LenientPages(FileStorage):
    def list_checkpoints(
        self, session_id: Id, query: ListCheckpointsQuery | None = None
    ) -> ListCheckpointsResult:
        try:
            return super().list_checkpoints(session_id, query)
        except InvalidRequestError:
            return super().list_checkpoints(session_id)


@caught_by("test_pages_of_checkpoints", "test_empty_pages_of_checkpoints")
class TotalOfThePageOfCheckpoints(Checkpoints):
    def changed(
        self,
        listed: ListCheckpointsResult,
        query: ListCheckpointsQuery,
        whole: list[CheckpointSummary],
    ) -> ListCheckpointsResult:
        return ListCheckpointsResult(listed.checkpoints, len(listed.checkpoints))


@caught_by("test_list_oldest_first", "test_times_of_checkpoints")
class NewestCheckpointFirst(Checkpoints):
    def changed(
        self,
        listed: ListCheckpointsResult,
        query: ListCheckpointsQuery,
        whole: list[CheckpointSummary],
    ) -> ListCheckpointsResult:
        return ListCheckpointsResult(listed.checkpoints[::-1], listed.total)


@caught_by("test_list_oldest_first", "test_rewind_and_redo")
class OnlyTheActiveBranchIsListed(Checkpoints):
    def changed(
        self,
        listed: ListCheckpointsResult,
        query: ListCheckpointsQuery,
        whole: list[CheckpointSummary],
    ) -> ListCheckpointsResult:
        if not whole:
            return listed
        by_id = {each.id: each for each in whole}
        branch, at = set(), self.get_active_checkpoint(whole[0].session_id).parent_id
        while at is not None:
            branch.add(at)
            at = by_id[at].parent_id
        branch.add(self.get_active_checkpoint(whole[0].session_id).id)
        found = [each for each in listed.checkpoints if each.id in branch]
        return ListCheckpointsResult(found, len(branch))


@caught_by("test_include_state")
class StatesAlways(Checkpoints):
    def changed(
        self,
        listed: ListCheckpointsResult,
        query: ListCheckpointsQuery,
        whole: list[CheckpointSummary],
    ) -> ListCheckpointsResult:
        for each in listed.checkpoints:
            each.state = self.get_checkpoint(each.id).state
        return listed


@caught_by("test_include_state")
class StatesNever(Checkpoints):
    def changed(
        self,
        listed: ListCheckpointsResult,
        query: ListCheckpointsQuery,
        whole: list[CheckpointSummary],
    ) -> ListCheckpointsResult:
        for each in listed.checkpoints:
            each.state = None
        return listed


@caught_by("test_list_oldest_first", "test_include_state", "test_many_messages")
class CountOfWhatIsNew(Checkpoints):
    def changed(
        self,
        listed: ListCheckpointsResult,
        query: ListCheckpointsQuery,
        whole: list[CheckpointSummary],
    ) -> ListCheckpointsResult:
        counts = {each.id: each.message_count for each in whole}
        for each in listed.checkpoints:
            if each.parent_id is not None:
                each.message_count = max(each.message_count - counts[each.parent_id], 0)
        return listed


@caught_by("test_expected_active_is_stale")
class ExpectationIgnored(Creating):
    def asked(
        self, session_id: Id, request: CreateCheckpointRequest, expected: Id | None
    ) -> tuple[CreateCheckpointRequest, Id | None]:
        return request, None


@caught_by("test_expected_active")
class ExpectationIsOfTheParent(FileStorage):
    def create_checkpoint(
        self,
        session_id: Id,
        request: CreateCheckpointRequest,
        *,
        expected_active: Id | None = None,
    ) -> Checkpoint:
        if expected_active is not None and request.parent_id != expected_active:
            raise ConflictError("not the parent")
        return super().create_checkpoint(session_id, request, expected_active=expected_active)


@caught_by("test_expected_active_is_stale")
class ConflictIsToldTooLate(FileStorage):
    def create_checkpoint(
        self,
        session_id: Id,
        request: CreateCheckpointRequest,
        *,
        expected_active: Id | None = None,
    ) -> Checkpoint:
        before = self.get_active_checkpoint(session_id).id
        made = super().create_checkpoint(session_id, request)
        if expected_active not in (None, before):
            raise ConflictError("too late")
        return made


@caught_by("test_parent_of_another_session")
class AnyParent(Creating):
    def asked(
        self, session_id: Id, request: CreateCheckpointRequest, expected: Id | None
    ) -> tuple[CreateCheckpointRequest, Id | None]:
        known = {each.id for each in self.list_checkpoints(session_id).checkpoints}
        parent = request.parent_id if request.parent_id in known else None
        return msgspec.structs.replace(request, parent_id=parent), expected


@caught_by("test_no_parent", "test_list_oldest_first")
class ParentIsTheActive(Creating):
    def asked(
        self, session_id: Id, request: CreateCheckpointRequest, expected: Id | None
    ) -> tuple[CreateCheckpointRequest, Id | None]:
        parent = request.parent_id or self.get_active_checkpoint(session_id).id
        return msgspec.structs.replace(request, parent_id=parent), expected


@caught_by("test_state_is_whole", "test_create_and_get", "test_chain_of_parents")
class StateIsAdded(Creating):
    def asked(
        self, session_id: Id, request: CreateCheckpointRequest, expected: Id | None
    ) -> tuple[CreateCheckpointRequest, Id | None]:
        if request.parent_id is None:
            return request, expected
        before = self.get_checkpoint(request.parent_id).state.messages
        messages = [*before, *request.messages]
        return msgspec.structs.replace(request, messages=messages), expected


@caught_by("test_same_state_twice", "test_branches_of_one_parent", "test_create_and_get")
class ActiveIsNotMoved(FileStorage):
    def create_checkpoint(
        self,
        session_id: Id,
        request: CreateCheckpointRequest,
        *,
        expected_active: Id | None = None,
    ) -> Checkpoint:
        active = self.get_active_checkpoint(session_id).id
        made = super().create_checkpoint(session_id, request, expected_active=expected_active)
        self.set_active_checkpoint(session_id, active)
        return made


@caught_by("test_same_state_twice")
class SameStateIsOneCheckpoint(FileStorage):
    def create_checkpoint(
        self,
        session_id: Id,
        request: CreateCheckpointRequest,
        *,
        expected_active: Id | None = None,
    ) -> Checkpoint:
        active = self.get_active_checkpoint(session_id)
        if active.state.messages == request.messages:
            return active
        return super().create_checkpoint(session_id, request, expected_active=expected_active)
