"""Gemini CLI: ``~/.gemini/tmp/<project>/chats/session-*.json``, and ``.jsonl`` in newer versions.

The older shape is one JSON object with a list of messages, written anew each time; what stands around
the list is kept as a record. The newer one has a record a line: what is said, ``$set`` with news of
the session, and ``$rewindTo``. A message whose id comes again was written anew: the last one is the
message, those before and what was taken back are kept as records. User and ``gemini`` records become
messages, each result of a tool one of its own; thoughts and notes stay in their records.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from ..errors import InvalidRequestError
from ..models import ImportSessionRequest
from .base import (
    EPOCH,
    UNTITLED,
    Moved,
    Place,
    Problem,
    Transcript,
    milliseconds,
    moment,
    name_by,
    session_id,
    title_from,
    when,
)
from .jsonl import NOT_JSON, Line, Lines, Records, record_of
from .source_files import open_file
from .turns import History

TOOL = "gemini-cli"

_ROLES = {"user": "user", "gemini": "assistant"}
_FAILED = ("error", "cancelled")
_SPREAD = re.compile(rb"\s*\{\s*\n")
"""How an object begins that was written over several lines, which no record of a line file does."""


def places(environment: Mapping[str, str], home: Path) -> list[Place]:
    """Return the directory with one for each project; subagents have theirs below ``chats``."""
    directory = Path(environment.get("GEMINI_CLI_HOME") or home) / ".gemini" / "tmp"
    return [Place(directory, ("*/chats/**/*.json", "*/chats/**/*.jsonl"))]


def recognises(path: Path, first: bytes | dict[str, Any]) -> bool:
    """Tell whether a file holds a conversation, or records, of Gemini CLI."""
    if isinstance(first, dict):
        return _is_header(first) or (
            first.get("type") == "gemini" and isinstance(first.get("id"), str) and "content" in first
        )
    if not _SPREAD.match(first):
        return False
    try:
        return _is_header(_whole(path)[0])
    except InvalidRequestError:
        return False


def read(path: Path) -> Iterator[Transcript]:
    """Give the one session of a file."""
    records = _records(path)
    facts = _Facts(records)
    if facts.opening is None:
        return
    name = facts.text("sessionId") or name_by(facts.opening)
    session, problems = session_id(TOOL, name), list[Problem]()
    request = ImportSessionRequest(
        session_id=session,
        title=title_from([facts.text("summary") or ""]) or facts.title or UNTITLED,
        checkpoints=History(TOOL, session, records, facts.conversation, problems),
        created_at=facts.begun or EPOCH,
        cwd=facts.cwd() or _root_of_project(path, facts.text("projectHash")),
        source={"tool": TOOL, "session": name},
    )
    yield Transcript(TOOL, request, problems)


def _is_header(record: dict[str, Any]) -> bool:
    return isinstance(record.get("sessionId"), str) and isinstance(record.get("projectHash"), str)


def _records(path: Path) -> Records:
    with open_file(path) as file:
        beginning = file.read(1 << 12)
    if not _SPREAD.match(beginning):
        lines = Lines(path)
        opening = next(iter(lines), None)
        if opening is None or not isinstance(opening.record, dict):
            return lines
        if not isinstance(opening.record.get("messages"), list) or not opening.record["messages"]:
            return lines
    return _Document(path)


def _whole(path: Path) -> tuple[dict[str, Any], bytes, list[msgspec.Raw]]:
    """Return what stands around the messages of a file, as a record and as JSON, and the messages."""
    with open_file(path) as file:
        raw = file.read()
    try:
        fields = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
        messages = msgspec.json.decode(fields["messages"], type=list[msgspec.Raw])
        around = msgspec.json.encode({**fields, "messages": msgspec.Raw(b"null")})
        return msgspec.json.decode(around), around, messages
    except (KeyError, *NOT_JSON) as error:
        raise InvalidRequestError(f"{path} is not a whole conversation: {error}") from error


class _Document(Records):
    """The messages of a conversation that is one JSON object, then what stands around them."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        _, self._around, self._messages = _whole(path)
        for number, raw in enumerate(self._messages, 1):
            self._settle(number, bytes(raw))

    def after(self, number: int) -> Iterator[Line]:
        """Give the messages after the one with this number, from 1, then what is around them."""
        for i in range(number, len(self._messages)):
            raw = bytes(self._messages[i])
            yield record_of(i + 1, raw)._replace(size=len(raw))
        yield record_of(0, self._around)._replace(tail=True)


