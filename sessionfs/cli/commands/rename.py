"""``sessionfs rename``: give a session another title."""

from __future__ import annotations

from typing import Annotated

import typer

from ...models import UpdateSessionRequest
from .. import opening, output, resolve
from ..options import AsJson, SessionArgument, Store
from ..text import one_line


def rename(
    session: SessionArgument,
    title: Annotated[list[str], typer.Argument(help="The new title.", metavar="TITLE...")],
    store: Store = None,
    as_json: AsJson = False,
) -> None:
    """Give a session another title."""
    with output.reporting(as_json), opening.open_store(store) as storage:
        found = resolve.session(storage, session)
        renamed = storage.update_session(found.id, UpdateSessionRequest(title=" ".join(title)))
        if as_json:
            output.print_json({"id": renamed.id, "title": renamed.title, "before": found.title})
            return
        typer.echo(f"renamed  {renamed.id}  {one_line(renamed.title, 60)}".rstrip())
        output.note(f"before: {one_line(found.title, 60)}")
