"""The commands that go through all sessions: ls, search, stats."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec
import typer

from ..models import (
    ListSessionsQuery,
    ListSessionsResult,
    SearchQuery,
    SearchResult,
    SessionStatus,
    SessionSummary,
)
from ..queries import listing
from ..storage import FileStorage
from . import completion, output, render, resolve
from .options import (
    AsJson,
    Below,
    Cwd,
    OfVisibility,
    Since,
    Store,
    Until,
    WithDeleted,
    a_moment,
    absolute,
    open_store,
    workers,
)
from .template import Template
from .text import counted


def ls(
    store: Store = None,
    limit: Annotated[int, typer.Option("-n", "--limit", min=0, help="At most this many.")] = 20,
    search: Annotated[str | None, typer.Option(help="A part of the title.", show_default=False)] = None,
    cwd: Cwd = None,
    below: Below = None,
    visibility: OfVisibility = None,
    since: Since = None,
    until: Until = None,
    created_since: Annotated[
        datetime | None,
        typer.Option(parser=a_moment, metavar="WHEN", help="Created at or after.", show_default=False),
    ] = None,
    created_until: Annotated[
        datetime | None,
        typer.Option(parser=a_moment, metavar="WHEN", help="Created before.", show_default=False),
    ] = None,
    cursor: Annotated[
        str | None,
        typer.Option(
            help="Go on after the page whose --json had this next_cursor.",
            metavar="CURSOR",
            show_default=False,
        ),
    ] = None,
    deleted: WithDeleted = False,
    format_: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="A line for each session: '{short} {title}', \\t for a tab.",
            metavar="TEMPLATE",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List sessions, newest first.

    A TEMPLATE may hold {id}, {short}, {title}, {updated}, {created}, {ago}, {messages}, {status},
    {visibility}, {cwd}, {heads}, {checkpoint} and {problem}.
    """
    template = None if format_ is None else Template(format_)
    with output.reporting(as_json), open_store(store) as storage:
        query = ListSessionsQuery(
            limit=limit,
            search=search,
            cwd=absolute(cwd),
            cwd_below=absolute(below),
            visibility=visibility,
            created_since=created_since,
            created_until=created_until,
            updated_since=since,
            updated_until=until,
            cursor=cursor,
            status=None if deleted else SessionStatus.ACTIVE,
        )
        everything = resolve.all_sessions(storage)
        result = listing.answer(everything, listing.check(query))
        if as_json:
            output.print_json(result)
            return
        if template is not None:
            short = resolve.short_ids([each.id for each in everything])
            for each in result.sessions:
                typer.echo(template.filled(each, short[each.id]))
        elif result.sessions:
            render.sessions(output.console(), result.sessions, [each.id for each in everything])
        for line in (*_not_shown(everything, query, result), *_ahead(result.sessions)):
            output.note(line)
        if not everything:
            output.note(f"no sessions in {storage.backend_info().store_path}")
        elif not result.total:
            output.note("no session matches")


def _ahead(sessions: list[SessionSummary]) -> Iterator[str]:
    """Say of which sessions the time is not yet: they stand first until it is."""
    for each in sessions:
        if each.updated_at > datetime.now(UTC) + timedelta(days=1):
            when = f"{each.updated_at:%Y-%m-%d}"
            yield f"! {each.id}: changed at {when}, which is not yet; a clock was wrong"


def search(
    text: Annotated[str, typer.Argument(help="What to find, taken literally.", metavar="TEXT")],
    store: Store = None,
    limit: Annotated[int, typer.Option("-n", "--limit", min=0, help="At most this many.")] = 20,
    offset: Annotated[int, typer.Option(min=0, help="Pass over this many.")] = 0,
    role: Annotated[
        str | None,
        typer.Option(help="Only messages of this role: user, assistant, tool.", show_default=False),
    ] = None,
    tool: Annotated[
        str | None,
        typer.Option(help="Only calls of this tool and their results.", show_default=False),
    ] = None,
    session: Annotated[
        str | None, typer.Option(help="Only this session.", metavar="SESSION", show_default=False)
    ] = None,
    cwd: Cwd = None,
    below: Below = None,
    visibility: OfVisibility = None,
    since: Annotated[
        datetime | None,
        typer.Option(parser=a_moment, metavar="WHEN", help="Said at or after.", show_default=False),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(parser=a_moment, metavar="WHEN", help="Said before.", show_default=False),
    ] = None,
    deleted: WithDeleted = False,
    as_json: AsJson = False,
) -> None:
    """Find a text in messages and titles, letter case aside: titles first, then what was said last.

    Parts of words, punctuation and code are found as they stand. In front of a text that begins with
    a hyphen put two: sessionfs search -- --flag=1
    """
    with output.reporting(as_json), open_store(store) as storage:
        query = SearchQuery(
            text,
            limit=limit,
            offset=offset,
            role=role,
            tool=tool,
            session_id=None if session is None else resolve.session(storage, session).id,
            status=None if deleted else SessionStatus.ACTIVE,
            visibility=visibility,
            cwd=absolute(cwd),
            cwd_below=absolute(below),
            since=since,
            until=until,
        )
        if output.is_watched():
            # The first time this takes a while.
            with output.bar("Indexing sessions") as advance:
                storage.update_index(advance, workers=workers())
        result = storage.search(query)
        if as_json:
            output.print_json(result)
            return
        ids = [each.id for each in resolve.all_sessions(storage)] if result.hits else []
        render.hits(output.console(), result.hits, ids)
        for line in _not_found(storage, query, result):
            output.note(line)


def stats(
    session: Annotated[
        str | None,
        typer.Argument(
            help="One session; none: all of them.",
            metavar="[SESSION]",
            show_default=False,
            autocompletion=completion.sessions,
        ),
    ] = None,
    store: Store = None,
    since: Since = None,
    until: Until = None,
    as_json: AsJson = False,
) -> None:
    """Count the tool calls and how they ended, in one session or in all."""
    with output.reporting(as_json), open_store(store) as storage:
        if session is not None:
            figures = storage.get_session_stats(resolve.session(storage, session).id)
        else:
            query = ListSessionsQuery(updated_since=since, updated_until=until)
            figures = storage.get_store_stats(query)
        if as_json:
            output.print_json(figures)
        else:
            render.stats(output.console(), figures)


def _not_shown(
    everything: list[SessionSummary], query: ListSessionsQuery, result: ListSessionsResult
) -> Iterator[str]:
    """Say how many sessions a limit or their status leaves out: nothing is hidden silently."""
    if result.total > len(result.sessions):
        yield f"{counted(result.total - len(result.sessions), 'more session')} (-n {result.total})"
    if query.status is not None:
        others = msgspec.structs.replace(query, status=SessionStatus.DELETED)
        deleted = listing.answer(everything, others).total
        if deleted:
            yield f"{counted(deleted, 'deleted session')} not shown (--all)"


def _not_found(storage: FileStorage, query: SearchQuery, result: SearchResult) -> Iterator[str]:
    """Say what a page, a status or damage leaves out: nothing is hidden silently."""
    rest = result.total - len(result.hits) - (query.offset or 0)
    if not result.total:
        yield "nothing found"
    elif rest > 0:
        yield f"{counted(rest, 'more hit')} (--offset {result.total - rest})"
    if query.status is not None:
        others = msgspec.structs.replace(query, status=SessionStatus.DELETED, limit=0, offset=0)
        deleted = storage.search(others).total
        if deleted:
            yield f"{counted(deleted, 'hit')} in deleted sessions not shown (--all)"
    for problem in result.problems:
        yield f"! not searched: {problem}"
