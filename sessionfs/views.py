"""What is on disk as the models that callers see."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import msgspec

from . import history, listing
from .clock import to_datetime
from .errors import CorruptObjectError, IncompleteError, StorageError
from .history import Chain
from .ids import checkpoint_id
from .messages import MessageCodec
from .models import Checkpoint, CheckpointState, CheckpointSummary, ListCheckpointsResult, Session
from .records import CheckpointObject
from .session import SessionDirectory


class Views:
    """Makes models, with messages of one type."""

    def __init__(self, codec: MessageCodec) -> None:
        self._codec = codec

    def session(self, directory: SessionDirectory) -> Session:
        """Return a session with its active checkpoint, or raise what is missing or damaged."""
        refs = directory.refs.names()
        chain = directory.active(refs)
        facts = directory.refs.facts(refs.meta)
        return Session(
            id=directory.id,
            title=facts.title,
            visibility=facts.visibility,
            status=facts.status,
            cwd=facts.cwd,
            created_at=listing.created_at(directory, refs, facts),
            updated_at=listing.updated_at(directory, refs),
            active_checkpoint=self.checkpoint(directory, chain),
            problem=None if facts.damage is None else facts.damage.message,
        )

    def checkpoint(self, directory: SessionDirectory, chain: Chain) -> Checkpoint:
        """Return a checkpoint with its state."""
        head = chain[0].checkpoint
        made = to_datetime(head.at)
        return Checkpoint(
            id=checkpoint_id(chain[0].sha),
            session_id=directory.id,
            parent_id=parent_id(head),
            state=self.state(directory, chain),
            created_at=made,
            updated_at=made,
        )

    def checkpoints(
        self, directory: SessionDirectory, wanted: slice, *, with_state: bool
    ) -> ListCheckpointsResult:
        """Return a page of a session's checkpoints; what cannot be opened is told as ``problem``."""
        found, damage = listing.checkpoints(directory)
        page = []
        for sha, checkpoint in found[wanted]:
            listed = summary(directory.id, sha, checkpoint)
            try:
                chain = directory.open(sha)
                history.require_large(directory.objects, chain)
                listed.state = self.state(directory, chain) if with_state else None
            except (CorruptObjectError, IncompleteError) as error:
                listed.problem = error.message
            page.append(listed)
        return ListCheckpointsResult(page, len(found), [error.message for error in damage])

    def state(self, directory: SessionDirectory, chain: Chain) -> CheckpointState:
        """Return a checkpoint's messages and metadata; CorruptObjectError if they are no JSON."""
        metadata = chain[0].checkpoint.metadata
        decode = self._codec.decode
        with reading(directory, chain):
            return CheckpointState(
                [decode(raw) for raw in history.messages(directory.objects, chain)],
                None if metadata is None else msgspec.json.decode(metadata),
            )


@contextmanager
def reading(directory: SessionDirectory, chain: Chain) -> Iterator[None]:
    """Turn what a decoder cannot read into a CorruptObjectError that names the checkpoint's file."""
    try:
        yield
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        if isinstance(error, StorageError):
            raise
        path = directory.objects.path(chain[0].sha)
        raise CorruptObjectError(
            f"{path}: a message or the metadata cannot be read: {error}", path=path
        ) from error


def parent_id(checkpoint: CheckpointObject) -> UUID | None:
    """Return the id of a checkpoint's parent."""
    return checkpoint_id(checkpoint.parent) if checkpoint.parent is not None else None


def summary(session: UUID, sha: str, checkpoint: CheckpointObject) -> CheckpointSummary:
    """Return a checkpoint's summary, without looking whether its state can be opened."""
    made = to_datetime(checkpoint.at)
    return CheckpointSummary(
        id=checkpoint_id(sha),
        session_id=session,
        parent_id=parent_id(checkpoint),
        message_count=checkpoint.count,
        created_at=made,
        updated_at=made,
    )
