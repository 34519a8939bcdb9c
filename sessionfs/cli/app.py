"""The commands. Each opens the store, asks it, and hands the answer to ``render`` or to JSON."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import msgspec
import typer

from .. import __version__, listing
from ..errors import InternalError
from ..models import (
    CheckpointSummary,
    ListCheckpointsQuery,
    ListSessionsQuery,
    ListSessionsResult,
    SessionStatus,
    SessionSummary,
)
from ..storage import FileStorage
from . import importing, output, render, resolve
from .text import counted, moment

_MOST_MESSAGES = 10_000
"""As many as ``log`` reads to show what was said."""

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Keep sessions of AI agents and their checkpoints as plain files.",
    epilog="The store is --store, else $SESSIONFS_ROOT, else ~/.sessionfs. "
    "A session is named by a unique prefix of its id, or @1 for the newest.",
)


def _moment(text: str) -> datetime:
    try:
        return moment(text, datetime.now(UTC))
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter(f"{text!r} is neither a date nor like 3d, 2h, 30min, 1w") from error


Store = Annotated[
    Path | None,
    typer.Option("--store", help="The store's directory.", show_default=False, metavar="DIR"),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
SessionArgument = Annotated[
    str, typer.Argument(help="A unique prefix of a session's id, or @1.", metavar="SESSION")
]

Since = Annotated[
    datetime | None,
    typer.Option(
        parser=_moment, metavar="WHEN", help="Changed at or after: 2026-11-01, or 3d for 3 days ago."
    ),
]
Until = Annotated[datetime | None, typer.Option(parser=_moment, metavar="WHEN", help="Changed before.")]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sessionfs {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options that stand before the command."""


