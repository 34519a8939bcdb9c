"""Checkpoint objects that were verified, held in memory within a budget of bytes."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

import msgspec

from ..format.records import CheckpointObject
from ..fs import atfork, fingerprints
from ..fs.fingerprints import Identity


class _CachedObject(msgspec.Struct, frozen=True):
    identity: Identity
    checkpoint: CheckpointObject
    size: int


class ObjectCache:
    """Verified checkpoint objects, the most recently used within a budget of bytes.

    Safe to share between threads. Objects are immutable, so what an entry says never goes stale, but
    what is built on an object that is not here any more, or was damaged since it was read, could be
    read by nobody else: each time the file is looked at. Keys are paths: a copy in another session is
    another object.
    """

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self.renew()
        atfork.renew_after_fork(self)

    def renew(self) -> None:
        """Begin anew, empty."""
        self._used = 0
        self._entries: OrderedDict[str, _CachedObject] = OrderedDict()
        self._lock = Lock()

    def get(self, path: str) -> CheckpointObject | None:
        """Return the object of this file, if it is held and the file is still the one that was read."""
        entry = self._entries.get(path)
        if entry is None or entry.identity != fingerprints.identity(path):
            return None
        try:  # noqa: SIM105 - asked for each object of a chain, and three times as fast
            self._entries.move_to_end(path)
        except KeyError:
            pass  # another thread let go of it meanwhile
        return entry.checkpoint

    def add(self, path: str, identity: Identity, checkpoint: CheckpointObject, size: int) -> None:
        """Hold an object of this many bytes, letting go of the least recently used ones."""
        with self._lock:
            before = self._entries.pop(path, None)
            self._used -= before.size if before is not None else 0
            if size > self._budget or identity is None:
                return
            self._entries[path] = _CachedObject(identity, checkpoint, size)
            self._used += size
            while self._used > self._budget:
                self._used -= self._entries.popitem(last=False)[1].size

    def clear(self) -> None:
        """Let go of everything."""
        with self._lock:
            self._entries.clear()
            self._used = 0
