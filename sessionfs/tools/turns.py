"""Cutting a transcript into turns, a checkpoint each, from where an earlier import came to.

Transcripts are long: records are read one at a time, and of the checkpoints one is in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import msgspec

from ..format.records import sha256
from ..models import ImportedCheckpoint, ImportPoint
from .base import EPOCH, Moved, Problem, keep_record, place_of, time_of
from .jsonl import Line, Records

_PIECE = 4 << 20
"""A turn of more bytes becomes several checkpoints, each of about so many."""


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
            written_at = self._time_of(line)
            made = self._transcribed.messages_of(line) if line.damage is None else None
            if turns.ends_before(line, [] if made is None else made[0]):
                yield turns.finished(self._note(turns))
            if made is None:
                turns.keep(line, written_at)
            else:
                keep_record(line, *made)
                turns.add(line, written_at, made[0])
        tail = _tail(tails)
        if point is not None and turns.is_empty and point.note.get("tail") == tail:
            return
        for line in tails:
            turns.keep(line, self._time_of(line))
        yield turns.finished(self._note(turns, tail))

    def _time_of(self, line: Line) -> datetime | None:
        """Return when a line was written, and note what is wrong with it."""
        at, late = time_of(line.record)
        problem = line.damage or late
        if problem is not None:
            self._problems.append(Problem(line.number, problem))
        return at

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

    def add(self, line: Line, at: datetime | None, messages: list[dict[str, Any]]) -> None:
        """Add the messages of one record, which was written at a time."""
        self._came_to(line, at)
        self._messages += messages
        self.count += len(messages)
        self._spoken = self._spoken or any(each["role"] in ("assistant", "tool") for each in messages)

    def keep(self, line: Line, at: datetime | None) -> None:
        """Keep a record that is not a message, or a line that holds none."""
        self._came_to(line, at)
        kind = "record" if line.damage is None else "damaged"
        self._records.append({**place_of(line), kind: line.record})

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

    def _came_to(self, line: Line, at: datetime | None) -> None:
        self._size += line.size
        if not line.tail:
            self.line = line.number
        if at is not None:
            self._last = at
