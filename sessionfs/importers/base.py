"""What importers share: keeping whole records, and cutting a transcript into turns.

The invariant: no record is lost. One that becomes messages is kept beside the first of them, without
the values that the messages hold themselves; ``moved`` says where those went. One that is no message
is kept in the metadata of its turn's checkpoint, and so is the text of a line that cannot be read.
``originals`` puts all of them together again. Transcripts are long: they are read a record at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from uuid import UUID, uuid5

import msgspec

from ..clock import parse_rfc3339
from ..models import ImportedCheckpoint, ImportPoint, ImportSessionRequest
from ..records import sha256
from .lines import Line, Records

NAMESPACE = UUID("7d9b3c1e-5a42-5f0c-9d68-2f1b6a7c4e30")
"""Namespace of the ids of sessions whose tool gives them no UUID."""

TITLE_LENGTH = 80
UNTITLED = "Untitled"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PIECE = 4 << 20
"""A turn of more bytes becomes several checkpoints, each of about so many."""

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


def name_by(first: Line) -> str:
    """Return a name for a session that has none: it stays the same when the transcript grows."""
    return "sha256:" + sha256(msgspec.json.encode(first.record))


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


class Transcribed(Protocol):
    """How the records of a tool become messages, given to ``History``."""

    def messages_of(self, line: Line) -> tuple[list[dict[str, Any]], list[Moved]] | None:
        """Return the messages that a record is, with what they hold in its place; None: it is none."""
        ...

    def stands(self, number: int) -> bool:
        """Tell whether what the lines up to this one came to is not changed by a later one."""
        ...


class History:
    """A transcript's checkpoints, made as they are stored: one a turn, or a piece of a long turn.

    A turn begins with what a person says after the assistant or a tool has spoken. The last checkpoint
    notes up to which line it comes, and the digest of these: where the file still begins so, the next
    import begins after it.
    """

    def __init__(
        self,
        tool: str,
        session: UUID,
        records: Records,
        transcribed: Transcribed,
        problems: list[Problem],
    ) -> None:
        self._tool = tool
        self._session = session
        self._records = records
        self._transcribed = transcribed
        self._problems = problems

    def __call__(self, points: Iterator[ImportPoint]) -> Iterator[ImportedCheckpoint]:
        """Give the checkpoints that are lacking where these points are here."""
        self._problems.clear()
        point = next((each for each in points if self._goes_on_from(each.note)), None)
        turns = _Turns(self._tool, point)
        tails: list[Line] = []
        for line in self._records.after(_lines_of(point)):
            if line.tail:
                tails.append(line)
                continue
            self._report(line)
            made = self._transcribed.messages_of(line) if line.damage is None else None
            if turns.ends_before(line, [] if made is None else made[0]):
                yield turns.finished(self._note(turns))
            if made is None:
                turns.keep(line)
            else:
                _keep_record(line, *made)
                turns.add(line, made[0])
        tail = _tail(tails)
        if point is not None and turns.is_empty and point.note.get("tail") == tail:
            return
        for line in tails:
            self._report(line)
            turns.keep(line)
        yield turns.finished(self._note(turns, tail))

    def _report(self, line: Line) -> None:
        if line.damage is not None:
            self._problems.append(Problem(line.number, line.damage))
        elif late := unusable_time(line.record):
            self._problems.append(Problem(line.number, late))

    def _note(self, turns: _Turns, tail: str | None = None) -> dict[str, Any]:
        note: dict[str, Any] = {
            "session": str(self._session),
            "lines": turns.line,
            "digest": self._records.digest(turns.line) or "",
            "messages": turns.count,
            "checkpoints": turns.made + 1,
        }
        return note if tail is None else {**note, "tail": tail}

    def _goes_on_from(self, note: dict[str, Any]) -> bool:
        number = note.get("lines")
        if not isinstance(number, int) or not self._transcribed.stands(number):
            return False
        return number == 0 or self._records.digest(number) == note.get("digest")


def _lines_of(point: ImportPoint | None) -> int:
    return 0 if point is None else int(point.note["lines"])


def _tail(lines: list[Line]) -> str | None:
    """Return what tells whether the unsettled end of a file is the same; None: there is none."""
    return sha256(msgspec.json.encode([line.record for line in lines]))[:32] if lines else None


class _Turns:
    """Collects messages and other records into checkpoints."""

    def __init__(self, tool: str, point: ImportPoint | None) -> None:
        self._tool = tool
        self._onto = None if point is None else point.checkpoint_id
        self._messages: list[dict[str, Any]] = []
        self._records: list[dict[str, Any]] = []
        self._last: datetime | None = None
        self._spoken = False
        self._size = 0
        self._given = 0
        self.line = _lines_of(point)
        self.count = 0 if point is None else point.messages
        number = None if point is None else point.note.get("checkpoints")
        self.made = number if isinstance(number, int) else 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing was added since the last checkpoint."""
        return not self._messages and not self._records

    def ends_before(self, line: Line, messages: list[dict[str, Any]]) -> bool:
        """Tell whether a checkpoint ends before a line with these messages."""
        if line.part:
            return False  # a point is between lines
        begins = bool(messages) and messages[0]["role"] == "user"
        return self._size >= _PIECE or (self._spoken and begins)

    def add(self, line: Line, messages: list[dict[str, Any]]) -> None:
        """Add the messages of one record."""
        self._came_to(line)
        self._messages += messages
        self.count += len(messages)
        self._spoken = self._spoken or any(each["role"] in ("assistant", "tool") for each in messages)

    def keep(self, line: Line) -> None:
        """Keep a record that is no message, or a line that holds none."""
        self._came_to(line)
        kind = "record" if line.damage is None else "damaged"
        self._records.append({**_place(line), kind: line.record})

    def finished(self, note: dict[str, Any]) -> ImportedCheckpoint:
        """Return the checkpoint of what was added since the last one."""
        source: dict[str, Any] = {"tool": self._tool, "point": note}
        if self._records:
            source["records"] = self._records
        made = ImportedCheckpoint(
            messages=self._messages,
            created_at=self._last or EPOCH,
            parent=self._given - 1 if self._given else None,
            onto=None if self._given else self._onto,
            appends=bool(self._given or self._onto),
            metadata={"source": source},
        )
        self._messages, self._records, self._spoken, self._size = [], [], False, 0
        self._given += 1
        self.made += 1
        return made

    def _came_to(self, line: Line) -> None:
        self._size += line.size
        if not line.tail:
            self.line = line.number
        moment = when(line.record)
        if moment is not None:
            self._last = moment


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


def _place(line: Line) -> dict[str, Any]:
    """Return what is kept of a line beside its record."""
    place: dict[str, Any] = {"line": line.number}
    if line.part:
        place["part"] = line.part
    if line.tail:
        place["tail"] = True
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
