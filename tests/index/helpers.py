"""Comparing what the index answers with a scan of the files, and doing harm to the index."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from sessionfs import FileStorage, ListSessionsQuery, SessionStatus, SessionVisibility, listing


def open_store(root: Path, cache: Path) -> FileStorage:
    return FileStorage(root, durability="relaxed", index_dir=cache, message_type=dict)


def scan(storage: FileStorage, query: ListSessionsQuery) -> object:
    """Return the answer that the files give, by the code that knows no index."""
    return listing.answer(storage._index.scan(), listing.check(query))


def queries(storage: FileStorage) -> list[ListSessionsQuery]:
    """Return queries over every filter, their values taken from what is there."""
    everyone = list(storage._index.scan())
    found = [
        ListSessionsQuery(),
        ListSessionsQuery(limit=0),
        ListSessionsQuery(limit=2, offset=1),
        ListSessionsQuery(offset=10**20),
        ListSessionsQuery(limit=10**20),
        ListSessionsQuery(search=""),
        ListSessionsQuery(search="a"),
        ListSessionsQuery(search="\x00"),
        *(ListSessionsQuery(status=status) for status in SessionStatus),
        *(ListSessionsQuery(visibility=visibility) for visibility in SessionVisibility),
    ]
    for each in everyone[:4]:
        microsecond = timedelta(microseconds=1)
        found += [
            ListSessionsQuery(search=each.title[1:].upper(), limit=3),
            ListSessionsQuery(cwd=each.cwd),
            ListSessionsQuery(cwd_below=each.cwd or "/"),
            ListSessionsQuery(created_since=each.created_at, status=each.status),
            ListSessionsQuery(created_until=each.created_at + microsecond),
            ListSessionsQuery(
                updated_since=each.updated_at, updated_until=each.updated_at + microsecond
            ),
            ListSessionsQuery(cursor=str(listing.Cursor.after(each)), limit=2),
        ]
    return found


def assert_equals_scan(storage: FileStorage) -> None:
    for query in queries(storage):
        assert storage.list_sessions(query) == scan(storage, query), query


def index_files(cache: Path) -> list[Path]:
    return [path for path in cache.rglob("*") if path.is_file() and path.name != "index.lock"]


def database(cache: Path) -> Path:
    (found,) = cache.rglob("index.sqlite")
    return found


def _delete(cache: Path, rng: random.Random) -> None:
    rng.choice(index_files(cache)).unlink()


def _delete_all(cache: Path, rng: random.Random) -> None:
    shutil.rmtree(cache)


def _truncate(cache: Path, rng: random.Random) -> None:
    path = rng.choice(index_files(cache))
    os.truncate(path, rng.randrange(path.stat().st_size + 1))


def _flip(cache: Path, rng: random.Random) -> None:
    path = rng.choice(index_files(cache))
    data = bytearray(path.read_bytes())
    if data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        path.write_bytes(data)


def _flip_and_hide(cache: Path, rng: random.Random) -> None:
    """Damage the database and set its modification time back."""
    path = database(cache)
    status = path.stat()
    data = bytearray(path.read_bytes())
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _forget_rows(cache: Path, rng: random.Random) -> None:
    """Change the database as another program could."""
    with closing(sqlite3.connect(database(cache))) as connection, connection:
        connection.execute("DELETE FROM sessions WHERE rowid % 2 = 0")
        connection.execute("UPDATE sessions SET title = x'00'")


def _garbage(cache: Path, rng: random.Random) -> None:
    rng.choice(index_files(cache)).write_bytes(rng.randbytes(rng.choice([0, 1, 100, 5_000])))


HARM: dict[str, Callable[[Path, random.Random], None]] = {
    "deleted": _delete,
    "all deleted": _delete_all,
    "truncated": _truncate,
    "bit flipped": _flip,
    "bit flipped, time set back": _flip_and_hide,
    "changed by another program": _forget_rows,
    "garbage": _garbage,
}
