"""Where answers, notes, errors and progress go."""

from __future__ import annotations

import io
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import msgspec
import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from ..errors import CorruptObjectError, IncompleteError, StorageError
from ..models import Gap
from .text import harmless, harmless_json, one_line

PARTIAL = "--partial reads the rest; sessionfs doctor lists the damage"
SHOW_PARTIAL = "show --partial shows what can be read; sessionfs doctor lists the damage"

_PIPED_WIDTH = 1000
_LARGE = 16 << 20
"""As many bytes as a person waits for."""


def is_watched() -> bool:
    """Tell whether a person sees progress: on a terminal on which a line can be written anew."""
    return sys.stderr.isatty() and os.environ.get("TERM", "").lower() not in ("dumb", "unknown")


@contextmanager
def bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """Give a function that shows how many of how many are done, where a person looks."""
    if not is_watched():
        yield lambda *_: None
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(one_line(what), total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


class Bars:
    """Bars on standard error, where a person looks: for many files, and for a large one that is read.

    Nothing is shown before there is something to wait for.
    """

    def __init__(self) -> None:
        self._progress: Progress | None = None
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Bars:
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def files(self, what: str, done: int, total: int) -> None:
        """Show how many of the files are done, where there are many; nothing is read of the next."""
        if total > 1:
            self._show("files", what, done, total, f"{done:,} of {total:,}")
        if "bytes" in self._tasks and self._progress is not None:
            self._progress.remove_task(self._tasks.pop("bytes"))

    def bytes_read(self, what: str, done: int, total: int) -> None:
        """Show how much was read of a file, where it is large."""
        if total >= _LARGE:
            self._show("bytes", what, done, total, f"{done / 1e6:,.0f} of {total / 1e6:,.0f} MB")

    def _show(self, name: str, what: str, done: int, total: int, amount: str) -> None:
        if not is_watched():
            return
        what = one_line(what)
        if self._progress is None:
            columns = (
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=20),
                TaskProgressColumn(),
                TextColumn("{task.fields[amount]}", markup=False),
            )
            self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
            self._progress.start()
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(what, total=total, amount=amount)
        self._progress.update(
            self._tasks[name], description=what, completed=done, total=total, amount=amount
        )


@contextmanager
def reporting(as_json: bool, if_damaged: str | None = None) -> Iterator[None]:
    """Turn failures into one line, or one JSON object, and exit code 1.

    Args:
        as_json: as a JSON object.
        if_damaged: what a person may do where something is damaged or missing.

    """
    try:
        yield
    except StorageError as error:
        if as_json:
            print_json({"error": error.message, "code": error.code})
        else:
            damaged = isinstance(error, CorruptObjectError | IncompleteError)
            hint = f" ({if_damaged})" if damaged and if_damaged else ""
            note(f"sessionfs: {error.message}{hint}")
        raise typer.Exit(1) from error


def console(file: TextIO | None = None, like: Console | None = None) -> Console:
    """Return where answers are printed; into a file as they would be on another console."""
    if like is not None:
        return Console(
            file=file,
            highlight=False,
            markup=False,
            emoji=False,
            width=like.width,
            force_terminal=True,
            legacy_windows=False,
        )
    # What is piped elsewhere is not cut to the width of a terminal that is not there.
    width = None if sys.stdout.isatty() else _PIPED_WIDTH
    return Console(highlight=False, markup=False, emoji=False, width=width)


def print_bytes(raw: bytes) -> None:
    """Print what is for programs; on a terminal nothing of it commands the terminal."""
    if sys.stdout.isatty():
        raw = harmless(raw.decode("utf-8", "replace")).encode()
    sys.stdout.buffer.write(raw)


@contextmanager
def paged(*, wanted: bool = True) -> Iterator[Console]:
    """Give where a long answer is printed: a pager, where a person looks and it fills the screen.

    Which pager: ``$SESSIONFS_PAGER``, else ``$PAGER``, else ``less``; empty or ``cat``: none.
    """
    shown = console()
    if not (wanted and sys.stdout.isatty() and sys.stdin.isatty()) or shown.is_dumb_terminal:
        yield shown
        return
    collected = io.StringIO()
    collecting = console(collected, shown)
    yield collecting
    text = collected.getvalue()
    command = shlex.split(os.environ.get("SESSIONFS_PAGER", os.environ.get("PAGER", "less")))
    known = command and command != ["cat"] and shutil.which(command[0])
    if not known or text.count("\n") < shown.height:
        sys.stdout.write(text)
        sys.stdout.flush()
    else:
        _page(command, text)


def _page(command: list[str], text: str) -> None:
    # R: colours; F: end if all fits after all; X: leave what was shown on the screen.
    environment = {**os.environ, "LESS": os.environ.get("LESS", "FRX"), "LESSCHARSET": "utf-8"}
    # Ctrl-C is for the pager, which stays; a pager that is left early is not an error.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    broken = signal.signal(signal.SIGPIPE, signal.SIG_IGN) if hasattr(signal, "SIGPIPE") else None
    try:
        subprocess.run(  # noqa: S603 (the pager that the person chose)
            command, input=text.encode("utf-8", "replace"), env=environment, check=False
        )
    except BrokenPipeError:
        pass
    finally:
        signal.signal(signal.SIGINT, before)
        if broken is not None:
            signal.signal(signal.SIGPIPE, broken)


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
        # A path that is not text: as escapes, which its bytes can be had from.
        raw = json.dumps(msgspec.to_builtins(value), indent=2).encode()
    sys.stdout.buffer.write(harmless_json(raw) + b"\n")
    sys.stdout.buffer.flush()


def note_gaps(gaps: list[Gap]) -> None:
    """Say what is not among what was printed: nothing is left out silently."""
    for gap in gaps:
        place = (
            f"message {gap.start}"
            if gap.count == 1
            else f"messages {gap.start} to {gap.start + gap.count - 1}"
        )
        note(f"! {place} cannot be read: {gap.problem}")
