"""Reading states."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sessionfs import (
    Id,
    ChatMessage,
    Checkpoint,
    FileStorage,
    ListCheckpointsQuery,
    ListCheckpointsResult,
    Role,
    Session,
)

from .register import caught_by


class Reading(FileStorage):
    """Changes the state of every checkpoint that is read."""

    def get_checkpoint(self, checkpoint_id: Id, *, partial: bool = False) -> Checkpoint:
        return self.changed(super().get_checkpoint(checkpoint_id, partial=partial))

    def get_active_checkpoint(self, session_id: Id) -> Checkpoint:
        return self.changed(super().get_active_checkpoint(session_id))

    def get_session(self, session_id: Id) -> Session:
        session = super().get_session(session_id)
        assert session.active_checkpoint is not None
        session.active_checkpoint = self.changed(session.active_checkpoint)
        return session

    def changed(self, checkpoint: Checkpoint) -> Checkpoint:
        raise NotImplementedError


@caught_by("test_results_are_the_callers_own")
class ReadersShare(Reading):
    def changed(self, checkpoint: Checkpoint) -> Checkpoint:
        shared: dict[UUID, Checkpoint] = self.__dict__.setdefault("shared", {})
        return shared.setdefault(checkpoint.id, checkpoint)


@caught_by(
    "test_passed_back_unchanged",
    "test_whole_state_read_and_extended",
    "test_change_adds_nothing",
    "test_items_keep_their_own_fields",
    "test_equal_items_keep_their_own_fields",
)
class UnknownFieldsDropped(Reading):
    def changed(self, checkpoint: Checkpoint) -> Checkpoint:
        for each in checkpoint.state.messages:
            if isinstance(each, ChatMessage):
                each.__dict__.clear()
        return checkpoint


@caught_by("test_order_of_keys")
class KeysSorted(Reading):
    def changed(self, checkpoint: Checkpoint) -> Checkpoint:
        messages = checkpoint.state.messages
        messages[:] = [
            dict(sorted(each.items())) if isinstance(each, dict) else each for each in messages
        ]
        return checkpoint

    def list_checkpoints(
        self, session_id: Id, query: ListCheckpointsQuery | None = None
    ) -> ListCheckpointsResult:
        listed = super().list_checkpoints(session_id, query)
        for each in listed.checkpoints:
            if each.state is not None:
                each.state.messages = self.get_checkpoint(each.id).state.messages
        return listed


@caught_by("test_values")
class BigIntegersAreFloats(Reading):
    def changed(self, checkpoint: Checkpoint) -> Checkpoint:
        metadata = checkpoint.state.metadata
        if metadata is not None and isinstance(metadata.get("value"), int):
            value = metadata["value"]
            metadata["value"] = value if abs(value) < 2**64 else float(value)
        return checkpoint


@caught_by("test_values")
class WholeFloatsAreIntegers(Reading):
    def changed(self, checkpoint: Checkpoint) -> Checkpoint:
        metadata = checkpoint.state.metadata
        if metadata is not None and isinstance(metadata.get("value"), float):
            value = metadata["value"]
            metadata["value"] = int(value) if value.is_integer() else value
        return checkpoint


@caught_by("test_values")
class TextsCleaned(Reading):
    def changed(self, checkpoint: Checkpoint) -> Checkpoint:
        metadata = checkpoint.state.metadata
        if metadata is not None and isinstance(metadata.get("value"), str):
            metadata["value"] = metadata["value"].replace("\0", "").replace("\r\n", "\n")
        return checkpoint


@caught_by("test_messages_that_look_the_same", "test_dicts_of_any_shape")
class MessagesOnce(Reading):
    def changed(self, checkpoint: Checkpoint) -> Checkpoint:
        once: list[Any] = []
        for each in checkpoint.state.messages:
            if each not in once:
                once.append(each)
        checkpoint.state.messages = once
        return checkpoint


@caught_by("test_metadata_is_each_checkpoints_own", "test_get_session")
class MetadataLost(Reading):
    def changed(self, checkpoint: Checkpoint) -> Checkpoint:
        checkpoint.state.metadata = None
        return checkpoint


@caught_by("test_large_contents")
class LargeMessagesCut(Reading):
    def changed(self, checkpoint: Checkpoint) -> Checkpoint:
        for each in checkpoint.state.messages:
            if isinstance(each, ChatMessage) and isinstance(each.content, str):
                each.content = each.content[: (64 << 10) - 40]
        return checkpoint


@caught_by("test_roles", "test_every_field")
class ToolsSpeakAsUsers(Reading):
    def changed(self, checkpoint: Checkpoint) -> Checkpoint:
        for each in checkpoint.state.messages:
            if isinstance(each, ChatMessage) and each.role == "tool":
                each.role = "user"
        return checkpoint


@caught_by("test_dicts_of_any_shape")
class OnlyTypedMessages(Reading):
    def changed(self, checkpoint: Checkpoint) -> Checkpoint:
        messages = checkpoint.state.messages
        messages[:] = [each for each in messages if isinstance(each, ChatMessage)]
        return checkpoint


@caught_by("test_times_of_checkpoints", "test_times_are_aware_utc_and_do_not_fall")
class NaiveTimes(Reading):
    def changed(self, checkpoint: Checkpoint) -> Checkpoint:
        checkpoint.created_at = checkpoint.created_at.replace(tzinfo=None)
        checkpoint.updated_at = checkpoint.updated_at.replace(tzinfo=None)
        return checkpoint


@caught_by("test_checkpoints_do_not_change", "test_no_parent", "test_append")
class OnlyTheActiveState(FileStorage):
    def get_checkpoint(self, checkpoint_id: Id, *, partial: bool = False) -> Checkpoint:
        found = super().get_checkpoint(checkpoint_id, partial=partial)
        found.state = self.get_active_checkpoint(found.session_id).state
        return found


@caught_by("test_checkpoints_of_many_sessions")
class SameStateIsOneInAllSessions(FileStorage):
    def get_checkpoint(self, checkpoint_id: Id, *, partial: bool = False) -> Checkpoint:
        wanted = super().get_checkpoint(checkpoint_id, partial=partial)
        for session in self.list_sessions().sessions:
            found = self.get_active_checkpoint(session.id)
            if found.state == wanted.state:
                return found
        return wanted


@caught_by("test_reads_as_chat_message")
class NeverDicts(Reading):
    def changed(self, checkpoint: Checkpoint) -> Checkpoint:
        messages = checkpoint.state.messages
        messages[:] = [
            ChatMessage(Role.USER, str(each)) if isinstance(each, dict) else each for each in messages
        ]
        return checkpoint
