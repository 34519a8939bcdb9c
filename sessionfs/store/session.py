"""One session's directory: what is active, and the order in which things are written.

The invariant: an object's bytes are on the disk before it has its name, and it has that before a ref
names it; a ref is removed only after its successor and what that names are on the disk. No locks:
writers at the same time all succeed, and the highest timestamp is active.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from typing import Any, NamedTuple
from uuid import UUID

from ..errors import ConflictError, CorruptObjectError, IncompleteError, NotFoundError, StorageError
from ..format.ids import HASH12, checkpoint_id, hash12_of
from ..format.records import CheckpointObject
from ..format.refnames import ActiveRef, RefNames
from ..format.timestamps import LAST, WallClock, next_timestamp
from ..fs import files, locks
from ..fs.files import Files
from . import chains, purged
from .chains import Chain
from .object_cache import ObjectCache
from .objects import Objects
from .refs import Refs
from .root import OBJECTS, REFS


def _tell_nobody(_: UUID) -> None:
    """Stand in for whoever wants to know what was written."""


class Environment(NamedTuple):
    """What the sessions of one storage share; ``wrote`` is told of which one refs were written."""

    files: Files
    cache: ObjectCache
    clock: WallClock
    wrote: Callable[[UUID], None] = _tell_nobody


class SessionDirectory:
    """One session, as files.

    Attributes:
        purged: whether ``names`` found a purge record.

    """

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
        self.purged = False

    # Reading

    def names(self) -> RefNames:
        """Look at the refs; from now on what was purged is hidden, and so are the refs that name it."""
        refs = self.refs.names()
        if not refs.purges:
            return refs
        self.objects.hidden = frozenset()
        named = self.refs.purged(refs.purges)
        self.purged = named is not None
        self.objects.hidden = purged.hidden(self.objects, named or set())
        gone = {sha[:HASH12] for sha in self.objects.hidden}
        return refs._replace(active=[ref for ref in refs.active if ref.hash12 not in gone])

    def exists(self) -> bool:
        """Tell whether anything of the session is here."""
        refs = self.names()
        if self.purged:
            return bool(self.objects.hashes())
        return any(refs) or bool(self.objects.hashes())

    def active(self, refs: RefNames) -> Chain:
        """Return the chain of the active checkpoint, given the refs that were listed before.

        Raises NotFoundError if nothing of the session is here, IncompleteError if no checkpoint of
        it is complete yet, CorruptObjectError if the active one is damaged.
        """
        if self.purged and not self.objects.hashes():
            raise NotFoundError(f"session {self.id} was purged")
        missing: IncompleteError | None = None
        for ref in reversed(refs.active):
            try:
                return self._complete_chain(self.target(ref))
            except IncompleteError as error:
                missing = missing or error
        return self._newest_complete(refs, missing)

    def is_complete(self, sha: str) -> bool:
        """Tell whether a checkpoint is here with all that its state needs."""
        try:
            self._complete_chain(sha)
        except StorageError:
            return False
        return True

    def open(self, sha: str) -> Chain:
        """Return the chain of a checkpoint; IncompleteError or CorruptObjectError names the file."""
        return chains.open_chain(self.objects, sha)

    def find(self, checkpoint: UUID) -> str | None:
        """Return the hash of the checkpoint with this id, or None if this session has none."""
        self.names()
        for sha in self.objects.hashes(hash12_of(checkpoint)):
            if checkpoint_id(sha) == checkpoint and self._is_checkpoint(sha):
                return sha
        return None

    def is_sound(self, sha: str) -> bool:
        """Tell whether an object here is a checkpoint whose own bytes are as they should be."""
        try:
            return self.objects.checkpoint_or_none(sha) is not None
        except StorageError:
            return False

    def checkpoints(self) -> Iterator[tuple[str, CheckpointObject | CorruptObjectError]]:
        """Give each checkpoint with its hash, or the damage where its bytes cannot tell."""
        self.names()
        for sha in self.objects.hashes():
            try:
                checkpoint = self.objects.checkpoint_or_none(sha)
            except CorruptObjectError as error:
                yield sha, error
            else:
                if checkpoint is not None:
                    yield sha, checkpoint

    def _is_checkpoint(self, sha: str) -> bool:
        """Tell whether an object is a checkpoint, or damaged: who opens that is told."""
        try:
            return self.objects.checkpoint_or_none(sha) is not None
        except CorruptObjectError:
            return True

    def target(self, ref: ActiveRef) -> str:
        """Return the hash of the checkpoint that a ref names; IncompleteError if it is not here."""
        sha = self.refs.target(ref, self.objects)
        if sha is None:
            path = files.join(self.objects.directory, f"{ref.hash12}*.json")
            raise IncompleteError(f"{path} has not arrived", path=path, missing=(path,))
        return sha

    def _complete_chain(self, sha: str) -> Chain:
        chain = chains.open_chain(self.objects, sha)
        chains.require_large(self.objects, chain)
        return chain

    def _newest_complete(self, refs: RefNames, missing: IncompleteError | None) -> Chain:
        """Return the chain of the newest complete checkpoint, where no ref names one."""
        damage: CorruptObjectError | None = None
        found: list[tuple[str, str]] = []
        for sha, checkpoint in self.checkpoints():
            if isinstance(checkpoint, CorruptObjectError):
                damage = damage or checkpoint
            else:
                found.append((checkpoint.at, sha))
        for _, sha in sorted(found, reverse=True):
            try:
                chain = self._complete_chain(sha)
                chains.messages(self.objects, chain)  # one with a damaged message is passed over too
            except IncompleteError as error:
                missing = missing or error
            except CorruptObjectError as error:
                damage = damage or error
            else:
                return chain
        if damage is not None:
            raise damage
        if missing is not None:
            raise missing
        if not refs.meta and not refs.purges and not self.objects.hashes():
            raise NotFoundError(f"session {self.id} does not exist")
        path = self.objects.directory
        raise IncompleteError(
            f"no checkpoint of session {self.id} has arrived in {path}", path=path, missing=(path,)
        )

    # Writing

    def next_at(self, refs: RefNames, *seen_chains: Chain | None) -> str:
        """Return the timestamp of something that is written now, after these were seen.

        The ref of a checkpoint that is built upon may not have arrived, and must not win when it does,
        if that can be helped.
        """
        built_upon = [chain[0].checkpoint.at for chain in seen_chains if chain is not None]
        seen = [at for at in built_upon if at < LAST]
        if refs.highest_at is not None:
            seen.append(refs.highest_at)
        return next_timestamp(self._clock(), max(seen, default=None))

    def put_checkpoint(self, checkpoint: CheckpointObject, large: dict[str, bytes]) -> str:
        """Store a checkpoint's objects and return its hash; they are not synced yet."""
        return self.objects.put_checkpoint(checkpoint, large.values())

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
        if stored:
            self.objects.sync()
        self.refs.sync()
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
        self.set_facts_at(self.next_at(self.names()), facts)

    def set_facts_at(self, at: str, facts: dict[str, Any]) -> None:
        """Set something about the session from this time on."""
        self.refs.put_meta(at, facts)
        self.refs.sync()
        self._wrote(self.id)

    def put_purge(self, hashes: list[str]) -> None:
        """Record that these objects were purged, so that they are hidden from now on."""
        self.refs.put_purge(self.next_at(self.names()), hashes)
        self.refs.sync()
        self._wrote(self.id)

    def exclusive(self) -> AbstractContextManager[None]:
        """Keep out others that compare the active checkpoint before they write."""
        self._files.make_directory(self.refs.directory)
        return locks.exclusive(self.refs.directory)

    def withdraw_if_late(self, sha: str, mine: ActiveRef, seen: RefNames) -> None:
        """After publishing with an expectation: withdraw if a writer that did not compare came first.

        One came first if what it made active, or what that stands on, is later than everything that
        was seen and earlier than ours.
        """
        known = {*seen.active, mine}
        for ref in self.names().active:
            if ref not in known and self._came_first(ref, sha, mine, seen):
                self.refs.remove(mine)
                self.refs.sync()
                self._wrote(self.id)
                raise ConflictError(
                    f"another writer made a checkpoint of session {self.id} active meanwhile"
                )

    def _came_first(self, ref: ActiveRef, sha: str, mine: ActiveRef, seen: RefNames) -> bool:
        try:
            following: str | None = self._complete_chain(self.target(ref))[0].sha
        except (IncompleteError, CorruptObjectError):
            return False  # it is not active here, and so it has overtaken nobody
        if ref < mine:
            return True
        before = seen.highest_at or ""
        passed = {sha}
        while following is not None and following not in passed:
            passed.add(following)
            checkpoint = self.objects.checkpoint_or_none(following)
            if checkpoint is None or checkpoint.at <= before:
                return False
            if checkpoint.at < mine.at:
                return True
            following = checkpoint.parent
        return False
