"""``sessionfs relocate``: tell sessions that their directory has moved."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from .. import opening, output, render
from ..options import AsJson, Store
from ..text import counted


def relocate(
    old: Annotated[str, typer.Argument(help="The path that sessions have.", metavar="OLD")],
    new: Annotated[str, typer.Argument(help="The path that it has now.", metavar="NEW")],
    store: Store = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would change.")] = False,
    as_json: AsJson = False,
) -> None:
    """Tell all sessions at or below a directory that it has another path now.

    Where NEW is inside OLD, sessions that are there already stay.
    """
    with output.reporting(as_json), opening.open_store(store) as storage:
        result = storage.relocate(_directory(old), _directory(new), dry_run=dry_run)
        if as_json:
            output.print_json(result)
        else:
            ids = storage.session_ids() if result.relocated else []
            render.relocated(output.console(), result.relocated, ids)
            for problem in result.problems:
                output.note(f"! {problem}")
            done = "would change (--dry-run)" if dry_run else "changed"
            output.note(f"{counted(len(result.relocated), 'session')} {done}")
        if result.problems:
            raise typer.Exit(1)


def _directory(given: str) -> str:
    """Return a directory as sessions carry it; what is empty stays so, and is refused."""
    return os.path.abspath(opening.expanded(Path(given))) if given else given
