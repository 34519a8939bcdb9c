"""Counting the tool calls of a conversation, and how they ended."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

import msgspec

from ..models import SessionStats, ToolUsageCounts, ToolUsageStats
from .parts import CallKeys, CallPart, ResultPart, Text, tool_parts

FAILED = "MCP_TOOL_CALL_ERROR"
ABORTED = ("TOOL_CALL_CANCELLED", "TOOL_CALL_REJECTED")

_ADDED = (
    "total_sessions",
    "total_tool_calls",
    "successful_tool_calls",
    "failed_tool_calls",
    "aborted_tool_calls",
    "sessions_with_activity",
    "unreadable_sessions",
)


def count(messages: Iterable[bytes]) -> SessionStats:
    """Return the figures of one session's messages, given as JSON objects.

    A call is aborted if it has no result or the result says that it was cancelled or rejected, failed
    if the result carries the marker of a failed call or is marked as an error, else successful. Calls
    and results are those that ``parts`` reads from a message of any shape.
    """
    calls: list[tuple[str, Hashable]] = []
    outcomes: dict[Hashable, str] = {}
    keys = CallKeys()
    any_message = False
    for raw in messages:
        any_message = True
        for part in tool_parts(msgspec.json.decode(raw)):
            if isinstance(part, CallPart):
                calls.append((part.tool, keys.of_call(part)))
            else:
                # The first result of a call counts; a repeated id is the same call told again.
                outcomes.setdefault(keys.of_result(part), _outcome(part))
    tools: dict[str, ToolUsageCounts] = {}
    for tool, key in calls:
        counts = tools.setdefault(tool, ToolUsageCounts())
        outcome = outcomes.get(key, "aborted")
        counts.total += 1
        setattr(counts, outcome, getattr(counts, outcome) + 1)
    return SessionStats(
        total_sessions=1,
        total_tool_calls=len(calls),
        successful_tool_calls=sum(counts.successful for counts in tools.values()),
        failed_tool_calls=sum(counts.failed for counts in tools.values()),
        aborted_tool_calls=sum(counts.aborted for counts in tools.values()),
        sessions_with_activity=int(any_message),
        tools_usage=_most_used_first(tools),
    )


def combined(each: Iterable[SessionStats]) -> SessionStats:
    """Return the figures of several sessions together."""
    tools: dict[str, ToolUsageCounts] = {}
    total = SessionStats()
    for stats in each:
        for name in _ADDED:
            setattr(total, name, getattr(total, name) + getattr(stats, name))
        for tool in stats.tools_usage:
            counts, more = tools.setdefault(tool.tool_name, ToolUsageCounts()), tool.usage_counts
            for name in ToolUsageCounts.__struct_fields__:
                setattr(counts, name, getattr(counts, name) + getattr(more, name))
    total.tools_usage = _most_used_first(tools)
    return total


def _most_used_first(tools: dict[str, ToolUsageCounts]) -> list[ToolUsageStats]:
    ordered = sorted(tools.items(), key=lambda item: (-item[1].total, item[0]))
    return [ToolUsageStats(tool, tool, counts) for tool, counts in ordered]


def _outcome(result: ResultPart) -> str:
    text = "\n".join(part.text for part in result.content if isinstance(part, Text))
    if any(marker in text for marker in ABORTED):
        return "aborted"
    return "failed" if result.failed or FAILED in text else "successful"
