"""What the index knows of each session's objects: its checkpoints, and which messages are indexed.

The invariant: a record speaks of exactly the objects that it names. What arrived since is added to it
where it comes after everything that is known; else the session is read as a whole once more.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from ..errors import CorruptObjectError, IncompleteError
from ..format.records import CheckpointObject
from ..fs import fingerprints
from ..queries.listing import CheckpointRow
from ..queries.transcript import KEY_BYTES, SearchableMessage, TranscriptReader, unique
from ..store import graph
from ..store.objects import Objects
from ..store.session import SessionDirectory
from .fulltext.blocks import SHA_BYTES
from .staleness import LARGEST

if TYPE_CHECKING:
    from sqlite3 import Connection

SCHEMA = """
CREATE TABLE contents(
    id TEXT PRIMARY KEY, fingerprint INTEGER, settled INTEGER, key INTEGER UNIQUE, version INTEGER,
    length INTEGER, gaps INTEGER, last TEXT, watched BLOB, problems BLOB
);
CREATE INDEX damaged ON contents(id) WHERE problems IS NOT NULL;
CREATE TABLE memory(key INTEGER PRIMARY KEY, objects BLOB, seen BLOB, tools BLOB);
CREATE TABLE checkpoints(
    key INTEGER, at TEXT, sha BLOB, parent BLOB, count INTEGER, complete INTEGER,
    PRIMARY KEY(key, at, sha)
) WITHOUT ROWID;
"""

Watched = tuple[str, tuple[int, int, int, int, int]]
"""A file that may be mended in place, and its identity when it was looked at."""

_RACY = (0, 0, 0, 0, 0)
"""In the place of an identity that a later change may share."""

_encode = msgspec.msgpack.Encoder().encode
_decode_watched = msgspec.msgpack.Decoder(list[Watched]).decode
_decode_problems = msgspec.msgpack.Decoder(list[str]).decode
_decode_tools = msgspec.msgpack.Decoder(dict[str, str]).decode


class ContentsRecord(NamedTuple):
    """What is recorded of a session, beside its checkpoints and messages.

    Attributes:
        fingerprint: of ``objects/``.
        settled: whether it is as recorded as long as the fingerprint is.
        key: stands for the session among the messages; another one after it was read anew.
        version: counts the changes of the record.
        length: of its messages' text, in bytes.
        gaps: whether something is missing, so that what arrives may complete what is known.
        last: timestamp and hash of the newest checkpoint; "" if there is none.
        watched: files that may be mended in place, which their directory does not tell.
        problems: what is damaged, a sentence each.

    """

    fingerprint: int
    settled: bool
    key: int
    version: int
    length: int
    gaps: bool
    last: str
    watched: list[Watched]
    problems: list[str]


class ContentsReading(NamedTuple):
    """What a look at a session's objects showed.

    Attributes:
        id: the session's.
        base: the record to which the rest adds; None: the rest is all there is.
        objects: the hashes of all objects that are here.
        checkpoints: those that are new, oldest first.
        messages: the messages that are new.

    """

    id: str
    fingerprint: int
    settled: bool
    base: ContentsRecord | None
    objects: set[str]
    checkpoints: list[CheckpointRow]
    messages: list[SearchableMessage]
    reader: TranscriptReader
    gaps: bool
    last: str
    watched: list[Watched]
    problems: list[str]


class _ObjectReading(NamedTuple):
    found: list[tuple[str, str, CheckpointObject]]
    damaged: list[CorruptObjectError]
    watched: list[Watched]


def record(connection: Connection, id_: str) -> ContentsRecord | None:
    """Return what is recorded of a session."""
    row = connection.execute(
        "SELECT fingerprint, settled, key, version, length, gaps, last, watched, problems"
        " FROM contents WHERE id = ?",
        (id_,),
    ).fetchone()
    if row is None:
        return None
    watched = [] if row[7] is None else _decode_watched(row[7])
    problems = [] if row[8] is None else _decode_problems(row[8])
    return ContentsRecord(
        fingerprint=row[0],
        settled=bool(row[1]),
        key=row[2],
        version=row[3],
        length=row[4],
        gaps=bool(row[5]),
        last=row[6],
        watched=watched,
        problems=problems,
    )


def look(connection: Connection | None, directory: SessionDirectory) -> ContentsReading | None:
    """Compare a session's objects with its record, if there is one; None: they are as recorded.

    StorageError where the operating system refuses to tell.
    """
    id_, looked_ns = str(directory.id), time.time_ns()
    view = directory.look()
    found = fingerprints.of(directory.objects.directory)
    fingerprint = fingerprints.digest(found)
    base = None if connection is None or view.purged else record(connection, id_)
    if base is not None and base.settled and base.fingerprint == fingerprint:
        return None
    names = set(view.objects.hashes())
    objects, reader = set[str](), TranscriptReader()
    if base is not None and connection is not None:
        objects, reader = _remembered(connection, base.key)
        mended = any(fingerprints.identity(path) != before for path, before in base.watched)
        if mended or not objects <= names or (base.gaps and objects != names):
            base = None
    read = _read(view.objects, names - objects if base else names, looked_ns)
    if base is not None and read.found and _at_and_sha(read.found[0]) < base.last:
        base, read = None, _read(view.objects, names, looked_ns)
    if base is None:
        reader = TranscriptReader()
    messages = [
        each for _, sha, checkpoint in read.found for each in reader.read(view.objects, sha, checkpoint)
    ]
    listed = _listed(connection, base, read.found, names)
    watched = (base.watched if base else []) + read.watched
    watched += _identities(reader.unsound, looked_ns)
    problems = [error.message for error in read.damaged] + reader.problems
    settled = fingerprints.is_settled(found, looked_ns) and not watched and not view.purged
    as_before = base is not None and (base.fingerprint, base.settled) == (fingerprint, settled)
    if as_before and names == objects:
        return None
    return ContentsReading(
        id_,
        fingerprint,
        settled,
        base,
        names,
        listed,
        messages,
        reader,
        bool(base and base.gaps)
        or not reader.complete
        or bool(watched)
        or not all(each.complete for each in listed),
        _at_and_sha(read.found[-1]) if read.found else base.last if base else "",
        watched,
        unique([*(base.problems if base else []), *problems]),
    )


def unreadable(id_: str, problem: str) -> ContentsReading:
    """Return the reading of a session whose objects cannot be listed."""
    return ContentsReading(
        id_, 0, False, None, set(), [], [], TranscriptReader(), True, "", [], [problem]
    )


def put(connection: Connection, looked: ContentsReading) -> int | None:
    """Record a look, without its messages, and return the session's key.

    None: the record is not any more what the look adds to, and stays as it is.
    """
    before = record(connection, looked.id)
    if looked.base is not None and (
        before is None or (before.key, before.version) != (looked.base.key, looked.base.version)
    ):
        return None
    if looked.base is None:
        if before is not None:
            forget(connection, [looked.id])
        # Never one that some message still has.
        key: int
        (key,) = connection.execute(
            "SELECT 1 + max((SELECT coalesce(max(key), 0) FROM memory),"
            " (SELECT coalesce(max(key), 0) FROM dead))"
        ).fetchone()
        version, length = 1, 0
    else:
        key, version, length = looked.base.key, looked.base.version + 1, looked.base.length
    connection.execute(
        "INSERT OR REPLACE INTO contents VALUES (?,?,?,?,?,?,?,?,?,?)",
        (
            looked.id,
            looked.fingerprint,
            looked.settled,
            key,
            version,
            length,
            looked.gaps,
            looked.last,
            _encode(looked.watched) if looked.watched else None,
            _encode(looked.problems) if looked.problems else None,
        ),
    )
    reader = looked.reader
    connection.execute(
        "INSERT OR REPLACE INTO memory VALUES (?,?,?,?)",
        (
            key,
            bytes.fromhex("".join(looked.objects)),
            b"".join(reader.seen),
            _encode(reader.tools),
        ),
    )
    connection.executemany(
        "INSERT OR REPLACE INTO checkpoints VALUES (?,?,?,?,?,?)",
        (
            (
                key,
                each.at,
                bytes.fromhex(each.sha),
                None if each.parent is None else bytes.fromhex(each.parent),
                each.messages,
                each.complete,
            )
            for each in looked.checkpoints
        ),
    )
    return key


def add_length(connection: Connection, key: int, length: int) -> None:
    """Record that the text of a session's messages has grown by so many bytes."""
    connection.execute("UPDATE contents SET length = length + ? WHERE key = ?", (length, key))


