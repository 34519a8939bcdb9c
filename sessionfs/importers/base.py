"""What importers share: keeping whole records, and cutting a transcript into turns.

The invariant: no record is lost. One that becomes messages is kept beside the first of them, without
the values that the messages hold themselves; ``moved`` says where those went. One that is no message
is kept in the metadata of its turn's checkpoint, and so is the text of a line that cannot be read.
``originals`` puts all of them together again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from uuid import UUID, uuid5

import msgspec

from ..clock import parse_rfc3339
from ..models import ImportedCheckpoint, ImportSessionRequest
from ..records import sha256
from .lines import Line

NAMESPACE = UUID("7d9b3c1e-5a42-5f0c-9d68-2f1b6a7c4e30")
"""Namespace of the ids of sessions whose tool gives them no UUID."""

TITLE_LENGTH = 80
UNTITLED = "Untitled"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = datetime(9999, 12, 31, tzinfo=UTC)
"""A later time leaves too little of the calendar for what comes after it."""


class Problem(NamedTuple):
    """What could not be taken over as it was meant; ``line`` counts from 1, 0: no line."""

    line: int
    message: str


class Transcript(NamedTuple):
    """A session as another tool keeps it, ready to be stored."""

    tool: str
    request: ImportSessionRequest
    problems: list[Problem]


class Importer(Protocol):
    """Reads the sessions that a tool keeps. One module each, registered in ``importers``."""

    TOOL: str
    """The tool's name, as it stands in what is stored."""

    def recognises(self, path: Path, first: bytes | dict[str, Any]) -> bool:
        """Tell whether a file is one of this tool's.

        It is asked about the file's first bytes, then about each JSON object on its first lines.
        """
        ...

    def read(self, path: Path) -> Iterator[Transcript]:
        """Give the sessions of a file; what cannot be read is among their problems."""
        ...


class Moved(NamedTuple):
    """A value that a message holds in the place of its record.

    Attributes:
        source: where it was in the record, as keys and indices.
        message: which of the record's messages holds it, counting from 0.
        target: where in that message.
        as_json: whether the message holds it as a JSON text.

    """

    source: tuple[str | int, ...]
    message: int
    target: tuple[str | int, ...]
    as_json: bool = False


def session_id(tool: str, name: str) -> UUID:
    """Return the id that a tool's session has here: its own if it is a UUID, else one made of it."""
    try:
        return UUID(name)
    except ValueError:
        return uuid5(NAMESPACE, f"{tool}:{name}")


def first_line_name(lines: list[Line]) -> str:
    """Return a name for a session that has none: it stays the same when the transcript grows."""
    return "sha256:" + sha256(msgspec.json.encode(lines[0].record))


def moment(text: str) -> datetime | None:
    """Return the time that a text names, if it is one that a checkpoint can have."""
    found = parse_rfc3339(text)
    return found if found is not None and found <= _LAST else None


def when(record: Any) -> datetime | None:
    """Return the time that a record's ``timestamp`` names."""
    stamp = record.get("timestamp") if isinstance(record, dict) else None
    return moment(stamp) if isinstance(stamp, str) else None


def unusable_time(record: Any) -> str | None:
    """Say why the time of a record is none here; None: it can be used, or there is none."""
    stamp = record.get("timestamp") if isinstance(record, dict) else None
    if not isinstance(stamp, str) or moment(stamp) is not None:
        return None
    try:
        named = datetime.fromisoformat(stamp).tzinfo is not None
    except ValueError:
        return None
    return f"the time {stamp} is beyond the calendar" if named else None


def milliseconds(moment: datetime | None) -> int | None:
    """Return a time in milliseconds since 1970, as messages carry it."""
    return None if moment is None else int((moment - EPOCH).total_seconds() * 1000)


def title_from(texts: Iterable[str]) -> str:
    """Return the first line of the first text that a person typed, cut to a title's length."""
    for text in texts:
        stripped = text.strip()
        # Tools put instructions and command output into user messages, in tags.
        if stripped and not stripped.startswith(("<", "# AGENTS.md")):
            line = stripped.splitlines()[0].strip()
            return line if len(line) <= TITLE_LENGTH else line[: TITLE_LENGTH - 1].rstrip() + "…"
    return ""


