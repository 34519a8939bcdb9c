"""Figures about a session, counted from the messages of its active checkpoint."""

from __future__ import annotations

from typing import Any

import pytest

from ..models import (
    ChatMessage,
    ContentPart,
    FunctionCall,
    ListSessionsQuery,
    Role,
    SessionStats,
    SessionStatus,
    ToolCall,
    ToolUsageCounts,
)
from ..protocols import SessionStorage
from .base import Contract, append, assistant, new_session, user
from .tool_shapes import TOOL_SHAPES

OUTCOMES: list[Any] = [
    pytest.param(ChatMessage(Role.TOOL, "done"), "successful", id="result"),
    pytest.param(ChatMessage(Role.TOOL, ""), "successful", id="empty result"),
    pytest.param(ChatMessage(Role.TOOL), "successful", id="result without content"),
    pytest.param(ChatMessage(Role.TOOL, [ContentPart("text", "x")]), "successful", id="parts"),
    pytest.param(
        ChatMessage(Role.TOOL, "an error", metadata={"is_error": False}), "successful", id="not error"
    ),
    pytest.param(ChatMessage(Role.TOOL, "MCP_TOOL_CALL_ERROR: no"), "failed", id="failed"),
    pytest.param(
        ChatMessage(Role.TOOL, [ContentPart("text", "x"), ContentPart("text", "MCP_TOOL_CALL_ERROR")]),
        "failed",
        id="failed, in a part",
    ),
    pytest.param(ChatMessage(Role.TOOL, "no", metadata={"is_error": True}), "failed", id="is_error"),
    pytest.param(None, "aborted", id="no result"),
    pytest.param(ChatMessage(Role.TOOL, "TOOL_CALL_CANCELLED"), "aborted", id="cancelled"),
    pytest.param(ChatMessage(Role.TOOL, "user: TOOL_CALL_REJECTED"), "aborted", id="rejected"),
    pytest.param(
        ChatMessage(Role.TOOL, [ContentPart("text", "TOOL_CALL_REJECTED")]),
        "aborted",
        id="rejected, in a part",
    ),
]


class StatsContract(Contract):
    """Tool calls are counted by tool and by how they ended."""

    def test_without_messages(self, storage: SessionStorage) -> None:
        """An empty session is a session without activity."""
        session, _ = new_session(storage)
        assert storage.get_session_stats(session) == SessionStats(total_sessions=1)

    def test_without_tool_calls(self, storage: SessionStorage) -> None:
        """Messages are activity; markers in them are no tool calls."""
        session, _ = new_session(
            storage,
            user("MCP_TOOL_CALL_ERROR"),
            ChatMessage(Role.ASSISTANT, "TOOL_CALL_CANCELLED", tool_calls=[]),
            ChatMessage(Role.TOOL, "a result of nothing", tool_call_id="gone"),
            {"kind": "note", "tool_calls": 5},
        )
        expected = SessionStats(total_sessions=1, sessions_with_activity=1)
        assert storage.get_session_stats(session) == expected

    @pytest.mark.parametrize(("result", "outcome"), OUTCOMES)
    def test_outcome(self, storage: SessionStorage, result: ChatMessage | None, outcome: str) -> None:
        """A result decides how its call ended; a call without one was aborted."""
        messages = [user("go"), _calls(("c1", "read"))]
        if result is not None:
            messages.append(_answering(result, "c1"))
        session, _ = new_session(storage, *messages, assistant("MCP_TOOL_CALL_ERROR is no result"))
        stats = storage.get_session_stats(session)
        assert _totals(stats) == _ended(outcome)
        [tool] = stats.tools_usage
        assert tool.tool_name == "read"
        counts = tool.usage_counts
        assert (counts.total, counts.successful, counts.failed, counts.aborted) == _totals(stats)

    def test_usage_per_tool(self, storage: SessionStorage) -> None:
        """Tools are listed most used first, then by name, each with its own counts."""
        session, _ = new_session(
            storage,
            _calls(("a", "write"), ("b", "run"), ("c", "read")),
            _result("c"),
            _result("a", "MCP_TOOL_CALL_ERROR"),
            _calls(("d", "run"), ("e", "read"), ("f", "run")),
            _result("d"),
            _result("e", "TOOL_CALL_REJECTED"),
            _calls(("g", "list")),
            _result("b"),
        )
        stats = storage.get_session_stats(session)
        assert _totals(stats) == (7, 3, 1, 3)
        assert [
            (
                tool.tool_name,
                tool.usage_counts.total,
                tool.usage_counts.successful,
                tool.usage_counts.failed,
                tool.usage_counts.aborted,
            )
            for tool in stats.tools_usage
        ] == [
            ("run", 3, 2, 0, 1),
            ("read", 2, 1, 0, 1),
            ("list", 1, 0, 0, 1),
            ("write", 1, 0, 1, 0),
        ]
        assert (stats.total_sessions, stats.sessions_with_activity) == (1, 1)

    def test_counted_from_the_active_checkpoint(self, storage: SessionStorage) -> None:
        """What is not in the active checkpoint is not counted, and each call once."""
        session, first = new_session(storage, user("go"))
        second = append(storage, session, _calls(("c1", "read")))
        assert _totals(storage.get_session_stats(session)) == (1, 0, 0, 1)
        third = append(storage, session, _result("c1"))
        assert _totals(storage.get_session_stats(session)) == (1, 1, 0, 0)
        for id_, expected in ((first, (0, 0, 0, 0)), (second, (1, 0, 0, 1)), (third, (1, 1, 0, 0))):
            storage.set_active_checkpoint(session, id_)
            assert _totals(storage.get_session_stats(session)) == expected

    def test_other_sessions_do_not_count(self, storage: SessionStorage) -> None:
        """Results and calls of one session say nothing about another."""
        session, _ = new_session(storage, _calls(("c1", "read")))
        other, _ = new_session(storage, _calls(("c2", "read")), _result("c1"))
        assert _totals(storage.get_session_stats(session)) == (1, 0, 0, 1)
        assert _totals(storage.get_session_stats(other)) == (1, 0, 0, 1)

    def test_dicts_count_as_far_as_they_agree(self, storage: SessionStorage) -> None:
        """Calls and results in dicts of almost the known shape are counted too."""
        function = {"name": "read", "arguments": {"not": "a text"}}
        session, _ = new_session(
            storage,
            {"role": "assistant", "tool_calls": [{"id": "c1", "function": function}]},
            {"role": "tool", "tool_call_id": "c1", "content": "ok", "x": 1},
        )
        assert _totals(storage.get_session_stats(session)) == (1, 1, 0, 0)

    @pytest.mark.parametrize(("call", "result", "outcome"), TOOL_SHAPES)
    def test_calls_of_every_shape(
        self,
        storage: SessionStorage,
        call: dict[str, Any],
        result: dict[str, Any],
        outcome: str,
    ) -> None:
        """Calls and results of OpenAI, Anthropic and Gemini count alike."""
        session, _ = new_session(storage, user("go"), call)
        assert _totals(storage.get_session_stats(session)) == _ended("aborted")
        append(storage, session, result)
        stats = storage.get_session_stats(session)
        assert [tool.tool_name for tool in stats.tools_usage] == ["bash"]
        assert _totals(stats) == _ended(outcome)

    def test_calls_without_ids(self, storage: SessionStorage) -> None:
        """A result without an id belongs to the first call of its tool that has none."""

        def call(name: str) -> dict[str, Any]:
            return {"functionCall": {"name": name, "args": {}}}

        def result(name: str, **response: str) -> dict[str, Any]:
            return {"functionResponse": {"name": name, "response": response}}

        session, _ = new_session(
            storage,
            {"role": "model", "parts": [call("read"), call("run"), call("read"), call("read")]},
            {"role": "user", "parts": [result("read", error="no"), result("list", output="yes")]},
            {"role": "user", "parts": [result("run", output="yes"), result("read", output="yes")]},
        )
        stats = storage.get_session_stats(session)
        assert _totals(stats) == (4, 2, 1, 1)
        usage = {tool.tool_name: tool.usage_counts for tool in stats.tools_usage}
        assert usage["read"] == ToolUsageCounts(total=3, successful=1, failed=1, aborted=1)


