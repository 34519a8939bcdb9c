"""``sessionfs ls``: list sessions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec
import typer

from ...models import (
    ListSessionsQuery,
    ListSessionsResult,
    SessionStatus,
    SessionSummary,
)
from ...storage import FileStorage
from .. import opening, output, render, resolve
from ..options import AsJson, Below, Cwd, OfVisibility, Since, Store, Until, WithDeleted, a_moment
from ..template import Template
from ..text import counted


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
    with output.reporting(as_json), opening.open_store(store) as storage:
        query = ListSessionsQuery(
            limit=limit,
            search=search,
            cwd=opening.absolute(cwd),
            cwd_below=opening.absolute(below),
            visibility=visibility,
            created_since=created_since,
            created_until=created_until,
            updated_since=since,
            updated_until=until,
            cursor=cursor,
            status=None if deleted else SessionStatus.ACTIVE,
        )
        result = storage.list_sessions(query)
        if as_json:
            output.print_json(result)
            return
        ids = storage.session_ids()
        if template is not None:
            short = resolve.short_ids(ids)
            for each in result.sessions:
                typer.echo(template.filled(each, short[each.id]))
        elif result.sessions:
            render.sessions(output.console(), result.sessions, ids)
        for line in (*_not_shown(storage, query, result), *_ahead(result.sessions)):
            output.note(line)
        if result.total:
            return
        if storage.list_sessions(ListSessionsQuery(limit=0)).total:
            output.note("no session matches")
        else:
            output.note(f"no sessions in {storage.backend_info().store_path}")


def _ahead(sessions: list[SessionSummary]) -> Iterator[str]:
    """Say of which sessions the time is not yet: they stand first until it is."""
    for each in sessions:
        if each.updated_at > datetime.now(UTC) + timedelta(days=1):
            when = f"{each.updated_at:%Y-%m-%d}"
            yield f"! {each.id}: changed at {when}, which is not yet; a clock was wrong"


def _not_shown(
    storage: FileStorage, query: ListSessionsQuery, result: ListSessionsResult
) -> Iterator[str]:
    """Say how many sessions a limit or their status leaves out: nothing is hidden silently."""
    if result.total > len(result.sessions):
        yield f"{counted(result.total - len(result.sessions), 'more session')} (-n {result.total})"
    if query.status is not None:
        others = msgspec.structs.replace(query, status=SessionStatus.DELETED, limit=0, cursor=None)
        deleted = storage.list_sessions(others).total
        if deleted:
            yield f"{counted(deleted, 'deleted session')} not shown (--all)"
