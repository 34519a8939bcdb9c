"""The commands that give what is stored to other programs: cat and export."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from .. import pieces
from ..errors import InvalidRequestError, NotFoundError
from ..exporters import EXPORTERS, as_json_lines
from ..importers import original
from ..models import Session
from ..storage import FileStorage
from . import output, resolve
from .options import AsJson, Checkpoint, SessionArgument, Store, open_store
from .text import counted, one_line

ORIGINAL = "original"
FORMATS = (*EXPORTERS, ORIGINAL)


def cat(
    session: SessionArgument,
    numbers: Annotated[
        list[int] | None,
        typer.Argument(help="Only these messages, -1 is the last; none: all.", metavar="[NUMBER]..."),
    ] = None,
    store: Store = None,
    checkpoint: Checkpoint = None,
    text: Annotated[bool, typer.Option("--text", help="Only what was said, no JSON.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print messages as they are stored, byte for byte: a JSON object a line.

    The numbers are those that show and search tell. In front of a negative one put two hyphens:
    sessionfs cat @1 -- -1
    """
    with output.reporting(as_json), open_store(store) as storage:
        shown = opened(storage, resolve.session(storage, session).id, checkpoint)
        state = shown.active_checkpoint.state if shown.active_checkpoint else None
        messages = state.messages if state else []
        for number in numbers or []:
            if not -len(messages) <= number < len(messages):
                has = f"the session has {counted(len(messages), 'message')}, which count from 0"
                raise NotFoundError(f"no message {number}: {has}")
        some = messages if not numbers else [messages[number] for number in numbers]
        if text:
            for message in some:
                output.print_bytes(
                    pieces.text_of(pieces.plain(message)).encode("utf-8", "replace") + b"\n"
                )
        elif as_json:
            output.print_json({"messages": some})
        else:
            if state is not None:
                state.messages = some
            for line in as_json_lines(storage, shown):
                output.print_bytes(line)
        sys.stdout.flush()


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
    as_json: AsJson = False,
) -> None:
    """Write a session as Markdown, as one HTML page that needs nothing else, or as JSON.

    The page runs no scripts and loads nothing, whatever a message holds. JSON is what show --json
    prints, JSONL the messages alone, byte for byte. The original is what a session was imported from:
    every record of the source, in its order, whatever was done to the session since.
    """
    with output.reporting(as_json), open_store(store) as storage:
        if out is not None and str(out) == "-":
            out = None
        name = format_ or (out.suffix[1:].lower() if out else "") or "md"
        name = {"markdown": "md", "htm": "html"}.get(name, name)
        if name not in FORMATS:
            known = ", ".join(FORMATS)
            raise typer.BadParameter(f"{one_line(name, 40)!r} is no format: --format takes {known}")
        if name == ORIGINAL and checkpoint is not None:
            raise typer.BadParameter(
                "the original is that of the whole session: leave out --checkpoint"
            )
        shown = opened(storage, resolve.session(storage, session).id, checkpoint)
        made = (
            original(storage, shown.id).chunks()
            if name == ORIGINAL
            else EXPORTERS[name](storage, shown)
        )
        if out is None:
            for chunk in made:
                output.print_bytes(chunk)
            sys.stdout.flush()
            return
        size = _write(resolve.expanded(out), b"".join(made), force=force)
        if as_json:
            output.print_json({"file": str(out), "format": name, "bytes": size, "session": shown.id})
        else:
            typer.echo(f"exported  {one_line(str(out))}  {size:,} bytes")


def opened(storage: FileStorage, session: UUID, checkpoint: str | None) -> Session:
    """Return a session at the checkpoint that a person names, or at the active one."""
    if checkpoint is None:
        return storage.get_session(session)
    id_ = resolve.checkpoint_id(storage, session, checkpoint)
    shown = storage.get_session(session)
    shown.active_checkpoint = storage.get_checkpoint(id_)
    return shown


def _write(path: Path, data: bytes, *, force: bool) -> int:
    """Write a file, which for others to read as the person's own files are; all of it or nothing."""
    try:
        if path.exists() and not force:
            raise InvalidRequestError(f"{path} is there already: --force replaces it", path=str(path))
        if path.exists() and not path.is_file():
            path.write_bytes(data)  # a pipe or a device
            return len(data)
        beside = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            beside.write_bytes(data)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise InvalidRequestError(f"{path}: {error.strerror}", path=str(path)) from error
    return len(data)
