"""Drawing checkpoints and their branches, newest first, in columns of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from uuid import UUID

from ..models import CheckpointSummary


def rows(checkpoints: Sequence[CheckpointSummary]) -> Iterator[tuple[str, CheckpointSummary | None]]:
    """Give a line of drawing for each checkpoint, and lines without one where branches meet.

    Args:
        checkpoints: newest first; a parent that is not among them ends its column.

    """
    known = {checkpoint.id for checkpoint in checkpoints}
    lanes: list[UUID | None] = []
    for checkpoint in checkpoints:
        mine = [i for i, wanted in enumerate(lanes) if wanted == checkpoint.id]
        if not mine:
            mine = [_free(lanes)]
        for extra in reversed(mine[1:]):
            yield _meeting(lanes, extra), None
            lanes[extra] = None
        at = mine[0]
        yield _line(lanes, at), checkpoint
        parent = checkpoint.parent_id
        lanes[at] = parent if parent in known else None
        while lanes and lanes[-1] is None:
            lanes.pop()


def _free(lanes: list[UUID | None]) -> int:
    for i, wanted in enumerate(lanes):
        if wanted is None:
            return i
    lanes.append(None)
    return len(lanes) - 1


def _line(lanes: list[UUID | None], at: int) -> str:
    marks = ["*" if i == at else "|" if wanted else " " for i, wanted in enumerate(lanes)]
    return " ".join(marks).rstrip()


def _meeting(lanes: list[UUID | None], ending: int) -> str:
    marks = ["/" if i == ending else "|" if wanted else " " for i, wanted in enumerate(lanes)]
    return " ".join(marks).rstrip()
