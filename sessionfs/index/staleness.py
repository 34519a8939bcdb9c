"""Which sessions are not as recorded: told by directory times, or by a watch, without opening a file.

The invariant: a session that may have changed since it was recorded is among those that are told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ..fs import fingerprints
from ..store.root import Root

if TYPE_CHECKING:
    from sqlite3 import Connection

LARGEST = (1 << 62) - 1
"""SQLite counts to 2**63; a limit beyond this is as good as none."""


class Differences(NamedTuple):
    """Sessions whose directories are not as recorded, by name; ``gone`` are not here any more."""

    changed: list[str]
    gone: list[str]


class StalenessCheck:
    """One kind of record that is kept of each session, in a table, with one directory's fingerprint.

    Args:
        table: has the columns id, fingerprint and settled.
        child: the directory of a session that tells whether the record still holds.

    Attributes:
        pending: sessions that may not be as recorded.

    """

    def __init__(self, table: str, child: str) -> None:
        self.table = table
        self._child = child
        self._compared: tuple[object, int] | None = None
        self.pending: set[str] = set()

    def take_notice(self, ids: set[str] | None) -> None:
        """Take in which sessions may have changed since the call before; None: any may."""
        if ids is None:
            self._compared = None
        else:
            self.pending |= ids

    def is_current(self, connection: Connection) -> bool:
        """Tell whether all that may have changed since the last comparison has been noticed."""
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        return self._compared == (connection, version)

    def noticed(self) -> Differences:
        """Return the sessions that were noticed, which is all where ``is_current``."""
        return Differences(list(self.pending), [])

    def compare(self, connection: Connection, root: Root, present: Sequence[str]) -> Differences:
        """Compare the directories of all sessions with what was recorded.

        Args:
            connection: reads the records.
            root: of the store.
            present: the names of all sessions that are here.

        """
        current = fingerprints.digests(root.sessions, present, self._child)
        known = dict(
            connection.execute(f"SELECT id, fingerprint FROM {self.table} WHERE settled = 1")  # noqa: S608
        )
        unsettled = connection.execute(f"SELECT id FROM {self.table} WHERE settled = 0")  # noqa: S608
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        self._compared = (connection, version)
        gone = [id_ for (id_,) in unsettled if id_ not in current]
        self.pending = set()
        if known != current:
            self.pending = {name for name in current if known.get(name) != current[name]}
            gone += known.keys() - current.keys()
        return Differences(list(self.pending), gone)


def take_notice(checks: Iterable[StalenessCheck], ids: set[str] | None) -> None:
    """Tell each of these which sessions may have changed; None: any may."""
    for each in checks:
        each.take_notice(ids)


def find_differences(
    connection: Connection, root: Root, checks: Sequence[StalenessCheck]
) -> list[Differences]:
    """Return the sessions that may not be as recorded, for each of these kinds of record."""
    if all(each.is_current(connection) for each in checks):
        return [each.noticed() for each in checks]
    present = root.session_names()
    return [each.compare(connection, root, present) for each in checks]
