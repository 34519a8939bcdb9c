"""Summaries of sessions and checkpoints, read from the files alone.

Slow and plain on purpose: whatever is faster must give the same answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from uuid import UUID

import msgspec

from .. import validation
from ..errors import (
    CorruptObjectError,
    IncompleteError,
    InvalidRequestError,
    NotFoundError,
    StorageError,
)
from ..format.facts import SessionFacts
from ..format.ids import checkpoint_id, parse_session_id, session_time_ms
from ..format.records import CheckpointObject
from ..format.timestamps import from_datetime, from_unix_us, is_timestamp, to_datetime
from ..models import (
    ListSessionsQuery,
    ListSessionsResult,
    SessionSummary,
)
from ..store import heads
from ..store.graph import Chain
from ..store.session import SessionDirectory
from ..store.view import SessionView


class SummaryReading(msgspec.Struct, frozen=True):
    """A session's summary, and how far it can be relied on.

    Attributes:
        settled: whether the summary stays true as long as no name appears in or goes from ``refs/``;
            not so where something is missing or damaged, or no ref names the active checkpoint.
        purged: whether objects of the session may be hidden.

    """

    summary: SessionSummary
    settled: bool
    purged: bool = False


def read_summary(directory: SessionDirectory) -> SummaryReading | None:
    """Return a session's summary, or None if nothing of it is here.

    What is missing, damaged or not to be read is named in ``problem``; the session is listed all the
    same, and so are all the others.
    """
    try:
        return _read_summary(directory)
    except StorageError as error:
        created = _time_of_id(directory.id) or from_unix_us(0)
        summary = _summary(directory.id, SessionFacts.unknown(), None, created, created, error.message)
        return SummaryReading(summary, settled=False)


def _read_summary(directory: SessionDirectory) -> SummaryReading | None:
    view = directory.look()
    refs, facts = view.refs, view.facts()
    chain: Chain | None = None
    problems: list[str] = []
    try:
        chain = view.active()
    except (IncompleteError, CorruptObjectError) as error:
        problems.append(error.message)
    except NotFoundError:
        return None
    told = problem_of(facts)
    if told is not None:
        problems.append(told)
    elif not refs.meta and not problems:
        problems.append(f"no meta record of session {directory.id} has arrived")
    named = bool(chain and refs.active and chain[0].sha.startswith(refs.active[-1].hash12))
    created, updated = created_at(view, facts), updated_at(view)
    problem = "; ".join(problems) or None
    summary = _summary(view.id, facts, chain, created, updated, problem)
    sure = True
    if chain is not None:
        tips = heads.find_heads(view, facts.left, chain[0].sha)
        summary.heads, sure = len(tips.hashes), tips.sure
    settled = named and sure and problem is None
    return SummaryReading(summary, settled, view.purged)


def _summary(
    session: UUID,
    facts: SessionFacts,
    chain: Chain | None,
    created: datetime,
    updated: datetime,
    problem: str | None,
) -> SessionSummary:
    active = chain[0].checkpoint if chain else None
    return SessionSummary(
        id=session,
        title=facts.title,
        visibility=facts.visibility,
        status=facts.status,
        cwd=facts.cwd,
        created_at=created,
        updated_at=updated,
        message_count=active.count if active else 0,
        active_checkpoint_id=checkpoint_id(chain[0].sha) if chain else None,
        last_message_at=to_datetime(active.at) if active and active.count else None,
        problem=problem,
        forked_from=facts.forked_from,
    )


def problem_of(facts: SessionFacts) -> str | None:
    """Return what a person is to know of a session's records, in one sentence."""
    told: list[str] = []
    if facts.purged_at is not None:
        at = to_datetime(facts.purged_at).strftime("%Y-%m-%d %H:%M UTC")
        told.append(f"it was purged at {at}, and this was written elsewhere before that was known")
    if facts.damage is not None:
        told.append(facts.damage.message)
    return "; ".join(told) or None


def session_summary(directory: SessionDirectory) -> SessionSummary | None:
    """Return a session's summary as ``look`` does, without what only a cache needs to know."""
    looked = read_summary(directory)
    return None if looked is None else looked.summary


def created_at(view: SessionView, facts: SessionFacts) -> datetime:
    """Return when a session was created, as well as it can be told here."""
    if facts.created_at is not None:
        return facts.created_at
    created = _time_of_id(view.id)
    if created is not None:
        return created
    times = [*_checkpoint_times(view)]
    if view.refs.lowest_at is not None:
        times.append(view.refs.lowest_at)
    return to_datetime(min(times)) if times else from_unix_us(0)


def _time_of_id(session: UUID) -> datetime | None:
    milliseconds = session_time_ms(session)
    if milliseconds is not None:
        with suppress(OverflowError):  # 48 bits reach beyond the year 9999
            return from_unix_us(milliseconds * 1000)
    return None


def updated_at(view: SessionView) -> datetime:
    """Return when a session last changed, as well as it can be told here."""
    highest = view.refs.highest_at or max(_checkpoint_times(view), default=None)
    return to_datetime(highest) if highest is not None else from_unix_us(0)


