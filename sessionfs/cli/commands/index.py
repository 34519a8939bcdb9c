"""The command about the index."""

from __future__ import annotations

from typing import Annotated

import typer

from ...errors import InternalError
from .. import opening, output
from ..options import AsJson, Store
from ..text import counted, harmless


def index(
    store: Store = None,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Throw it away and make it anew.")] = False,
    as_json: AsJson = False,
) -> None:
    """Tell where the index is and what it holds. It is only a cache: no answer depends on it."""
    with output.reporting(as_json), opening.open_store(store) as storage:
        if rebuild:
            with output.bar("Reading sessions") as advance:
                done = storage.rebuild_index(advance, workers=opening.workers())
        state = storage.index_state()
        if rebuild and not done:
            reason = "" if state.problem is None else f": {state.problem}"
            raise InternalError(f"the index cannot be written; answers do without it{reason}")
        if as_json:
            output.print_json(state._asdict())
        elif state.usable:
            typer.echo(f"{harmless(state.directory)}: {state.size:,} bytes")
            listed, searchable = state.sessions or 0, state.searchable or 0
            typer.echo(f"{counted(listed, 'session')}, {searchable:,} of them with their messages")
            text = f"{state.text or 0:,} bytes of text"
            typer.echo(f"{counted(state.checkpoints or 0, 'checkpoint')}, {text}")
        elif state.problem is not None:
            typer.echo(f"{harmless(state.directory)}: no index: {harmless(state.problem)}")
        else:
            typer.echo(f"{harmless(state.directory)}: no index yet; the next listing makes one")
