"""``sessionfs export``: write a session as Markdown, a page or JSON."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ...errors import InvalidRequestError
from ...exporters import EXPORTERS, write_file
from ...tools import original
from .. import opening, output, resolve
from ..options import AsJson, Checkpoint, Partial, SessionArgument, Store
from ..text import one_line

ORIGINAL = "original"


FORMATS = (*EXPORTERS, ORIGINAL)


def export(
    session: SessionArgument,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Into this file, or - for the output.", metavar="FILE"),
    ] = None,
    format_: Annotated[
        str | None,
        typer.Option(
            "--format",
            "-f",
            help=f"{', '.join(FORMATS)}; else as FILE ends, else md.",
            metavar="FORMAT",
            show_default=False,
        ),
    ] = None,
    store: Store = None,
    checkpoint: Checkpoint = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    partial: Partial = False,
    as_json: AsJson = False,
) -> None:
    """Write a session as Markdown, as one HTML page that needs nothing else, or as JSON.

    The page runs no scripts and loads nothing, whatever a message holds. JSON is what show --json
    prints, JSONL the messages alone, byte for byte. The original is what a session was imported from:
    every record of the source, in its order, whatever was done to the session since.
    """
    if out is not None and str(out) == "-":
        out = None
    name = format_ or (out.suffix[1:].lower() if out else "") or "md"
    name = {"markdown": "md", "htm": "html"}.get(name, name)
    if name not in FORMATS:
        known = ", ".join(FORMATS)
        raise typer.BadParameter(f"{one_line(name, 40)!r} is not a format: --format takes {known}")
    if name == ORIGINAL and checkpoint is not None:
        raise typer.BadParameter("--format original can't be combined with --checkpoint")
    if name == ORIGINAL and partial:
        raise typer.BadParameter("--format original can't be combined with --partial")
    hint = output.SHOW_PARTIAL if name == ORIGINAL else None if partial else output.PARTIAL
    with output.reporting(as_json, hint), opening.open_store(store) as storage:
        found = resolve.session(storage, session)
        if name == ORIGINAL:
            gaps, made = [], original(storage, found.id).chunks()
        else:
            shown = opening.open_session(storage, found, checkpoint, partial=partial)
            gaps = shown.active_checkpoint.gaps if shown.active_checkpoint else []
            made = EXPORTERS[name](storage, shown)
        if out is None:
            for chunk in made:
                output.print_bytes(chunk)
            sys.stdout.flush()
            output.note_gaps(gaps)
            return
        path = opening.expanded(out)
        if path.exists() and not force:
            raise InvalidRequestError(f"{path} already exists: --force replaces it", path=str(path))
        size = write_file(path, made, replace=force)
        if as_json:
            output.print_json({"file": str(out), "format": name, "bytes": size, "session": found.id})
        else:
            typer.echo(f"exported  {one_line(str(out))}  {size:,} bytes")
        output.note_gaps(gaps)
