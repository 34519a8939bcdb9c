"""Where the index of a store is, and whether what lies there is ours, whole and of this root.

The invariant: a database whose identity is not the stamped one is never read. SQLite does not check its
pages; a file that anything else has touched since we wrote it is thrown away instead. Nor is anything
read or written in a directory that is not this user's alone: SQLite opens files by their paths.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from ..errors import StorageError
from ..format.records import sha256
from ..fs import files, fingerprints, owners
from ..fs.files import Files

VERSION = 5
"""Of what the database holds; another one is thrown away."""

LOCK_SECONDS = 2.0

TEXT = "text"
"""The file with the text of messages."""

WORDS = "words"
"""The file with the words of that text."""

_DATABASE = "index.sqlite"
_STAMP = "stamp.json"
_LOCK = "index.lock"


class LockedError(Exception):
    """Another process keeps the index; answer without it."""


class IndexLocation:
    """The directory of one store's index: 0700, its files 0600."""

    def __init__(self, root: str, index_dir: str | None) -> None:
        self.root = files.real_path(root)
        self._parent = index_dir
        self._directory: str | None = None
        self._way_is_ours = False
        self._files = Files("relaxed")

    @property
    def directory(self) -> str:
        """Where the index is, or would be."""
        if self._directory is None:
            parent = self._parent or files.user_cache("sessionfs")
            name = sha256(self.root.encode(errors="surrogateescape"))[:32]
            self._directory = files.join(parent, name)
        return self._directory

    def path(self, name: str) -> str:
        """Return where a file of the index is."""
        return files.join(self.directory, name)

    @property
    def database(self) -> str:
        """The SQLite file."""
        return self.path(_DATABASE)

    @property
    def size(self) -> int:
        """How many bytes the index takes."""
        return sum(found[2] for found in fingerprints.identities(self._parts()) if found)

    @property
    def problem(self) -> str | None:
        """Why there can be no index here that is this user's alone, in a sentence; None: there can."""
        if files.parent_of(self.directory) == files.NOWHERE:
            return None  # a user without a home, for whom there never was a place
        try:
            self._check_place()
            for path in (self.path(_STAMP), *self._parts(), *self._beside()):
                if files.is_directory(path) and files.link_target(path) is None:
                    return f"{path} is not a regular file"
        except StorageError as error:
            return error.message
        return None

    def is_ours(self) -> bool:
        """Tell whether the database is the one last stamped, for this root, on this machine."""
        try:
            if not self._check_place():
                return False
            stamp = owners.read_file(self.path(_STAMP))
            if stamp is None or stamp != self._stamp():
                return False
            # We never leave a journal. SQLite would follow one that it finds.
            return not any(map(files.exists, self._beside()))
        except StorageError:
            return False

    def stamp(self) -> None:
        """Say that the database as it is now is ours; called with the lock held."""
        self._files.replace(self.path(_STAMP), self._stamp(), mode=0o600)

    def begin(self) -> None:
        """Create empty files that only their owner reads; SQLite would follow the umask."""
        self._files.replace(self.database, b"", mode=0o600)
        self.begin_texts()

    def begin_texts(self) -> None:
        """Replace the files with text by new, empty ones; who has mapped the old ones keeps them."""
        for name in (TEXT, WORDS):
            self._files.replace(self.path(name), b"", mode=0o600)

    def discard(self) -> None:
        """Throw the index away; called with the lock held."""
        for path in (self.path(_STAMP), *self._parts(), *self._beside()):
            files.remove(path)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other writers out; LockedError if one keeps us out for longer than LOCK_SECONDS.

        Raises NotOursError if the directory does not belong to this user alone.
        """
        # filelock brings asyncio with it, which takes longer to import than a listing takes.
        from filelock import FileLock, Timeout

        if owners.claim_directory(self.directory):
            files.remove(self.path(_STAMP))
        path = self.path(_LOCK)
        owners.check_file(path)
        # A lock that only pretends would let two writers at one file.
        lock = FileLock(path, timeout=LOCK_SECONDS, mode=0o600, fallback_to_soft=False)
        try:
            lock.acquire()
        except (Timeout, OSError, NotImplementedError) as error:
            raise LockedError(str(error)) from error
        try:
            self._files.sweep(self.directory)
            yield
        finally:
            lock.release()

    def _check_place(self) -> bool:
        """Check that the directory and its lock are this user's; False: it is missing or open."""
        if not self._way_is_ours:
            owners.check_way(files.parent_of(self.directory))
        found = owners.check_directory(self.directory)
        # Only this user and root could make the way worse later.
        self._way_is_ours = self._way_is_ours or found
        if found:
            owners.check_file(self.path(_LOCK))
        return found

    def _parts(self) -> list[str]:
        return [self.database, self.path(TEXT), self.path(WORDS)]

    def _beside(self) -> list[str]:
        """Return where SQLite looks for what a crash has left."""
        return [self.database + ending for ending in ("-journal", "-wal", "-shm")]

    def _stamp(self) -> bytes:
        root = fingerprints.identity(self.root)
        facts: dict[str, Any] = {
            "version": VERSION,
            "root": self.root.encode(errors="surrogateescape").hex(),
            "device": root and root[0],
            "inode": root and root[1],
            "host": files.host_name(),
            "parts": [owners.check_file(path) for path in self._parts()],
        }
        return msgspec.json.encode(facts)