def forget(connection: Connection, gone: Iterable[str]) -> None:
    """Forget sessions; their messages are dead from now on."""
    for id_ in gone:
        row = connection.execute("SELECT key, length FROM contents WHERE id = ?", (id_,)).fetchone()
        if row is not None:
            connection.execute("INSERT OR REPLACE INTO dead VALUES (?,?)", row)
            connection.execute("DELETE FROM contents WHERE id = ?", (id_,))
            connection.execute("DELETE FROM memory WHERE key = ?", row[:1])
            connection.execute("DELETE FROM checkpoints WHERE key = ?", row[:1])


def checkpoints(
    connection: Connection, known: ContentsRecord, looked: ContentsReading | None, page: slice
) -> tuple[list[CheckpointRow], int] | None:
    """Return a page of a session's checkpoints, oldest first, and how many there are.

    They are those of a record, and those that a look adds to it. None: something is damaged.
    """
    if known.watched or known.problems or (looked is not None and looked.problems):
        return None
    added = [] if looked is None else looked.checkpoints
    (number,) = connection.execute(
        "SELECT count(*) FROM checkpoints WHERE key = ?", (known.key,)
    ).fetchone()
    rows = connection.execute(
        "SELECT at, sha, parent, count, complete FROM checkpoints WHERE key = ?"
        " ORDER BY at, sha LIMIT ? OFFSET ?",
        (known.key, min(page.stop - page.start, LARGEST), min(page.start, LARGEST)),
    )
    listed = [
        CheckpointRow(at, sha.hex(), None if parent is None else parent.hex(), count, bool(complete))
        for at, sha, parent, count, complete in rows
    ]
    listed += added[max(page.start - number, 0) : max(page.stop - number, 0)]
    return listed, number + len(added)


