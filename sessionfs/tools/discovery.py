"""Discovery: where each tool keeps its sessions on this machine, and which files it has there.

Nothing is opened to find it: the content tells later whether a file is what its place says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from ..errors import InvalidRequestError
from ..fs import entries
from .base import Importer, Place
from .jsonl import first_bytes
from .source_files import COMPRESSED_SUFFIX

Stamp = tuple[tuple[int, int, int], ...]
"""Tells whether a file was written to."""


class DiscoveredFiles(NamedTuple):
    """The files of a tool in one of its places."""

    tool: str
    place: Place
    files: list[Path]


def find(
    importers: Iterable[Importer], environment: Mapping[str, str], home: Path
) -> list[DiscoveredFiles]:
    """Return what each tool keeps in its places, as its own environment variables name them."""
    found = []
    for importer in importers:
        for place in importer.places(environment, home):
            matches = {path for pattern in place.patterns for path in _glob(place.directory, pattern)}
            files = [path for path in sorted(matches) if not _is_outdated(path, matches)]
            found.append(DiscoveredFiles(importer.TOOL, place, files))
    return found


def below(directory: Path) -> Iterator[Path]:
    """Give the files of a directory and of those below it, whatever they are."""
    for parent, names in entries.walk(str(directory)):
        paths = {Path(parent, name) for name in names}
        for path in sorted(paths):
            if path.is_file() and not _is_outdated(path, paths):
                yield path


def is_blank(path: Path) -> bool:
    """Tell whether a file is empty, as of a session in which nothing was said yet."""
    try:
        return not first_bytes(path).strip()
    except InvalidRequestError:
        return False


def stamp(path: Path) -> Stamp | None:
    """Return what tells whether a file, or what a database holds beside it, was written to."""
    stamps = []
    for each in (path, path.with_name(path.name + "-wal")):
        try:
            status = each.stat()
        except OSError:
            continue
        stamps.append((status.st_ino, status.st_size, status.st_mtime_ns))
    return tuple(stamps) or None


def _glob(directory: Path, pattern: str) -> Iterator[Path]:
    try:
        yield from (path for path in directory.glob(pattern) if path.is_file())
    except OSError:
        return  # vanished, or not ours to read


def _is_outdated(path: Path, others: set[Path]) -> bool:
    """Tell whether a conversation is in a file of lines beside it, and this one stayed."""
    if path.suffix == COMPRESSED_SUFFIX:
        return path.with_suffix("") in others
    return path.suffix == ".json" and path.with_suffix(".jsonl") in others
