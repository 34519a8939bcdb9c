"""The command that brings in sessions of other tools, and tells what came of it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from ... import tools
from ...errors import CorruptObjectError, InvalidRequestError, NotFoundError, StorageError
from ...models import ImportSessionResult
from ...storage import FileStorage
from ...tools import discovery, source_files
from ...tools.source_files import CompressedError
from .. import opening, output
from ..options import AsJson, RelaxedImport, Store
from ..text import counted, megabytes, one_line

_NAME_LENGTH = 24


def import_(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Transcripts, databases, or directories of some; none: all on this machine.",
            metavar="[PATH]...",
            show_default=False,
        ),
    ] = None,
    store: Store = None,
    relaxed: RelaxedImport = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only tell what would be imported.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Import sessions of Claude Code, Codex, Gemini CLI or Stakpak.

    Without a path, what these tools keep on this machine is found, where their own environment
    variables say. The format is told from the content. A checkpoint is made for each turn, with its
    original time, and nothing of a record is lost. Importing again adds only new turns.
    """
    with output.reporting(as_json):
        wanted = list(_wanted(files)) if files else _found(as_json)
        if dry_run:
            _tell(wanted, as_json)
            return
        storage = FileStorage(opening.root(store), durability="relaxed" if relaxed else "full")
        # What came of it is printed when the bar is gone: the two share the terminal.
        reports = _reports(storage, wanted)
        if as_json:
            output.print_json({"files": reports})
        else:
            for report in reports:
                print_report(report, only_news=not files)
            if not files:
                _print_sums(reports)
        # Another file in a tool's own directory is reported, and is not a failure.
        if any("error" in report and (files or not report.get("unknown")) for report in reports):
            raise typer.Exit(1)


def _reports(storage: FileStorage, files: list[Path]) -> list[dict[str, Any]]:
    """Import files, with bars for many and for large ones."""
    reports: list[dict[str, Any]] = []
    try:
        with output.Bars() as bars:
            for done, file in enumerate(files):
                bars.files("Importing", done, len(files))
                reports.append(import_file(storage, file, bars.bytes_read))
    except KeyboardInterrupt:
        told = f"{len(reports):,} of {counted(len(files), 'file')} done"
        output.note(f"interrupted: {told}; importing again brings the rest")
        raise
    return reports


def discovered() -> list[discovery.DiscoveredFiles]:
    """Return what the tools keep on this machine."""
    try:
        home = Path.home()
    except RuntimeError as error:
        raise InvalidRequestError(f"{error} Name the transcripts: sessionfs import PATH...") from error
    return discovery.find(tools.IMPORTERS, os.environ, home)


def is_transcript(file: Path) -> bool:
    """Tell whether a file is one that a known tool writes."""
    try:
        tools.recognise(file)
    except CompressedError:
        return file.name.endswith(".jsonl.zst")  # whoever reads it says what is lacking
    except InvalidRequestError:
        return False
    return True


def _found(as_json: bool) -> list[Path]:
    """Return the files that the tools keep on this machine, and show what there is."""
    found = discovered()
    if not as_json:
        for each in found:
            held = sum(path.stat().st_size for path in each.files if path.exists())
            what = f"{counted(len(each.files), 'file')}, {megabytes(held)}" if each.files else "nothing"
            output.note(f"{each.tool}: {what} in {each.place.directory}")
    return [path for each in found for path in each.files if not discovery.is_blank(path)]


def _wanted(paths: list[Path]) -> Iterator[Path]:
    """Give the files, and the transcripts in the directories."""
    for path in paths:
        with suppress(InvalidRequestError):  # it is reported when it is read
            directory = opening.expanded(path)
            if directory.is_dir():
                yield from filter(is_transcript, discovery.below(directory))
                continue
        yield path


def _tell(files: list[Path], as_json: bool) -> None:
    """Tell which files would be imported."""
    told = []
    for file in files:
        try:
            told.append({"file": str(file), "tool": tools.recognise(opening.expanded(file)).TOOL})
        except InvalidRequestError as error:
            told.append({"file": str(file), "error": error.message})
    if as_json:
        output.print_json({"files": told})
        return
    for each in told:
        if "error" in each:
            output.note(f"! {each['error']}")
        typer.echo(f"{each.get('tool', 'nothing')}  {one_line(each['file'], 1000)}")


def import_file(
    storage: FileStorage, file: Path, show: Callable[[str, int, int], None] = lambda *_: None
) -> dict[str, Any]:
    """Import the sessions of a file, and return the report that ``--json`` prints.

    ``show`` is told what is done with the file, and how many bytes of how many were read for it.
    """
    report: dict[str, Any] = {"file": str(file), "sessions": [], "problems": []}
    errors: list[StorageError] = []
    name = one_line(file.name, _NAME_LENGTH)
    # A file of lines is looked through before it is known which session it is, and then read.
    doing = "Reading"
    try:
        path = opening.expanded(file)
        importer = tools.recognise(path)
    except StorageError as error:
        told = {**report, "error": error.message, "code": error.code}
        return told if isinstance(error, CompressedError) else {**told, "unknown": True}
    try:
        with source_files.reporting_progress(lambda done, total: show(f"{doing} {name}", done, total)):
            for transcript in importer.read(path):
                doing = "Importing"
                try:
                    result = storage.import_session(transcript.request)
                except (InvalidRequestError, CorruptObjectError, NotFoundError) as error:
                    errors.append(error)  # of this session: the others are not kept back
                    continue
                finally:
                    report["problems"] += [problem._asdict() for problem in transcript.problems]
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


def print_report(report: dict[str, Any], *, only_news: bool = False) -> None:
    """Print a report for people: a line a session, and what went wrong on standard error."""
    for problem in report["problems"]:
        place = f"{report['file']}:{problem['line']}" if problem["line"] else report["file"]
        output.note(f"{place}: {problem['message']}")
    for session in report["sessions"]:
        result = msgspec.convert(session, ImportSessionResult)
        new, total = result.new_checkpoints, counted(result.total_checkpoints, "checkpoint")
        if only_news and not new:
            continue
        what = f"{total}, {new} new" if 0 < new < result.total_checkpoints else total
        if result.branched:
            what += ", as a branch: it was continued here"
        title = one_line(session["title"], 60)
        typer.echo(f"{_verb(result)}  {result.session_id}  {session['tool']}  {what}  {title}")
    if "error" in report:
        output.note(f"sessionfs: {report['error']}")


def _verb(result: ImportSessionResult) -> str:
    if not result.new_checkpoints:
        return "unchanged"
    return "imported" if result.created else "updated"


def _print_sums(reports: list[dict[str, Any]]) -> None:
    """Print how many sessions of each tool came in."""
    sums: dict[str, Counter[str]] = {}
    for session in (each for report in reports for each in report["sessions"]):
        result = msgspec.convert(session, ImportSessionResult)
        sums.setdefault(session["tool"], Counter())[_verb(result)] += 1
    for tool, verbs in sums.items():
        told = (f"{verbs[verb]} {verb}" for verb in ("imported", "updated", "unchanged") if verbs[verb])
        typer.echo(f"{tool}: {', '.join(told)}")
    if not sums:
        output.note("no sessions of Claude Code, Codex, Gemini CLI or Stakpak to import")
