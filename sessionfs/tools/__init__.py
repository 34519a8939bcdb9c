"""Sessions of other tools.

A new importer is one module with ``TOOL``, ``places``, ``recognises`` and ``read`` (see
``base.Importer``), named in ``IMPORTERS`` below; everything else finds it there.

Tested by ``tests/tools``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from ..errors import InvalidRequestError
from . import claude_code, codex, gemini, stakpak
from .base import Importer, Place, Problem, Transcript, originals
from .jsonl import Line, first_bytes, first_objects
from .source_records import Original, original

IMPORTERS: tuple[Importer, ...] = (claude_code, codex, gemini, stakpak)


def recognise(path: Path, among: Sequence[Importer] = IMPORTERS) -> Importer:
    """Return the importer for a file; InvalidRequestError if no tool is known to write such."""
    head = first_bytes(path)
    firsts: Iterator[bytes | dict[str, Any]] = chain([head], first_objects(path))
    for first in firsts:
        for importer in among:
            if importer.recognises(path, first):
                return importer
        if b"\0" in head[:16]:
            break  # no text
    tools = ", ".join(importer.TOOL for importer in among)
    what = "is empty" if not head.strip() else f"is not a transcript of a known tool ({tools})"
    raise InvalidRequestError(f"{path} {what}", path=str(path))


def read(path: Path) -> Iterator[Transcript]:
    """Give the sessions of a file, whichever tool wrote it."""
    return recognise(path).read(path)


__all__ = [
    "IMPORTERS",
    "Importer",
    "Line",
    "Original",
    "Place",
    "Problem",
    "Transcript",
    "original",
    "originals",
    "read",
    "recognise",
]
