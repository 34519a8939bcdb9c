"""Figures about sessions, with the field names of Stakpak's ``SessionStats``."""

from __future__ import annotations

import msgspec


class ToolUsageCounts(msgspec.Struct):
    """How the calls of a tool ended."""

    total: int = 0
    successful: int = 0
    failed: int = 0
    aborted: int = 0


class ToolUsageStats(msgspec.Struct):
    """How often a tool was called. The time-saved fields are the trait's; files do not know them."""

    tool_name: str
    display_name: str
    usage_counts: ToolUsageCounts
    time_saved_per_call: float | None = None
    time_saved_seconds: int | None = None


class SessionStats(msgspec.Struct):
    """Counted from the messages of the active checkpoint.

    Attributes:
        total_sessions: how many sessions were counted.
        sessions_with_activity: how many of them have a message.
        tools_usage: most used tool first, then by name.
        unreadable_sessions: how many of them are damaged or have not arrived, and so count for
            nothing else.

    """

    total_sessions: int = 0
    total_tool_calls: int = 0
    successful_tool_calls: int = 0
    failed_tool_calls: int = 0
    aborted_tool_calls: int = 0
    sessions_with_activity: int = 0
    total_time_saved_seconds: int | None = None
    tools_usage: list[ToolUsageStats] = msgspec.field(default_factory=list)
    unreadable_sessions: int = 0
