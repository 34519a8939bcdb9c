"""Lines of a person's own form for sessions."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

import typer

from ..models import SessionSummary
from .text import ago, harmless

_ESCAPES = {"\\t": "\t", "\\n": "\n", "\\\\": "\\", "{{": "{", "}}": "}"}
_PARTS = re.compile(r"\\[tn\\]|\{\{|\}\}|\{(\w*)\}|[{}]")
_FIELDS: dict[str, Callable[[SessionSummary], object]] = {
    "id": lambda each: each.id,
    "short": lambda each: each.id,
    "title": lambda each: " ".join(each.title.split()),
    "updated": lambda each: f"{each.updated_at:%Y-%m-%dT%H:%M:%SZ}",
    "created": lambda each: f"{each.created_at:%Y-%m-%dT%H:%M:%SZ}",
    "ago": lambda each: ago(each.updated_at, datetime.now(UTC)),
    "messages": lambda each: each.message_count,
    "status": lambda each: each.status.lower(),
    "visibility": lambda each: each.visibility.lower(),
    "cwd": lambda each: (each.cwd or "").replace("\n", "\\x0a").replace("\t", "\\x09"),
    "heads": lambda each: each.heads,
    "checkpoint": lambda each: each.active_checkpoint_id or "",
    "problem": lambda each: " ".join((each.problem or "").split()),
}


class Template:
    """A line with ``{fields}``; each of a session stays on its line and is harmless for a terminal.

    Raises typer.BadParameter for a field that there is not, before anything is read.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        for found in _PARTS.finditer(text):
            if found[0] not in _ESCAPES and found[1] not in _FIELDS:
                known = ", ".join(_FIELDS)
                raise typer.BadParameter(f"--format has no {found[0]!r}: the fields are {known}")

    def filled(self, session: SessionSummary, short: str) -> str:
        """Return the line of a session, of which ``short`` is the id as ls shows it."""

        def part(found: re.Match[str]) -> str:
            if found[0] in _ESCAPES:
                return _ESCAPES[found[0]]
            return harmless(short if found[1] == "short" else str(_FIELDS[found[1]](session)))

        return _PARTS.sub(part, self._text)
