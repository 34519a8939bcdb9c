"""The SQLite database of the index: opening, reading, writing, and giving up on it.

The invariant: writers hold the lock of ``place`` and leave a stamp; readers see one committed state.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from .. import files
from ..errors import StorageError
from .place import LockedError, Place

if TYPE_CHECKING:
    from sqlite3 import Connection

_SCHEMA = """
CREATE TABLE sessions(
    id TEXT PRIMARY KEY, changed_ns INTEGER, modified_ns INTEGER, inode INTEGER, looked_ns INTEGER,
    settled INTEGER, title BLOB, cwd BLOB, visibility TEXT, status TEXT,
    created_us INTEGER, updated_us INTEGER, summary BLOB
);
CREATE INDEX newest ON sessions(updated_us DESC, id);
CREATE TABLE objects(
    id TEXT PRIMARY KEY, changed_ns INTEGER, modified_ns INTEGER, inode INTEGER, looked_ns INTEGER
);
CREATE TABLE names(hash12 TEXT, id TEXT, PRIMARY KEY(hash12, id)) WITHOUT ROWID;
CREATE INDEX names_of ON names(id);
"""
_BUSY_SECONDS = 5.0


class UnusableError(Exception):
    """There is no index to read or write here and now; answer without it."""


class Database:
    """One connection, opened when it is first needed and again when the file is another one."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._connection: Connection | None = None
        self._opened: object = None

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            with suppress(Exception):
                self._connection.close()
        self._connection = self._opened = None

    def __del__(self) -> None:
        # A storage need not be closed; SQLite's connections complain, from Python 3.13 on.
        self.close()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give one committed state to read; UnusableError if there is none that can be trusted."""
        import sqlite3

        try:
            connection = self._open()
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.rollback()
        except (sqlite3.Error, OSError, StorageError, LockedError) as error:
            self.close()
            raise UnusableError(str(error)) from error

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a transaction to write, with the lock held; UnusableError if that cannot be."""
        import sqlite3

        try:
            with self.place.lock():
                if not self.place.is_ours():
                    self._create()
                connection = self._connect()
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                    connection.commit()
                except BaseException:
                    connection.rollback()
                    raise
                self.place.stamp()
        except (sqlite3.Error, OSError, StorageError, LockedError) as error:
            self.close()
            raise UnusableError(str(error)) from error

    def rebuild(self) -> None:
        """Throw the index away and begin an empty one."""
        import sqlite3

        try:
            with self.place.lock():
                self._create()
        except (sqlite3.Error, OSError, StorageError, LockedError) as error:
            raise UnusableError(str(error)) from error

    def _open(self) -> Connection:
        if not self.place.is_ours():
            # A writer may be between its commit and its stamp: with the lock held nobody is.
            with self.place.lock():
                if not self.place.is_ours():
                    self._create()
        return self._connect()

    def _connect(self) -> Connection:
        import sqlite3

        found = files.identity(self.place.database)
        same_file = (files.process_id(), found and found[:2])
        if self._connection is None or self._opened != same_file:
            self.close()
            self._connection = sqlite3.connect(
                self.place.database,
                timeout=_BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,
            )
            # A crash in the middle of a commit leaves a file without a stamp, which is thrown away:
            # no journal on the disk, and no fsync, is needed for what can be made again.
            self._connection.executescript("PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF;")
            self._opened = same_file
        return self._connection

    def _create(self) -> None:
        """Begin an empty database; called with the lock held."""
        self.close()
        self.place.discard()
        self.place.make_file()
        connection = self._connect()
        connection.executescript(_SCHEMA)
        self.place.stamp()
