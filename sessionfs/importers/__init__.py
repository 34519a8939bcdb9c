"""Sessions of other tools.

A new importer is one module with ``TOOL``, ``recognises`` and ``read`` (see ``base.Importer``), named
in ``IMPORTERS`` below; everything else finds it there.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..errors import InvalidRequestError
from . import claude_code, codex, stakpak
from .base import Importer, Line, Problem, Transcript, originals

IMPORTERS: tuple[Importer, ...] = (claude_code, codex, stakpak)

_HEAD_BYTES = 1 << 16


def recognise(path: Path) -> Importer:
    """Return the importer for a file; InvalidRequestError if no tool is known to write such."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise InvalidRequestError(f"{path}: {error.strerror}", path=str(path)) from error
    for importer in IMPORTERS:
        if importer.recognises(path, head):
            return importer
    tools = ", ".join(importer.TOOL for importer in IMPORTERS)
    what = "is empty" if not head.strip() else f"is no transcript of a known tool ({tools})"
    raise InvalidRequestError(f"{path} {what}", path=str(path))


def read(path: Path) -> Iterator[Transcript]:
    """Give the sessions of a file, whichever tool wrote it."""
    return recognise(path).read(path)


__all__ = ["IMPORTERS", "Importer", "Line", "Problem", "Transcript", "originals", "read", "recognise"]
