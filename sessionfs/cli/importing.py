"""The command that brings in sessions of other tools, and tells what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from .. import importers
from ..errors import CorruptObjectError, InvalidRequestError, NotFoundError, StorageError
from ..models import ImportSessionResult
from ..storage import FileStorage
from . import output, resolve
from .options import AsJson, Store
from .text import counted, one_line


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
        reports = [import_file(storage, file) for file in output.each(files, "Importing")]
        if as_json:
            output.print_json({"files": reports})
        else:
            for report in reports:
                print_report(report)
        if any("error" in report for report in reports):
            raise typer.Exit(1)


def import_file(storage: FileStorage, file: Path) -> dict[str, Any]:
    """Import the sessions of a file, and return the report that ``--json`` prints."""
    report: dict[str, Any] = {"file": str(file), "sessions": [], "problems": []}
    errors: list[StorageError] = []
    try:
        for transcript in importers.read(resolve.expanded(file)):
            report["problems"] += [problem._asdict() for problem in transcript.problems]
            try:
                result = storage.import_session(transcript.request)
            except (InvalidRequestError, CorruptObjectError, NotFoundError) as error:
                errors.append(error)  # of this session: the others are not kept back
                continue
            report["sessions"].append(
                {
                    "tool": transcript.tool,
                    "title": transcript.request.title,
                    **msgspec.to_builtins(result),
                }
            )
    except StorageError as error:
        errors.append(error)
    if errors:
        report["error"] = "; ".join(error.message for error in errors)
        report["code"] = errors[0].code
    return report


def print_report(report: dict[str, Any]) -> None:
    """Print a report for people: a line a session, and what went wrong on standard error."""
    for problem in report["problems"]:
        place = f"{report['file']}:{problem['line']}" if problem["line"] else report["file"]
        output.note(f"{place}: {problem['message']}")
    for session in report["sessions"]:
        result = msgspec.convert(session, ImportSessionResult)
        new, total = result.new_checkpoints, counted(result.total_checkpoints, "checkpoint")
        what = f"{total}, {new} new" if 0 < new < result.total_checkpoints else total
        verb = "unchanged" if not new else "imported" if result.created else "updated"
        title = one_line(session["title"], 60)
        typer.echo(f"{verb}  {result.session_id}  {session['tool']}  {what}  {title}")
    if "error" in report:
        output.note(f"sessionfs: {report['error']}")
