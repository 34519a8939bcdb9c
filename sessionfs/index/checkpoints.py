"""Which session holds a checkpoint: the digits that begin its id, for every object of the store."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from ..files import Fingerprint

if TYPE_CHECKING:
    from sqlite3 import Connection


class Names(NamedTuple):
    """What ``objects/`` of a session holds, by the digits that begin checkpoint ids."""

    id: str
    fingerprint: Fingerprint
    looked_ns: int
    hash12: set[str]


Known = tuple[int, int, int, int]
"""The fingerprint of ``objects/``, and when it was looked at, in nanoseconds since 1970."""


def known_names(connection: Connection) -> dict[str, Known]:
    """Return when and how each session's objects were looked at, by its id's text."""
    rows = connection.execute("SELECT id, changed_ns, modified_ns, inode, looked_ns FROM objects")
    return {row[0]: row[1:] for row in rows}


def holding(connection: Connection, hash12: str) -> list[str]:
    """Return the recorded sessions that hold an object whose hash begins like this."""
    rows = connection.execute("SELECT id FROM names WHERE hash12 = ? ORDER BY id", (hash12,))
    return [row[0] for row in rows]


def put_names(connection: Connection, found: Iterable[Names], gone: Iterable[str]) -> None:
    """Record what sessions hold, and forget those that are gone."""
    listed = list(found)
    forget = [(each.id,) for each in listed] + [(id_,) for id_ in gone]
    connection.executemany("DELETE FROM names WHERE id = ?", forget)
    connection.executemany("DELETE FROM objects WHERE id = ?", forget)
    connection.executemany(
        "INSERT INTO objects VALUES (?,?,?,?,?)",
        ((each.id, *each.fingerprint, each.looked_ns) for each in listed),
    )
    connection.executemany(
        "INSERT INTO names VALUES (?,?)",
        ((digits, each.id) for each in listed for digits in each.hash12),
    )
