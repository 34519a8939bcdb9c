"""Drawing checkpoints, their branches and their forks, newest first, in columns of text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from uuid import UUID

from ..models import CheckpointSummary, SessionSummary

_NONE: Mapping[UUID, Sequence[SessionSummary]] = {}


def forks(sessions: Iterable[SessionSummary], origin: UUID) -> dict[UUID, list[SessionSummary]]:
    """Return which of these sessions were forked from this one, by the checkpoint they start from."""
    found: dict[UUID, list[SessionSummary]] = {}
    for each in sessions:
        if each.forked_from is not None and each.forked_from.session_id == origin:
            found.setdefault(each.forked_from.checkpoint_id, []).append(each)
    return found


def rows(
    checkpoints: Sequence[CheckpointSummary], forks: Mapping[UUID, Sequence[SessionSummary]] = _NONE
) -> Iterator[tuple[str, CheckpointSummary | SessionSummary | None]]:
    """Give a line of drawing for each checkpoint and each fork, and lines where branches meet.

    Args:
        checkpoints: newest first; a parent that is not among them ends its column.
        forks: sessions by the checkpoint that they start from.

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
        yield from ((_passing(lanes, at), fork) for fork in forks.get(checkpoint.id, ()))


def _free(lanes: list[UUID | None]) -> int:
    for i, wanted in enumerate(lanes):
        if wanted is None:
            return i
    lanes.append(None)
    return len(lanes) - 1


def _line(lanes: list[UUID | None], at: int) -> str:
    marks = ["*" if i == at else "|" if wanted else " " for i, wanted in enumerate(lanes)]
    return " ".join(marks).rstrip()


def _passing(lanes: list[UUID | None], at: int) -> str:
    ended = [None] * (at + 1 - len(lanes))
    return " ".join("|" if wanted else " " for wanted in [*lanes, *ended])


def _meeting(lanes: list[UUID | None], ending: int) -> str:
    marks = ["/" if i == ending else "|" if wanted else " " for i, wanted in enumerate(lanes)]
    return " ".join(marks).rstrip()