class Turns:
    """Collects a transcript's messages and other records into a checkpoint a turn.

    A turn begins with what a person says after the assistant or a tool has spoken.
    """

    def __init__(self, tool: str) -> None:
        self._tool = tool
        self._done: list[ImportedCheckpoint] = []
        self._messages: list[dict[str, Any]] = []
        self._records: list[dict[str, Any]] = []
        self._last: datetime | None = None
        self.first: datetime | None = None
        self.user_texts: list[str] = []

    def add(self, line: Line, messages: list[dict[str, Any]]) -> None:
        """Add the messages of one record."""
        spoken = any(message["role"] in ("assistant", "tool") for message in self._messages)
        if spoken and messages[0]["role"] == "user":
            self._finish()
        self._note_time(line)
        self._messages += messages
        for message in messages:
            if message["role"] == "user" and isinstance(message.get("content"), str):
                self.user_texts.append(message["content"])

    def keep(self, line: Line) -> None:
        """Keep a record that is no message, or a line that holds none."""
        self._note_time(line)
        kind = "record" if line.damage is None else "damaged"
        self._records.append({**_place(line), kind: line.record})

    def checkpoints(self) -> list[ImportedCheckpoint]:
        """Return the checkpoints of all turns."""
        if self._messages or self._records or not self._done:
            self._finish()
        return self._done

    def _note_time(self, line: Line) -> None:
        moment = when(line.record)
        if moment is not None:
            self.first = self.first or moment
            self._last = moment

    def _finish(self) -> None:
        source: dict[str, Any] = {"tool": self._tool}
        if self._records:
            source["records"] = self._records
        self._done.append(
            ImportedCheckpoint(
                messages=list(self._messages),
                created_at=self._last or EPOCH,
                parent=len(self._done) - 1 if self._done else None,
                appends=bool(self._done),
                metadata={"source": source},
            )
        )
        self._messages, self._records = [], []


def collect(
    tool: str,
    lines: Iterable[Line],
    messages_of: Callable[[Line], tuple[list[dict[str, Any]], list[Moved]] | None],
) -> tuple[Turns, list[Problem]]:
    """Make turns of lines, keeping every record; ``messages_of`` gives None where one is no message."""
    turns, problems = Turns(tool), []
    for line in lines:
        if line.damage is not None:
            problems.append(Problem(line.number, line.damage))
        elif late := unusable_time(line.record):
            problems.append(Problem(line.number, late))
        made = messages_of(line) if line.damage is None else None
        if made is None:
            turns.keep(line)
        else:
            messages, moved = made
            _keep_record(line, messages, moved)
            turns.add(line, messages)
    return turns, problems


def originals(
    messages: Iterable[dict[str, Any]], metadata: Iterable[dict[str, Any] | None]
) -> list[Line]:
    """Return the records that an imported session was made of, in their order.

    Args:
        messages: of a checkpoint of the imported session, as dicts; all records are had from the
            active one.
        metadata: of that checkpoint and its ancestors. Others hold records of a shorter copy again.

    """
    kept = list(messages)
    lines: list[Line] = []
    for i, message in enumerate(kept):
        source = (message.get("metadata") or {}).get("source")
        if source is None:
            continue
        record = msgspec.json.decode(msgspec.json.encode(source["record"]))
        for path, offset, target, as_json in source["moved"]:
            value = _get(kept[i + offset], target)
            _set(record, path, msgspec.json.decode(value) if as_json else value)
        lines.append(_kept_line(source, record))
    for each in metadata:
        for entry in (each or {}).get("source", {}).get("records", []):
            lines.append(_kept_line(entry, entry.get("record")))
    once = {(line.number, line.part, msgspec.json.encode(line.record)): line for line in lines}
    return sorted(once.values(), key=lambda line: (line.number, line.part))


def _kept_line(entry: dict[str, Any], record: Any) -> Line:
    """Return the line of which a record, or its text, was kept."""
    if "damaged" in entry:
        return Line(entry["line"], entry["damaged"], "not a record")
    return Line(entry["line"], record, None, entry.get("text"), entry.get("part", 0))


def _place(line: Line) -> dict[str, Any]:
    """Return what is kept of a line beside its record."""
    place: dict[str, Any] = {"line": line.number}
    if line.part:
        place["part"] = line.part
    if line.text is not None:
        place["text"] = line.text
    return place


def _keep_record(line: Line, messages: list[dict[str, Any]], moved: list[Moved]) -> None:
    """Keep a record beside the first of the messages that were made of it."""
    skeleton = msgspec.json.decode(msgspec.json.encode(line.record))
    for move in moved:
        _set(skeleton, move.source, None)
    source = {**_place(line), "record": skeleton, "moved": [list(move) for move in moved]}
    messages[0].setdefault("metadata", {})["source"] = source


def _get(value: Any, path: Iterable[str | int]) -> Any:
    for key in path:
        value = value[key]
    return value


def _set(value: Any, path: Iterable[str | int], new: Any) -> None:
    *parents, last = path
    _get(value, parents)[last] = new
