"""Codex: ``~/.codex/sessions/YYYY/MM/DD/rollout-*.jsonl``, a record a line.

Newer versions may compress a rollout that was not written to for days: ``rollout-*.jsonl.zst``.

``response_item`` records that speak become messages: messages, tool calls and their outputs. All other
records (``session_meta``, ``turn_context``, ``event_msg``, reasoning) are kept as records. In older
rollouts the items stand on the lines themselves, without ``payload``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

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

TOOL = "codex"

_ROLLOUTS = ("**/rollout-*.jsonl", "**/rollout-*.jsonl.zst")
_ENVELOPES = ("session_meta", "response_item", "event_msg", "turn_context", "compacted")
_CALLS = {"function_call": "arguments", "custom_tool_call": "input", "local_shell_call": "action"}
_OUTPUTS = ("function_call_output", "custom_tool_call_output")
_ROLES = ("system", "developer", "user", "assistant")


def places(environment: Mapping[str, str], home: Path) -> list[Place]:
    """Return the directory of rollouts by day, and that of those that were archived."""
    directory = Path(environment.get("CODEX_HOME") or home / ".codex")
    return [
        Place(directory / "sessions", _ROLLOUTS),
        Place(directory / "archived_sessions", _ROLLOUTS),
    ]


def recognises(path: Path, first: bytes | dict[str, Any]) -> bool:  # noqa: ARG001 (the protocol's)
    """Tell whether a record of a file looks like Codex's."""
    return isinstance(first, dict) and (
        (first.get("type") in _ENVELOPES and isinstance(first.get("payload"), dict))
        or (first.get("type") in (*_CALLS, *_OUTPUTS) and "call_id" in first)
        or ({"id", "timestamp", "instructions"} <= set(first) and "type" not in first)
    )


def read(path: Path) -> Iterator[Transcript]:
    """Give the one session of a rollout."""
    lines = Lines(path)
    facts = _Facts(lines)
    if facts.opening is None:
        return
    name = facts.meta.get("id")
    if not isinstance(name, str) or not name:
        name = name_by(facts.opening)
    cwd = facts.meta.get("cwd")
    session, problems = session_id(TOOL, name), list[Problem]()
    request = ImportSessionRequest(
        session_id=session,
        title=facts.title or UNTITLED,
        checkpoints=History(TOOL, session, lines, _Conversation(), problems),
        created_at=facts.begun or EPOCH,
        cwd=cwd if isinstance(cwd, str) and cwd else None,
        source={"tool": TOOL, "session": name},
    )
    yield Transcript(TOOL, request, problems)


class _Conversation:
    """Which messages the records are."""

    def messages_of(self, line: Line) -> tuple[list[dict[str, Any]], list[Moved]] | None:
        """Return the message that a record is; None: it is none."""
        return _messages(line)

    def stands(self, number: int) -> bool:  # noqa: ARG002 (the protocol's)
        """Tell that lines are only ever added."""
        return True


class _Facts:
    """What the records of a rollout say of the whole.

    Attributes:
        opening: the first record; None: there is none.
        meta: what it says of itself: the first ``session_meta``, or the old first line.
        begun: the first time.
        title: of what a person said first.

    """

    def __init__(self, lines: Lines) -> None:
        self.opening: Line | None = None
        self.meta: dict[str, Any] = {}
        self.begun: datetime | None = None
        self.title = ""
        for line in lines:
            self.opening = self.opening or line
            if isinstance(line.record, dict):
                self.begun = self.begun or when(line.record)
                self.meta = self.meta or _meta(line.record)
                self.title = self.title or _title(line)


def _meta(record: dict[str, Any]) -> dict[str, Any]:
    """Return what a record says of the rollout, if it does."""
    if record.get("type") == "session_meta" and isinstance(record.get("payload"), dict):
        payload: dict[str, Any] = record["payload"]
        return payload
    return record if "type" not in record and "id" in record else {}


def _title(line: Line) -> str:
    made = _messages(line)
    message = made[0][0] if made is not None else {}
    content = message.get("content") if message.get("role") == "user" else None
    return title_from([content]) if isinstance(content, str) else ""


