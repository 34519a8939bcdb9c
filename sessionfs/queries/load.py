"""Sessions and checkpoints on disk, as the models that callers see."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from uuid import UUID

import msgspec

from ..errors import CorruptObjectError, IncompleteError, StorageError
from ..format import records
from ..format.ids import checkpoint_id
from ..format.records import CheckpointObject
from ..format.timestamps import to_datetime
from ..messages.codec import MessageCodec
from ..messages.stats import count
from ..models import Checkpoint, CheckpointState, CheckpointSummary, Gap, Message, Session, SessionStats
from ..store import chains, graph, heads
from ..store.graph import Chain, Link
from ..store.objects import Objects
from ..store.session import SessionDirectory
from ..store.view import SessionView
from . import listing
from .listing import CheckpointRow


class Loader:
    """Makes models, with messages of one type.

    Attributes:
        codec: of these messages.

    """

    def __init__(self, message_type: type[Any]) -> None:
        self.codec = MessageCodec(message_type)
        self._typed = records.typed_decoder(message_type)

    def session(self, view: SessionView) -> Session:
        """Return a session with its active checkpoint, or raise an error that names the bad file."""
        chain = view.active(self._typed)
        facts = view.facts()
        tips = heads.find_heads(view, facts.left, chain[0].sha).hashes
        listed = [CheckpointRow.of(sha, view.objects.checkpoint(sha)) for sha in tips]
        return Session(
            id=view.id,
            title=facts.title,
            visibility=facts.visibility,
            status=facts.status,
            cwd=facts.cwd,
            created_at=listing.created_at(view, facts),
            updated_at=listing.updated_at(view),
            active_checkpoint=self.checkpoint(view, chain),
            problem=listing.problem_of(facts),
            heads=self.checkpoints(view, listed, with_state=False),
            source=facts.source,
            forked_from=facts.forked_from,
        )

    def active(self, view: SessionView) -> Checkpoint:
        """Return the active checkpoint with its state, or raise an error that names the bad file."""
        return self.checkpoint(view, view.active(self._typed))

    def opened(self, view: SessionView, sha: str) -> Checkpoint:
        """Return a checkpoint and its state, or raise an error that names the bad file."""
        return self.checkpoint(view, view.open(sha, self._typed))

    def checkpoint(self, view: SessionView, chain: Chain) -> Checkpoint:
        """Return a checkpoint with its state."""
        head = chain[0]
        return build_checkpoint(view, head.sha, head.checkpoint, self._messages(view, chain))

    def partial(self, view: SessionView, sha: str) -> Checkpoint:
        """Return a checkpoint with what can be read of its state, and gaps where there is more."""
        chain, end = graph.open_partly(view.objects, sha)
        last = chain[-1]
        lacking = 0 if end is None else min(last.shared, last.checkpoint.keep)
        gaps = [] if end is None else [_gap(0, lacking, end)]
        messages: list[Message] = []
        for i, element in enumerate(chains.elements(chain), start=lacking):
            try:
                with reading(view.objects, chain[0].sha):
                    raw = view.objects.resolve(element)
                    messages.append(self.codec.decode(raw))
            except StorageError as error:
                gaps.append(_gap(i, 1, error))
        head = chain[0]
        found = build_checkpoint(view, head.sha, head.checkpoint, messages)
        found.gaps = gaps
        return found

    def checkpoints(
        self, view: SessionView, page: Iterable[CheckpointRow], *, with_state: bool
    ) -> list[CheckpointSummary]:
        """Return summaries of some checkpoints; what cannot be opened is told as ``problem``."""
        return [self._listed(view, each, with_state=with_state) for each in page]

    def _listed(
        self, view: SessionView, listed: CheckpointRow, *, with_state: bool
    ) -> CheckpointSummary:
        found = summary(view.id, listed)
        if listed.complete and not with_state:
            return found
        try:
            chain = view.require_complete(listed.sha, self._typed if with_state else None)
            found.state = self.state(view, chain) if with_state else None
        except (CorruptObjectError, IncompleteError) as error:
            found.problem = error.message
        return found

    def state(self, view: SessionView, chain: Chain) -> CheckpointState:
        """Return a checkpoint's messages and metadata; CorruptObjectError if they are no JSON."""
        head = chain[0]
        messages = self._messages(view, chain)
        return CheckpointState(messages, _metadata(view.objects, head.sha, head.checkpoint.metadata))

    def _messages(self, view: SessionView, chain: Chain) -> list[Message]:
        with reading(view.objects, chain[0].sha):
            return [each for link in reversed(chain) for each in self._own(view.objects, link)]

    def _own(self, objects: Objects, link: Link) -> list[Message]:
        """Return the messages that one object of a chain adds."""
        checkpoint = link.checkpoint
        number = max(link.shared - checkpoint.keep, 0)
        decoded = link.messages
        if decoded is None:
            own = checkpoint.elements[:number]
            if checkpoint.large:
                own = [objects.resolve(element) for element in own]
            return self.codec.decode_all(own)
        for i, large in checkpoint.large:
            decoded[i] = self.codec.decode(objects.message(large)) if i < number else decoded[i]
        return decoded[:number]


