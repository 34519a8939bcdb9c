"""Sessions as files for others to read: a module for each format.

An exporter takes a storage and a session, opened at the checkpoint that is meant, and gives the bytes
of a file, piece by piece. A new one is a function in a module here, named in ``EXPORTERS``.

Tested by ``tests/exporters``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ..fs import exports, files
from ..fs.files import StrPath
from ..models import Session
from ..protocols import SessionStorage
from .json_lines import as_json, as_json_lines
from .markdown import as_markdown

Exporter = Callable[[SessionStorage, Session], Iterator[bytes]]
"""Gives a session as a file; the storage is asked for what the session does not have."""


def as_html(storage: SessionStorage, session: Session) -> Iterator[bytes]:
    """Give a session as one page that needs nothing else; needs the extra ``cli``."""
    from . import html  # its libraries are loaded when they are needed

    return html.as_html(storage, session)


def write_file(path: StrPath, chunks: Iterable[bytes], *, replace: bool = False) -> int:
    """Write an exported session into a file that only its owner may read; return its size in bytes.

    The file appears with all its bytes or not at all.

    Args:
        path: the file.
        chunks: what an exporter yields.
        replace: replace a file that is there; else it is an InvalidRequestError.

    """
    return exports.write_private(files.absolute_path(path), chunks, replace=replace)


EXPORTERS: dict[str, Exporter] = {
    "md": as_markdown,
    "html": as_html,
    "json": as_json,
    "jsonl": as_json_lines,
}
"""By the name that ``--format`` has, which is also the ending of the file."""

__all__ = ["EXPORTERS", "Exporter", "as_html", "as_json", "as_json_lines", "as_markdown", "write_file"]
