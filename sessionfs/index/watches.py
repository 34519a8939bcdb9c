"""What an open watch says of changes, so that answers need not look at every session."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID
from weakref import ref

from ..fs import fingerprints
from ..store.root import Root


class Watch(Protocol):
    """Notices which sessions change; see ``sessionfs.watch``."""

    @property
    def is_closed(self) -> bool:
        """Whether it will notice nothing any more."""
        ...

    def changed_since_last_call(self) -> set[UUID] | None:
        """Return the sessions that may have changed since the call before; None: any may."""
        ...

    def mark(self, session_id: UUID) -> None:
        """Count a session as changed."""
        ...


class WatchNotices:
    """The open watches of one storage, of which the first one is asked."""

    def __init__(self, root: Root) -> None:
        self._root = root
        self._watches: list[ref[Watch]] = []
        self._asked: Watch | None = None
        self._arrivals: tuple[fingerprints.Fingerprint | None, set[str]] = (None, set())

    def add(self, watch: Watch) -> None:
        """Ask a watch from now on, until it is closed or forgotten."""
        self._watches = [ref(each) for each in (*self._open(), watch)]

    def mark(self, session_id: UUID) -> None:
        """Count a session as changed, at once; for those who write in this process."""
        for watch in self._open():
            watch.mark(session_id)

    def take(self) -> set[str] | None:
        """Return the sessions that may have changed since the call before; None: any may."""
        watch = next(iter(self._open()), None)
        noticed = None if watch is None else watch.changed_since_last_call()
        if watch is not self._asked:
            # What a new one noticed goes back only to its own beginning.
            self._asked, noticed = watch, None
        arrived = set[str]() if watch is None else self._arrived()
        return None if noticed is None else {str(id_) for id_ in noticed} | arrived

    def _open(self) -> list[Watch]:
        found = [each() for each in self._watches]
        return [watch for watch in found if watch is not None and not watch.is_closed]

    def _arrived(self) -> set[str]:
        """Return sessions that came or went; their directory tells sooner than a watch does."""
        found = fingerprints.of(self._root.sessions)
        before, known = self._arrivals
        if found == before and found != fingerprints.UNTOLD:
            return set()
        here = set(self._root.session_names())
        self._arrivals = found, here
        return here ^ known