def _calls(*calls: tuple[str, str]) -> ChatMessage:
    made = [ToolCall(id=id_, function=FunctionCall(name, "{}")) for id_, name in calls]
    return ChatMessage(Role.ASSISTANT, tool_calls=made)


def _result(call: str, text: str = "done") -> ChatMessage:
    return ChatMessage(Role.TOOL, text, tool_call_id=call)


def _answering(result: ChatMessage, call: str) -> ChatMessage:
    return ChatMessage(result.role, result.content, tool_call_id=call, metadata=result.metadata)


def _totals(stats: SessionStats) -> tuple[int, int, int, int]:
    return (
        stats.total_tool_calls,
        stats.successful_tool_calls,
        stats.failed_tool_calls,
        stats.aborted_tool_calls,
    )


def _ended(outcome: str) -> tuple[int, int, int, int]:
    return (1, int(outcome == "successful"), int(outcome == "failed"), int(outcome == "aborted"))


class StoreStatsContract(Contract):
    """Figures of all sessions together are the sums of each one's."""

    def test_store_without_sessions(self, storage: SessionStorage) -> None:
        """An empty store counts nothing."""
        assert storage.get_store_stats() == SessionStats()

    def test_store_adds_sessions_up(self, storage: SessionStorage) -> None:
        """Every session counts once, deleted ones too; tools of one name are one."""
        self._three_sessions(storage)
        stats = storage.get_store_stats()
        assert (stats.total_sessions, stats.sessions_with_activity) == (3, 2)
        assert (stats.total_tool_calls, stats.successful_tool_calls) == (4, 3)
        assert (stats.failed_tool_calls, stats.aborted_tool_calls) == (0, 1)
        assert stats.unreadable_sessions == 0
        usage = {tool.tool_name: tool.usage_counts for tool in stats.tools_usage}
        assert list(usage) == ["read", "write"]
        assert usage["read"] == ToolUsageCounts(total=3, successful=2, aborted=1)

    def test_store_by_filter(self, storage: SessionStorage) -> None:
        """The filters of a query choose the sessions; its page does not."""
        self._three_sessions(storage)
        by_title = storage.get_store_stats(ListSessionsQuery(search="two", limit=0, offset=9))
        assert (by_title.total_sessions, by_title.total_tool_calls) == (1, 3)
        deleted = storage.get_store_stats(ListSessionsQuery(status=SessionStatus.DELETED))
        assert (deleted.total_sessions, deleted.total_tool_calls) == (1, 1)

    @staticmethod
    def _three_sessions(storage: SessionStorage) -> None:
        def call(id_: str, tool: str) -> ChatMessage:
            function = FunctionCall(tool)
            return ChatMessage(Role.ASSISTANT, tool_calls=[ToolCall(id=id_, function=function)])

        def result(id_: str) -> ChatMessage:
            return ChatMessage(Role.TOOL, "done", tool_call_id=id_)

        new_session(storage, title="empty")
        one, _ = new_session(storage, call("1", "read"), result("1"), title="one")
        storage.delete_session(one)
        both = (call("1", "read"), result("1"), call("2", "write"), result("2"), call("3", "read"))
        new_session(storage, *both, title="two")
