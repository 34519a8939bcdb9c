"""Sessions and checkpoints, with the field names of Stakpak's ``SessionStorage``.

Ids are ``uuid.UUID``, times aware UTC ``datetime``s with microseconds.
"""

from __future__ import annotations

import enum
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic
from uuid import UUID

import msgspec

from .chat import MessageT

Id = UUID | str
"""The id of a session or checkpoint: a UUID, or its text in canonical form."""

if TYPE_CHECKING:
    IdField = Id
else:  # as which a request is decoded: a union of two kinds of text cannot be
    IdField = UUID


class SessionVisibility(enum.StrEnum):
    """Who may see a session; kept for those who share stores, never enforced by files."""

    PRIVATE = "PRIVATE"
    PUBLIC = "PUBLIC"


class SessionStatus(enum.StrEnum):
    """Whether a session is in use. A deleted one stays readable."""

    ACTIVE = "ACTIVE"
    DELETED = "DELETED"


class CheckpointState(msgspec.Struct, Generic[MessageT]):
    """The whole state of a session at one moment.

    Attributes:
        messages: in order, as the storage's ``message_type``. A message of another shape is a dict,
            which the type does not say: programs that store other shapes use ``message_type=dict``.
        metadata: a JSON object of the caller's own, or None.

    """

    messages: list[MessageT] = msgspec.field(default_factory=list)
    metadata: dict[str, Any] | None = None


class Gap(msgspec.Struct):
    """Messages of a checkpoint that cannot be read, because a file is damaged or missing.

    Attributes:
        start: the index of the first in the whole state.
        count: how many there are.
        path: the file.
        problem: why it cannot be read, in one sentence.

    """

    start: int
    count: int
    path: str
    problem: str


class Checkpoint(msgspec.Struct, Generic[MessageT]):
    """A checkpoint with its state. ``updated_at`` equals ``created_at``: it never changes.

    Attributes:
        gaps: which messages the state lacks, in order; never any unless ``partial`` was asked for.

    """

    id: UUID
    session_id: UUID
    parent_id: UUID | None
    state: CheckpointState[MessageT]
    created_at: datetime
    updated_at: datetime
    gaps: list[Gap] = []


class CheckpointSummary(msgspec.Struct, Generic[MessageT]):
    """A checkpoint as it is listed.

    Attributes:
        message_count: messages of the whole state, not of what this checkpoint added.
        state: filled if the query asked for it and it can be read.
        problem: why the state cannot be read here, in one sentence; None: it can, as far as known.

    """

    id: UUID
    session_id: UUID
    parent_id: UUID | None
    message_count: int
    created_at: datetime
    updated_at: datetime
    state: CheckpointState[MessageT] | None = None
    problem: str | None = None


class ForkedFrom(msgspec.Struct):
    """Where a fork starts: a session, which need not be here any more, and one of its checkpoints."""

    session_id: UUID
    checkpoint_id: UUID


class Session(msgspec.Struct, Generic[MessageT]):
    """A session with its active checkpoint.

    Attributes:
        heads: the tips of work that no checkpoint follows and nobody has left behind, the active one
            first, then the newest first. More than one: writers met that had not seen each other, and
            ``set_active_checkpoint`` settles which one goes on.
        problem: which record of its title, visibility, status and cwd is damaged, in one sentence, so
            that these may be older than they should; or that it was purged and has work that was not
            seen then; None: neither.
        source: where it was imported from, as the import said; None: it was made here.
        forked_from: where ``fork_session`` had it start; None: it is not a fork.

    """

    id: UUID
    title: str
    visibility: SessionVisibility
    status: SessionStatus
    cwd: str | None
    created_at: datetime
    updated_at: datetime
    active_checkpoint: Checkpoint[MessageT] | None
    problem: str | None = None
    heads: list[CheckpointSummary[MessageT]] = []
    source: dict[str, Any] | None = None
    forked_from: ForkedFrom | None = None


class SessionSummary(msgspec.Struct):
    """A session as it is listed.

    Attributes:
        message_count: messages of the active checkpoint.
        active_checkpoint_id: None only where ``problem`` says why.
        last_message_at: when the active checkpoint was made; None if it has no message.
        heads: how many tips of work there are; more than 1: see ``Session.heads``.
        problem: which file is missing or damaged, in one sentence; None: none, as far as was read.
        forked_from: where ``fork_session`` had it start; None: it is not a fork.

    """

    id: UUID
    title: str
    visibility: SessionVisibility
    status: SessionStatus
    cwd: str | None
    created_at: datetime
    updated_at: datetime
    message_count: int
    active_checkpoint_id: UUID | None
    last_message_at: datetime | None
    problem: str | None = None
    heads: int = 0
    forked_from: ForkedFrom | None = None


class BackendKind(enum.StrEnum):
    """What serves the sessions."""

    STAKPAK_API = "stakpak-api"
    LOCAL = "local"


class BackendInfo(msgspec.Struct, omit_defaults=True):
    """Which backend serves the sessions, and where."""

    kind: BackendKind
    profile: str | None = None
    endpoint: str | None = None
    store_path: str | None = None
