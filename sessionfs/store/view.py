"""One look at a session: its refs and objects as they were then, and what they say.

The invariant: a view is never changed. What was purged when it was taken is hidden from all that it
answers, and refs that arrive later do not count; objects are read from the files when they are asked
for.
"""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from ..errors import CorruptObjectError, IncompleteError, NotFoundError, StorageError
from ..format.facts import SessionFacts
from ..format.ids import checkpoint_id, hash12_of
from ..format.records import CheckpointObject, TypedDecoder
from ..format.refnames import ActiveRef, RefNames
from . import chains, graph
from .graph import Chain
from .objects import Objects
from .refs import Refs


class SessionView:
    """A session as it was looked at; see ``SessionDirectory.look``.

    Attributes:
        id: the session's id.
        refs: the refs that were there, but those that name what was purged.
        objects: the session's objects, but those that were purged.
        purged: whether a purge record was there.

    """

    __slots__ = ("_directory", "id", "objects", "purged", "refs")

    def __init__(
        self, session: UUID, directory: Refs, refs: RefNames, objects: Objects, *, purged: bool
    ) -> None:
        self.id = session
        self.refs = refs
        self.objects = objects
        self.purged = purged
        self._directory = directory

    def with_active(self, active: list[ActiveRef]) -> SessionView:
        """Return this view as if these were its active refs, in ascending order."""
        refs = self.refs._replace(active=active)
        return SessionView(self.id, self._directory, refs, self.objects, purged=self.purged)

    def exists(self) -> bool:
        """Tell whether anything of the session is here."""
        if self.purged:
            return bool(self.objects.hashes())
        return any(self.refs) or bool(self.objects.hashes())

    def facts(self) -> SessionFacts:
        """Return what the session's records say of it."""
        return self._directory.facts(self.refs)

    def active(self, typed: TypedDecoder | None = None) -> Chain:
        """Return the chain of the active checkpoint, its messages decoded if there is a decoder.

        Raises NotFoundError if nothing of the session is here, IncompleteError if no checkpoint of
        it is complete yet, CorruptObjectError if the active one is damaged.
        """
        if self.purged and not self.objects.hashes():
            raise NotFoundError(f"session {self.id} was purged")
        missing: IncompleteError | None = None
        for ref in reversed(self.refs.active):
            try:
                return self.require_complete(self.target(ref), typed)
            except IncompleteError as error:
                missing = missing or error
        return self._newest_complete(missing, typed)

    def is_complete(self, sha: str) -> bool:
        """Tell whether a checkpoint is here with all that its state needs."""
        try:
            self.require_complete(sha)
        except StorageError:
            return False
        return True

    def open(self, sha: str, typed: TypedDecoder | None = None) -> Chain:
        """Return the chain of a checkpoint; IncompleteError or CorruptObjectError names the file."""
        return graph.open_chain(self.objects, sha, typed)

    def find(self, checkpoint: UUID) -> str | None:
        """Return the hash of the checkpoint with this id, or None if this session has none."""
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
        return self._directory.require_target(ref, self.objects)

    def require_complete(self, sha: str, typed: TypedDecoder | None = None) -> Chain:
        """Return what ``open`` does; IncompleteError also if a large message has not arrived."""
        return graph.open_chain(self.objects, sha, typed, complete=True)

    def _newest_complete(self, missing: IncompleteError | None, typed: TypedDecoder | None) -> Chain:
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
                chain = self.require_complete(sha, typed)
                chains.read_messages(
                    self.objects, chain
                )  # one with a damaged message is passed over too
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
        if not self.refs.meta and not self.refs.purges and not self.objects.hashes():
            raise NotFoundError(f"session {self.id} does not exist")
        path = self.objects.directory
        raise IncompleteError(
            f"no checkpoint of session {self.id} has arrived in {path}", path=path, missing=(path,)
        )