class _Facts:
    """What the records of a conversation say of the whole.

    Attributes:
        opening: the first record; None: there is none.
        begun: when it began.
        title: of what a person said first.
        conversation: which of the records stand at the end.

    """

    def __init__(self, records: Records) -> None:
        self.opening: Line | None = None
        self.begun: datetime | None = None
        self.title = ""
        self.conversation = _Conversation()
        self._header: dict[str, Any] = {}
        for line in records:
            self.opening = self.opening or line
            record = line.record
            if not isinstance(record, dict):
                continue
            news = record.get("$set", record if _is_header(record) else None)
            if isinstance(news, dict):
                self._header.update(news)
            self.conversation.look_at(line)
            self.begun = self.begun or when(record)
            if not self.title and record.get("type") == "user":
                self.title = title_from(_texts(record.get("content")))
        start = self.text("startTime")
        self.begun = (moment(start) if start else None) or self.begun

    def text(self, field: str) -> str | None:
        """Return a text of the header."""
        value = self._header.get(field)
        return value if isinstance(value, str) and value else None

    def cwd(self) -> str | None:
        """Return the directory that was worked in, where the header names it."""
        named = self._header.get("directories")
        first = named[0] if isinstance(named, list) and named else None
        return first if isinstance(first, str) and first else None


def _root_of_project(path: Path, project: str | None) -> str | None:
    """Return the directory that newer versions note beside ``chats/``, if it is this project's."""
    for parent in path.absolute().parents[1:3]:
        try:
            text = (parent / ".project_root").read_text().strip()
        except (OSError, UnicodeDecodeError):
            continue
        if hashlib.sha256(text.encode()).hexdigest() == project:
            return text
    return None


class _Conversation:
    """Which records stand, and which messages they are."""

    def __init__(self) -> None:
        self._live: dict[str, int] = {}
        self._gone: dict[int, int] = {}
        self._sorted: tuple[list[int], list[int]] | None = None

    def look_at(self, line: Line) -> None:
        """Note what a record does to those before it."""
        record, number = line.record, line.number
        to, id_ = record.get("$rewindTo"), record.get("id")
        if isinstance(to, str):
            ids = list(self._live)
            # Where it is not known, the tool begins anew.
            for each in ids[ids.index(to) if to in self._live else 0 :]:
                self._gone[self._live.pop(each)] = number
        elif isinstance(id_, str) and record.get("type") in _ROLES:
            before = self._live.pop(id_, None)
            if before is not None and before != number:
                self._gone[before] = number
            self._live[id_] = number

    def stands(self, number: int) -> bool:
        """Tell whether no record up to this one was written anew or taken back after it."""
        if self._sorted is None:
            lines, latest = sorted(self._gone), 0
            by = [latest := max(latest, self._gone[each]) for each in lines]
            self._sorted = lines, by
        lines, by = self._sorted
        place = bisect_right(lines, number)
        return place == 0 or by[place - 1] <= number

    def messages_of(self, line: Line) -> tuple[list[dict[str, Any]], list[Moved]] | None:
        """Return the messages of a record; None: it is none, or does not stand."""
        record = line.record
        if not isinstance(record, dict) or line.number in self._gone:
            return None
        role = _ROLES.get(kind) if isinstance(kind := record.get("type"), str) else None
        if role is None or "content" not in record:
            return None
        message: dict[str, Any] = {"role": role}
        messages, moved = [message], _content(record["content"], message)
        if role == "assistant":
            _describe(message, record)
            _add_calls(record.get("toolCalls"), messages, moved)
        if isinstance(record.get("id"), str):
            message["id"] = record["id"]
        made = milliseconds(when(record))
        if made is not None:
            for each in messages:
                each["created_at"] = made
        return messages, moved


def _texts(content: object) -> list[str]:
    parts = content if isinstance(content, list) else [content]
    texts = [part.get("text") if isinstance(part, dict) else part for part in parts]
    return [text for text in texts if isinstance(text, str)]


