"""``sessionfs path``: print where a session's files are."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from .. import opening, output, resolve
from ..options import AsJson, SessionArgument, Store
from ..text import harmless


def path(
    session: SessionArgument,
    store: Store = None,
    active: Annotated[
        bool, typer.Option("--active", help="The file of the active checkpoint.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Print where a session's files are, for use by hand."""
    with output.reporting(as_json), opening.open_store(store) as storage:
        found = resolve.session(storage, session)
        directory = Path(storage.session_path(found.id))
        checkpoint: str | None = None
        if found.active_checkpoint_id is not None:
            checkpoint = storage.checkpoint_path(found.active_checkpoint_id)
        elif active:
            storage.get_active_checkpoint(found.id)  # says what is missing
        if as_json:
            output.print_json(
                {
                    "path": str(directory),
                    "active": checkpoint,
                    "objects": _files(directory / "objects"),
                    "refs": _files(directory / "refs"),
                }
            )
        else:
            found_path = str(checkpoint if active and checkpoint else directory)
            # Another program is given the very name; a person's terminal takes no commands from it.
            watched = sys.stdout.isatty()
            typer.echo(harmless(found_path) if watched else os.fsencode(found_path))


def _files(directory: Path) -> list[str]:
    return sorted(str(file) for file in directory.iterdir()) if directory.is_dir() else []
