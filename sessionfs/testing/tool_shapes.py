"""Calls of a tool and their results, in the shapes of several providers.

In each the tool is called ``bash``, the first text has "needle call", and the result "needle result".
"""

from __future__ import annotations

from typing import Any

import pytest

_CHAT_CALL = {"id": "c1", "type": "function", "function": {"name": "bash", "arguments": "needle call"}}
_ITEM = {"call_id": "c1", "name": "bash"}


def _anthropic(kind: str, result: str, **rest: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    call = {"type": kind, "id": "c1", "name": "bash", "input": {"command": "needle call"}}
    made = {"type": result, "tool_use_id": "c1", "content": "needle result", **rest}
    return {"role": "assistant", "content": [call]}, {"role": "user", "content": [made]}


def _gemini(response: dict[str, Any], **ids: str) -> tuple[dict[str, Any], dict[str, Any]]:
    call = {"name": "bash", "args": {"command": "needle call"}, **ids}
    result = {"name": "bash", "response": response, **ids}
    return (
        {"role": "model", "parts": [{"functionCall": call}]},
        {"role": "user", "parts": [{"functionResponse": result}]},
    )


TOOL_SHAPES: list[Any] = [
    pytest.param(
        {"role": "assistant", "content": None, "tool_calls": [_CHAT_CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "needle result"},
        "successful",
        id="OpenAI, chat",
    ),
    pytest.param(
        {
            "role": "assistant",
            "tool_calls": [
                {"id": "c1", "type": "custom", "custom": {"name": "bash", "input": "needle call"}}
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "needle result"}]},
        "successful",
        id="OpenAI, custom tool in chat",
    ),
    pytest.param(
        {
            "role": "assistant",
            "content": "",
            "function_call": {"name": "bash", "arguments": "needle call"},
        },
        {"role": "function", "name": "bash", "content": "needle result"},
        "successful",
        id="OpenAI, function_call",
    ),
    pytest.param(
        {"type": "function_call", **_ITEM, "arguments": "needle call"},
        {"type": "function_call_output", "call_id": "c1", "output": "needle result"},
        "successful",
        id="OpenAI, Responses",
    ),
    pytest.param(
        {"type": "custom_tool_call", **_ITEM, "input": "needle call"},
        {
            "type": "custom_tool_call_output",
            "call_id": "c1",
            "output": {"content": "needle result", "success": False},
        },
        "failed",
        id="OpenAI, Responses, failed",
    ),
    pytest.param(
        *_anthropic("tool_use", "tool_result"),
        "successful",
        id="Anthropic",
    ),
    pytest.param(
        *_anthropic("mcp_tool_use", "mcp_tool_result", is_error=True),
        "failed",
        id="Anthropic, failed",
    ),
    pytest.param(
        *_anthropic(
            "server_tool_use",
            "web_search_tool_result",
            content=[{"type": "web_search_result", "title": "needle result", "url": "https://a"}],
        ),
        "successful",
        id="Anthropic, server's tool",
    ),
    pytest.param(*_gemini({"output": "needle result"}), "successful", id="Gemini"),
    pytest.param(*_gemini({"error": "needle result"}, id="c1"), "failed", id="Gemini, failed"),
    pytest.param(
        {"role": "model", "parts": [{"function_call": {"name": "bash", "args": {"x": "needle call"}}}]},
        {
            "role": "user",
            "parts": [
                {
                    "function_response": {
                        "name": "bash",
                        "response": {"x": ["needle result", 5]},
                    }
                }
            ],
        },
        "successful",
        id="Gemini, in Python's names",
    ),
]
"""A message that calls the tool, one with its result, and how the call ended."""
