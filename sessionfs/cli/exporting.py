"""The commands that give what is stored to other programs: cat and export."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from ..errors import CorruptObjectError, IncompleteError, InvalidRequestError, NotFoundError
from ..exporters import EXPORTERS, as_json_lines
from ..messages import parts
from ..models import Gap, Message, Session, SessionSummary
from ..storage import FileStorage
from ..tools import original
from . import output, reading, render, resolve
from .options import AsJson, Checkpoint, Partial, SessionArgument, Store, open_store
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
    partial: Partial = False,
    as_json: AsJson = False,
) -> None:
    """Print messages as they are stored, byte for byte: a JSON object a line.

    The numbers are those that show and search tell. In front of a negative one put two hyphens:
    sessionfs cat @1 -- -1
    """
    with output.reporting(as_json, None if partial else output.PARTIAL), open_store(store) as storage:
        shown = opened(storage, resolve.session(storage, session), checkpoint, partial=partial)
        state = shown.active_checkpoint.state if shown.active_checkpoint else None
        gaps = shown.active_checkpoint.gaps if shown.active_checkpoint else []
        messages = _at(shown, numbers) if numbers else state.messages if state else []
        if text:
            for message in messages:
                output.print_bytes(
                    parts.text_of(parts.plain(message)).encode("utf-8", "replace") + b"\n"
                )
        elif as_json:
            output.print_json({"messages": messages, **({"gaps": gaps} if partial else {})})
        else:
            if state is not None:
                state.messages = messages
            for line in as_json_lines(storage, shown):
                output.print_bytes(line)
        sys.stdout.flush()
        if not numbers:
            _note_gaps(gaps)


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
        raise typer.BadParameter(f"{one_line(name, 40)!r} is no format: --format takes {known}")
    if name == ORIGINAL and checkpoint is not None:
        raise typer.BadParameter("the original is that of the whole session: leave out --checkpoint")
    if name == ORIGINAL and partial:
        raise typer.BadParameter("the original is all of it: leave out --partial")
    hint = output.SHOW_PARTIAL if name == ORIGINAL else None if partial else output.PARTIAL
    with output.reporting(as_json, hint), open_store(store) as storage:
        found = resolve.session(storage, session)
        if name == ORIGINAL:
            gaps, made = [], original(storage, found.id).chunks()
        else:
            shown = opened(storage, found, checkpoint, partial=partial)
            gaps = shown.active_checkpoint.gaps if shown.active_checkpoint else []
            made = EXPORTERS[name](storage, shown)
        if out is None:
            for chunk in made:
                output.print_bytes(chunk)
            sys.stdout.flush()
            _note_gaps(gaps)
            return
        size = _write(resolve.expanded(out), b"".join(made), force=force)
        if as_json:
            output.print_json({"file": str(out), "format": name, "bytes": size, "session": found.id})
        else:
            typer.echo(f"exported  {one_line(str(out))}  {size:,} bytes")
        _note_gaps(gaps)


def opened(
    storage: FileStorage, found: SessionSummary, checkpoint: str | None, *, partial: bool = False
) -> Session:
    """Return a session at the checkpoint that a person names, or at the active one."""
    if checkpoint is None and not partial:
        return storage.get_session(found.id)
    at = storage.get_checkpoint(reading.wanted(storage, found, checkpoint), partial=partial)
    try:
        shown = storage.get_session(found.id)
    except (CorruptObjectError, IncompleteError):  # the active checkpoint, which need not be this one
        return render.with_checkpoint(found, at)
    shown.active_checkpoint = at
    return shown


def _at(shown: Session, numbers: list[int]) -> list[Message]:
    """Return the messages with these numbers, or say why there is none."""
    checkpoint = shown.active_checkpoint
    if checkpoint is None:
        return []
    total = len(checkpoint.state.messages) + sum(gap.count for gap in checkpoint.gaps)
    places = [at for at, _ in parts.numbered(shown)]
    there = dict(zip(places, checkpoint.state.messages, strict=True))
    some = []
    for number in numbers:
        if not -total <= number < total:
            has = f"the session has {counted(total, 'message')}, which count from 0"
            raise NotFoundError(f"no message {number}: {has}")
        if number % total not in there:
            gap = next(gap for gap in reversed(checkpoint.gaps) if gap.start <= number % total)
            raise NotFoundError(f"message {number} cannot be read: {gap.problem}")
        some.append(there[number % total])
    return some


def _note_gaps(gaps: list[Gap]) -> None:
    """Say what is not among what was printed: nothing is left out silently."""
    for gap in gaps:
        place = (
            f"message {gap.start}"
            if gap.count == 1
            else f"messages {gap.start} to {gap.start + gap.count - 1}"
        )
        output.note(f"! {place} cannot be read: {gap.problem}")


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
