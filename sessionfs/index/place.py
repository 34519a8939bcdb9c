"""Where the index of a store is, and whether what lies there is ours, whole and of this root.

The invariant: a database whose identity is not the stamped one is never read. SQLite does not check its
pages; a file that anything else has touched since we wrote it is thrown away instead.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from .. import files
from ..errors import StorageError
from ..files import Files
from ..records import sha256

VERSION = 1
"""Of what the database holds; another one is thrown away."""

LOCK_SECONDS = 2.0

_DATABASE = "index.sqlite"
_STAMP = "stamp.json"
_LOCK = "index.lock"


class LockedError(Exception):
    """Another process keeps the index; answer without it."""


class Place:
    """The directory of one store's index: 0700, its files 0600."""

    def __init__(self, root: str, index_dir: str | None) -> None:
        self.root = files.real(root)
        self._parent = index_dir
        self._directory: str | None = None
        self._files = Files("relaxed")

    @property
    def directory(self) -> str:
        """Where the index is, or would be."""
        if self._directory is None:
            parent = self._parent or _cache_directory()
            name = sha256(self.root.encode(errors="surrogateescape"))[:32]
            self._directory = files.join(parent, name)
        return self._directory

    @property
    def database(self) -> str:
        """The SQLite file."""
        return files.join(self.directory, _DATABASE)

    def is_ours(self) -> bool:
        """Tell whether the database is the one last stamped, for this root, on this machine."""
        try:
            stamp = files.read_file(files.join(self.directory, _STAMP))
            return stamp is not None and stamp == self._stamp()
        except StorageError:
            return False

    def stamp(self) -> None:
        """Say that the database as it is now is ours; called with the lock held."""
        path = files.join(self.directory, _STAMP)
        self._files.replace(path, self._stamp(), mode=0o600)

    def make_file(self) -> None:
        """Create an empty database that only its owner reads; SQLite would follow the umask."""
        self._files.replace(self.database, b"", mode=0o600)

    def discard(self) -> None:
        """Throw the database away; called with the lock held."""
        for name in (_STAMP, _DATABASE, _DATABASE + "-journal", _DATABASE + "-wal", _DATABASE + "-shm"):
            files.remove(files.join(self.directory, name))

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other writers out; LockedError if one keeps us out for longer than LOCK_SECONDS."""
        # filelock brings asyncio with it, which takes longer to import than a listing takes.
        from filelock import FileLock, Timeout

        self._files.make_directory(self.directory)
        path = files.join(self.directory, _LOCK)
        # A lock that only pretends would let two writers at one file.
        lock = FileLock(path, timeout=LOCK_SECONDS, mode=0o600, fallback_to_soft=False)
        try:
            lock.acquire()
        except (Timeout, OSError, NotImplementedError) as error:
            raise LockedError(str(error)) from error
        try:
            yield
        finally:
            lock.release()

    def _stamp(self) -> bytes:
        root = files.identity(self.root)
        facts: dict[str, Any] = {
            "version": VERSION,
            "root": self.root.encode(errors="surrogateescape").hex(),
            "device": root and root[0],
            "inode": root and root[1],
            "host": platform.node(),
            "database": files.identity(self.database),
        }
        return msgspec.json.encode(facts)


def _cache_directory() -> str:
    from platformdirs import user_cache_dir

    return files.join(user_cache_dir("sessionfs", appauthor=False))
