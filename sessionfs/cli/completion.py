"""What a shell offers when a person asks it to complete a session."""

from __future__ import annotations

from pathlib import Path

import typer

from ..errors import StorageError
from ..models import SessionStatus
from ..storage import FileStorage
from . import opening, resolve
from .text import one_line

_MOST = 50


def sessions(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Return the ids that begin so, each with its title; of ``@``, which number is which session."""
    # A text, where this version of typer has not converted it.
    store = context.params.get("store") or (context.parent and context.parent.params.get("store"))
    try:
        with FileStorage(opening.root(Path(store) if store else None), message_type=dict) as storage:
            found = resolve.all_sessions(storage)
    except (StorageError, OSError):
        return []  # a shell has no place for errors
    if incomplete.startswith("@"):
        listed = [each for each in found if each.status is SessionStatus.ACTIVE]
        names = [(f"@{number}", each) for number, each in enumerate(listed, 1)]
    else:
        short = resolve.short_ids([each.id for each in found])
        names = [(short[each.id], each) for each in found]
    matching = [each for each in names if each[0].startswith(incomplete.lower())]
    return [(name, one_line(each.title, 60)) for name, each in matching[:_MOST]]
