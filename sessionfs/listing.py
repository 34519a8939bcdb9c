"""Summaries of sessions and checkpoints, read from the files alone.

Slow and plain on purpose: whatever is faster must give the same answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime

from . import history
from .clock import from_unix_us, to_datetime
from .errors import CorruptObjectError, IncompleteError, NotFoundError
from .history import Chain
from .ids import checkpoint_id, session_time_ms
from .models import ListSessionsQuery, SessionSummary
from .records import CheckpointObject
from .refs import RefNames, SessionFacts
from .session import SessionDirectory


def session_summary(directory: SessionDirectory) -> SessionSummary | None:
    """Return a session's summary, or None if nothing of it is here.

    What is missing or damaged is named in ``problem``; the session is listed all the same.
    """
    refs = directory.refs.names()
    facts = directory.refs.facts(refs.meta)
    chain: Chain | None = None
    problem: str | None = None
    try:
        chain = directory.active(refs)
    except (IncompleteError, CorruptObjectError) as error:
        problem = error.message
    except NotFoundError:
        return None
    if facts.damage is not None:
        problem = facts.damage.message
    elif not refs.meta and problem is None:
        problem = f"no meta record of session {directory.id} has arrived"
    active = chain[0].checkpoint if chain else None
    return SessionSummary(
        id=directory.id,
        title=facts.title,
        visibility=facts.visibility,
        status=facts.status,
        cwd=facts.cwd,
        created_at=created_at(directory, refs, facts),
        updated_at=updated_at(directory, refs),
        message_count=active.count if active else 0,
        active_checkpoint_id=checkpoint_id(chain[0].sha) if chain else None,
        last_message_at=to_datetime(active.at) if active and active.count else None,
        problem=problem,
    )


def created_at(directory: SessionDirectory, refs: RefNames, facts: SessionFacts) -> datetime:
    """Return when a session was created, as well as it can be told here."""
    if facts.created_at is not None:
        return facts.created_at
    milliseconds = session_time_ms(directory.id)
    if milliseconds is not None:
        with suppress(OverflowError):  # 48 bits reach beyond the year 9999
            return from_unix_us(milliseconds * 1000)
    times = [*_checkpoint_times(directory)]
    if refs.lowest_at is not None:
        times.append(refs.lowest_at)
    return to_datetime(min(times)) if times else from_unix_us(0)


def updated_at(directory: SessionDirectory, refs: RefNames) -> datetime:
    """Return when a session last changed, as well as it can be told here."""
    highest = refs.highest_at or max(_checkpoint_times(directory), default=None)
    return to_datetime(highest) if highest is not None else from_unix_us(0)


def matches(summary: SessionSummary, query: ListSessionsQuery) -> bool:
    """Tell whether a session is one that a query asks for."""
    return (
        (query.status is None or summary.status == query.status)
        and (query.visibility is None or summary.visibility == query.visibility)
        and (query.cwd is None or summary.cwd == query.cwd)
        and (query.search is None or query.search.casefold() in summary.title.casefold())
    )


def newest_first(summaries: list[SessionSummary]) -> list[SessionSummary]:
    """Return sessions by ``updated_at``, newest first, and by id where that is the same."""
    by_id = sorted(summaries, key=lambda summary: summary.id.int)
    return sorted(by_id, key=lambda summary: summary.updated_at, reverse=True)


def checkpoints(
    directory: SessionDirectory,
) -> tuple[list[tuple[str, CheckpointObject]], list[CorruptObjectError]]:
    """Return a session's checkpoints with their hashes, oldest first, and what was damaged."""
    found: list[tuple[str, CheckpointObject]] = []
    damage: list[CorruptObjectError] = []
    for sha, checkpoint in directory.checkpoints():
        if isinstance(checkpoint, CorruptObjectError):
            damage.append(checkpoint)
        else:
            found.append((sha, checkpoint))
    return sorted(found, key=lambda item: (item[1].at, item[0])), damage


def checkpoint_problem(directory: SessionDirectory, sha: str) -> str | None:
    """Return why a checkpoint's state cannot be opened here, in a sentence, or None if it can."""
    try:
        history.require_large(directory.objects, directory.open(sha))
    except (IncompleteError, CorruptObjectError) as error:
        return error.message
    return None


def _checkpoint_times(directory: SessionDirectory) -> Iterator[str]:
    for _, checkpoint in directory.checkpoints():
        if not isinstance(checkpoint, CorruptObjectError):
            yield checkpoint.at
