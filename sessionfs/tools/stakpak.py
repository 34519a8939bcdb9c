"""Stakpak: ``~/.stakpak/data/local.db``, SQLite with a row a session and a row a checkpoint.

A checkpoint's ``state`` is the whole conversation. A NULL state (old rows) is a conversation without
messages. A row whose state is not JSON is damage: it is reported, and becomes a checkpoint that adds
nothing to its parent and carries the whole row in its metadata; the rest is taken over.
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from ..errors import InvalidRequestError
from ..messages.codec import encode_messages, encode_metadata
from ..models import ImportedCheckpoint, ImportSessionRequest, SessionStatus, SessionVisibility
from .base import EPOCH, UNTITLED, Place, Problem, Transcript, moment, session_id
from .jsonl import NOT_JSON

TOOL = "stakpak"

_COLUMNS = {
    "sessions": {"id", "title", "created_at"},
    "checkpoints": {"id", "session_id", "state", "created_at"},
}

_FIELDS = ["messages", "metadata"]
"""What a state usually has; another one's fields are noted."""

_Row = dict[str, Any]


class _Known(NamedTuple):
    """A checkpoint that others may follow: its place, and what tells whether they go on from it."""

    place: int
    length: int
    digest: bytes


def places(environment: Mapping[str, str], home: Path) -> list[Place]:  # noqa: ARG001
    """Return the directory of the database, which the tool lets no variable name."""
    return [Place(home / ".stakpak" / "data", ("local.db",))]


def recognises(path: Path, first: bytes | dict[str, Any]) -> bool:
    """Tell whether a file is an SQLite database with Stakpak's two tables."""
    if not isinstance(first, bytes) or not first.startswith(b"SQLite format 3\0"):
        return False
    import sqlite3

    try:
        with closing(_open(path)) as database:
            return all(
                columns <= {row["name"] for row in database.execute(f"PRAGMA table_info({table})")}
                for table, columns in _COLUMNS.items()
            )
    except (sqlite3.Error, UnicodeError):  # a damaged schema may have names that are no UTF-8
        return False


def read(path: Path) -> Iterator[Transcript]:
    """Give each session of a database, oldest first.

    A session that cannot be read does not keep back those after it: InvalidRequestError names it
    once they are given.
    """
    import sqlite3

    failed: list[str] = []
    try:
        with closing(_open(path)) as database:
            for row in list(database.execute("SELECT * FROM sessions ORDER BY created_at, id")):
                try:
                    transcript = _transcript(database, dict(row))
                except (sqlite3.Error, InvalidRequestError) as error:
                    failed.append(f"session {_text(row['id'])}: {error}")
                except UnicodeError:
                    failed.append(f"session {_text(row['id'])}: an id in it is not UTF-8")
                else:
                    yield transcript
    except (sqlite3.Error, UnicodeError) as error:
        raise InvalidRequestError(f"{path}: {error}", path=str(path)) from error
    if failed:
        raise InvalidRequestError(f"{path}: {'; '.join(failed)}", path=str(path))


def _open(path: Path) -> Any:
    import sqlite3

    # SQLite opens what lies beside a database, and would wait for a writer where that is a FIFO.
    for beside in (path.with_name(path.name + ending) for ending in ("-journal", "-wal", "-shm")):
        if beside.exists() and not beside.is_file():
            raise InvalidRequestError(f"{beside} is not a regular file", path=str(beside))
    database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    database.row_factory = sqlite3.Row
    # A text that is not UTF-8 is damage of that row, not of the whole file.
    database.text_factory = lambda raw: raw.decode(errors="surrogateescape")
    return database


def _rows(database: Any, session: object) -> Iterator[_Row]:
    """Give a session's checkpoints by their times, one in memory at a time."""
    listed = database.execute(
        "SELECT rowid AS place, id, created_at FROM checkpoints WHERE session_id = ?"
        " ORDER BY created_at, id",
        (session,),
    )
    for one in sorted(listed.fetchall(), key=lambda one: _time(one["created_at"])):
        found = database.execute(
            "SELECT * FROM checkpoints WHERE rowid = ? AND id IS ?", (one["place"], one["id"])
        ).fetchone()
        if found is not None:
            yield dict(found)


