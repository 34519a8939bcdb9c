"""Stakpak: ``~/.stakpak/data/local.db``, SQLite with a row a session and a row a checkpoint.

A checkpoint's ``state`` is the whole conversation. A NULL state (old rows) is a conversation without
messages; one that is not JSON is damage: it is reported, its text is kept with the session's facts,
and the rest is taken over.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from ..clock import parse_rfc3339
from ..errors import InvalidRequestError
from ..messages import encode_messages, encode_metadata
from ..models import (
    ImportedCheckpoint,
    ImportSessionRequest,
    SessionStatus,
    SessionVisibility,
)
from .base import EPOCH, UNTITLED, Problem, Transcript, session_id

TOOL = "stakpak"

_Row = dict[str, Any]


def recognises(path: Path, head: bytes) -> bool:
    """Tell whether a file is an SQLite database with Stakpak's two tables."""
    if not head.startswith(b"SQLite format 3\0"):
        return False
    import sqlite3

    try:
        with closing(_open(path)) as database:
            rows = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            return {"sessions", "checkpoints"} <= {row["name"] for row in rows}
    except sqlite3.Error:
        return False


def read(path: Path) -> Iterator[Transcript]:
    """Give each session of a database, oldest first; InvalidRequestError if it cannot be read."""
    import sqlite3

    try:
        with closing(_open(path)) as database:
            for row in list(database.execute("SELECT * FROM sessions ORDER BY created_at, id")):
                checkpoints = database.execute(
                    "SELECT * FROM checkpoints WHERE session_id = ? ORDER BY created_at, id",
                    (row["id"],),
                )
                yield _transcript(dict(row), [dict(checkpoint) for checkpoint in checkpoints])
    except sqlite3.Error as error:
        raise InvalidRequestError(f"{path}: {error}", path=str(path)) from error


def _open(path: Path) -> Any:
    import sqlite3

    database = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)
    database.row_factory = sqlite3.Row
    # A text that is no UTF-8 is damage of that row, not of the whole file.
    database.text_factory = lambda raw: raw.decode(errors="backslashreplace")
    return database


def _transcript(row: _Row, rows: list[_Row]) -> Transcript:
    problems: list[Problem] = []
    damaged: list[_Row] = []
    checkpoints: list[ImportedCheckpoint] = []
    known: dict[str, int] = {}
    for each in sorted(rows, key=lambda each: _time(each["created_at"])):
        try:
            checkpoint = _checkpoint(each, known)
        except InvalidRequestError as error:
            damaged.append(each)
            problems.append(
                Problem(0, f"session {row['id']}: checkpoint {each['id']}: {error.message}")
            )
        else:
            known[each["id"]] = len(checkpoints)
            checkpoints.append(checkpoint)
    if not checkpoints:
        problems.append(Problem(0, f"session {row['id']} has no checkpoint that can be read"))
        note = {"source": {"tool": TOOL, "note": "no checkpoint could be read"}}
        checkpoints.append(
            ImportedCheckpoint(messages=[], created_at=_time(row["created_at"]), metadata=note)
        )
    source: _Row = {"tool": TOOL, "session": row["id"], "row": _plain(row)}
    if damaged:
        source["damaged"] = [_plain(each) for each in damaged]
    request = ImportSessionRequest(
        session_id=session_id(TOOL, str(row["id"])),
        title=str(row["title"] or UNTITLED),
        checkpoints=checkpoints,
        created_at=_time(row["created_at"]),
        visibility=_one_of(SessionVisibility, row.get("visibility"), SessionVisibility.PRIVATE),
        status=_one_of(SessionStatus, row.get("status"), SessionStatus.ACTIVE),
        cwd=row.get("cwd") if isinstance(row.get("cwd"), str) else None,
        source=source,
    )
    return Transcript(TOOL, request, problems)


def _checkpoint(row: _Row, known: dict[str, int]) -> ImportedCheckpoint:
    """Return a checkpoint; InvalidRequestError says why its state cannot be read."""
    state = _state(row["state"])
    messages = state.pop("messages", None)
    encode_messages([] if messages is None else messages)
    metadata = state.pop("metadata", None)
    source: _Row = {
        "tool": TOOL,
        "row": _plain({name: value for name, value in row.items() if name != "state"}),
    }
    if row["state"] is None:
        source["state"] = None
    elif state:
        source["state"] = state
    if metadata is not None and (not isinstance(metadata, dict) or "source" in metadata):
        source["metadata"] = metadata
        metadata = None
    combined = {**(metadata or {}), "source": source}
    encode_metadata(combined)
    return ImportedCheckpoint(
        messages=messages or [],
        created_at=_time(row["created_at"]),
        parent=known.get(row.get("parent_id") or ""),
        metadata=combined,
    )


def _state(text: object) -> _Row:
    if text is None:
        return {}
    try:
        state = msgspec.json.decode(text if isinstance(text, str | bytes) else b"")
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise InvalidRequestError(f"its state is not JSON: {error}") from error
    if not isinstance(state, dict):
        raise InvalidRequestError("its state is not a JSON object")
    return state


def _plain(row: _Row) -> _Row:
    """Return a row as JSON can carry it."""
    return {name: value.hex() if isinstance(value, bytes) else value for name, value in row.items()}


def _time(text: object) -> datetime:
    return (parse_rfc3339(text) if isinstance(text, str) else None) or EPOCH


def _one_of(kind: Any, value: object, default: Any) -> Any:
    """Return the member that a column names, in any letter case, as the tool itself reads it."""
    name = value.upper() if isinstance(value, str) else ""
    return kind(name) if name in set(kind) else default