def _remembered(connection: Connection, key: int) -> tuple[set[str], TranscriptReader]:
    objects, seen, tools = connection.execute(
        "SELECT objects, seen, tools FROM memory WHERE key = ?", (key,)
    ).fetchone()
    hashes = objects.hex()
    digits = 2 * SHA_BYTES
    names = {hashes[i : i + digits] for i in range(0, len(hashes), digits)}
    keys = (seen[i : i + KEY_BYTES] for i in range(0, len(seen), KEY_BYTES))
    return names, TranscriptReader(keys, _decode_tools(tools))


def _read(objects: Objects, names: Iterable[str], looked_ns: int) -> _ObjectReading:
    """Read objects; checkpoints come in the order of their timestamps."""
    found: list[tuple[str, str, CheckpointObject]] = []
    damaged: list[CorruptObjectError] = []
    in_flight: list[str] = []
    for sha in names:
        try:
            checkpoint = objects.load(sha)
        except CorruptObjectError as error:
            damaged.append(error)
        except IncompleteError:
            in_flight.append(objects.path(sha))
        else:
            if checkpoint is not None:
                found.append((checkpoint.at, sha, checkpoint))
    found.sort(key=_at_and_sha)
    paths = [error.path or "" for error in damaged] + in_flight
    return _ObjectReading(found, damaged, _identities(paths, looked_ns))


def _identities(paths: Iterable[str], looked_ns: int) -> list[Watched]:
    found = [(path, fingerprints.identity(path)) for path in paths]
    return [
        (
            path,
            _RACY
            if identity is None or not fingerprints.is_settled(identity[4:], looked_ns)
            else identity,
        )
        for path, identity in found
    ]


def _at_and_sha(found: tuple[str, str, CheckpointObject]) -> str:
    """Return what checkpoints are ordered by, as one text."""
    return found[0] + found[1]


def _listed(
    connection: Connection | None,
    base: ContentsRecord | None,
    found: list[tuple[str, str, CheckpointObject]],
    names: set[str],
) -> list[CheckpointRow]:
    """Return new checkpoints, and of each whether the objects that it needs are here and fit."""
    new = {sha: checkpoint for _, sha, checkpoint in found}
    told: dict[str, bool] = {}

    def fits(checkpoint: CheckpointObject) -> bool:
        if not all(sha in names for _, sha in checkpoint.large):
            return False
        if checkpoint.base is None:
            return True
        if checkpoint.base in new:
            return told.get(checkpoint.base, False) and checkpoint.keep <= new[checkpoint.base].count
        if base is None or connection is None:
            return False
        row = connection.execute(
            "SELECT count, complete FROM checkpoints WHERE key = ? AND sha = ?",
            (base.key, bytes.fromhex(checkpoint.base)),
        ).fetchone()
        return row is not None and bool(row[1]) and checkpoint.keep <= row[0]

    def base_in_new(sha: str) -> str | None:
        return new[sha].base if sha in new and sha not in told else None

    for sha in new:
        line = [each for each in graph.walk(sha, base_in_new) if each in new and each not in told]
        for each in reversed(line):
            told[each] = fits(new[each])
    return [CheckpointRow.of(sha, checkpoint, complete=told[sha]) for _, sha, checkpoint in found]