def _messages(line: Line) -> tuple[list[dict[str, Any]], list[Moved]] | None:
    """Return the message that a record is, with what it holds in the record's place, or None."""
    record = line.record
    if not isinstance(record, dict):
        return None
    item, at = _item(record)
    kind = item.get("type")
    if kind == "message" and item.get("role") in _ROLES:
        made = _spoken(item, at)
    elif isinstance(kind, str) and kind in _CALLS:
        made = _call(item, at, _CALLS[kind])
    elif kind in _OUTPUTS:
        made = _output(item, at)
    else:
        return None
    message, moved = made
    time = milliseconds(when(record))
    if time is not None:
        message["created_at"] = time
    return [message], moved


def _item(record: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the item of a record, and where in the record it is."""
    payload = record.get("payload")
    if record.get("type") != "response_item":
        # A message without an envelope, as older rollouts have it.
        return ({}, ()) if "payload" in record else (record, ())
    if not isinstance(payload, dict):
        return {}, ()
    # Some writers leave the type of a message out.
    plain = "type" not in payload and "role" in payload
    return ({**payload, "type": "message"} if plain else payload), ("payload",)


def _spoken(item: dict[str, Any], at: tuple[str, ...]) -> tuple[dict[str, Any], list[Moved]]:
    message: dict[str, Any] = {"role": item["role"]}
    moved = _content(item.get("content"), (*at, "content"), message)
    return message, moved


def _content(content: object, source: tuple[str | int, ...], message: dict[str, Any]) -> list[Moved]:
    """Give a message the content of a record; one text alone becomes a plain text."""
    if isinstance(content, str):
        message["content"] = content
        return [Moved(source, 0, ("content",))]
    if not isinstance(content, list) or not all(isinstance(part, dict) for part in content):
        return []
    texts = [part.get("text") if isinstance(part.get("text"), str) else None for part in content]
    if len(texts) == 1 and texts[0] is not None:
        message["content"] = texts[0]
        return [Moved((*source, 0, "text"), 0, ("content",))]
    moved: list[Moved] = []
    parts = message.setdefault("content", [])
    for i, (part, text) in enumerate(zip(content, texts, strict=True)):
        if isinstance(part.get("image_url"), str):
            parts.append({"type": "image_url", "image_url": {"url": part["image_url"]}})
            moved.append(Moved((*source, i, "image_url"), 0, ("content", i, "image_url", "url")))
        elif text is None:
            parts.append(part)
            moved.append(Moved((*source, i), 0, ("content", i)))
        else:
            parts.append({"type": "text", "text": text})
            moved.append(Moved((*source, i, "text"), 0, ("content", i, "text")))
    return moved


def _call(item: dict[str, Any], at: tuple[str, ...], field: str) -> tuple[dict[str, Any], list[Moved]]:
    moved: list[Moved] = []
    arguments = ""
    if field in item:
        plain = isinstance(item[field], str)
        arguments = item[field] if plain else msgspec.json.encode(item[field]).decode()
        target = ("tool_calls", 0, "function", "arguments")
        moved.append(Moved((*at, field), 0, target, as_json=not plain))
    name = item.get("name")
    function = {"name": name if isinstance(name, str) else str(item["type"]), "arguments": arguments}
    call = {"id": _call_id(item), "type": "function", "function": function}
    return {"role": "assistant", "tool_calls": [call]}, moved


def _output(item: dict[str, Any], at: tuple[str, ...]) -> tuple[dict[str, Any], list[Moved]]:
    message: dict[str, Any] = {"role": "tool", "tool_call_id": _call_id(item)}
    output, source = item.get("output"), (*at, "output")
    if isinstance(output, dict):
        if output.get("success") is False:
            message["metadata"] = {"is_error": True}
        output, source = output.get("content"), (*source, "content")
    return message, _content(output, source, message)


def _call_id(item: dict[str, Any]) -> str:
    call_id = item.get("call_id", item.get("id"))
    return call_id if isinstance(call_id, str) else ""
