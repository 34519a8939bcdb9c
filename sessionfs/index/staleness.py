"""Which sessions are not as recorded: told by directory times, or by a watch, without opening a file.

The invariant: a session that may have changed since it was recorded is among those that are told.
"""

from __future__ import annotations

from collections.abc import Sequence
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

    def notice(self, ids: set[str] | None) -> None:
        """Take in which sessions may have changed since the call before; None: any may."""
        if ids is None:
            self._compared = None
        else:
            self.pending |= ids

    def is_current(self, connection: Connection) -> bool:
        """Tell whether all that may have changed since the last comparison has been noticed."""
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        return self._compared == (connection, version)

    def fingerprints(self, root: Root, names: Sequence[str]) -> dict[str, int]:
        """Return what the directories of these sessions say."""
        return fingerprints.digests(root.sessions, names, self._child)

    def differing(self, connection: Connection, current: dict[str, int] | None) -> Differences:
        """Return the sessions that may not be as recorded.

        Args:
            connection: reads the records.
            current: the fingerprints of all sessions that are here; None: what was noticed tells.

        """
        if current is None:
            return Differences(list(self.pending), [])
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