def _transcript(database: Any, row: _Row) -> Transcript:
    session = session_id(TOOL, _text(row["id"]))
    history = _History(session)
    for each in _rows(database, row["id"]):
        history.add(each)
    problems = [
        Problem(0, f"session {_text(row['id'])}: {problem}")
        for problem in (*_time_problem(row), *history.problems)
    ]
    if not history.readable:
        problems.append(Problem(0, f"session {_text(row['id'])} has no checkpoint that can be read"))
    if not history.checkpoints:
        note = {"source": {"tool": TOOL, "note": "no checkpoint could be read"}}
        history.put(row, note)
    request = ImportSessionRequest(
        session_id=session,
        title=_text(row["title"] or UNTITLED),
        # All of them each time; as they are noted, what was done here since is told apart from them.
        checkpoints=lambda _: history.checkpoints,
        created_at=_time(row["created_at"]),
        visibility=_one_of(SessionVisibility, row.get("visibility"), SessionVisibility.PRIVATE),
        status=_one_of(SessionStatus, row.get("status"), SessionStatus.ACTIVE),
        cwd=_text(row["cwd"]) if isinstance(row.get("cwd"), str) else None,
        source={"tool": TOOL, "session": _plain(row["id"]), "row": _plain_row(row)},
    )
    return Transcript(TOOL, request, problems)


def original_row(messages: list[_Row], metadata: _Row) -> _Row | None:
    """Return the row that a checkpoint was made of; None: of none."""
    source = metadata["source"]
    if "damaged" in source:
        damaged: _Row = source["damaged"]
        return damaged
    if "row" not in source:
        return None
    return {**source["row"], "state": _original_state(messages, metadata)}


def _original_state(messages: list[_Row], metadata: _Row) -> _Row | None:
    source = metadata["source"]
    if "state" in source and source["state"] is None:
        return None
    kept = {name: value for name, value in metadata.items() if name != "source"}
    values = {
        **source.get("state", {}),
        "messages": messages,
        "metadata": source.get("metadata", kept),
        **dict.fromkeys(source.get("null", [])),
    }
    return {name: values[name] for name in source.get("fields", _FIELDS)}


class _History:
    """Collects a session's checkpoints; what a state has from its parent is not held again."""

    def __init__(self, session: UUID) -> None:
        self._session = session
        self.checkpoints: list[ImportedCheckpoint] = []
        self.problems: list[str] = []
        self.readable = False
        self._known: dict[object, _Known] = {}
        self._last: _Known | None = None

    def add(self, row: _Row) -> None:
        """Add a row, as what it holds or as a damaged one."""
        before = row.get("parent_id")
        parent = self._known.get(before) if before is not None else None
        name = f"checkpoint {_text(row['id'])}"
        self.problems += [f"{name}: {problem}" for problem in _time_problem(row)]
        try:
            known = self._sound(row, parent)
            self.readable = True
        except InvalidRequestError as error:
            self.problems.append(f"{name}: {error.message}")
            known = self._damaged(row, parent)
        self._known[row["id"]] = self._last = known

    def put(self, row: _Row, metadata: _Row) -> None:
        """Add a checkpoint without messages, with the time of a row."""
        self._put(row, None, [], metadata, _Known(0, 0, b""), appends=False)

    def _sound(self, row: _Row, parent: _Known | None) -> _Known:
        """Add a sound row; InvalidRequestError says why its state cannot be read."""
        messages, metadata = _state(row)
        encoded = encode_messages(messages)
        appends, digest = _goes_on(parent, encoded)
        if appends and parent is not None:
            messages = messages[parent.length :]
        return self._put(row, parent, messages, metadata, _Known(0, len(encoded), digest), appends)

    def _damaged(self, row: _Row, parent: _Known | None) -> _Known:
        """Add a damaged row: its messages are its parent's, or what the conversation had come to."""
        after = parent if parent is not None and parent.length else self._last
        known = after or _Known(0, 0, hashlib.sha256().digest())
        metadata = {"source": {"tool": TOOL, "damaged": _plain_row(row)}}
        return self._put(row, after, [], metadata, known, after is not None)

    def _put(
        self,
        row: _Row,
        parent: _Known | None,
        messages: list[Any],
        metadata: _Row,
        known: _Known,
        appends: bool,
    ) -> _Known:
        metadata["source"]["point"] = {"session": str(self._session), "messages": known.length}
        self.checkpoints.append(
            ImportedCheckpoint(
                messages=messages,
                created_at=_time(row["created_at"]),
                parent=None if parent is None else parent.place,
                appends=appends,
                metadata=metadata,
            )
        )
        return known._replace(place=len(self.checkpoints) - 1)


