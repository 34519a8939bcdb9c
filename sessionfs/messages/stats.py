"""Counting tool calls in a conversation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from ..models import SessionStats, ToolUsageCounts, ToolUsageStats
from . import shapes

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
    if the result carries the marker of a failed call or its metadata says ``is_error``, else
    successful. Messages of another shape than ``ChatMessage`` count as far as their fields agree.
    """
    calls: list[shapes.Call] = []
    results: dict[str, str] = {}
    any_message = False
    for raw in messages:
        any_message = True
        message = msgspec.json.decode(raw)
        calls += shapes.calls(message)
        answered = shapes.answered(message)
        if answered is not None:
            # The first result of a call counts; a repeated id is the same call told again.
            results.setdefault(answered, _outcome(message))
    tools: dict[str, ToolUsageCounts] = {}
    for call in calls:
        counts = tools.setdefault(call.tool, ToolUsageCounts())
        outcome = results.get(call.id, "aborted") if call.id is not None else "aborted"
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


def _outcome(message: dict[str, Any]) -> str:
    text = "\n".join(_texts(message.get("content")))
    if any(marker in text for marker in ABORTED):
        return "aborted"
    metadata = message.get("metadata")
    if FAILED in text or (isinstance(metadata, dict) and metadata.get("is_error") is True):
        return "failed"
    return "successful"


def _texts(content: object) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        for part in content:
            if isinstance(part, dict) and isinstance(part.get("text"), str):
                yield part["text"]
