"""What all importers share: whole records are kept, beside the messages made of them.

The invariant: no record is lost. One that becomes messages is kept beside the first of them, without
the values that the messages hold themselves; ``moved`` says where those went. One that is not a message
is kept in the metadata of its turn's checkpoint, and so is the text of a line that cannot be read.
``originals`` puts all of them together again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from uuid import UUID, uuid5

import msgspec

from ..format.records import sha256
from ..format.timestamps import parse_rfc3339
from ..models import ImportSessionRequest
from .jsonl import Line

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
    """A session as another tool keeps it, ready to be stored.

    Attributes:
        problems: filled while the checkpoints are made.

    """

    tool: str
    request: ImportSessionRequest
    problems: list[Problem]


class Place(NamedTuple):
    """Where a tool keeps sessions: the files of a directory whose paths match one of the patterns."""

    directory: Path
    patterns: tuple[str, ...]


class Importer(Protocol):
    """Reads the sessions that a tool keeps. One module each, named in ``sessionfs.tools.IMPORTERS``."""

    @property
    def TOOL(self) -> str:  # noqa: N802 - a constant of the module
        """The tool's name, as it is stored."""
        ...

    def places(self, environment: Mapping[str, str], home: Path) -> list[Place]:
        """Return where the tool keeps its sessions, which need not exist.

        The tool's own environment variables are respected, and nothing is looked at.
        """
        ...

    def recognises(self, path: Path, first: bytes | dict[str, Any]) -> bool:
        """Tell whether a file is one of this tool's.

        It is asked about the file's first bytes, then about each JSON object on its first lines.
        """
        ...

    def read(self, path: Path) -> Iterator[Transcript]:
        """Give the sessions of a file; what cannot be read is among their problems."""
        ...


class Moved(NamedTuple):
    """A value that a message holds instead of its record.

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


def name_by(first: Line) -> str:
    """Return a name for a session that has none: it stays the same when the transcript grows."""
    return "sha256:" + sha256(msgspec.json.encode(first.record))


@lru_cache(maxsize=256)
def moment(text: str) -> datetime | None:
    """Return the time that a text names, if it is one that a checkpoint can have."""
    found = parse_rfc3339(text)
    return found if found is not None and found <= _LAST else None


class RecordTime(NamedTuple):
    """When a record was written: its time, or why it is none here; neither: it has none."""

    at: datetime | None
    problem: str | None = None


def time_of(record: Any) -> RecordTime:
    """Return the time that a record's ``timestamp`` names."""
    stamp = record.get("timestamp") if isinstance(record, dict) else None
    if not isinstance(stamp, str):
        return RecordTime(None)
    found = moment(stamp)
    if found is not None:
        return RecordTime(found)
    try:
        named = datetime.fromisoformat(stamp).tzinfo is not None
    except ValueError:
        named = False
    return RecordTime(None, f"the time {stamp} is beyond the calendar" if named else None)


def when(record: Any) -> datetime | None:
    """Return the time that a record names, if there is one that can be used."""
    return time_of(record).at


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
    noted = [(each or {}).get("source") or {} for each in metadata]
    # The unsettled end of the file is as the last import found it.
    last = max((_made(source) for source in noted), default=0)
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
    for source in noted:
        for entry in source.get("records", []):
            if not entry.get("tail") or _made(source) == last:
                lines.append(_kept_line(entry, entry.get("record")))
    once = {(line.number, line.part, msgspec.json.encode(line.record)): line for line in lines}
    return sorted(once.values(), key=lambda line: (line.number, line.part))


def _made(source: dict[str, Any]) -> int:
    number = source.get("point", {}).get("checkpoints")
    return number if isinstance(number, int) else 0


def _kept_line(entry: dict[str, Any], record: Any) -> Line:
    """Return the line of which a record, or its text, was kept."""
    if "damaged" in entry:
        return Line(entry["line"], entry["damaged"], "not a record", tail=entry.get("tail", False))
    return Line(
        entry["line"],
        record,
        None,
        entry.get("text"),
        entry.get("part", 0),
        tail=entry.get("tail", False),
    )


def place_of(line: Line) -> dict[str, Any]:
    """Return what is kept of a line beside its record."""
    place: dict[str, Any] = {"line": line.number}
    if line.part:
        place["part"] = line.part
    if line.tail:
        place["tail"] = True
    if line.text is not None:
        place["text"] = line.text
    return place


def _listed(move: Moved) -> list[Any]:
    """Return a move as JSON gives it back, which is what checks compare it with."""
    return [list(move.source), move.message, list(move.target), move.as_json]


def keep_record(line: Line, messages: list[dict[str, Any]], moved: list[Moved]) -> None:
    """Keep a record beside the first of the messages that were made of it."""
    skeleton = msgspec.json.decode(msgspec.json.encode(line.record))
    for move in moved:
        _set(skeleton, move.source, None)
    source = {**place_of(line), "record": skeleton, "moved": [_listed(move) for move in moved]}
    messages[0].setdefault("metadata", {})["source"] = source


def _get(value: Any, path: Iterable[str | int]) -> Any:
    for key in path:
        value = value[key]
    return value


def _set(value: Any, path: Iterable[str | int], new: Any) -> None:
    *parents, last = path
    _get(value, parents)[last] = new