def _content(content: object, message: dict[str, Any]) -> list[Moved]:
    """Give a message the content of a record; one text alone becomes a plain text."""
    at: tuple[str | int, ...] = ("content",)
    if isinstance(content, list) and len(content) == 1:
        content, at = content[0], ("content", 0)
    if isinstance(content, dict) and set(content) == {"text"}:
        content, at = content["text"], (*at, "text")
    if isinstance(content, str):
        message["content"] = content
        return [Moved(at, 0, ("content",))]
    parts = content if isinstance(content, list) else [content]
    places = [at] if parts[:1] == [content] else [("content", i) for i in range(len(parts))]
    moved: list[Moved] = []
    made = message["content"] = []
    for part, place in zip(parts, places, strict=True):
        text = part.get("text") if isinstance(part, dict) and set(part) == {"text"} else part
        target = ("content", len(made))
        if isinstance(text, str):
            made.append({"type": "text", "text": text})
            source = (*place, "text") if isinstance(part, dict) else place
            moved.append(Moved(source, 0, (*target, "text")))
        elif isinstance(part, dict):
            made.append(part)
            moved.append(Moved(place, 0, target))
    return moved


def _add_calls(calls: object, messages: list[dict[str, Any]], moved: list[Moved]) -> None:
    """Add the tool calls of an answer to its message, and a message for each that has a result."""
    for i, call in enumerate(calls if isinstance(calls, list) else []):
        if not isinstance(call, dict) or not isinstance(call.get("name"), str):
            continue
        made = messages[0].setdefault("tool_calls", [])
        function = {"name": call["name"], "arguments": ""}
        if "args" in call:
            function["arguments"] = msgspec.json.encode(call["args"]).decode()
            target = ("tool_calls", len(made), "function", "arguments")
            moved.append(Moved(("toolCalls", i, "args"), 0, target, as_json=True))
        id_ = call["id"] if isinstance(call.get("id"), str) else ""
        made.append({"id": id_, "type": "function", "function": function})
        if call.get("result") is not None:
            message: dict[str, Any] = {"role": "tool", "tool_call_id": id_}
            if call.get("status") in _FAILED:
                message["metadata"] = {"is_error": True}
            _result(call["result"], ("toolCalls", i, "result"), len(messages), message, moved)
            messages.append(message)


def _result(
    result: object,
    at: tuple[str | int, ...],
    place: int,
    message: dict[str, Any],
    moved: list[Moved],
) -> None:
    """Give a tool's message what the tool gave back: as a text, where it is one."""
    parts = result if isinstance(result, list) else []
    answer = _object(_object(parts[0] if len(parts) == 1 else None, "functionResponse"), "response")
    for field in ("output", "error"):
        if isinstance(answer.get(field), str):
            message["content"] = answer[field]
            source = (*at, 0, "functionResponse", "response", field)
            moved.append(Moved(source, place, ("content",)))
            return
    if isinstance(result, str):
        message["content"] = result
        moved.append(Moved(at, place, ("content",)))
    elif parts and all(isinstance(part, dict) for part in parts):
        message["content"] = list(parts)
        moved += [Moved((*at, k), place, ("content", k)) for k in range(len(parts))]


def _object(value: object, field: str) -> dict[str, Any]:
    """Return the object in a field of an object; an empty one where there is none."""
    found = value.get(field) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def _describe(message: dict[str, Any], record: dict[str, Any]) -> None:
    """Add what the answer says of itself: model and tokens."""
    if isinstance(record.get("model"), str):
        message["model"] = {"provider": "google", "id": record["model"]}
    tokens = record.get("tokens")
    if not isinstance(tokens, dict):
        return
    prompt, out, thoughts, cached = (
        value if isinstance(value := tokens.get(name), int) else 0
        for name in ("input", "output", "thoughts", "cached")
    )
    message["usage"] = {
        "prompt_tokens": prompt,
        "completion_tokens": out + thoughts,
        "total_tokens": prompt + out + thoughts,
        "prompt_tokens_details": {"input_tokens": prompt - cached, "cache_read_input_tokens": cached},
    }
