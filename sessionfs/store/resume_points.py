"""What imports noted in a session: how far each had come, so that the next one goes on from there.

A note is a part of the metadata of the checkpoint that an import made last, so it is found wherever
the checkpoint is, and says nothing of a checkpoint that another one made of it.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Any

import msgspec

from ..errors import IncompleteError, StorageError
from ..format.decoders import decoder
from ..format.ids import checkpoint_id
from ..format.records import CheckpointObject
from ..format.refnames import ActiveRef
from ..models import ImportPoint
from . import graph
from .view import SessionView


class _Source(msgspec.Struct):
    point: dict[str, Any] | None = None


class _Metadata(msgspec.Struct):
    source: _Source | None = None


_decode = decoder(_Metadata)
_NOT_NOTED = (msgspec.MsgspecError, RecursionError, ValueError)


class ResumePoints:
    """Gives the points of a session's heads and of what these follow, the furthest first.

    Attributes:
        checkpoints: how many checkpoints the import had made at the point that was given last.

    """

    def __init__(self, view: SessionView) -> None:
        self.checkpoints = 0
        shas = [sha for ref in reversed(view.refs.active) if (sha := _target(view, ref))]
        lines = [_line(view, sha) for sha in dict.fromkeys(shas)]
        self._merged = heapq.merge(*lines, key=lambda point: -_number(point.note, "lines"))
        self._given: set[object] = set()

    def __iter__(self) -> Iterator[ImportPoint]:
        return self

    def __next__(self) -> ImportPoint:
        for point in self._merged:
            if point.checkpoint_id not in self._given:
                self._given.add(point.checkpoint_id)
                self.checkpoints = _number(point.note, "checkpoints")
                return point
        raise StopIteration


def active_hash(view: SessionView) -> str | None:
    """Return the hash of the checkpoint that a ref makes active, if it can be opened.

    Unlike ``SessionView.active`` it holds few messages in memory.
    """
    for ref in reversed(view.refs.active):
        try:
            return graph.open_outline(view.objects, view.target(ref))[0].sha
        except IncompleteError:
            continue
        except StorageError:
            return None
    return None


def is_of_import(view: SessionView, sha: str) -> bool:
    """Tell whether a checkpoint was made by an import alone."""
    try:
        checkpoint = view.objects.checkpoint(sha)
    except StorageError:
        return False
    return _note(view, checkpoint) is not None


def count_checkpoints(metadata: bytes | None, otherwise: int) -> int:
    """Return how many checkpoints an import had made, as the metadata of its last one says."""
    note = _decoded(metadata)
    return otherwise if note is None or "checkpoints" not in note else _number(note, "checkpoints")


def _target(view: SessionView, ref: ActiveRef) -> str | None:
    try:
        return view.target(ref)
    except StorageError:
        return None


def _line(view: SessionView, sha: str) -> Iterator[ImportPoint]:
    """Give the points of a checkpoint and of its ancestors, as far as these can be read."""
    checkpoint: CheckpointObject

    def parent(_: str) -> str | None:
        return checkpoint.parent

    for each in graph.walk(sha, parent):
        try:
            checkpoint = view.objects.checkpoint(each)
        except StorageError:
            return
        note = _note(view, checkpoint)
        # What has to be read to open it is proven to be here, or the import brings it once more.
        if note is not None and _can_be_opened(view, each):
            yield ImportPoint(checkpoint_id(each), checkpoint.count, note)


def _can_be_opened(view: SessionView, sha: str) -> bool:
    try:
        graph.open_outline(view.objects, sha)
    except StorageError:
        return False
    return True


def _note(view: SessionView, checkpoint: CheckpointObject) -> dict[str, Any] | None:
    """Return the note of a checkpoint; None: it has none, or that of the one that it was made of."""
    note = _decoded(checkpoint.metadata)
    if note is None:
        return None
    own = note.get("session") == str(view.id) and note.get("messages") == checkpoint.count
    return note if own else None


def _decoded(metadata: bytes | None) -> dict[str, Any] | None:
    try:
        found = _decode(metadata) if metadata is not None else None
    except _NOT_NOTED:
        return None
    return found.source.point if found is not None and found.source is not None else None


def _number(note: dict[str, Any], field: str) -> int:
    value = note.get(field)
    return value if isinstance(value, int) else 0
