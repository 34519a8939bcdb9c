"""What a watch tells: events, each about one session.

An event that has a ``session`` carries what a listing says of it from now on. Encoded as JSON an event
is an object whose member ``event`` names its kind.
"""

from __future__ import annotations

from uuid import UUID

import msgspec

from .sessions import CheckpointSummary, SessionSummary

RELIST_SECONDS = 30.0
"""How often a watch compares all sessions, whatever was noticed."""


class SessionCreated(msgspec.Struct, frozen=True, tag_field="event", tag="session_created"):
    """A session is here that was not, be it new or brought by a sync tool."""

    session_id: UUID
    session: SessionSummary


class SessionUpdated(msgspec.Struct, frozen=True, tag_field="event", tag="session_updated"):
    """What a listing says of a session is another thing now.

    So after every checkpoint that became active, after a restore, and when a problem comes or goes.
    """

    session_id: UUID
    session: SessionSummary


class CheckpointCreated(msgspec.Struct, frozen=True, tag_field="event", tag="checkpoint_created"):
    """A checkpoint is here as a whole, which it was not: it can be opened."""

    session_id: UUID
    checkpoint: CheckpointSummary


class ActiveChanged(msgspec.Struct, frozen=True, tag_field="event", tag="active_changed"):
    """Another checkpoint of a session is active.

    Attributes:
        session_id: the session.
        previous: the one that was told to be active before; None: there was none.
        active: the one that is active now.

    """

    session_id: UUID
    previous: UUID | None
    active: UUID


class SessionDeleted(msgspec.Struct, frozen=True, tag_field="event", tag="session_deleted"):
    """A session was deleted.

    Attributes:
        session_id: the session.
        session: what a listing says of it, or said of it last.
        removed: False: its status became DELETED, and it stays readable; True: its files are gone.

    """

    session_id: UUID
    session: SessionSummary
    removed: bool


Event = SessionCreated | SessionUpdated | CheckpointCreated | ActiveChanged | SessionDeleted
"""Any of these."""
