"""The checkpoints of a session and their branches, drawn beside a list of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from ..format.ids import HASH12
from ..messages.parts import fields_of, role_of, spoken_text
from ..models import CheckpointSummary, SessionSummary
from .html_text import escaped

_ROW, _LANE, _DOT = 28, 16, 5
_SAID = 90


class Node(NamedTuple):
    """Where a checkpoint is drawn: its column and its row."""

    lane: int
    row: int


def lanes(checkpoints: Sequence[CheckpointSummary]) -> dict[UUID, Node]:
    """Give each checkpoint its place, newest first: a branch keeps its column down to its parent."""
    known = {each.id for each in checkpoints}
    waiting: list[UUID | None] = []
    places: dict[UUID, Node] = {}
    for row, each in enumerate(checkpoints):
        mine = [lane for lane, wanted in enumerate(waiting) if wanted == each.id]
        if not mine:
            free = [lane for lane, wanted in enumerate(waiting) if wanted is None]
            mine = free[:1] or [len(waiting)]
            waiting += [] if free else [None]
        places[each.id] = Node(mine[0], row)
        for lane in mine:
            waiting[lane] = None
        if each.parent_id in known:
            waiting[mine[0]] = each.parent_id
    return places


def drawing(
    checkpoints: Sequence[CheckpointSummary],
    shown: UUID | None,
    marks: dict[UUID, str],
    forks: Mapping[UUID, Sequence[SessionSummary]],
) -> str:
    """Return the drawing with the list; what is on the way to ``shown`` leads to its last message.

    Args:
        checkpoints: newest first.
        shown: the checkpoint whose messages the page has.
        marks: words beside checkpoints: "active", "head".
        forks: sessions by the checkpoint that they start from.

    """
    places, by_id = lanes(checkpoints), {each.id: each for each in checkpoints}
    on_the_way: set[UUID] = set()
    at = shown
    while at is not None and at in by_id and at not in on_the_way:
        on_the_way.add(at)
        at = by_id[at].parent_id
    width = (max((place.lane for place in places.values()), default=0) + 1) * _LANE
    lines, dots = [], []
    for each in checkpoints:
        here = places[each.id]
        x, y = _centre(here)
        kind = ' class="way"' if each.id in on_the_way else ""
        if each.parent_id in places:
            to_x, to_y = _centre(places[each.parent_id])
            # Straight down its own column, and over to its parent in the last row.
            middle = to_y - _ROW // 2
            end = (
                f"V{to_y}"
                if x == to_x
                else f"V{to_y - _ROW}C{x} {middle} {to_x} {middle} {to_x} {to_y}"
            )
            lines.append(f'<path{kind} d="M{x} {y}{end}"/>')
        dots.append(f'<circle{kind} cx="{x}" cy="{y}" r="{_DOT}"/>')
    height = len(checkpoints) * _ROW
    items = [
        _item(each, each.id in on_the_way, marks.get(each.id, ""), forks.get(each.id, ()))
        for each in checkpoints
    ]
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    return (
        f'<div class="graph"><svg aria-hidden="true" {size}>{"".join(lines)}{"".join(dots)}</svg>'
        f"<ol>{''.join(items)}</ol></div>\n"
    )


def _centre(place: Node) -> tuple[int, int]:
    return place.lane * _LANE + _LANE // 2, place.row * _ROW + _ROW // 2


def _item(
    checkpoint: CheckpointSummary, on_the_way: bool, mark: str, forks: Sequence[SessionSummary]
) -> str:
    name = f"<code>{checkpoint.id.hex[:HASH12]}</code>"
    if on_the_way and checkpoint.message_count:
        name = f'<a href="#m{checkpoint.message_count - 1}">{name}</a>'
    count = checkpoint.message_count
    about = f"{checkpoint.created_at:%Y-%m-%d %H:%M} · {count:,} message{'s' * (count != 1)}"
    label = f' <b class="mark">{mark}</b>' if mark else ""
    said = f' <span class="said">{escaped(_said(checkpoint))}</span>' if checkpoint.state else ""
    forked = "".join(f" {fork(each)}" for each in forks)
    return f"<li>{name}{label} <small>{about}</small>{forked}{said}</li>\n"


def fork(session: SessionSummary) -> str:
    """Return the line about a session that was forked from the one on the page."""
    title = escaped(_cut(session.title) or "(no title)")
    return f'<span class="fork">→ forked: {title} <code>{session.id}</code></span>'


def _said(checkpoint: CheckpointSummary) -> str:
    """Return the beginning of what the user said last."""
    for message in reversed(checkpoint.state.messages if checkpoint.state else []):
        fields = fields_of(message)
        if role_of(fields) == "user" and (text := _cut(spoken_text(fields))):
            return text
    return ""


def _cut(text: str) -> str:
    """Return the beginning of a text, on one line."""
    line = " ".join(text[: _SAID * 4].split())
    return line if len(line) <= _SAID else line[: _SAID - 1] + "…"
