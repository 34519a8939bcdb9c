"""What importers share: reading lines, keeping whole records, and cutting a transcript into turns.

The invariant: no record is lost. One that becomes messages is kept beside the first of them, without
the values that the messages hold themselves; ``moved`` says where those went. One that is no message
is kept in the metadata of its turn's checkpoint, and so is the text of a line that cannot be read.
``originals`` puts all of them together again.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from uuid import UUID, uuid5

import msgspec

from ..clock import parse_rfc3339
from ..errors import InvalidRequestError
from ..messages import encode_metadata
from ..models import ImportedCheckpoint, ImportSessionRequest
from ..records import sha256

NAMESPACE = UUID("7d9b3c1e-5a42-5f0c-9d68-2f1b6a7c4e30")
"""Namespace of the ids of sessions whose tool gives them no UUID."""

TITLE_LENGTH = 80
UNTITLED = "Untitled"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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

    def recognises(self, path: Path, head: bytes) -> bool:
        """Tell from the first bytes of a file whether it is one of this tool's."""
        ...

    def read(self, path: Path) -> Iterator[Transcript]:
        """Give the sessions of a file; what cannot be read is among their problems."""
        ...


class Line(NamedTuple):
    """A record of a JSON Lines file, or a line that holds none (``damage`` says why)."""

    number: int
    record: Any
    damage: str | None = None


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


def read_lines(path: Path) -> Iterator[Line]:
    """Give the records of a JSON Lines file, one line in memory at a time; blank lines are none."""
    with path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            line = raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw
            if line.strip():
                yield from _records(number, line.strip())


def first_line_name(lines: list[Line]) -> str:
    """Return a name for a session that has none: it stays the same when the transcript grows."""
    return "sha256:" + sha256(msgspec.json.encode(lines[0].record))


def json_objects(head: bytes, most: int = 5) -> list[dict[str, Any]]:
    """Return the JSON objects among the first whole lines of a file."""
    found = []
    for line in head.split(b"\n")[:most]:
        try:
            value = msgspec.json.decode(line)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            continue
        if isinstance(value, dict):
            found.append(value)
    return found


def when(record: Any) -> datetime | None:
    """Return the time that a record's ``timestamp`` names."""
    stamp = record.get("timestamp") if isinstance(record, dict) else None
    return parse_rfc3339(stamp) if isinstance(stamp, str) else None


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
        self._records.append({"line": line.number, kind: line.record})

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
        messages: of the imported session's last checkpoint, as dicts.
        metadata: of all its checkpoints.

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
        lines.append(Line(source["line"], record))
    for each in metadata:
        for entry in (each or {}).get("source", {}).get("records", []):
            if "record" in entry:
                lines.append(Line(entry["line"], entry["record"]))
            else:
                lines.append(Line(entry["line"], entry["damaged"], "not a record"))
    return sorted(lines, key=lambda line: line.number)


def _keep_record(line: Line, messages: list[dict[str, Any]], moved: list[Moved]) -> None:
    """Keep a record beside the first of the messages that were made of it."""
    skeleton = msgspec.json.decode(msgspec.json.encode(line.record))
    for move in moved:
        _set(skeleton, move.source, None)
    source = {"line": line.number, "record": skeleton, "moved": [list(move) for move in moved]}
    messages[0].setdefault("metadata", {})["source"] = source


def _records(number: int, raw: bytes) -> Iterator[Line]:
    try:
        records = [msgspec.json.decode(raw)]
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        records = _several(raw)
        if not records:
            yield Line(number, _as_text(raw), f"not JSON: {error}")
            return
    for record in records:
        try:
            encode_metadata({"record": [[record]]})
        except InvalidRequestError as error:
            yield Line(number, _as_text(raw), error.message)
            return
    yield from (Line(number, record) for record in records)


def _several(raw: bytes) -> list[Any]:
    """Return the records of a line that two writers have written onto, or none."""
    decoder = json.JSONDecoder()
    found: list[Any] = []
    try:
        text = raw.decode()
        position = 0
        while position < len(text):
            record, position = decoder.raw_decode(text, position)
            if not isinstance(record, dict):
                return []
            found.append(record)
            position += len(text[position:]) - len(text[position:].lstrip())
    except (ValueError, RecursionError):
        return []
    return found


def _as_text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return "base64:" + base64.b64encode(raw).decode()


def _get(value: Any, path: Iterable[str | int]) -> Any:
    for key in path:
        value = value[key]
    return value


def _set(value: Any, path: Iterable[str | int], new: Any) -> None:
    *parents, last = path
    _get(value, parents)[last] = new
