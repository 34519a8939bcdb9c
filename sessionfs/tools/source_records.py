"""The records of the source again, from what is stored of an imported session.

Nothing that a source holds is lost by an import: what is given here is equal to it as JSON, in its
order, whatever was done to the session since.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from ..errors import InvalidRequestError
from ..messages.codec import encode_messages
from ..models import CheckpointSummary, ListCheckpointsQuery, Message
from ..storage import FileStorage
from ..store import graph
from . import stakpak
from .base import originals
from .jsonl import Line, from_text

_EVERYTHING = 1 << 60

Metadata = dict[UUID, dict[str, Any] | None]


class Original(NamedTuple):
    """What a session was imported from.

    Attributes:
        tool: whose it was.
        records: in their order. Those of a database are ``{"table": "...", "row": {...}}``, with what
            was JSON in a column as JSON.
        around: what stands around the records, where these are the ``messages`` of one JSON object.

    """

    tool: str
    records: Iterator[Line]
    around: Line | None = None

    def chunks(self) -> Iterator[bytes]:
        """Give the bytes of a file with these records: JSON Lines, or the one object."""
        if self.around is None:
            yield from _lines(self.records)
            return
        before, after = _written(self.around).split(b'"messages":null', 1)
        yield before + b'"messages":['
        for i, line in enumerate(self.records):
            yield (b"," if i else b"") + _written(line)
        yield b"]" + after + b"\n"


def original(storage: FileStorage, session_id: UUID) -> Original:
    """Return what a session was imported from; InvalidRequestError if it was made here."""
    metadata = storage.list_metadata(session_id)
    listed = storage.list_checkpoints(session_id, ListCheckpointsQuery(limit=_EVERYTHING)).checkpoints
    known = {each.id: each for each in listed}
    session = storage.get_session(session_id)
    # A branch that an import made beside what was done here comes after that among the heads.
    tips = [tip for head in reversed(session.heads) if (tip := _imported(head.id, known, metadata))]
    if tips:
        last = max(tips, key=lambda tip: _source(metadata, tip)["point"].get("lines", 0))
        return _of_line(storage, last, known, metadata)
    rows = [
        each.id
        for each in listed
        if _is_own(each, source := _source(metadata, each.id)) and _is_row(source)
    ]
    if rows:
        row = (session.source or {}).get("row")
        return Original(stakpak.TOOL, _rows(storage, row, rows))
    raise InvalidRequestError(f"session {session_id} was not imported")


def _source(metadata: Metadata, checkpoint: UUID) -> dict[str, Any]:
    source = (metadata.get(checkpoint) or {}).get("source")
    return source if isinstance(source, dict) else {}


def _imported(head: UUID, known: dict[UUID, CheckpointSummary], metadata: Metadata) -> UUID | None:
    """Return the nearest checkpoint, from a head on to its ancestors, that an import alone made."""
    for each in graph.walk(head, partial(_parent, known)):
        source = _source(metadata, each)
        if each in known and _is_own(known[each], source) and not _is_row(source):
            return each
    return None


def _parent(known: dict[UUID, CheckpointSummary], checkpoint: UUID) -> UUID | None:
    return known[checkpoint].parent_id if checkpoint in known else None


def _is_own(listed: CheckpointSummary, source: dict[str, Any]) -> bool:
    """Tell whether an import alone made a checkpoint, and not somebody who had its metadata."""
    point = source.get("point")
    return (
        isinstance(point, dict)
        and point.get("messages") == listed.message_count
        and point.get("session") == str(listed.session_id)
    )


def _is_row(source: dict[str, Any]) -> bool:
    return source.get("tool") == stakpak.TOOL


def _of_line(
    storage: FileStorage, last: UUID, known: dict[UUID, CheckpointSummary], metadata: Metadata
) -> Original:
    ancestors = [metadata.get(each) for each in graph.walk(last, partial(_parent, known))]
    messages = map(_plain, storage.get_checkpoint(last).state.messages)
    lines = originals(messages, ancestors)
    around = next((line for line in lines if line.number == 0), None)
    records = iter(line for line in lines if line is not around)
    return Original(_source(metadata, last)["tool"], records, around)


def _plain(message: Message) -> dict[str, Any]:
    [raw] = encode_messages([message])
    return msgspec.json.decode(raw, type=dict[str, Any])


def _rows(storage: FileStorage, session: object, checkpoints: list[UUID]) -> Iterator[Line]:
    yield Line(1, {"table": "sessions", "row": session})
    number = 1
    for checkpoint in checkpoints:
        state = storage.get_checkpoint(checkpoint).state
        row = stakpak.original_row([*map(_plain, state.messages)], state.metadata or {})
        if row is not None:
            number += 1
            yield Line(number, {"table": "checkpoints", "row": row})


def _lines(records: Iterator[Line]) -> Iterator[bytes]:
    number = 0
    for line in records:
        # What stood on one line does so again.
        if number:
            yield b" " if line.number == number else b"\n"
        yield _written(line)
        number = line.number
        tail = line.tail
    if number and not tail:
        yield b"\n"


def _written(line: Line) -> bytes:
    if line.damage is not None:
        return from_text(line.record)
    return line.text.encode() if line.text is not None else msgspec.json.encode(line.record)
