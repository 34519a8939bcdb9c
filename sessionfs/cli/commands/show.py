"""``sessionfs show``: print a session."""

from __future__ import annotations

from typing import Annotated

import typer

from ...messages import parts
from .. import opening, output, render, render_messages, resolve
from ..options import AsJson, Checkpoint, Partial, SessionArgument, Store
from ..text import counted


def show(
    session: SessionArgument,
    store: Store = None,
    checkpoint: Checkpoint = None,
    role: Annotated[
        list[str] | None,
        typer.Option(help="Only messages of this role; may be given again.", show_default=False),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option("-n", "--limit", min=0, help="At most this many, the last.", show_default=False),
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Calls and results of tools in full.")] = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="Texts as they were written, Markdown not rendered.")
    ] = False,
    pager: Annotated[
        bool, typer.Option("--pager/--no-pager", help="Use a pager for output longer than the screen.")
    ] = True,
    partial: Partial = False,
    as_json: AsJson = False,
) -> None:
    """Print a session: its facts and the conversation, Markdown rendered, calls of tools folded.

    Output longer than the screen is shown in $SESSIONFS_PAGER, else $PAGER, else less. Each message
    has its number, as search tells it and cat takes it.
    """
    with (
        output.reporting(as_json, None if partial else output.PARTIAL),
        opening.open_store(store) as storage,
    ):
        found = resolve.session(storage, session)
        if checkpoint is None and not partial:
            shown = storage.get_session(found.id)
        else:
            # The active checkpoint may be damaged: it is not asked for.
            id_ = opening.checkpoint_or_newest(storage, found, checkpoint)
            shown = render.with_checkpoint(found, storage.get_checkpoint(id_, partial=partial))
        everything = parts.numbered_messages(shown)
        messages = [each for each in everything if not role or each[1].get("role") in role]
        last = messages if limit is None else messages[len(messages) - min(limit, len(messages)) :]
        if as_json:
            if shown.active_checkpoint is not None and len(last) < len(everything):
                shown.active_checkpoint.state.messages = [message for _, message in last]
            output.print_json(shown)
            return
        with output.paged(wanted=pager) as console:
            render_messages.session(console, shown, last, full=full, raw=raw)
        if len(messages) < len(everything):
            others = counted(len(everything) - len(messages), "message")
            output.note(f"{others} of other roles not shown")
        if len(last) < len(messages):
            earlier = counted(len(messages) - len(last), "earlier message")
            output.note(f"{earlier} not shown (-n {len(messages)})")
