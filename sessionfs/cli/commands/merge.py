"""The command that brings in what other stores have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from ...errors import StorageError
from ...models import MergeResult
from ...storage import FileStorage
from .. import opening, output
from ..options import AsJson, Store
from ..text import counted


def merge(
    others: Annotated[
        list[Path], typer.Argument(help="The roots of other stores.", metavar="OTHER...")
    ],
    store: Store = None,
    relaxed: Annotated[
        bool,
        typer.Option("--relaxed", help="Do not wait for the disk: faster; merge again if cut off."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring in what other stores have and this one lacks; each file is verified, none is replaced.

    A sync tool that copies files does the same and needs no command. This one refuses what is damaged,
    and tells what it brought and where work met that was done apart. It can be interrupted and
    repeated.
    """
    with output.reporting(as_json):
        storage = FileStorage(opening.root(store), durability="relaxed" if relaxed else "full")
        reports: list[dict[str, Any]] = []
        for other in others:
            report = _merge(storage, opening.expanded(other))
            reports.append(report)
            if not as_json:
                _print(report)
        if as_json:
            output.print_json({"stores": reports})
        if any("error" in report or report["refused"] for report in reports):
            raise typer.Exit(1)


def _merge(storage: FileStorage, other: Path) -> dict[str, Any]:
    """Merge a store, and return the report that ``--json`` prints, also where that fails."""
    try:
        with output.bar(f"Merging {other}") as advance:
            result = storage.merge_from(other, on_session=advance)
    except StorageError as error:
        return {"store": str(other), "error": error.message, "code": error.code}
    return {"store": str(other), **msgspec.to_builtins(result)}


def _print(report: dict[str, Any]) -> None:
    if "error" in report:
        output.note(f"sessionfs: {report['error']}")
        return
    done = msgspec.convert({name: report[name] for name in MergeResult.__struct_fields__}, MergeResult)
    new, changed = len(done.sessions_new), len(done.sessions_changed)
    typer.echo(
        f"{counted(new, 'session')} new, {changed} changed, "
        f"{counted(done.checkpoints_new, 'checkpoint')} new  ({counted(done.files, 'file')}, "
        f"{done.bytes:,} bytes)"
    )
    for session in done.met:
        output.note(f"{session}: work that was done apart met; log shows it, and rewind settles it")
    for refused in done.refused:
        output.note(f"! not copied: {refused.problem}")
