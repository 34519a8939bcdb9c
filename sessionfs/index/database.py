"""The SQLite database of the index: opening, reading, writing, and giving up on it.

The invariant: writers hold the lock of ``place`` and leave a stamp; readers see one committed state.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import msgspec

from ..errors import StorageError
from ..fs import atfork, files, fingerprints
from . import checkpoints, holders, sessions
from .fulltext import textstore
from .location import IndexLocation, LockedError

if TYPE_CHECKING:
    from sqlite3 import Connection

_SCHEMA = sessions.SCHEMA + holders.SCHEMA + checkpoints.SCHEMA + textstore.SCHEMA
_BUSY_SECONDS = 5.0


_sqlite_hangs = False


class UnusableError(Exception):
    """There is no index to read or write here and now; answer without it."""


class Database:
    """One connection, opened when it is first needed and again when the file is another one."""

    def __init__(self, place: IndexLocation) -> None:
        self.place = place
        self._connection: Connection | None = None
        self._opened: object = None

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            with suppress(Exception):
                self._connection.close()
        self._connection = self._opened = None

    def abandon(self, *, amid_a_call: bool) -> None:
        """Leave the connection to the parent of this process: to close it could roll back its work.

        Args:
            amid_a_call: a thread that is not in this process may have been inside SQLite, whose own
                locks are then held for ever: this process and its children go without any index.

        """
        global _sqlite_hangs
        _sqlite_hangs = _sqlite_hangs or amid_a_call
        if self._connection is not None:
            atfork.leak(self._connection)
        self._connection = self._opened = None

    def __del__(self) -> None:
        # A storage need not be closed; SQLite's connections complain, from Python 3.13 on.
        self.close()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give one committed state to read; UnusableError if there is none that can be trusted."""
        with self._or_unusable():
            connection = self._open()
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.rollback()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a transaction to write, with the lock held; UnusableError if that cannot be."""
        with self._or_unusable(), self.place.lock():
            if not self.place.is_ours():
                self._create()
            connection = self._connect()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.commit()
            except BaseException:
                connection.rollback()
                with suppress(Exception):  # without a stamp it is thrown away
                    if textstore.take_back(connection, self.place):
                        self.place.stamp()
                raise
            self.place.stamp()

    @contextmanager
    def _or_unusable(self) -> Iterator[None]:
        """Turn what can happen to a cache into UnusableError; one that is damaged is thrown away."""
        if _sqlite_hangs:
            raise UnusableError("this process was forked while its parent used an index")
        import sqlite3

        try:
            yield
        except (OSError, StorageError, LockedError) as error:
            self.close()
            raise UnusableError(str(error)) from error
        except (sqlite3.Error, msgspec.MsgspecError, LookupError, ValueError) as error:
            self.close()
            busy = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
            if getattr(error, "sqlite_errorcode", None) not in busy:
                with suppress(OSError, StorageError, LockedError), self.place.lock():
                    self.place.discard()
            raise UnusableError(str(error)) from error

    def rebuild(self) -> None:
        """Throw the index away and begin an empty one."""
        with self._or_unusable(), self.place.lock():
            self._create()

    def _open(self) -> Connection:
        if not self.place.is_ours():
            # A writer may be between its commit and its stamp: with the lock held nobody is.
            with self.place.lock():
                if not self.place.is_ours():
                    self._create()
        return self._connect()

    def _connect(self) -> Connection:
        import sqlite3

        found = fingerprints.identity(self.place.database)
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
        self.place.begin()
        connection = self._connect()
        connection.executescript(_SCHEMA)
        self.place.stamp()
