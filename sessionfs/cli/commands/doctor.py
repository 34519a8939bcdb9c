"""The command that verifies and repairs a store."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from ...errors import NotFoundError
from ...models import Severity, VerifyResult
from ...storage import FileStorage
from .. import opening, output, render, resolve
from ..options import AsJson, Store
from ..text import counted

_EXIT = {Severity.ERROR: 4, Severity.WARNING: 3}


def a_part(text: str) -> float:
    """Return the part that a person means by ``10%`` or ``0.1``."""
    try:
        part = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        part = 0.0
    if not 0 < part <= 1:
        raise typer.BadParameter(f"--sample takes a percentage such as 10%, not {text!r}")
    return part


def doctor(
    sessions: Annotated[
        list[str] | None,
        typer.Argument(help="Only these sessions: prefixes of ids, or @1.", metavar="[SESSION]..."),
    ] = None,
    store: Store = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Do what can be done; nothing is deleted.")
    ] = False,
    sources: Annotated[
        list[Path] | None,
        typer.Option(
            "--from", help="With --repair: another store that may have sound copies.", metavar="STORE"
        ),
    ] = None,
    read_all: Annotated[
        bool, typer.Option("--read-all", help="Read and verify large messages too.")
    ] = False,
    sample: Annotated[
        float | None,
        typer.Option(
            parser=a_part, metavar="10%", help="Read this part of the objects.", show_default=False
        ),
    ] = None,
    notes: Annotated[bool, typer.Option("--notes", help="Print each note, not only how many.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check the store for damaged, missing and odd files, and repair what can be repaired.

    Exit codes: 0 all is well (notes are harmless), 3 warnings, 4 errors, of the findings left after a
    repair; 1 it could not be done, 2 a wrong command line.
    spec/guide/findings.md describes the findings.
    """
    with output.reporting(as_json), opening.open_store(store) as storage:
        if sources and not repair:
            raise typer.BadParameter("--from needs --repair")
        result = _run(storage, sessions or [], sources or [], repair, read_all, sample or 1.0)
        if as_json:
            figures = msgspec.structs.asdict(result)
            findings = figures.pop("findings")
            output.print_json({"worst": result.worst, **figures, "findings": findings})
        else:
            _print(result, notes=notes, repair=repair)
        if result.worst in _EXIT:
            raise typer.Exit(_EXIT[result.worst])


def _run(
    storage: FileStorage,
    sessions: list[str],
    sources: list[Path],
    repair: bool,
    read_all: bool,
    sample: float,
) -> VerifyResult:
    path = Path(storage.backend_info().store_path or "")
    if not (path / "sessions").exists() and not (path / "sessionfs.json").exists():
        raise NotFoundError(f"there is not a sessionfs store at {path}")
    ids = [resolve.session(storage, each).id for each in sessions] or None
    with output.bar("Repairing" if repair else "Verifying") as advance:
        if not repair:
            return storage.verify(session_ids=ids, read_all=read_all, sample=sample, on_session=advance)
        return storage.repair(
            sources=[opening.expanded(each) for each in sources],
            session_ids=ids,
            read_all=read_all,
            sample=sample,
            on_session=advance,
        )


def _print(result: VerifyResult, *, notes: bool, repair: bool) -> None:
    console = output.console()
    shown = [each for each in result.findings if notes or each.severity is not Severity.NOTE]
    for each in shown:
        render.finding(console, each)
    hidden = [each for each in result.findings if each not in shown]
    for kind, number in sorted(Counter(each.kind for each in hidden).items()):
        output.note(f"{counted(number, 'note')} {kind} (--notes shows each)")
    if not repair and any(each.repair for each in shown):
        output.note("--repair does what stands after the arrows; it deletes nothing")
    read = f"{result.objects_read:,} of {counted(result.objects, 'object')} read and verified"
    typer.echo(f"{counted(result.sessions, 'session')}, {read}: {_verdict(result)}")


def _verdict(result: VerifyResult) -> str:
    left = Counter(each.severity for each in result.findings if not each.repaired)
    repaired = sum(each.repaired for each in result.findings)
    parts = [counted(left[each], each) for each in (Severity.ERROR, Severity.WARNING) if left[each]]
    parts += [f"{repaired:,} repaired"] if repaired else []
    whole = result.objects_read == result.objects
    return ", ".join(parts) or ("sound" if whole else "nothing wrong in what was read")
