"""Claude Code: ``~/.claude/projects/<slug of the cwd>/<uuid>.jsonl``, a record a line.

User and assistant records become messages: text and other blocks are content, ``tool_use`` blocks tool
calls, and each ``tool_result`` block a tool's message. Records of subagents inside a main transcript
(``isSidechain``) and all other kinds (summaries, snapshots, system notes) are kept as records.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from ..models import ImportSessionRequest
from .base import (
    EPOCH,
    UNTITLED,
    Moved,
    Place,
    Problem,
    Transcript,
    milliseconds,
    name_by,
    session_id,
    title_from,
    when,
)
from .jsonl import Line, Lines
from .turns import History

TOOL = "claude-code"

_KINDS = ("user", "assistant")


def places(environment: Mapping[str, str], home: Path) -> list[Place]:
    """Return the directory of projects, with a directory for each; subagents have theirs below."""
    directory = Path(environment.get("CLAUDE_CONFIG_DIR") or home / ".claude")
    return [Place(directory / "projects", ("**/*.jsonl",))]


def recognises(path: Path, first: bytes | dict[str, Any]) -> bool:  # noqa: ARG001 (the protocol's)
    """Tell whether a record of a file looks like Claude Code's."""
    return isinstance(first, dict) and (
        (first.get("type") in _KINDS and isinstance(first.get("message"), dict))
        or first.get("type") in ("summary", "file-history-snapshot", "queue-operation")
    )


def read(path: Path) -> Iterator[Transcript]:
    """Give the one session of a transcript."""
    lines = Lines(path)
    facts = _Facts(lines)
    if facts.opening is None:
        return
    name = facts.name(path)
    session, problems = session_id(TOOL, name), list[Problem]()
    request = ImportSessionRequest(
        session_id=session,
        title=title_from([facts.first.get("summary", "")]) or facts.title or UNTITLED,
        checkpoints=History(TOOL, session, lines, _Conversation(subagent=facts.subagent), problems),
        created_at=facts.begun or EPOCH,
        cwd=facts.first.get("cwd"),
        source={"tool": TOOL, "session": name},
    )
    yield Transcript(TOOL, request, problems)


class _Conversation:
    """Which records are the conversation, and which messages they are."""

    def __init__(self, *, subagent: bool) -> None:
        self._subagent = subagent

    def messages_of(self, line: Line) -> tuple[list[dict[str, Any]], list[Moved]] | None:
        """Return the messages of a record; None: it is none of this conversation."""
        if not _is_message(line) or (line.record.get("isSidechain") is True and not self._subagent):
            return None
        return _messages(line.record)

    def stands(self, number: int) -> bool:  # noqa: ARG002 (the protocol's)
        """Tell that lines are only ever added."""
        return True


class _Facts:
    """What the records of a transcript say of the whole.

    Attributes:
        opening: the first record; None: there is none.
        first: the first text in each of some fields.
        begun: the first time.
        title: of what a person said first.
        subagent: whether this is a subagent's own file. It consists of sidechain records alone: there
            they are the conversation.

    """

    def __init__(self, lines: Lines) -> None:
        self.opening: Line | None = None
        self.first: dict[str, str] = {}
        self.begun: datetime | None = None
        self.title = ""
        self.subagent = True
        self._last_name: str | None = None
        for line in lines:
            self.opening = self.opening or line
            if isinstance(line.record, dict):
                self._look_at(line)

    def _look_at(self, line: Line) -> None:
        record = line.record
        self.begun = self.begun or when(record)
        for field in ("summary", "cwd", "agentId", "sessionId"):
            value = record.get(field)
            if isinstance(value, str) and value:
                self.first.setdefault(field, value)
        self._last_name = _text(record, "sessionId") or self._last_name
        if not _is_message(line):
            return
        self.subagent = self.subagent and record.get("isSidechain") is True
        # Whether sidechains count is known at the end alone; the first title of either will do.
        if not self.title and record["type"] == "user":
            said = _messages(record)[0]
            texts = (each["content"] for each in said if isinstance(each.get("content"), str))
            self.title = title_from(texts) if said[0]["role"] == "user" else ""

    def name(self, path: Path) -> str:
        """Return what the session is called there.

        A resumed session begins with records of the one before, which carry that one's id: the name
        of the file says which it is, and where it does not, the last record. One that names none is
        known by its first line.
        """
        agent, first = self.first.get("agentId"), self.first.get("sessionId")
        if self.subagent and agent and first:
            return f"{first}:{agent}"
        try:
            return str(UUID(path.stem))
        except ValueError:
            pass
        assert self.opening is not None
        return self._last_name or name_by(self.opening)


def _text(record: dict[str, Any], field: str) -> str | None:
    value = record.get(field)
    return value if isinstance(value, str) and value else None


def _is_message(line: Line) -> bool:
    record = line.record
    if line.damage is not None or not isinstance(record, dict) or record.get("type") not in _KINDS:
        return False
    message = record.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    return isinstance(content, str) or (
        isinstance(content, list) and bool(content) and all(isinstance(b, dict) for b in content)
    )


