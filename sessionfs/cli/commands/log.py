"""``sessionfs log``: print checkpoints with their branches."""

from __future__ import annotations

from contextlib import suppress
from itertools import accumulate
from typing import Annotated, Any
from uuid import UUID

import msgspec
import typer

from ...errors import StorageError
from ...exporters import branches
from ...models import CheckpointSummary, ListCheckpointsQuery, SessionSummary
from ...storage import FileStorage
from .. import opening, output, render, resolve
from ..options import AsJson, SessionArgument, Store
from ..text import counted

_MOST_MESSAGES = 10_000
"""As many as ``log`` reads to show what was said."""


def log(
    session: SessionArgument,
    store: Store = None,
    limit: Annotated[
        int, typer.Option("-n", "--limit", min=0, help="At most this many, the newest.")
    ] = 50,
    pager: Annotated[
        bool, typer.Option("--pager/--no-pager", help="Use a pager for output longer than the screen.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Print a session's checkpoints with their branches, newest first."""
    with output.reporting(as_json), opening.open_store(store) as storage:
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
