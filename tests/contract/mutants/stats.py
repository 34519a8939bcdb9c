"""Statistics."""

from __future__ import annotations

from uuid import UUID

import msgspec

from sessionfs import Id, FileStorage, SessionStats

from .register import caught_by


@caught_by("test_outcome", "test_without_messages", "test_usage_per_tool")
class StatsOfNothing(FileStorage):
    def get_session_stats(self, session_id: Id) -> SessionStats:
        super().get_session_stats(session_id)
        return SessionStats()


@caught_by("test_counted_from_the_active_checkpoint")
class StatsOfTheNewest(FileStorage):
    def get_session_stats(self, session_id: Id) -> SessionStats:
        stats = super().get_session_stats(session_id)
        active = self.get_active_checkpoint(session_id).id
        self.set_active_checkpoint(session_id, self.list_checkpoints(session_id).checkpoints[-1].id)
        stats = super().get_session_stats(session_id)
        self.set_active_checkpoint(session_id, active)
        return stats


@caught_by("test_usage_per_tool")
class ToolsByName(FileStorage):
    def get_session_stats(self, session_id: Id) -> SessionStats:
        stats = super().get_session_stats(session_id)
        stats.tools_usage.sort(key=lambda tool: tool.tool_name)
        return stats


@caught_by("test_outcome")
class AllSuccessful(FileStorage):
    def get_session_stats(self, session_id: Id) -> SessionStats:
        stats = super().get_session_stats(session_id)
        stats.successful_tool_calls = stats.total_tool_calls
        stats.failed_tool_calls = stats.aborted_tool_calls = 0
        return stats


@caught_by("test_other_sessions_do_not_count")
class StatsOfAllSessions(FileStorage):
    def get_session_stats(self, session_id: Id) -> SessionStats:
        stats = super().get_session_stats(session_id)
        for each in self.list_sessions().sessions:
            if each.id != session_id:
                other = super().get_session_stats(each.id)
                stats.total_tool_calls += other.total_tool_calls
                stats.aborted_tool_calls += other.aborted_tool_calls
        return stats


@caught_by("test_dicts_count_as_far_as_they_agree", "test_outcome")
class StatsOfTypedMessages(FileStorage):
    def get_session_stats(self, session_id: Id) -> SessionStats:
        stats = super().get_session_stats(session_id)
        messages = self.get_active_checkpoint(session_id).state.messages
        if any(isinstance(each, dict) for each in messages):
            return SessionStats(total_sessions=1, sessions_with_activity=1)
        return msgspec.structs.replace(stats, tools_usage=[])


@caught_by("test_calls_of_every_shape", "test_calls_without_ids")
class StatsOfChatMessages(FileStorage):
    def get_session_stats(self, session_id: Id) -> SessionStats:
        stats = super().get_session_stats(session_id)
        messages = map(msgspec.to_builtins, self.get_active_checkpoint(session_id).state.messages)
        if any("tool_calls" in each for each in messages):
            return stats
        return SessionStats(total_sessions=1, sessions_with_activity=stats.sessions_with_activity)


@caught_by("test_without_messages")
class AlwaysActivity(FileStorage):
    def get_session_stats(self, session_id: Id) -> SessionStats:
        stats = super().get_session_stats(session_id)
        return msgspec.structs.replace(stats, sessions_with_activity=1)


@caught_by("test_without_tool_calls")
class ActivityIsToolCalls(FileStorage):
    def get_session_stats(self, session_id: Id) -> SessionStats:
        stats = super().get_session_stats(session_id)
        return msgspec.structs.replace(stats, sessions_with_activity=min(stats.total_tool_calls, 1))