class Cursor(msgspec.Struct, frozen=True):
    """A place in the list of sessions: after the one with this time and id."""

    updated_at: datetime
    id: UUID

    def __str__(self) -> str:
        return f"{from_datetime(self.updated_at)}.{self.id}"

    @classmethod
    def after(cls, summary: SessionSummary) -> Cursor:
        """Return the place after this session."""
        return cls(summary.updated_at, summary.id)

    @classmethod
    def parse(cls, text: object) -> Cursor:
        """Return the cursor of a text; InvalidRequestError if no listing can have given it."""
        at, _, id_ = text.partition(".") if isinstance(text, str) else ("", "", "")
        session = parse_session_id(id_)
        if session is None or not is_timestamp(at):
            raise InvalidRequestError(f"cursor: {text!r} is not one that a listing gave")
        return cls(to_datetime(at), session)


def check(query: ListSessionsQuery) -> ListSessionsQuery:
    """Return a query that can be answered; InvalidRequestError names what is wrong with it."""
    validation.request(query, ListSessionsQuery)
    validation.page(query.limit, query.offset)
    validation.filters(
        query,
        texts=("search", "cwd", "cwd_below"),
        times=("created_since", "created_until", "updated_since", "updated_until"),
    )
    if query.cursor is not None:
        Cursor.parse(query.cursor)
        if query.offset:
            raise InvalidRequestError("cursor and offset cannot be combined")
    return query


def answer(summaries: Iterable[SessionSummary], query: ListSessionsQuery) -> ListSessionsResult:
    """Return the page of these sessions that a checked query asks for."""
    found = [each for each in summaries if matches(each, query)]
    return page(after_cursor(found, query), len(found), query)


def after_cursor(found: list[SessionSummary], query: ListSessionsQuery) -> list[SessionSummary]:
    """Return those that come after the query's cursor."""
    if query.cursor is None:
        return found
    cursor = Cursor.parse(query.cursor)
    return [
        each
        for each in found
        if each.updated_at < cursor.updated_at
        or (each.updated_at == cursor.updated_at and each.id > cursor.id)
    ]


def page(found: list[SessionSummary], total: int, query: ListSessionsQuery) -> ListSessionsResult:
    """Return the page that a query asks for of those that match and come after its cursor."""
    wanted = validation.page(query.limit, query.offset)
    ordered = newest_first(found)
    shown = ordered[wanted]
    more = bool(shown) and wanted.stop < len(ordered)
    return ListSessionsResult(shown, total, str(Cursor.after(shown[-1])) if more else None)


def matches(summary: SessionSummary, query: ListSessionsQuery) -> bool:
    """Tell whether a session is one that a query asks for."""
    return (
        (query.status is None or summary.status == query.status)
        and (query.visibility is None or summary.visibility == query.visibility)
        and (query.cwd is None or summary.cwd == query.cwd)
        and (query.cwd_below is None or is_below(summary.cwd, query.cwd_below))
        and (query.search is None or query.search.casefold() in summary.title.casefold())
        and (query.created_since is None or summary.created_at >= query.created_since)
        and (query.created_until is None or summary.created_at < query.created_until)
        and (query.updated_since is None or summary.updated_at >= query.updated_since)
        and (query.updated_until is None or summary.updated_at < query.updated_until)
    )


def is_below(cwd: str | None, directory: str) -> bool:
    """Tell whether a working directory is this directory or below it, by the names in the path."""
    if cwd is None:
        return False
    above = directory.rstrip("/")
    return cwd.rstrip("/") == above or cwd.startswith(above + "/")


def newest_first(summaries: Iterable[SessionSummary]) -> list[SessionSummary]:
    """Return sessions by ``updated_at``, newest first, and by id where that is the same."""
    by_id = sorted(summaries, key=lambda summary: summary.id.int)
    return sorted(by_id, key=lambda summary: summary.updated_at, reverse=True)


class CheckpointRow(msgspec.Struct, frozen=True):
    """What is listed of a checkpoint.

    Attributes:
        messages: how many its state has.
        complete: whether all that its state needs is known to be here.

    """

    at: str
    sha: str
    parent: str | None
    messages: int
    complete: bool

    @classmethod
    def of(cls, sha: str, checkpoint: CheckpointObject, *, complete: bool = False) -> CheckpointRow:
        """Return what is listed of a checkpoint object."""
        return cls(checkpoint.at, sha, checkpoint.parent, checkpoint.count, complete)


def checkpoints(
    view: SessionView,
) -> tuple[list[tuple[str, CheckpointObject]], list[CorruptObjectError]]:
    """Return a session's checkpoints with their hashes, oldest first, and what was damaged."""
    found: list[tuple[str, CheckpointObject]] = []
    damage: list[CorruptObjectError] = []
    for sha, checkpoint in view.checkpoints():
        if isinstance(checkpoint, CorruptObjectError):
            damage.append(checkpoint)
        else:
            found.append((sha, checkpoint))
    return sorted(found, key=lambda item: (item[1].at, item[0])), damage


def _checkpoint_times(view: SessionView) -> Iterator[str]:
    try:
        for _, checkpoint in view.checkpoints():
            if not isinstance(checkpoint, CorruptObjectError):
                yield checkpoint.at
    except StorageError:
        return  # not to be read: nobody can tell
