"""``sessionfs rewind``: make another checkpoint active."""

from __future__ import annotations

from typing import Annotated

import typer

from .. import opening, output, resolve
from ..options import AsJson, SessionArgument, Store
from ..text import checkpoint_digits, counted


def rewind(
    session: SessionArgument,
    checkpoint: Annotated[
        str,
        typer.Argument(help="What log shows, or a unique prefix of an id.", metavar="CHECKPOINT"),
    ],
    store: Store = None,
    as_json: AsJson = False,
) -> None:
    """Make a checkpoint active: go back to an older one, or settle which of several heads goes on.

    Nothing is lost: log still shows all others.
    """
    with output.reporting(as_json), opening.open_store(store) as storage:
        found = resolve.session(storage, session)
        id_ = resolve.checkpoint_id(storage, found.id, checkpoint)
        made_active = storage.set_active_checkpoint(found.id, id_)
        if as_json:
            output.print_json(made_active)
            return
        typer.echo(f"active  {checkpoint_digits(id_)}  {counted(made_active.message_count, 'message')}")
        before = found.active_checkpoint_id
        if before not in (None, id_):
            output.note(f"before: {checkpoint_digits(before)}")
