"""The command that keeps importing what the tools write."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from watchfiles import watch

from ...storage import FileStorage
from ...tools import discovery
from .. import opening, output
from ..options import AsJson, RelaxedImport, Store
from . import import_

_LOOK_MS = 5_000
"""How often to look without a notice: for directories that are new, and where notices get lost."""

_SOON_MS = 500
_REST = 4
"""A transcript is not read again before this many times as long as it took the last time."""


def follow(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Transcripts, or directories of some.", metavar="[PATH]...", show_default=False
        ),
    ] = None,
    store: Store = None,
    relaxed: RelaxedImport = False,
    as_json: AsJson = False,
) -> None:
    """Import all sessions, and keep importing as the tools write, until interrupted.

    Without paths it follows what import finds. With --json a line for each file that brought something.
    """
    with output.reporting(as_json):
        storage = FileStorage(opening.root(store), durability="relaxed" if relaxed else "full")
        followed = _Followed([opening.expanded(path) for path in paths or []])
        for report in followed.reports(storage):
            if as_json:
                output.print_line(report)
            else:
                import_.print_report(report, only_news=True)
            sys.stdout.flush()


class _Followed:
    """What is followed, and what was read of it."""

    def __init__(self, paths: list[Path]) -> None:
        self._paths = paths
        self._read: dict[Path, discovery.Stamp | None] = {}
        self._rests: dict[Path, float] = {}

    def reports(self, storage: FileStorage) -> Iterator[dict[str, Any]]:
        """Give a report for each file that something was brought from, or that could not be read."""
        told = False
        while True:
            yield from self._changed(storage)
            directories = set(self._directories())
            if not told:
                output.note(f"following {', '.join(sorted(map(str, directories))) or 'nothing yet'}")
                told = True
            if not directories:
                time.sleep(_LOOK_MS / 1000)
                continue
            for _ in watch(
                *directories,
                watch_filter=None,
                debounce=_SOON_MS,
                rust_timeout=_LOOK_MS,
                yield_on_timeout=True,
                recursive=not self._paths or any(path.is_dir() for path in self._paths),
            ):
                yield from self._changed(storage)
                if set(self._directories()) != directories:
                    break

    def _directories(self) -> Iterator[Path]:
        """Give the directories that hold what is followed, as far as they exist."""
        if self._paths:
            places = [path if path.is_dir() else path.parent for path in self._paths]
        else:
            places = [found.place.directory for found in import_.discovered()]
        yield from (place for place in places if place.is_dir())

    def _files(self) -> Iterator[Path]:
        if not self._paths:
            for found in import_.discovered():
                yield from found.files
        for path in self._paths:
            yield from discovery.below(path) if path.is_dir() else [path]

    def _changed(self, storage: FileStorage) -> Iterator[dict[str, Any]]:
        """Import the files that were written to since they were read."""
        for path in self._files():
            stamp, now = discovery.stamp(path), time.monotonic()
            if stamp is None or stamp == self._read.get(path) or now < self._rests.get(path, 0):
                continue
            self._read[path] = stamp
            if discovery.is_blank(path) or not import_.is_transcript(path):
                continue
            report = import_.import_file(storage, path)
            if report["problems"] or "error" in report or any(map(_is_news, report["sessions"])):
                yield report
            finished = time.monotonic()
            self._rests[path] = finished + (finished - now) * _REST


def _is_news(session: dict[str, Any]) -> bool:
    return bool(session["new_checkpoints"])