@app.command("import", epilog="Example: sessionfs import ~/.claude/projects/*/*.jsonl")
def import_(
    files: Annotated[list[Path], typer.Argument(help="Transcripts or databases.", metavar="FILE...")],
    store: Store = None,
    relaxed: Annotated[
        bool,
        typer.Option("--relaxed", help="Do not wait for the disk: faster; import again if cut off."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Import sessions of Claude Code, Codex or Stakpak.

    The format is told from the content. A checkpoint is made for each turn, with its original time, and
    nothing of a record is lost. Importing again changes nothing.
    """
    with output.reporting(as_json):
        storage = FileStorage(resolve.root(store), durability="relaxed" if relaxed else "full")
        reports = [importing.import_file(storage, file) for file in output.each(files, "Importing")]
        if as_json:
            output.print_json({"files": reports})
        else:
            for report in reports:
                importing.print_report(report)
        if any("error" in report for report in reports):
            raise typer.Exit(1)


@app.command(epilog="Example: sessionfs ls --search decorators -n 5")
def ls(
    store: Store = None,
    limit: Annotated[int, typer.Option("-n", "--limit", min=0, help="At most this many.")] = 20,
    search: Annotated[str | None, typer.Option(help="A part of the title.", show_default=False)] = None,
    cwd: Annotated[
        Path | None, typer.Option(help="Only sessions of this directory.", show_default=False)
    ] = None,
    below: Annotated[
        Path | None,
        typer.Option(help="Only sessions of this directory or below it.", show_default=False),
    ] = None,
    since: Since = None,
    until: Until = None,
    deleted: Annotated[bool, typer.Option("--all", "-a", help="Deleted ones too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List sessions, newest first."""
    with output.reporting(as_json), _open(store) as storage:
        query = ListSessionsQuery(
            limit=limit,
            search=search,
            cwd=os.path.abspath(cwd) if cwd else None,
            cwd_below=os.path.abspath(below) if below else None,
            updated_since=since,
            updated_until=until,
            status=None if deleted else SessionStatus.ACTIVE,
        )
        everything = resolve.all_sessions(storage)
        result = listing.answer(everything, listing.check(query))
        if as_json:
            output.print_json(result)
            return
        if result.sessions:
            render.sessions(output.console(), result.sessions, [each.id for each in everything])
        for line in _not_shown(everything, query, result):
            output.note(line)
        if not everything:
            output.note(f"no sessions in {storage.backend_info().store_path}")
        elif not result.total:
            output.note("no session matches")


@app.command(epilog="Example: sessionfs show @1 --full")
def show(
    session: SessionArgument,
    store: Store = None,
    checkpoint: Annotated[
        str | None,
        typer.Option(
            "--checkpoint", "-c", help="A checkpoint instead of the active one.", metavar="ID"
        ),
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Results of tools in full.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print a session: its facts and the conversation."""
    with output.reporting(as_json), _open(store) as storage:
        found = resolve.session(storage, session)
        if checkpoint is None:
            shown = storage.get_session(found.id)
        else:
            # The active checkpoint may be damaged: it is not asked for.
            wanted = storage.get_checkpoint(resolve.checkpoint_id(storage, found.id, checkpoint))
            shown = render.with_checkpoint(found, wanted)
        if as_json:
            output.print_json(shown)
            return
        state = shown.active_checkpoint.state if shown.active_checkpoint else None
        messages: list[Any] = list(state.messages) if state else []
        render.session(output.console(), shown, messages, full=full)


@app.command(epilog="Example: sessionfs log 0199f3a2")
def log(
    session: SessionArgument,
    store: Store = None,
    limit: Annotated[
        int, typer.Option("-n", "--limit", min=0, help="At most this many, the newest.")
    ] = 50,
    as_json: AsJson = False,
) -> None:
    """Print a session's checkpoints with their branches, newest first."""
    with output.reporting(as_json), _open(store) as storage:
        found = resolve.session(storage, session)
        total = storage.list_checkpoints(found.id, ListCheckpointsQuery(limit=0)).total
        query = ListCheckpointsQuery(limit=limit, offset=max(total - limit, 0))
        page = storage.list_checkpoints(found.id, query)
        active = found.active_checkpoint_id
        if not total:
            for problem in page.problems:
                output.note(f"! {problem}")
            storage.get_active_checkpoint(found.id)  # says what is missing
        if as_json:
            checkpoints = msgspec.to_builtins(page.checkpoints)
            for each in checkpoints:
                each["active"] = each["id"] == str(active)
            output.print_json({"checkpoints": checkpoints, "total": total, "problems": page.problems})
            return
        newest = page.checkpoints[::-1]
        without = _add_states(storage, found.id, newest, total)
        render.log(output.console(), newest, active)
        if total > len(newest):
            output.note(f"{counted(total - len(newest), 'older checkpoint')} not shown (-n {total})")
        if without:
            output.note(f"the texts of {counted(without, 'long checkpoint')} not shown (show -c)")
        for problem in page.problems:
            output.note(f"! {problem}")


@app.command(epilog='Example: cd "$(sessionfs path @1)" && ls objects refs')
def path(
    session: SessionArgument,
    store: Store = None,
    active: Annotated[
        bool, typer.Option("--active", help="The file of the active checkpoint.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Print where a session's files are, for use by hand."""
    with output.reporting(as_json), _open(store) as storage:
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
            typer.echo(os.fsencode(checkpoint if active and checkpoint else directory))


@app.command(epilog="Example: sessionfs index --rebuild")
def index(
    store: Store = None,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Throw it away and make it anew.")] = False,
    as_json: AsJson = False,
) -> None:
    """Tell where the index is and what it holds. It is only a cache: no answer depends on it."""
    with output.reporting(as_json), _open(store) as storage:
        if rebuild:
            with output.bar("Reading sessions") as advance:
                done = storage.rebuild_index(advance)
            if not done:
                raise InternalError("the index cannot be written here and now; answers do without it")
        state = storage.index_state()
        if as_json:
            output.print_json(state._asdict())
        elif state.usable:
            typer.echo(
                f"{state.directory}: {counted(state.sessions or 0, 'session')}, {state.size:,} bytes"
            )
        else:
            typer.echo(f"{state.directory}: no index yet; the next listing makes one")


@app.command("stats", epilog="Example: sessionfs stats --since 1w")
def stats_(
    session: Annotated[
        str | None,
        typer.Argument(help="One session; none: all of them.", metavar="[SESSION]", show_default=False),
    ] = None,
    store: Store = None,
    since: Since = None,
    until: Until = None,
    as_json: AsJson = False,
) -> None:
    """Count the tool calls and how they ended, in one session or in all."""
    with output.reporting(as_json), _open(store) as storage:
        if session is not None:
            figures = storage.get_session_stats(resolve.session(storage, session).id)
        else:
            query = ListSessionsQuery(updated_since=since, updated_until=until)
            figures = storage.get_store_stats(query)
        if as_json:
            output.print_json(figures)
        else:
            render.stats(output.console(), figures)


def _open(store: Path | None) -> FileStorage:
    return FileStorage(resolve.root(store), message_type=dict)


def _not_shown(
    everything: list[SessionSummary], query: ListSessionsQuery, result: ListSessionsResult
) -> Iterator[str]:
    """Say how many sessions a limit or their status leaves out: nothing is hidden silently."""
    if result.total > len(result.sessions):
        yield f"{counted(result.total - len(result.sessions), 'more session')} (-n {result.total})"
    if query.status is not None:
        others = msgspec.structs.replace(query, status=SessionStatus.DELETED)
        deleted = listing.answer(everything, others).total
        if deleted:
            yield f"{counted(deleted, 'deleted session')} not shown (--all)"


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