def build_checkpoint(
    place: SessionDirectory | SessionView, sha: str, head: CheckpointObject, messages: list[Message]
) -> Checkpoint:
    """Return a checkpoint, given its messages."""
    at = to_datetime(head.at)
    return Checkpoint(
        id=checkpoint_id(sha),
        session_id=place.id,
        parent_id=None if head.parent is None else checkpoint_id(head.parent),
        state=CheckpointState(messages, _metadata(place.objects, sha, head.metadata)),
        created_at=at,
        updated_at=at,
    )


def all_metadata(view: SessionView) -> dict[UUID, dict[str, Any] | None]:
    """Return the metadata of each checkpoint that can be read, oldest first."""
    found: list[tuple[str, str, dict[str, Any] | None]] = []
    for sha, checkpoint in view.checkpoints():
        if isinstance(checkpoint, StorageError):
            continue
        with suppress(msgspec.MsgspecError, RecursionError, ValueError):
            raw = checkpoint.metadata
            decoded = None if raw is None else msgspec.json.decode(raw, type=dict[str, Any])
            found.append((checkpoint.at, sha, decoded))
    found.sort(key=lambda each: each[:2])
    return {checkpoint_id(sha): metadata for _, sha, metadata in found}


def _metadata(objects: Objects, sha: str, raw: bytes | None) -> dict[str, Any] | None:
    with reading(objects, sha):
        return None if raw is None else msgspec.json.decode(raw, type=dict[str, Any])


def _gap(start: int, count: int, error: StorageError) -> Gap:
    return Gap(start, count, error.path or "", error.message)


@contextmanager
def reading(objects: Objects, sha: str) -> Iterator[None]:
    """Turn what a decoder cannot read into a CorruptObjectError that names the checkpoint's file."""
    try:
        yield
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        path = objects.path(sha)
        raise CorruptObjectError(
            f"{path}: a message or the metadata cannot be read: {error}", path=path
        ) from error


def session_stats(directory: SessionDirectory) -> SessionStats:
    """Return figures counted from the messages of a session's active checkpoint."""
    view = directory.look()
    chain = view.active()
    with reading(view.objects, chain[0].sha):
        return count(chains.read_messages(view.objects, chain))


def session_stats_or_unreadable(directory: SessionDirectory) -> SessionStats:
    """Like ``stats``, but a session that cannot be read counts as such."""
    try:
        return session_stats(directory)
    except StorageError:
        return SessionStats(total_sessions=1, unreadable_sessions=1)


def summary(session: UUID, listed: CheckpointRow) -> CheckpointSummary:
    """Return a checkpoint's summary, without looking whether its state can be opened."""
    build_checkpoint = to_datetime(listed.at)
    return CheckpointSummary(
        id=checkpoint_id(listed.sha),
        session_id=session,
        parent_id=None if listed.parent is None else checkpoint_id(listed.parent),
        message_count=listed.messages,
        created_at=build_checkpoint,
        updated_at=build_checkpoint,
    )
