"""Sessions, messages and histories as people read them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ..exporters import branches
from ..messages import parts
from ..models import (
    ActiveChanged,
    Checkpoint,
    CheckpointCreated,
    CheckpointSummary,
    Event,
    Finding,
    Relocated,
    SearchHit,
    Session,
    SessionCreated,
    SessionDeleted,
    SessionStats,
    SessionStatus,
    SessionSummary,
    SessionUpdated,
    Severity,
)
from .resolve import short_ids
from .text import ago, checkpoint_digits, counted, harmless, one_line

ROLE_STYLES = {
    "user": "bold cyan",
    "assistant": "bold green",
    "model": "bold green",
    "tool": "bold yellow",
}
_BAR, _LONGEST_BAR = 30, 80
_NARROWEST = 12
_BESIDE_BAR = 36
"""Room for the number of calls before a bar, and for how many failed and were aborted after it."""


def sessions(console: Console, found: list[SessionSummary], ids: list[UUID]) -> None:
    """Print a table of sessions. ``ids`` are all of the store, for prefixes that are unique."""
    now, short = datetime.now(UTC), short_ids(ids)
    table = Table(box=None, pad_edge=False, header_style="bold", collapse_padding=True)
    table.add_column("ID", no_wrap=True)
    table.add_column("UPDATED", justify="right", no_wrap=True)
    table.add_column("MESSAGES", justify="right", no_wrap=True)
    # Only columns that may wrap give way in a narrow terminal; their texts are cut instead.
    table.add_column("TITLE")
    table.add_column("DIRECTORY")
    for session in found:
        table.add_row(
            short[session.id],
            ago(session.updated_at, now),
            f"{session.message_count:,}" if session.active_checkpoint_id else "?",
            _title_cell(session),
            _directory_cell(session.cwd),
        )
    console.print(table)
    for session in found:
        if session.problem is not None:
            line = Text(f"! {short[session.id]}: {harmless(session.problem)}", style="red")
            console.print(line, soft_wrap=True)
        if session.heads > 1:
            met = f"{short[session.id]}: work that was done apart met: log shows it, rewind settles it"
            console.print(Text(met, style="yellow"), soft_wrap=True)


def hits(console: Console, found: list[SearchHit], ids: list[UUID]) -> None:
    """Print hits, each with the text around it. ``ids`` are all of the store."""
    now, short = datetime.now(UTC), short_ids(ids)
    for hit in found:
        heading = Text(short.get(hit.session.id, str(hit.session.id)), style="yellow")
        heading.append(f"  {ago(hit.created_at, now)}", "dim")
        title = one_line(hit.session.title, 60) or "(no title)"
        if hit.checkpoint_id is None:
            heading.append("  title", "bold magenta")
        else:
            role = one_line(hit.role or "message", 20)
            heading.append(f"  {role} {hit.message_index}", ROLE_STYLES.get(role, "bold"))
            heading.append(f"  {', '.join(one_line(tool, 30) for tool in hit.tools)}".rstrip(), "dim")
            heading.append(f"  {title}")
        if hit.session.status is SessionStatus.DELETED:
            heading.append("  deleted", "red")
        # Who hears of a hit by a pipe gets it on a line; a person sees it as a paragraph.
        console.print(heading, no_wrap=True, overflow="ellipsis", crop=console.is_terminal)
        line, end = Text(), 0
        for start, stop in hit.matches:
            line.append(_flat(hit.snippet[end:start]))
            line.append(_flat(hit.snippet[start:stop]), "bold reverse")
            end = stop
        line.append(_flat(hit.snippet[end:]))
        if console.is_terminal:
            console.print(Padding(line, (0, 0, 0, 4)))
        else:
            console.print(Text("    ").append_text(line), soft_wrap=True)


def _flat(text: str) -> str:
    """Return a piece of text on one line, its spaces as they are."""
    return harmless(text.replace("\n", " ").replace("\r", " ").replace("\t", " "))


def finding(console: Console, each: Finding) -> None:
    """Print a finding on a line, and what a repair would do or did on a second one."""
    line = Text(each.severity, style="bold red" if each.severity is Severity.ERROR else "yellow")
    line.append(f" {each.kind}: ", "bold").append(on_one_line(each.message), "default")
    console.print(line, soft_wrap=True)
    if each.repair is not None:
        how = f"  {'repaired' if each.repaired else '→'} {on_one_line(each.repair)}"
        console.print(Text(how, style="green" if each.repaired else "dim"), soft_wrap=True)


def on_one_line(text: str) -> str:
    """Return a text in which names of files are harmless, line feeds in them too."""
    return harmless(text).replace("\n", "\\x0a").replace("\t", "\\x09")


def with_checkpoint(found: SessionSummary, checkpoint: Checkpoint) -> Session:
    """Return a listed session as one whose active checkpoint this is."""
    return Session(
        id=found.id,
        title=found.title,
        visibility=found.visibility,
        status=found.status,
        cwd=found.cwd,
        created_at=found.created_at,
        updated_at=found.updated_at,
        active_checkpoint=checkpoint,
        forked_from=found.forked_from,
    )


def log(
    console: Console,
    found: SessionSummary,
    checkpoints: list[CheckpointSummary],
    heads: set[UUID],
    sessions: list[SessionSummary],
) -> None:
    """Print checkpoints with their branches, newest first, by the digits that begin their files.

    ``sessions`` are all of the store: forks are listed beside the checkpoint they start from.
    """
    now, active = datetime.now(UTC), found.active_checkpoint_id
    forks, short = branches.forks(sessions, found.id), short_ids([each.id for each in sessions])
    shown = {each.id for each in checkpoints}
    for drawing, drawn in branches.rows(checkpoints, forks):
        line = Text(drawing + " ", style="blue")
        if isinstance(drawn, SessionSummary):
            line.append_text(_fork(drawn, short))
        elif drawn is not None:
            line.append_text(_checkpoint(drawn, now, active, heads))
        _print_cut(console, line)
    for fork in (each for at, some in forks.items() if at not in shown for each in some):
        _print_cut(console, _fork(fork, short))
    if found.forked_from is not None:
        origin = {each.id: each for each in sessions}.get(found.forked_from.session_id)
        line = Text("forked from ", "magenta")
        line.append(f"{one_line(origin.title, 60) or '(no title)'} " if origin else "", "default")
        line.append(short[origin.id] if origin else str(found.forked_from.session_id), "yellow")
        line.append("" if origin else ", which is not here,", "default")
        line.append(f" at {checkpoint_digits(found.forked_from.checkpoint_id)}", "default")
        _print_cut(console, line)


def _checkpoint(
    checkpoint: CheckpointSummary, now: datetime, active: UUID | None, heads: set[UUID]
) -> Text:
    line = Text(checkpoint_digits(checkpoint.id), "yellow")
    if checkpoint.id == active:
        line.append(" (active)", "bold green")
    elif checkpoint.id in heads:
        line.append(" (head)", "bold yellow")
    line.append(f" {ago(checkpoint.created_at, now)}", "dim")
    line.append(f"  {counted(checkpoint.message_count, 'message')}", "default")
    if checkpoint.problem is not None:
        line.append(f"  ! {harmless(checkpoint.problem)}", "red")
    elif checkpoint.state is not None:
        line.append(f"  {_last_said(checkpoint.state.messages)}", "default")
    return line


def _fork(fork: SessionSummary, short: dict[UUID, str]) -> Text:
    """Return the line of a session that was forked from the one that is shown."""
    at = f" at {checkpoint_digits(fork.forked_from.checkpoint_id)}" if fork.forked_from else ""
    line = Text(f"→ forked{at}  ", "magenta").append(short[fork.id], "yellow")
    line.append(f"  {one_line(fork.title, 60) or '(no title)'}", "default")
    return line.append("  deleted" if fork.status is SessionStatus.DELETED else "", "red")


def _print_cut(console: Console, line: Text) -> None:
    """Print a line that a terminal cuts at its end, and of which a pipe gets all."""
    console.print(line, no_wrap=True, overflow="ellipsis", crop=console.is_terminal)


def relocated(console: Console, found: list[Relocated], ids: list[UUID]) -> None:
    """Print which working directories changed. ``ids`` are all of the store."""
    short = short_ids(ids)
    for each in found:
        line = Text(f"{short.get(each.session_id, str(each.session_id))}  ", "yellow")
        line.append(f"{on_one_line(each.before)} -> {on_one_line(each.after)}", "default")
        line.append(f"  {one_line(each.title, 60)}".rstrip(), "dim")
        console.print(line, soft_wrap=True)


def event(console: Console, told: Event) -> None:
    """Print what changed, on one line."""
    line = Text(f"{datetime.now():%H:%M:%S}  ", "dim")
    line.append(f"{told.session_id}  ", "yellow")
    match told:
        case SessionCreated():
            line.append("created  ", "bold green")
            line.append(one_line(told.session.title, 60))
        case SessionUpdated():
            line.append("updated  ", "bold")
            line.append(f"{one_line(told.session.title, 60)}, {told.session.message_count:,} messages")
            if told.session.problem is not None:
                line.append(f"  ! {harmless(told.session.problem)}", "red")
        case CheckpointCreated():
            line.append(f"checkpoint  {checkpoint_digits(told.checkpoint.id)}", "bold cyan")
            line.append(f"  {counted(told.checkpoint.message_count, 'message')}")
        case ActiveChanged():
            line.append(f"active  {checkpoint_digits(told.active)}", "bold cyan")
        case SessionDeleted():
            line.append("removed  " if told.removed else "deleted  ", "bold red")
            line.append(one_line(told.session.title, 60))
    console.print(line, soft_wrap=True)


def stats(console: Console, figures: SessionStats) -> None:
    """Print figures, with a bar for each tool."""
    line = counted(figures.total_sessions, "session")
    line += f", {figures.sessions_with_activity:,} with messages"
    if figures.unreadable_sessions:
        line += f", {figures.unreadable_sessions:,} that cannot be read"
    console.print(line)
    how = f"{figures.successful_tool_calls:,} successful, {figures.failed_tool_calls:,} failed"
    calls = counted(figures.total_tool_calls, "tool call")
    console.print(f"{calls}: {how}, {figures.aborted_tool_calls:,} aborted")
    most = max((tool.usage_counts.total for tool in figures.tools_usage), default=0)
    names = [one_line(tool.display_name, 30) for tool in figures.tools_usage]
    width = max(map(len, names), default=0)
    bar = min(_LONGEST_BAR, console.width - width - _BESIDE_BAR) if console.is_terminal else _BAR
    for name, tool in zip(names, figures.tools_usage, strict=True):
        counts = tool.usage_counts
        text = Text(f"{name:<{width}} {counts.total:>8,} ", no_wrap=True, overflow="ellipsis")
        others: list[str] = []
        for number, what, mark, style in (
            (counts.successful, "", "█", "green"),
            (counts.failed, "failed", "▓", "red"),
            (counts.aborted, "aborted", "░", "yellow"),
        ):
            # What there is at all is seen, however little it is beside the most used tool.
            length = max(round(max(bar, 1) * number / most), 1) if number else 0
            text.append(mark * length, style)
            others += [f"{number:,} {what}"] if number and what else []
        console.print(text.append(f"  {', '.join(others)}" if others else "", "dim"))


class _Cell:
    """A cell of a table that gives way in a narrow terminal: it is cut to the room that is left."""

    def __init__(self, length: int, cut: Callable[[int], Text]) -> None:
        self._length = length
        self._cut = cut

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(min(self._length, _NARROWEST), self._length).with_maximum(options.max_width)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self._cut(options.max_width)


def _title_cell(session: SessionSummary) -> _Cell:
    """Return a title with what is to be known of the session, which is not cut with it."""
    title, marks = one_line(session.title) or "(no title)", Text()
    deleted = session.status is SessionStatus.DELETED
    marks.append(" deleted" if deleted else "", "red")
    marks.append(f" {session.heads} heads" if session.heads > 1 else "", "bold yellow")
    marks.append(" !" if session.problem is not None else "", "bold red")

    def cut(width: int) -> Text:
        shown = Text(title, style="strike" if deleted else "", no_wrap=True)
        shown.truncate(max(width - marks.cell_len, 1), overflow="ellipsis")
        return Text(no_wrap=True).append_text(shown).append_text(marks)

    return _Cell(cell_len(title) + marks.cell_len, cut)


def _directory_cell(path: str | None) -> _Cell:
    """Return a path, cut at its beginning where it does not fit: its end says most."""
    shown = home(path) if path else ""
    return _Cell(cell_len(shown), lambda width: Text(last_of(shown, width), no_wrap=True))


def last_of(path: str, width: int) -> str:
    """Return the end of a path, of so many columns of a terminal at most."""
    if cell_len(path) <= width:
        return path
    # What is further from the end than there are columns is not seen.
    end = path[-max(width - 1, 1) :]
    # At a name's beginning, unless that would leave most of the room empty.
    starts = [i for i, each in enumerate(end) if each == "/" and cell_len(end[i:]) * 2 >= width]
    for start in (*starts, *range(len(end))):
        if cell_len(end[start:]) < width:
            return f"…{end[start:]}"
    return "…"


def _last_said(messages: list[Any]) -> str:
    """Return the beginning of what the user said last."""
    for message in reversed(messages):
        if isinstance(message, dict) and message.get("role") == "user":
            line = one_line(parts.spoken_text(message), 80)
            if line:
                return line
    return ""


def home(path: str) -> str:
    """Return a directory as people name it, with ``~``, on one harmless line."""
    try:
        mine = str(Path.home())
    except RuntimeError:  # whoever this is has none
        return on_one_line(path)
    inside = path == mine or path.startswith(mine + "/")
    return on_one_line("~" + path[len(mine) :] if inside else path)
