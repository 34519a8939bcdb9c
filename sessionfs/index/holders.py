"""Which sessions hold an object: the digits that begin its name, for every object of the store."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from ..format.ids import HASH12
from ..fs import fingerprints
from ..store.session import SessionDirectory

if TYPE_CHECKING:
    from sqlite3 import Connection

SCHEMA = """
CREATE TABLE objects(id TEXT PRIMARY KEY, fingerprint INTEGER, settled INTEGER, names BLOB);
"""


class ObjectNames(NamedTuple):
    """What ``objects/`` of a session holds: the digits that begin checkpoint ids, as bytes."""

    id: str
    fingerprint: int
    settled: bool
    names: bytes


def read_names(directory: SessionDirectory) -> ObjectNames:
    """List the objects of a session; StorageError where the operating system refuses."""
    looked_ns = time.time_ns()
    found = fingerprints.of(directory.objects.directory)
    hashes = directory.objects.hashes()
    return of(
        str(directory.id), fingerprints.digest(found), fingerprints.is_settled(found, looked_ns), hashes
    )


def of(id_: str, fingerprint: int, settled: bool, hashes: Iterable[str]) -> ObjectNames:
    """Return what a session holds, given the hashes of its objects."""
    digits = "".join([sha[:HASH12] for sha in hashes])
    return ObjectNames(id_, fingerprint, settled, bytes.fromhex(digits))


def holding(connection: Connection, hash12: str) -> set[str]:
    """Return the recorded sessions that may hold an object whose hash begins like this."""
    rows = connection.execute("SELECT id FROM objects WHERE instr(names, ?)", (bytes.fromhex(hash12),))
    return {id_ for (id_,) in rows}


def put(connection: Connection, found: Iterable[ObjectNames], gone: Iterable[str]) -> None:
    """Record what sessions hold, and forget those that are gone."""
    connection.executemany("DELETE FROM objects WHERE id = ?", ((id_,) for id_ in gone))
    connection.executemany("INSERT OR REPLACE INTO objects VALUES (?,?,?,?)", found)
