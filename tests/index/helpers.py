"""Comparing what the index answers with a scan of the files, and doing harm to the index."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from sessionfs import (
    FileStorage,
    ListCheckpointsQuery,
    ListSessionsQuery,
    SearchQuery,
    SessionStatus,
    SessionSummary,
    SessionVisibility,
    StorageError,
)
from sessionfs.queries import listing, search, transcript

from ..internals import session_directory, store_root


def open_store(root: Path, cache: Path) -> FileStorage:
    return FileStorage(root, durability="relaxed", index_dir=cache, message_type=dict)


def plain(root: Path) -> FileStorage:
    """Open a store without an index: what it answers is what the files say."""
    return open_store(root, Path(os.devnull) / "nowhere")


def queries(everyone: list[SessionSummary]) -> list[ListSessionsQuery]:
    """Return queries over every filter, their values taken from what is there."""
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


def searches(everyone: list[SessionSummary], texts: list[str]) -> list[SearchQuery]:
    """Return searches over every filter for some texts."""
    found = [SearchQuery(text, limit=1000) for text in texts]
    for i, query in enumerate(found[:]):
        found += [query.with_role("user"), query.with_tool("bash"), query.with_limit(2).with_offset(1)]
        if everyone:
            one = everyone[i % len(everyone)]
            found += [
                query.with_session(one.id),
                query.with_status(one.status),
                query.with_visibility(one.visibility),
                query.with_cwd_below(one.cwd or "/"),
                query.with_cwd(one.cwd or "/"),
                query.with_dates(since=one.updated_at),
                query.with_dates(until=one.updated_at).with_role("assistant"),
            ]
    return found


TEXTS = ("a", "ALPHA", "fn(a, b)", "--flag=1", "日本", '"', "\n", "zzz nowhere")


def assert_equals_scan(
    storage: FileStorage, root: Path, texts: Iterable[str] = TEXTS, *, indexed: bool = True
) -> None:
    """Compare every answer with the one that the files give, by the code that knows no index."""
    reference = plain(root)
    directories = [session_directory(root, session) for session in store_root(root).session_ids()]
    summaries = ((listing.session_summary(each), each) for each in directories)
    found = [(summary, each) for summary, each in summaries if summary is not None]
    everyone = [summary for summary, _ in found]
    transcripts = [(summary, transcript.read_transcript(each)) for summary, each in found]
    for query in queries(everyone):
        assert storage.list_sessions(query) == listing.answer(everyone, query), query
    for wanted in searches(everyone, list(texts)):
        assert storage.search(wanted) == search.answer(transcripts, search.check(wanted)), wanted
    for each in everyone:
        for page in (ListCheckpointsQuery(limit=2, offset=1), ListCheckpointsQuery(limit=1000)):
            listed = reference.list_checkpoints(each.id, page)
            assert storage.list_checkpoints(each.id, page) == listed
        for checkpoint in listed.checkpoints[-5:]:
            assert _read(storage, checkpoint.id) == _read(reference, checkpoint.id)
    # What was compared was an index and no scan in its place.
    assert storage.index_state().usable is indexed


def _read(storage: FileStorage, checkpoint_id: UUID) -> object:
    try:
        return storage.get_checkpoint(checkpoint_id)
    except StorageError as error:
        return type(error), error.message


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
    if data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _forget_rows(cache: Path, rng: random.Random) -> None:
    """Change the database as another program could."""
    # It may be none any more, after other harm.
    harmed = suppress(sqlite3.DatabaseError)
    with harmed, closing(sqlite3.connect(database(cache))) as connection, connection:
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
