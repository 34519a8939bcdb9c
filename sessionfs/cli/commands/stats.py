"""``sessionfs stats``: count tool calls."""

from __future__ import annotations

from typing import Annotated

import typer

from ...models import (
    ListSessionsQuery,
)
from .. import completion, opening, output, render, resolve
from ..options import AsJson, Since, Store, Until


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
    with output.reporting(as_json), opening.open_store(store) as storage:
        if session is not None and (since or until):
            raise typer.BadParameter("--since and --until select sessions: leave out SESSION")
        if session is not None:
            figures = storage.get_session_stats(resolve.session(storage, session).id)
        else:
            query = ListSessionsQuery(updated_since=since, updated_until=until)
            figures = storage.get_store_stats(query)
        if as_json:
            output.print_json(figures)
        else:
            render.stats(output.console(), figures)
