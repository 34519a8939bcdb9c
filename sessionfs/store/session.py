"""One session's directory: looking at it, and the order in which files are written.

The invariant: an object's bytes are on the disk before it has its name, and it has that before a ref
names it; a ref is removed only after its successor and what that names are on the disk. No locks:
writers at the same time all succeed, and the highest timestamp is active.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import Any, NamedTuple
from uuid import UUID

from ..errors import ConflictError, CorruptObjectError, IncompleteError, StorageError
from ..format.ids import HASH12
from ..format.records import CheckpointObject
from ..format.refnames import ActiveRef
from ..format.timestamps import LAST, WallClock, next_timestamp
from ..fs import files, locks
from ..fs.files import Files
from . import graph, purged
from .graph import Chain
from .objects import ObjectCache, Objects
from .refs import Refs
from .root import OBJECTS, REFS
from .view import SessionView


def _tell_nobody(_: UUID) -> None:
    """Stand in for whoever wants to know what was written."""


class Environment(NamedTuple):
    """What the sessions of one storage share; ``wrote`` is called after refs were written."""

    files: Files
    cache: ObjectCache
    clock: WallClock
    wrote: Callable[[UUID], None] = _tell_nobody


class SessionDirectory:
    """One session, as files."""

    def __init__(self, path: str, session: UUID, environment: Environment) -> None:
        self.path = path
        self.id = session
        self._clock = environment.clock
        self._wrote = environment.wrote
        self._files = writer = environment.files
        self.limit = writer.limit
        name, inside = str(session), path + files.SEPARATOR
        self.objects = Objects(inside + OBJECTS, name, writer, environment.cache)
        self.refs = Refs(inside + REFS, name, writer)

    def look(self) -> SessionView:
        """Return a view of the session as it is now, without what was purged."""
        refs = self.refs.names()
        if not refs.purges:
            return SessionView(self.id, self.refs, refs, self.objects, purged=False)
        named = self.refs.purged(refs.purges)
        hidden = purged.hidden_hashes([self.objects], named or set())
        gone = {sha[:HASH12] for sha in hidden}
        refs = refs._replace(active=[ref for ref in refs.active if ref.hash12 not in gone])
        objects = self.objects.hiding(hidden)
        return SessionView(self.id, self.refs, refs, objects, purged=named is not None)

    def next_at(self, seen: SessionView, *onto: Chain | None) -> str:
        """Return the timestamp of something that is written now, after these were seen.

        The ref of a checkpoint that is built upon may not have arrived, and must not win when it does,
        if that can be helped.
        """
        built_upon = [chain[0].checkpoint.at for chain in onto if chain is not None]
        times = [at for at in built_upon if at < LAST]
        highest = seen.refs.highest_at
        if highest is not None:
            times.append(highest)
        return next_timestamp(self._clock(), max(times, default=None))

    def publish(
        self, sha: str, at: str, left: list[str] | None = None, *, stored: bool = False
    ) -> ActiveRef:
        """Make a checkpoint active, beside what was active before.

        Args:
            sha: its hash.
            at: from when on.
            left: the heads that are thereby left behind.
            stored: its objects were stored just now. Their names are put on the disk together with the
                ref's: after a power cut a ref may be there without its object, as in a sync.

        """
        new = self.refs.put_active(at, sha)
        if left:
            self.refs.put_meta(at, {"left": left})
        directories = [self.refs.directory]
        if stored:
            directories.insert(0, self.objects.directory)
        self._files.sync_directories(directories)
        self._wrote(self.id)
        return new

    def replace(self, before: list[ActiveRef], new: ActiveRef) -> None:
        """Remove refs below a new one that were seen before it was written.

        One that cannot be removed stays, which is harmless: what was written is written.
        """
        for ref in before:
            if ref < new:  # pragma: no branch - every writer takes a time above those that it saw
                with suppress(StorageError):
                    self.refs.remove(ref)
        self._wrote(self.id)

    def set_facts(self, facts: dict[str, Any]) -> None:
        """Set something about the session from now on."""
        self.set_facts_at(self.next_at(self.look()), facts)

    def set_facts_at(self, at: str, facts: dict[str, Any]) -> None:
        """Set something about the session from this time on."""
        self.refs.put_meta(at, facts)
        self.refs.sync()
        self._wrote(self.id)

    def put_purge(self, hashes: list[str]) -> None:
        """Record that these objects were purged, so that they are hidden from now on."""
        self.refs.put_purge(self.next_at(self.look()), hashes)
        self.refs.sync()
        self._wrote(self.id)

    def exclusive(self) -> AbstractContextManager[None]:
        """Keep out others that compare the active checkpoint before they write."""
        self._files.make_directory(self.refs.directory)
        return locks.exclusive(self.refs.directory)

    def withdraw_if_late(self, sha: str, mine: ActiveRef, seen: SessionView) -> None:
        """After publishing with an expectation: withdraw if a writer that did not compare came first.

        One came first if what it made active, or what that stands on, is later than everything that
        was seen and earlier than ours.
        """
        known = {*seen.refs.active, mine}
        now = self.look()
        for ref in now.refs.active:
            if ref not in known and _is_earlier(now, ref, sha, mine, seen.refs.highest_at or ""):
                self.refs.remove(mine)
                self.refs.sync()
                self._wrote(self.id)
                raise ConflictError(
                    f"another writer made a checkpoint of session {self.id} active meanwhile"
                )


def _is_earlier(now: SessionView, ref: ActiveRef, sha: str, mine: ActiveRef, before: str) -> bool:
    try:
        tip = now.require_complete(now.target(ref))[0].sha
    except (IncompleteError, CorruptObjectError):
        return False  # it is not active here, and so it has overtaken nobody
    if ref < mine:
        return True

    checkpoint: CheckpointObject | None = None

    def parent(_: str) -> str | None:
        return None if checkpoint is None else checkpoint.parent

    for each in graph.walk(tip, parent):
        checkpoint = now.objects.checkpoint_or_none(each)
        if each == sha or checkpoint is None or checkpoint.at <= before:
            return False
        if checkpoint.at < mine.at:
            return True
    return False
