"""Where answers, notes, errors and progress go."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import typer
from rich.console import Console
from rich.progress import Progress

from ..errors import StorageError
from .text import harmless, harmless_json

_PIPED_WIDTH = 1000


def each(files: list[Path], what: str) -> Iterator[Path]:
    """Give the files, with a bar on standard error where there are many and a person looks."""
    if len(files) < 2:
        yield from files
        return
    with bar(what) as advance:
        for done, file in enumerate(files):
            advance(done, len(files))
            yield file


def is_watched() -> bool:
    """Tell whether a person sees progress."""
    return sys.stderr.isatty()


@contextmanager
def bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """Give a function that shows how many of how many are done, where a person looks."""
    if not is_watched():
        yield lambda *_: None
        return
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


@contextmanager
def reporting(as_json: bool) -> Iterator[None]:
    """Turn failures into one line, or one JSON object, and exit code 1."""
    try:
        yield
    except StorageError as error:
        if as_json:
            print_json({"error": error.message, "code": error.code})
        else:
            note(f"sessionfs: {error.message}")
        raise typer.Exit(1) from error


def console() -> Console:
    """Return where answers are printed."""
    # What is piped elsewhere is not cut to the width of a terminal that is not there.
    width = None if sys.stdout.isatty() else _PIPED_WIDTH
    return Console(highlight=False, markup=False, emoji=False, width=width)


def note(text: str) -> None:
    """Print a line beside the answer, on standard error."""
    sys.stdout.flush()
    typer.echo(harmless(text), err=True)


def print_line(value: Any) -> None:
    """Print one of many answers for programs, on a line of its own."""
    sys.stdout.buffer.write(harmless_json(msgspec.json.encode(value)) + b"\n")


def print_json(value: Any) -> None:
    """Print an answer for programs."""
    try:
        raw = msgspec.json.format(msgspec.json.encode(value), indent=2)
    except UnicodeEncodeError:
        # A path that is no text: as escapes, which its bytes can be had from.
        raw = json.dumps(msgspec.to_builtins(value), indent=2).encode()
    sys.stdout.buffer.write(harmless_json(raw) + b"\n")
    sys.stdout.buffer.flush()
