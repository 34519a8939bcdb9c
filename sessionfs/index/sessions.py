"""Summaries of sessions in the index, and queries over them."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from .. import validation
from ..format.decoders import packed_decoder
from ..format.timestamps import to_unix_us
from ..fs import fingerprints
from ..models import ListSessionsQuery, ListSessionsResult, SessionSummary
from ..queries import listing
from ..queries.listing import Cursor
from ..store.session import SessionDirectory
from .staleness import LARGEST

if TYPE_CHECKING:
    from sqlite3 import Connection

SCHEMA = """
CREATE TABLE sessions(
    id TEXT PRIMARY KEY, fingerprint INTEGER, settled INTEGER, title BLOB, cwd BLOB,
    visibility TEXT, status TEXT, created_us INTEGER, updated_us INTEGER, summary BLOB
);
CREATE INDEX newest ON sessions(
    updated_us DESC, id, title, cwd, visibility, status, created_us
);
"""

_encode = msgspec.msgpack.Encoder().encode
_decode = packed_decoder(SessionSummary)


class SessionReading(NamedTuple):
    """A session as it was looked at.

    Attributes:
        fingerprint: of ``refs/``, taken before.
        settled: whether the summary is true as long as the fingerprint is.
        purged: whether some of the session's objects may be hidden.

    """

    id: str
    fingerprint: int
    settled: bool
    summary: SessionSummary
    purged: bool = False


def look(directory: SessionDirectory) -> SessionReading | None:
    """Look at a session; None: nothing of it is here."""
    looked_ns = time.time_ns()
    found = fingerprints.of(directory.refs.directory)
    looked = listing.read_summary(directory)
    if looked is None:
        return None
    settled = looked.settled and fingerprints.is_settled(found, looked_ns)
    return SessionReading(
        str(directory.id), fingerprints.digest(found), settled, looked.summary, looked.purged
    )


def is_recorded(connection: Connection, look: SessionReading) -> bool:
    """Tell whether what a look showed is what the index says anyway."""
    row = connection.execute("SELECT summary FROM sessions WHERE id = ?", (look.id,)).fetchone()
    return row is not None and row[0] == _encode(look.summary)


def summaries(connection: Connection, ids: Iterable[str]) -> dict[str, SessionSummary]:
    """Return the recorded summaries of some sessions."""
    asked = msgspec.json.encode(list(ids)).decode()
    rows = connection.execute(
        "SELECT id, summary FROM sessions WHERE id IN (SELECT value FROM json_each(?))", (asked,)
    )
    return {id_: _decode(summary) for id_, summary in rows}


def put(connection: Connection, looks: Iterable[SessionReading], gone: Iterable[str]) -> None:
    """Record sessions as they were looked at, and forget those that are gone."""
    connection.executemany("DELETE FROM sessions WHERE id = ?", ((id_,) for id_ in gone))
    connection.executemany(
        "INSERT OR REPLACE INTO sessions VALUES (?,?,?,?,?,?,?,?,?,?)", map(_row, looks)
    )


def answer(
    connection: Connection, query: ListSessionsQuery, looks: list[SessionReading], gone: list[str]
) -> ListSessionsResult:
    """Return the page that ``listing.answer`` gives for the recorded sessions.

    Sessions that were looked at count as they were seen, and those that are gone not at all.
    """
    clauses, values = _clauses(connection, query)
    hidden = [look.id for look in looks] + gone
    if hidden:
        clauses.append("id NOT IN (SELECT value FROM json_each(?))")
        values.append(msgspec.json.encode(hidden).decode())
    seen = [look.summary for look in looks if listing.matches(look.summary, query)]
    where = f" WHERE {' AND '.join(clauses)}" if clauses else ""
    # The clauses are texts of this module; what a caller gives is bound to their question marks.
    (total,) = connection.execute(f"SELECT count(*) FROM sessions{where}", values).fetchone()  # noqa: S608
    if query.cursor is not None:
        cursor = Cursor.parse(query.cursor)
        clauses.append("(updated_us < ? OR (updated_us = ? AND id > ?))")
        values += [to_unix_us(cursor.updated_at)] * 2 + [str(cursor.id)]
        where = f" WHERE {' AND '.join(clauses)}"
    # One more than the page reaches, which tells whether there is a next one.
    enough = min(validation.page(query.limit, query.offset).stop, LARGEST) + 1
    rows = connection.execute(
        f"SELECT summary FROM sessions{where} ORDER BY updated_us DESC, id LIMIT ?",  # noqa: S608
        [*values, enough],
    )
    found = [_decode(row[0]) for row in rows] + listing.after_cursor(seen, query)
    return listing.page(found, total + len(seen), query)


def _row(look: SessionReading) -> tuple[object, ...]:
    summary = look.summary
    return (
        look.id,
        look.fingerprint,
        look.settled,
        summary.title.casefold().encode(),
        None if summary.cwd is None else summary.cwd.encode(),
        summary.visibility.value,
        summary.status.value,
        to_unix_us(summary.created_at),
        to_unix_us(summary.updated_at),
        _encode(summary),
    )


def matching(connection: Connection, query: ListSessionsQuery) -> set[str] | None:
    """Return the recorded sessions that a query's filters match; None: all do."""
    clauses, values = _clauses(connection, query)
    if not clauses:
        return None
    where = " AND ".join(clauses)
    rows = connection.execute(f"SELECT id FROM sessions WHERE {where}", values)  # noqa: S608
    return {id_ for (id_,) in rows}


def _clauses(connection: Connection, query: ListSessionsQuery) -> tuple[list[str], list[Any]]:
    """Return what ``listing.matches`` asks, a clause a filter."""
    connection.create_function("is_below", 2, _is_below, deterministic=True)
    clauses: list[str] = []
    values: list[Any] = []

    def add(clause: str, value: object) -> None:
        clauses.append(clause)
        values.append(value)

    if query.status is not None:
        add("status = ?", query.status)
    if query.visibility is not None:
        add("visibility = ?", query.visibility)
    if query.cwd is not None:
        add("cwd = ?", query.cwd.encode())
    if query.cwd_below is not None:
        add("is_below(cwd, ?)", query.cwd_below.encode())
    if query.search:
        add("instr(title, ?)", query.search.casefold().encode())
    for column, since, until in (
        ("created_us", query.created_since, query.created_until),
        ("updated_us", query.updated_since, query.updated_until),
    ):
        if since is not None:
            add(f"{column} >= ?", to_unix_us(since))
        if until is not None:
            add(f"{column} < ?", to_unix_us(until))
    return clauses, values


def _is_below(cwd: bytes | None, directory: bytes) -> bool:
    return cwd is not None and listing.is_below(cwd.decode(), directory.decode())
