"""Requests to a storage, and its results.

Requests and queries are immutable; each ``with_...`` returns a changed copy, as the builders of
Stakpak's ``SessionStorage`` do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Generic, Self
from uuid import UUID

import msgspec
from msgspec.structs import replace

from .chat import Message, MessageT
from .sessions import (
    Checkpoint,
    CheckpointState,
    CheckpointSummary,
    Id,
    IdField,
    SessionStatus,
    SessionSummary,
    SessionVisibility,
)


class CreateSessionRequest(msgspec.Struct, frozen=True):
    """A new session and the state of its first checkpoint."""

    title: str
    messages: Sequence[Message] = ()
    visibility: SessionVisibility = SessionVisibility.PRIVATE
    cwd: str | None = None
    metadata: dict[str, Any] | None = None

    @property
    def initial_state(self) -> CheckpointState[Message]:
        """The first checkpoint's state."""
        return CheckpointState(list(self.messages), self.metadata)

    def with_visibility(self, visibility: SessionVisibility) -> Self:
        """Return a copy with this visibility."""
        return replace(self, visibility=visibility)

    def with_cwd(self, cwd: str) -> Self:
        """Return a copy with this working directory, taken as it is."""
        return replace(self, cwd=cwd)

    def with_metadata(self, metadata: dict[str, Any]) -> Self:
        """Return a copy whose first checkpoint carries this JSON object."""
        return replace(self, metadata=metadata)


class UpdateSessionRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What to change about a session. None leaves a field as it is."""

    title: str | None = None
    visibility: SessionVisibility | None = None
    cwd: str | None = None

    def with_title(self, title: str) -> Self:
        """Return a copy that sets the title."""
        return replace(self, title=title)

    def with_visibility(self, visibility: SessionVisibility) -> Self:
        """Return a copy that sets the visibility."""
        return replace(self, visibility=visibility)

    def with_cwd(self, cwd: str) -> Self:
        """Return a copy that sets the working directory."""
        return replace(self, cwd=cwd)


class CreateCheckpointRequest(msgspec.Struct, frozen=True):
    """A new checkpoint: the whole state, and the checkpoint that it follows, if any."""

    messages: Sequence[Message] = ()
    parent_id: IdField | None = None
    metadata: dict[str, Any] | None = None

    @property
    def state(self) -> CheckpointState[Message]:
        """The checkpoint's state."""
        return CheckpointState(list(self.messages), self.metadata)

    def with_parent(self, parent_id: Id) -> Self:
        """Return a copy that follows this checkpoint of the same session."""
        return replace(self, parent_id=parent_id)

    def with_metadata(self, metadata: dict[str, Any]) -> Self:
        """Return a copy that carries this JSON object."""
        return replace(self, metadata=metadata)


class ListSessionsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which sessions to list, newest ``updated_at`` first.

    Attributes:
        limit: at most this many; None: 100.
        offset: how many to pass over; None: 0.
        search: a part of the title, taken literally; case-insensitive.
        status: only these; None: all, deleted ones too.
        visibility: only these; None: all.
        cwd: only sessions with exactly this working directory; None: all.
        cwd_below: only sessions whose working directory is this one or below it; None: all.
        created_since: only sessions created at this time or later, an aware datetime.
        created_until: only sessions created before this time.
        updated_since: only sessions that changed last at this time or later.
        updated_until: only sessions that changed last before this time.
        cursor: ``ListSessionsResult.next_cursor`` of the page before this one. Unlike an offset it
            neither repeats nor passes over a session while others arrive; one that changes
            meanwhile moves to the front of the list, as a new listing shows. Not with an offset.

    """

    limit: int | None = None
    offset: int | None = None
    search: str | None = None
    status: SessionStatus | None = None
    visibility: SessionVisibility | None = None
    cwd: str | None = None
    cwd_below: str | None = None
    created_since: datetime | None = None
    created_until: datetime | None = None
    updated_since: datetime | None = None
    updated_until: datetime | None = None
    cursor: str | None = None

    def with_limit(self, limit: int) -> Self:
        """Return a copy that lists at most this many."""
        return replace(self, limit=limit)

    def with_offset(self, offset: int) -> Self:
        """Return a copy that passes over this many."""
        return replace(self, offset=offset)

    def with_search(self, search: str) -> Self:
        """Return a copy that lists titles with this part."""
        return replace(self, search=search)

    def with_status(self, status: SessionStatus) -> Self:
        """Return a copy that lists sessions of this status."""
        return replace(self, status=status)

    def with_visibility(self, visibility: SessionVisibility) -> Self:
        """Return a copy that lists sessions of this visibility."""
        return replace(self, visibility=visibility)

    def with_cwd(self, cwd: str) -> Self:
        """Return a copy that lists sessions of this working directory."""
        return replace(self, cwd=cwd)

    def with_cwd_below(self, directory: str) -> Self:
        """Return a copy that lists sessions of this directory and of those below it."""
        return replace(self, cwd_below=directory)

    def with_created(self, since: datetime | None = None, until: datetime | None = None) -> Self:
        """Return a copy that lists sessions created from ``since`` on, and before ``until``."""
        return replace(self, created_since=since, created_until=until)

    def with_updated(self, since: datetime | None = None, until: datetime | None = None) -> Self:
        """Return a copy that lists sessions that changed last from ``since`` on, before ``until``."""
        return replace(self, updated_since=since, updated_until=until)

    def with_cursor(self, cursor: str | None) -> Self:
        """Return a copy that goes on after the page that gave this cursor."""
        return replace(self, cursor=cursor)


class ListCheckpointsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which of a session's checkpoints to list, oldest first.

    Attributes:
        limit: at most this many; None: 100.
        offset: how many to pass over; None: 0.
        include_state: fill ``CheckpointSummary.state``.

    """

    limit: int | None = None
    offset: int | None = None
    include_state: bool | None = None

    def with_limit(self, limit: int) -> Self:
        """Return a copy that lists at most this many."""
        return replace(self, limit=limit)

    def with_offset(self, offset: int) -> Self:
        """Return a copy that passes over this many."""
        return replace(self, offset=offset)

    def with_state(self) -> Self:
        """Return a copy that asks for the states."""
        return replace(self, include_state=True)


class ImportedCheckpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A checkpoint that was made elsewhere.

    Attributes:
        messages: the whole state; or, if ``appends``, what it adds to its parent's.
        created_at: when it was made; one that is not above the checkpoint before counts as the next
            microsecond.
        parent: the index of its parent in the list, a smaller one than its own; None: none.
        onto: instead of ``parent``: the checkpoint that is here already and that it follows.
        metadata: may say in ``{"source": {"point": {...}}}`` how far the import has come; see
            ``ImportPoint``.

    """

    messages: Sequence[Message]
    created_at: datetime
    parent: int | None = None
    appends: bool = False
    metadata: dict[str, Any] | None = None
    onto: IdField | None = None


class ImportPoint(msgspec.Struct, frozen=True):
    """How far an import had come that is here already, so that the next one goes on from there.

    Attributes:
        checkpoint_id: the checkpoint that it made last.
        messages: how many messages that one's state has.
        note: what that import noted in its metadata, under ``source`` and ``point``. It names the
            ``session`` and the number of ``messages``: where these are others, the checkpoint was made
            of an imported one, and there is no point.

    """

    checkpoint_id: UUID
    messages: int
    note: dict[str, Any]


CheckpointsAsNeeded = Callable[[Iterator[ImportPoint]], Iterable[ImportedCheckpoint]]
"""Gives the checkpoints that a session here lacks, one after the other.

It is given the points that earlier imports noted, the newest first, and may be called again.
"""


class ImportSessionRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A session that was made elsewhere, with its own id and times. The last checkpoint is active.

    Attributes:
        checkpoints: at least one, in the order in which they were made; or a function that makes
            those that are lacking as they are stored, so that few are in memory.
        source: a JSON object that says where it comes from; kept beside the title.

    """

    session_id: IdField
    title: str
    checkpoints: Sequence[ImportedCheckpoint] | CheckpointsAsNeeded
    created_at: datetime
    visibility: SessionVisibility = SessionVisibility.PRIVATE
    status: SessionStatus = SessionStatus.ACTIVE
    cwd: str | None = None
    source: dict[str, Any] | None = None


class ImportSessionResult(msgspec.Struct):
    """What an import brought: 0 new checkpoints the second time.

    Attributes:
        branched: whether the new checkpoints are a branch, because the session was continued here.

    """

    session_id: UUID
    created: bool
    new_checkpoints: int
    total_checkpoints: int
    branched: bool = False


class CreateSessionResult(msgspec.Struct, Generic[MessageT]):
    """A new session's id and its first checkpoint."""

    session_id: UUID
    checkpoint: Checkpoint[MessageT]


class ListSessionsResult(msgspec.Struct):
    """A page of sessions.

    Attributes:
        total: how many match, whatever the page.
        next_cursor: for ``ListSessionsQuery.cursor``; None: this is the last page.

    """

    sessions: list[SessionSummary]
    total: int
    next_cursor: str | None = None


class ListCheckpointsResult(msgspec.Struct, Generic[MessageT]):
    """A page of checkpoints; ``total`` counts all of the session that can be told.

    ``problems`` names, a sentence each, the object files whose bytes are damaged: which checkpoint
    they were cannot be read from them.
    """

    checkpoints: list[CheckpointSummary[MessageT]]
    total: int
    problems: list[str] = msgspec.field(default_factory=list)