def _goes_on(parent: _Known | None, encoded: list[bytes]) -> tuple[bool, bytes]:
    """Tell whether messages begin with those of the parent, and return their digest."""
    running, goes_on = hashlib.sha256(), False
    for i in range(len(encoded) + 1):
        if parent is not None and i == parent.length:
            goes_on = running.digest() == parent.digest
        if i < len(encoded):
            # JSON holds no line feed between its tokens: where a message ends is unmistakable.
            running.update(encoded[i] + b"\n")
    return goes_on, running.digest()


def _state(row: _Row) -> tuple[list[Any], _Row]:
    """Return a row's messages, and the metadata that keeps everything else of it."""
    state = _decoded(row["state"])
    fields, null = list(state), [name for name in _FIELDS if state.get(name, "") is None]
    messages = state.pop("messages", None)
    metadata = state.pop("metadata", None)
    source: _Row = {
        "tool": TOOL,
        "row": _plain_row({name: value for name, value in row.items() if name != "state"}),
    }
    if row["state"] is None:
        source["state"] = None
    elif state:
        source["state"] = state
    if fields != _FIELDS:
        source["fields"] = fields
    if null:
        source["null"] = null
    if metadata is not None and (not isinstance(metadata, dict) or "source" in metadata):
        source["metadata"] = metadata
        metadata = None
    combined = {**(metadata or {}), "source": source}
    encode_metadata(combined)
    return ([] if messages is None else messages), combined


def _decoded(text: object) -> _Row:
    if text is None:
        return {}
    try:
        state = msgspec.json.decode(text if isinstance(text, str | bytes) else b"")
    except NOT_JSON as error:
        raise InvalidRequestError(f"its state is not JSON: {_text(str(error))}") from error
    if not isinstance(state, dict):
        raise InvalidRequestError("its state is not a JSON object")
    return state


def _plain_row(row: _Row) -> _Row:
    """Return a row as JSON can carry it."""
    return {_text(name): _plain(value) for name, value in row.items()}


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, str) and _text(value) != value:
        return "base64:" + base64.b64encode(value.encode(errors="surrogateescape")).decode()
    return value


def _text(value: object) -> str:
    """Return a value as a text, with what is not UTF-8 as escapes."""
    return str(value).encode(errors="surrogateescape").decode(errors="backslashreplace")


def _time(text: object) -> datetime:
    return (moment(text) if isinstance(text, str) else None) or EPOCH


def _time_problem(row: _Row) -> list[str]:
    made = row["created_at"]
    if isinstance(made, str) and moment(made) is not None:
        return []
    return [f"created_at is not a time that can be kept: {_text(made)}"]


def _one_of(kind: Any, value: object, default: Any) -> Any:
    """Return the member that a column names, in any letter case, as the tool itself reads it."""
    name = value.upper() if isinstance(value, str) else ""
    return kind(name) if name in set(kind) else default
