"""Summaries of sessions in the index: what is recorded of each, and queries over them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from .. import checks, listing
from ..files import Fingerprint
from ..listing import Cursor, Looked
from ..models import ListSessionsQuery, ListSessionsResult, SessionSummary

if TYPE_CHECKING:
    from sqlite3 import Connection

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LARGEST = (1 << 62) - 1
"""SQLite counts to 2**63; a limit beyond this is as good as none."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(SessionSummary).decode


Known = tuple[int, int, int, int, int]
"""What is recorded of a session: the fingerprint of ``refs/``, when it was looked at, in nanoseconds
since 1970, and whether the summary depends on that directory alone."""


class Look(NamedTuple):
    """A session as it was looked at; the fingerprint was taken first."""

    id: str
    fingerprint: Fingerprint
    looked_ns: int
    looked: Looked


def known(connection: Connection) -> dict[str, Known]:
    """Return what is recorded of each session, by its id's text."""
    rows = connection.execute(
        "SELECT id, changed_ns, modified_ns, inode, looked_ns, settled FROM sessions"
    )
    return {row[0]: row[1:] for row in rows}


def is_recorded(connection: Connection, look: Look) -> bool:
    """Tell whether what a look showed is what the index says anyway."""
    row = connection.execute("SELECT summary FROM sessions WHERE id = ?", (look.id,)).fetchone()
    return row is not None and row[0] == _encode(look.looked.summary)


def put(connection: Connection, looks: Iterable[Look], gone: Iterable[str]) -> None:
    """Record sessions as they were looked at, and forget those that are gone."""
    connection.executemany("DELETE FROM sessions WHERE id = ?", ((id_,) for id_ in gone))
    connection.executemany(
        "INSERT OR REPLACE INTO sessions VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)", map(_row, looks)
    )


def answer(
    connection: Connection, query: ListSessionsQuery, looks: list[Look], gone: list[str]
) -> ListSessionsResult:
    """Return the page that ``listing.answer`` gives for the recorded sessions.

    Sessions that were looked at count as they were seen, and those that are gone not at all.
    """
    connection.create_function("is_below", 2, _is_below, deterministic=True)
    clauses, values = _clauses(query)
    hidden = [look.id for look in looks] + gone
    if hidden:
        clauses.append("id NOT IN (SELECT value FROM json_each(?))")
        values.append(msgspec.json.encode(hidden).decode())
    seen = [look.looked.summary for look in looks if listing.matches(look.looked.summary, query)]
    where = f" WHERE {' AND '.join(clauses)}" if clauses else ""
    # The clauses are texts of this module; what a caller gives is bound to their question marks.
    (total,) = connection.execute(f"SELECT count(*) FROM sessions{where}", values).fetchone()  # noqa: S608
    if query.cursor is not None:
        cursor = Cursor.parse(query.cursor)
        clauses.append("(updated_us < ? OR (updated_us = ? AND id > ?))")
        values += [_microseconds(cursor.updated_at)] * 2 + [str(cursor.id)]
        where = f" WHERE {' AND '.join(clauses)}"
    # One more than the page reaches, which tells whether there is a next one.
    enough = min(checks.page(query.limit, query.offset).stop, _LARGEST) + 1
    rows = connection.execute(
        f"SELECT summary FROM sessions{where} ORDER BY updated_us DESC, id LIMIT ?",  # noqa: S608
        [*values, enough],
    )
    found = [_decode(row[0]) for row in rows] + listing.after_cursor(seen, query)
    return listing.page(found, total + len(seen), query)


def _row(look: Look) -> tuple[object, ...]:
    summary = look.looked.summary
    return (
        look.id,
        *look.fingerprint,
        look.looked_ns,
        look.looked.settled,
        summary.title.casefold().encode(),
        None if summary.cwd is None else summary.cwd.encode(),
        summary.visibility.value,
        summary.status.value,
        _microseconds(summary.created_at),
        _microseconds(summary.updated_at),
        _encode(summary),
    )


def _clauses(query: ListSessionsQuery) -> tuple[list[str], list[Any]]:
    """Return what ``listing.matches`` asks, a clause a filter."""
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
            add(f"{column} >= ?", _microseconds(since))
        if until is not None:
            add(f"{column} < ?", _microseconds(until))
    return clauses, values


def _is_below(cwd: bytes | None, directory: bytes) -> bool:
    return cwd is not None and listing.is_below(cwd.decode(), directory.decode())


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND
