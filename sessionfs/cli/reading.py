"""The commands that read one session: show, log, path."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from itertools import accumulate
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import msgspec
import typer

from ..errors import StorageError
from ..exporters import branches
from ..messages import parts
from ..models import CheckpointSummary, ListCheckpointsQuery, SessionSummary
from ..storage import FileStorage
from . import conversation, output, render, resolve
from .options import AsJson, Checkpoint, Partial, SessionArgument, Store, open_store
from .text import counted, harmless

_MOST_MESSAGES = 10_000
"""As many as ``log`` reads to show what was said."""


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
        bool, typer.Option("--pager/--no-pager", help="Page what is longer than the screen.")
    ] = True,
    partial: Partial = False,
    as_json: AsJson = False,
) -> None:
    """Print a session: its facts and the conversation, Markdown rendered, calls of tools folded.

    What is longer than the screen is shown in $SESSIONFS_PAGER, else $PAGER, else less. Each message
    has its number, as search tells it and cat takes it.
    """
    with output.reporting(as_json, None if partial else output.PARTIAL), open_store(store) as storage:
        found = resolve.session(storage, session)
        if checkpoint is None and not partial:
            shown = storage.get_session(found.id)
        else:
            # The active checkpoint may be damaged: it is not asked for.
            id_ = wanted(storage, found, checkpoint)
            shown = render.with_checkpoint(found, storage.get_checkpoint(id_, partial=partial))
        everything = parts.numbered(shown)
        messages = [each for each in everything if not role or each[1].get("role") in role]
        last = messages if limit is None else messages[len(messages) - min(limit, len(messages)) :]
        if as_json:
            if shown.active_checkpoint is not None and len(last) < len(everything):
                shown.active_checkpoint.state.messages = [message for _, message in last]
            output.print_json(shown)
            return
        with output.paged(wanted=pager) as console:
            conversation.session(console, shown, last, full=full, raw=raw)
        if len(messages) < len(everything):
            others = counted(len(everything) - len(messages), "message")
            output.note(f"{others} of other roles not shown")
        if len(last) < len(messages):
            earlier = counted(len(messages) - len(last), "earlier message")
            output.note(f"{earlier} not shown (-n {len(messages)})")


def wanted(storage: FileStorage, found: SessionSummary, checkpoint: str | None) -> UUID:
    """Return the id of the checkpoint that a person names, or else of the active or newest one."""
    if checkpoint is not None:
        return resolve.checkpoint_id(storage, found.id, checkpoint)
    if found.active_checkpoint_id is not None:
        return found.active_checkpoint_id
    total = storage.list_checkpoints(found.id, ListCheckpointsQuery(limit=0)).total
    newest = storage.list_checkpoints(found.id, ListCheckpointsQuery(limit=1, offset=max(total - 1, 0)))
    return newest.checkpoints[0].id if total else storage.get_active_checkpoint(found.id).id


def log(
    session: SessionArgument,
    store: Store = None,
    limit: Annotated[
        int, typer.Option("-n", "--limit", min=0, help="At most this many, the newest.")
    ] = 50,
    pager: Annotated[
        bool, typer.Option("--pager/--no-pager", help="Page what is longer than the screen.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Print a session's checkpoints with their branches, newest first."""
    with output.reporting(as_json), open_store(store) as storage:
        sessions = resolve.all_sessions(storage)
        found = resolve.one_of(sessions, session)
        total = storage.list_checkpoints(found.id, ListCheckpointsQuery(limit=0)).total
        query = ListCheckpointsQuery(limit=limit, offset=max(total - limit, 0))
        page = storage.list_checkpoints(found.id, query)
        heads = _heads(storage, found)
        if not total:
            for problem in page.problems:
                output.note(f"! {problem}")
            storage.get_active_checkpoint(found.id)  # says what is missing
        if as_json:
            checkpoints = msgspec.to_builtins(page.checkpoints)
            for each in checkpoints:
                each["active"] = each["id"] == str(found.active_checkpoint_id)
                each["head"] = UUID(each["id"]) in heads
            told = {"checkpoints": checkpoints, "total": total, "problems": page.problems}
            output.print_json({**told, **_relations(found, sessions)})
            return
        newest = page.checkpoints[::-1]
        without = _add_states(storage, found.id, newest, total)
        with output.paged(wanted=pager) as console:
            render.log(console, found, newest, heads, sessions)
        if total > len(newest):
            output.note(f"{counted(total - len(newest), 'older checkpoint')} not shown (-n {total})")
        if without:
            output.note(f"the texts of {counted(without, 'long checkpoint')} not shown (show -c)")
        for problem in page.problems:
            output.note(f"! {problem}")
        if len(heads) > 1:
            output.note(f"{len(heads)} heads met: sessionfs rewind settles which one goes on")


def _relations(found: SessionSummary, sessions: list[SessionSummary]) -> dict[str, Any]:
    """Return where a session was forked from, and which were forked from it."""
    forks = [
        {"session_id": each.id, "checkpoint_id": at, "title": each.title, "status": each.status}
        for at, some in branches.forks(sessions, found.id).items()
        for each in some
    ]
    return {"forked_from": found.forked_from, "forks": forks}


def _heads(storage: FileStorage, found: SessionSummary) -> set[UUID]:
    """Return a session's heads; only where several met, and the session can be read, it is opened."""
    if found.heads > 1:
        with suppress(StorageError):
            return {each.id for each in storage.get_session(found.id).heads}
    return {found.active_checkpoint_id} if found.active_checkpoint_id else set()


def path(
    session: SessionArgument,
    store: Store = None,
    active: Annotated[
        bool, typer.Option("--active", help="The file of the active checkpoint.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Print where a session's files are, for use by hand."""
    with output.reporting(as_json), open_store(store) as storage:
        found = resolve.session(storage, session)
        directory = Path(storage.session_path(found.id))
        checkpoint: str | None = None
        if found.active_checkpoint_id is not None:
            checkpoint = storage.checkpoint_path(found.active_checkpoint_id)
        elif active:
            storage.get_active_checkpoint(found.id)  # says what is missing
        if as_json:
            output.print_json(
                {
                    "path": str(directory),
                    "active": checkpoint,
                    "objects": _files(directory / "objects"),
                    "refs": _files(directory / "refs"),
                }
            )
        else:
            found_path = str(checkpoint if active and checkpoint else directory)
            # Another program is given the very name; a person's terminal takes no commands from it.
            watched = sys.stdout.isatty()
            typer.echo(harmless(found_path) if watched else os.fsencode(found_path))


def _add_states(
    storage: FileStorage, session: UUID, newest: list[CheckpointSummary], total: int
) -> int:
    """Fill in the states of the newest checkpoints, and return how many are too long for that."""
    sizes = accumulate(each.message_count for each in newest)
    few = sum(size <= _MOST_MESSAGES for size in sizes)
    if few:
        query = ListCheckpointsQuery(limit=few, offset=total - few, include_state=True)
        states = {each.id: each for each in storage.list_checkpoints(session, query).checkpoints}
        newest[:few] = [states.get(each.id, each) for each in newest[:few]]
    return len(newest) - few


def _files(directory: Path) -> list[str]:
    return sorted(str(file) for file in directory.iterdir()) if directory.is_dir() else []
