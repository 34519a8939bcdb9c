"""``sessionfs purge``: remove the content of a deleted session for good."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ...errors import InvalidRequestError
from .. import opening, output, resolve
from ..options import AsJson, SessionArgument, Store
from ..text import counted


def purge(
    session: SessionArgument,
    store: Store = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would go.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also in a work tree of git or Mercurial.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Remove what was said in a deleted session for good, here and wherever the store is synced.

    A record of what was seen stays: what comes back from other machines is hidden, and their doctor
    --repair removes it. Work that was not seen brings the session back. The title and the directory
    stay in the session's records. In a work tree of git or Mercurial the history still holds what was
    committed.
    """
    with output.reporting(as_json), opening.open_store(store) as storage:
        id_, title = resolve.purgeable(storage, session)
        plan = storage.purge_session(id_, force=force, dry_run=True)
        what = f"{counted(plan.files, 'file')}, {plan.bytes:,} bytes, of {id_}  {title}".rstrip()
        if not (dry_run or yes):
            if as_json or not sys.stdin.isatty():
                raise InvalidRequestError(f"{what}: nothing was removed; confirm with --yes")
            typer.confirm(f"Remove {what}? It cannot be undone.", abort=True, err=True)
        done = plan if dry_run else storage.purge_session(id_, force=force)
        if as_json:
            output.print_json(done)
        else:
            typer.echo(f"{'would remove (--dry-run)' if dry_run else 'removed'}  {what}")
