"""Sessions as files for others to read: a module for each format.

An exporter takes a storage and a session, opened at the checkpoint that is meant, and gives the bytes
of a file, piece by piece. A new one is a function in a module here, named in ``EXPORTERS``.

Tested by ``tests/exporters``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

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


EXPORTERS: dict[str, Exporter] = {
    "md": as_markdown,
    "html": as_html,
    "json": as_json,
    "jsonl": as_json_lines,
}
"""By the name that ``--format`` has, which is also the ending of the file."""

__all__ = ["EXPORTERS", "Exporter", "as_html", "as_json", "as_json_lines", "as_markdown"]
