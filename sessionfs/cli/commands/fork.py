"""``sessionfs fork``: start a new session from a checkpoint of another one."""

from __future__ import annotations

from typing import Annotated

import typer

from .. import opening, output, resolve
from ..options import AsJson, Checkpoint, SessionArgument, Store
from ..text import counted, one_line


def fork(
    session: SessionArgument,
    store: Store = None,
    checkpoint: Checkpoint = None,
    title: Annotated[
        str | None,
        typer.Option("--title", "-t", help="Of the new session; else the same.", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Start a new session from where another one is, or was at a checkpoint; that one stays."""
    with output.reporting(as_json), opening.open_store(store) as storage:
        found = resolve.session(storage, session)
        given = checkpoint
        id_ = None if given is None else resolve.checkpoint_id(storage, found.id, given)
        made = storage.fork_session(found.id, checkpoint_id=id_, title=title)
        name = found.title if title is None else title
        count = len(made.checkpoint.state.messages)
        if as_json:
            output.print_json(
                {
                    "id": made.session_id,
                    "title": name,
                    "checkpoint": made.checkpoint.id,
                    "message_count": count,
                    "forked_from": storage.get_session(made.session_id).forked_from,
                }
            )
            return
        typer.echo(
            f"forked  {made.session_id}  {counted(count, 'message')}  {one_line(name, 60)}".rstrip()
        )
