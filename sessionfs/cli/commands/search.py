"""``sessionfs search``: find text in messages and titles."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

import msgspec
import typer

from ...models import (
    SearchQuery,
    SearchResult,
    SessionStatus,
)
from ...storage import FileStorage
from .. import opening, output, render, resolve
from ..options import AsJson, Below, Cwd, OfVisibility, Store, WithDeleted, a_moment
from ..text import counted


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
    """Search messages and titles for a text, case-insensitively. Titles come first, then the newest.

    Parts of words, punctuation and code are found as they stand. In front of a text that begins with
    a hyphen put two: sessionfs search -- --flag=1
    """
    with output.reporting(as_json), opening.open_store(store) as storage:
        query = SearchQuery(
            text,
            limit=limit,
            offset=offset,
            role=role,
            tool=tool,
            session_id=None if session is None else resolve.session(storage, session).id,
            status=None if deleted else SessionStatus.ACTIVE,
            visibility=visibility,
            cwd=opening.absolute(cwd),
            cwd_below=opening.absolute(below),
            since=since,
            until=until,
        )
        if output.is_watched():
            # The first time this takes a while.
            with output.bar("Indexing sessions") as advance:
                storage.update_index(advance, workers=opening.workers())
        result = storage.search(query)
        problem = storage.index_state().problem
        if problem is not None:
            output.note(f"! searched without an index: {problem}")
        if as_json:
            output.print_json(result)
            return
        ids = storage.session_ids() if result.hits else []
        render.hits(output.console(), result.hits, ids)
        for line in _not_found(storage, query, result):
            output.note(line)


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
