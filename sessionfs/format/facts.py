"""What a session's records say about it: the fold of ``spec/format/FORMAT.md``, section 4.3.

The invariant: the fold depends on which records there are, and not on the order in which they came.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET

from ..errors import CorruptObjectError
from ..models import ForkedFrom, SessionStatus, SessionVisibility
from .ids import checkpoint_id, is_session_name, is_sha256
from .records import Facts, MetaRecord, RefRecord
from .timestamps import parse_rfc3339


class LeftCheckpoint(msgspec.Struct, frozen=True):
    """A checkpoint that somebody left behind at this time, when another one was made active."""

    at: str
    sha: str


class SessionFacts(msgspec.Struct, frozen=True):
    """The fold of a session's meta records. ``created_at`` is None where no record sets it.

    ``purged_at`` is the time of its newest purge record, ``damage`` the first record that is damaged,
    ``source`` what an import said of where the session is from, ``forked_from`` where a fork starts.
    """

    title: str
    visibility: SessionVisibility
    status: SessionStatus
    cwd: str | None
    created_at: datetime | None
    left: list[LeftCheckpoint]
    purged_at: str | None
    damage: CorruptObjectError | None
    source: dict[str, Any] | None = None
    forked_from: ForkedFrom | None = None

    @classmethod
    def unknown(cls) -> SessionFacts:
        """Return the facts of a session without records."""
        return cls("", SessionVisibility.PRIVATE, SessionStatus.ACTIVE, None, None, [], None, None)


def fold(records: Iterable[tuple[str, RefRecord | CorruptObjectError | None]]) -> SessionFacts:
    """Return what records say of a session; the last writer wins, field by field.

    Damaged records are left out, and the first is reported in ``damage``. What is still here of a
    session that was purged is work that the purger had not seen, and is not deleted.

    Args:
        records: the timestamp of each record with the record, with the error where it is damaged, or
            with None where it is gone; in the order of their names.

    """
    merged: dict[str, Any] = {}
    left: list[LeftCheckpoint] = []
    purged_at: str | None = None
    damage: CorruptObjectError | None = None
    for at, record in records:
        if isinstance(record, CorruptObjectError):
            damage = damage or record
        elif isinstance(record, MetaRecord):
            merged.update(record.set)
            left += [LeftCheckpoint(at, sha) for sha in merged.pop("left", ())]
        elif record is not None:
            merged["status"], purged_at = SessionStatus.ACTIVE, at
    known, source = msgspec.convert(merged, Facts), merged.get("source")
    return SessionFacts(
        title="" if known.title is UNSET else known.title,
        visibility=known.visibility or SessionVisibility.PRIVATE,
        status=known.status or SessionStatus.ACTIVE,
        cwd=None if known.cwd is UNSET else known.cwd,
        created_at=parse_rfc3339(known.created_at) if known.created_at else None,
        left=left,
        purged_at=purged_at,
        damage=damage,
        source=source if isinstance(source, dict) else None,
        forked_from=_forked_from(merged.get("forked_from")),
    )


def _forked_from(noted: object) -> ForkedFrom | None:
    """Return where a fork starts, as ``fork_session`` notes it; None for whatever else was noted."""
    if not isinstance(noted, dict):
        return None
    session, checkpoint = str(noted.get("session")), str(noted.get("checkpoint"))
    if not (is_session_name(session) and is_sha256(checkpoint)):
        return None
    return ForkedFrom(UUID(session), checkpoint_id(checkpoint))
