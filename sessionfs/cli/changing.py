"""The commands that change sessions: rm, restore, rewind, fork, rename, purge, relocate."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from ..errors import InvalidRequestError, StorageError
from ..format.ids import HASH12
from ..models import SessionStatus, UpdateSessionRequest
from ..storage import FileStorage
from . import completion, output, render, resolve
from .options import AsJson, Checkpoint, SessionArgument, Store, open_store
from .text import counted, one_line

_Sessions = Annotated[
    list[str],
    typer.Argument(
        help="Unique prefixes of ids, words of titles (quoted), or @1.",
        metavar="SESSION...",
        autocompletion=completion.sessions,
    ),
]


def rm(sessions: _Sessions, store: Store = None, as_json: AsJson = False) -> None:
    """Mark sessions as deleted: they are not listed, stay on disk, and restore brings them back."""
    _set_status(sessions, store, as_json, FileStorage.delete_session, SessionStatus.DELETED)


def restore(sessions: _Sessions, store: Store = None, as_json: AsJson = False) -> None:
    """Bring back sessions that were deleted."""
    _set_status(sessions, store, as_json, FileStorage.restore_session, SessionStatus.ACTIVE)


def _set_status(
    given: list[str],
    store: Path | None,
    as_json: bool,
    change: Callable[[FileStorage, UUID], None],
    status: SessionStatus,
) -> None:
    """Change each session that can be, and tell of those that cannot."""
    reports: list[dict[str, Any]] = []
    with output.reporting(as_json), open_store(store) as storage:
        # All are known before one changes, which may make @1 another one.
        found = {each.id: each for each in [resolve.session(storage, one) for one in given]}
        for each in found.values():
            report: dict[str, Any] = {"id": each.id, "title": each.title}
            try:
                change(storage, each.id)
            except StorageError as error:
                reports.append({**report, "error": error.message, "code": error.code})
            else:
                reports.append({**report, "status": status})
        if as_json:
            output.print_json({"sessions": reports})
        else:
            for report in reports:
                _print(report, "deleted" if status is SessionStatus.DELETED else "restored")
        if any("error" in report for report in reports):
            raise typer.Exit(1)


def _print(report: dict[str, Any], done: str) -> None:
    if "error" in report:
        output.note(f"sessionfs: {report['error']}")
    else:
        typer.echo(f"{done}  {report['id']}  {one_line(report['title'], 60)}".rstrip())


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
    with output.reporting(as_json), open_store(store) as storage:
        found = resolve.session(storage, session)
        id_ = resolve.checkpoint_id(storage, found.id, checkpoint)
        made_active = storage.set_active_checkpoint(found.id, id_)
        if as_json:
            output.print_json(made_active)
            return
        typer.echo(f"active  {id_.hex[:HASH12]}  {counted(made_active.message_count, 'message')}")
        before = found.active_checkpoint_id
        if before not in (None, id_):
            output.note(f"before: {before.hex[:HASH12]}")


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
    with output.reporting(as_json), open_store(store) as storage:
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


def rename(
    session: SessionArgument,
    title: Annotated[list[str], typer.Argument(help="The new title.", metavar="TITLE...")],
    store: Store = None,
    as_json: AsJson = False,
) -> None:
    """Give a session another title."""
    with output.reporting(as_json), open_store(store) as storage:
        found = resolve.session(storage, session)
        renamed = storage.update_session(found.id, UpdateSessionRequest(title=" ".join(title)))
        if as_json:
            output.print_json({"id": renamed.id, "title": renamed.title, "before": found.title})
            return
        typer.echo(f"renamed  {renamed.id}  {one_line(renamed.title, 60)}".rstrip())
        output.note(f"before: {one_line(found.title, 60)}")


def purge(
    session: SessionArgument,
    store: Store = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would go.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Also in a git work tree.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove what was said in a deleted session for good, here and wherever the store is synced.

    A record of what was seen stays: what comes back from other machines is hidden, and their doctor
    --repair removes it. Work that was not seen brings the session back. The title and the directory
    stay in the session's records. In a git work tree the history still holds what was committed.
    """
    with output.reporting(as_json), open_store(store) as storage:
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


def relocate(
    old: Annotated[str, typer.Argument(help="The path that sessions have.", metavar="OLD")],
    new: Annotated[str, typer.Argument(help="The path that it has now.", metavar="NEW")],
    store: Store = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would change.")] = False,
    as_json: AsJson = False,
) -> None:
    """Tell all sessions at or below a directory that it has another path now.

    Where NEW is inside OLD, sessions that are there already stay.
    """
    with output.reporting(as_json), open_store(store) as storage:
        result = storage.relocate(_directory(old), _directory(new), dry_run=dry_run)
        if as_json:
            output.print_json(result)
        else:
            ids = [each.id for each in resolve.all_sessions(storage)] if result.relocated else []
            render.relocated(output.console(), result.relocated, ids)
            for problem in result.problems:
                output.note(f"! {problem}")
            done = "would change (--dry-run)" if dry_run else "changed"
            output.note(f"{counted(len(result.relocated), 'session')} {done}")
        if result.problems:
            raise typer.Exit(1)


def _directory(given: str) -> str:
    """Return a directory as sessions carry it; what is empty stays so, and is refused."""
    return os.path.abspath(resolve.expanded(Path(given))) if given else given
