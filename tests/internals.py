"""Parts of a storage that its users do not see: the one place where tests reach for them."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from unittest import mock
from uuid import UUID

import sessionfs.storage
from sessionfs import FileStorage
from sessionfs.format.timestamps import WallClock, wall_clock
from sessionfs.fs.files import Files
from sessionfs.store.objects import ObjectCache
from sessionfs.store.root import Root
from sessionfs.store.session import Environment, SessionDirectory
from sessionfs.store.state_cache import StateCache


def open_with(
    root: str | Path, *, clock: WallClock = wall_clock, cache: ObjectCache | None = None, **options: Any
) -> FileStorage:
    """Open a storage whose machine has another clock, or that holds objects in this cache."""
    given = cache or ObjectCache(1 << 20)
    with (
        mock.patch.object(sessionfs.storage, "wall_clock", clock),
        mock.patch.object(sessionfs.storage, "ObjectCache", return_value=given),
    ):
        return FileStorage(root, **{"durability": "relaxed", "message_type": dict, **options})


def store_root(root: str | Path) -> Root:
    return Root(str(root), Files("relaxed"))


def session_directory(
    root: str | Path, session: UUID, *, cache: ObjectCache | None = None
) -> SessionDirectory:
    """Open the directory of a session, whose objects are held in this cache."""
    environment = Environment(Files("relaxed"), cache or ObjectCache(1 << 20), wall_clock)
    return SessionDirectory(store_root(root).session_path(session), session, environment)


def held_states(storage: FileStorage) -> StateCache:
    """Return the whole states that a storage holds in memory, to compare the next one with."""
    return storage._states


def sessions_held(storage: FileStorage) -> list[UUID]:
    """Return the sessions of which a storage holds a whole state, the one used last at the end."""
    return [UUID(int=each) for each in storage._states._held]


def bytes_held(cache: ObjectCache) -> int:
    """Return how many bytes the objects in a cache have, which is what the cache itself counts."""
    size: int = sum(each.size for each in cache._entries.values())
    assert size == cache._used
    return size


def lock_of(storage: FileStorage, which: str) -> AbstractContextManager[Any]:
    """Return one of the locks that threads which share a storage wait for."""
    locks: dict[str, AbstractContextManager[Any]] = {
        "cache": storage._environment.cache._lock,
        "index": storage._index._lock,
    }
    return locks[which]
