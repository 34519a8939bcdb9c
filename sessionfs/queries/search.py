"""Search over the files alone: which messages match, in which order, and their snippets.

Slow and plain on purpose: whatever is faster must give the same answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple, TypeVar
from uuid import UUID

from msgspec.structs import replace

from .. import validation
from ..errors import InvalidRequestError
from ..format.ids import checkpoint_id
from ..format.timestamps import from_unix_us, to_unix_us
from ..models import (
    ListSessionsQuery,
    SearchHit,
    SearchQuery,
    SearchResult,
    SessionSummary,
)
from . import listing
from .transcript import SearchableMessage, Transcript, unique

_T = TypeVar("_T")

_BEFORE, _LENGTH = 60, 200
"""How much of a text a snippet shows: characters before the match, and in all."""


class CheckedQuery(NamedTuple):
    """A checked query, taken apart.

    Attributes:
        needle: the text with letter case put aside.
        sessions: which sessions are searched.
        titles: which sessions' titles match; None: titles are not asked for.
        page: which hits are shown.

    """

    query: SearchQuery
    needle: str
    sessions: ListSessionsQuery
    titles: ListSessionsQuery | None
    page: slice
    since_us: int | None
    until_us: int | None


def check(query: SearchQuery) -> CheckedQuery:
    """Return what a query asks for; InvalidRequestError names what is wrong with it."""
    validation.request(query, SearchQuery)
    if not validation.text(query.text, "text"):
        raise InvalidRequestError("text must not be empty")
    validation.filters(query, texts=("role", "tool", "cwd", "cwd_below"), times=("since", "until"))
    query = replace(query, session_id=validation.uuid_or_none(query.session_id, "session_id"))
    sessions = ListSessionsQuery(
        status=query.status,
        visibility=query.visibility,
        cwd=query.cwd,
        cwd_below=query.cwd_below,
    )
    titles = None
    if query.role is None and query.tool is None:
        titles = replace(
            sessions,
            search=query.text,
            updated_since=query.since,
            updated_until=query.until,
            limit=query.limit,
            offset=query.offset,
        )
    return CheckedQuery(
        query,
        query.text.casefold(),
        sessions,
        titles,
        validation.page(query.limit, query.offset),
        _microseconds(query.since),
        _microseconds(query.until),
    )


def answer(read: Iterable[tuple[SessionSummary, Transcript]], checked: CheckedQuery) -> SearchResult:
    """Return the page of hits in these sessions."""
    titles: list[SessionSummary] = []
    found: list[tuple[UUID, SearchableMessage, SessionSummary]] = []
    problems: list[str] = []
    for summary, transcript in read:
        if not is_searched(summary, checked):
            continue
        if checked.titles is not None and listing.matches(summary, checked.titles):
            titles.append(summary)
        matching = [each for each in transcript.messages if matches(each, checked)]
        found += [(summary.id, message, summary) for message in matching]
        problems += transcript.problems
    sort_newest_first(found)
    hits = [title_hit(each, checked) for each in listing.newest_first(titles)[checked.page]]
    rest = slice(max(checked.page.start - len(titles), 0), max(checked.page.stop - len(titles), 0))
    hits += [message_hit(summary, message, checked) for _, message, summary in found[rest]]
    return SearchResult(hits, len(titles) + len(found), sorted(unique(problems)))


def is_searched(summary: SessionSummary, checked: CheckedQuery) -> bool:
    """Tell whether a session is one of those that a query searches."""
    one = checked.query.session_id
    return (one is None or summary.id == one) and listing.matches(summary, checked.sessions)


def matches(message: SearchableMessage, checked: CheckedQuery) -> bool:
    """Tell whether a message is a hit."""
    query = checked.query
    return (
        checked.needle in message.text.casefold()
        and (query.role is None or message.role == query.role)
        and (query.tool is None or query.tool in message.tools)
        and (checked.since_us is None or message.time_us >= checked.since_us)
        and (checked.until_us is None or message.time_us < checked.until_us)
    )


def sort_newest_first(found: list[tuple[UUID, SearchableMessage, _T]]) -> None:
    """Sort messages, each with its session and what else the caller needs; ties are always the same."""
    found.sort(key=lambda each: (-each[1].time_us, each[0].int, -each[1].index, each[1].sha))


def title_hit(summary: SessionSummary, checked: CheckedQuery) -> SearchHit:
    """Return the hit of a session whose title matches."""
    shown, spans = snippet(summary.title, checked.needle)
    return SearchHit(summary, None, None, None, [], summary.updated_at, shown, spans)


def message_hit(
    summary: SessionSummary, message: SearchableMessage, checked: CheckedQuery
) -> SearchHit:
    """Return the hit of a message that matches."""
    shown, spans = snippet(message.text, checked.needle)
    return SearchHit(
        summary,
        checkpoint_id(message.sha),
        message.index,
        message.role,
        list(message.tools),
        from_unix_us(message.time_us),
        shown,
        spans,
    )


def snippet(text: str, needle: str) -> tuple[str, list[tuple[int, int]]]:
    """Return the part of a text around the first match, and where the matches in it are."""
    folded = text.casefold()
    at = folded.find(needle)
    first, last = at, at + len(needle)
    # Some letters are several when case is put aside: then each says which it came from.
    several = len(folded) > len(text)
    if several:
        first, last = _origin(text, first), _origin(text, last - 1) + 1
    begin = max(first - _BEFORE, 0)
    end = min(max(begin + _LENGTH, last), len(text))
    came_from: Sequence[int] = range(begin, end)
    ahead = begin
    if several:
        came_from = [i for i in came_from for _ in text[i].casefold()]
        ahead = len(text[:begin].casefold())
    spans: list[tuple[int, int]] = []
    before = "…" if begin else ""
    shift = len(before) - begin
    while at >= 0 and at + len(needle) <= ahead + len(came_from):
        start, stop = came_from[at - ahead], came_from[at - ahead + len(needle) - 1] + 1
        if not spans or start + shift >= spans[-1][1]:
            spans.append((start + shift, stop + shift))
        at = folded.find(needle, at + len(needle))
    return before + text[begin:end] + ("…" if end < len(text) else ""), spans


def _origin(text: str, index: int) -> int:
    """Return the index of the letter that the one at an index came from when case was put aside."""
    start, stop = 0, len(text)
    while stop - start > 1:
        middle = (start + stop) // 2
        before = len(text[start:middle].casefold())
        if index < before:
            stop = middle
        else:
            start, index = middle, index - before
    return start


def _microseconds(moment: datetime | None) -> int | None:
    return None if moment is None else to_unix_us(moment)