def _messages(record: dict[str, Any]) -> tuple[list[dict[str, Any]], list[Moved]]:
    message = record["message"]
    role = "assistant" if record["type"] == "assistant" else "user"
    built = _Builder(record, role)
    if isinstance(message["content"], str):
        built.message({"role": role, "content": message["content"]})
        built.moved.append(Moved(("message", "content"), 0, ("content",)))
    else:
        for i, block in enumerate(message["content"]):
            built.block(i, block)
    return built.finished(), built.moved


class _Builder:
    """Makes the messages of one record, block by block."""

    def __init__(self, record: dict[str, Any], role: str) -> None:
        self._record = record
        self._role = role
        self._open: int | None = None
        self.messages: list[dict[str, Any]] = []
        self.moved: list[Moved] = []

    def message(self, message: dict[str, Any]) -> int:
        self.messages.append(message)
        return len(self.messages) - 1

    def block(self, i: int, block: dict[str, Any]) -> None:
        kind = block.get("type")
        if kind == "tool_result" and self._role == "user":
            self._tool_result(i, block)
        elif kind == "tool_use" and isinstance(block.get("name"), str):
            self._tool_use(i, block)
        else:
            at = self._speaking()
            parts = self.messages[at].setdefault("content", [])
            self._move(i, (), at, ("content", len(parts)))
            parts.append(block)

    def finished(self) -> list[dict[str, Any]]:
        made = milliseconds(when(self._record))
        for i, message in enumerate(self.messages):
            self._simplify(i, message)
            if made is not None:
                message["created_at"] = made
        first = self.messages[0]
        if isinstance(self._record.get("uuid"), str):
            first["id"] = self._record["uuid"]
        if self._role == "assistant":
            _describe(first, self._record["message"])
        return self.messages

    def _speaking(self) -> int:
        """Return the message that text and tool calls go to, opened where there is none."""
        if self._open is None:
            self._open = self.message({"role": self._role})
        return self._open

    def _tool_use(self, i: int, block: dict[str, Any]) -> None:
        at = self._speaking()
        calls = self.messages[at].setdefault("tool_calls", [])
        arguments = msgspec.json.encode(block["input"]).decode() if "input" in block else ""
        if "input" in block:
            target = ("tool_calls", len(calls), "function", "arguments")
            self._move(i, ("input",), at, target, as_json=True)
        function = {"name": block["name"], "arguments": arguments}
        id_ = block.get("id")
        call = {"id": id_ if isinstance(id_, str) else "", "type": "function", "function": function}
        calls.append(call)

    def _tool_result(self, i: int, block: dict[str, Any]) -> None:
        self._open = None
        message: dict[str, Any] = {"role": "tool"}
        at = self.message(message)
        content = block.get("content")
        if isinstance(content, str):
            message["content"] = content
            self._move(i, ("content",), at, ("content",))
        elif isinstance(content, list) and all(isinstance(part, dict) for part in content):
            message["content"] = list(content)
            for k in range(len(content)):
                self._move(i, ("content", k), at, ("content", k))
        if isinstance(block.get("tool_use_id"), str):
            message["tool_call_id"] = block["tool_use_id"]
        if block.get("is_error") is True:
            message["metadata"] = {"is_error": True}

    def _move(
        self,
        i: int,
        inside: tuple[str | int, ...],
        message: int,
        target: tuple[str | int, ...],
        *,
        as_json: bool = False,
    ) -> None:
        self.moved.append(Moved(("message", "content", i, *inside), message, target, as_json))

    def _simplify(self, i: int, message: dict[str, Any]) -> None:
        """Turn content that is one text part into a text, as most readers expect it."""
        content = message.get("content")
        if not isinstance(content, list) or len(content) != 1:
            return
        part = content[0]
        if set(part) != {"type", "text"} or part["type"] != "text" or not isinstance(part["text"], str):
            return
        message["content"] = part["text"]
        for k, move in enumerate(self.moved):
            if move.message == i and move.target == ("content", 0):
                self.moved[k] = move._replace(source=(*move.source, "text"), target=("content",))


def _describe(message: dict[str, Any], original: dict[str, Any]) -> None:
    """Add what the answer says of itself: model, reason to stop, tokens."""
    if isinstance(original.get("model"), str):
        message["model"] = {"provider": "anthropic", "id": original["model"]}
    if isinstance(original.get("stop_reason"), str):
        message["finish_reason"] = original["stop_reason"]
    usage = original.get("usage")
    if not isinstance(usage, dict):
        return
    plain, out, read, written = (
        value if isinstance(value := usage.get(name), int) else 0
        for name in (
            "input_tokens",
            "output_tokens",
            "cache_read_input_tokens",
            "cache_creation_input_tokens",
        )
    )
    prompt = plain + read + written
    message["usage"] = {
        "prompt_tokens": prompt,
        "completion_tokens": out,
        "total_tokens": prompt + out,
        "prompt_tokens_details": {
            "input_tokens": plain,
            "cache_read_input_tokens": read,
            "cache_write_input_tokens": written,
        },
    }
