"""``sessionfs rm``: mark sessions as deleted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import typer

from ...errors import StorageError
from ...models import SessionStatus
from ...storage import FileStorage
from .. import opening, output, resolve
from ..options import AsJson, SessionArguments, Store
from ..text import one_line


def rm(sessions: SessionArguments, store: Store = None, as_json: AsJson = False) -> None:
    """Mark sessions as deleted: they are not listed, stay on disk, and restore brings them back."""
    set_status(sessions, store, as_json, FileStorage.delete_session, SessionStatus.DELETED)


def set_status(
    given: list[str],
    store: Path | None,
    as_json: bool,
    change: Callable[[FileStorage, UUID], None],
    status: SessionStatus,
) -> None:
    """Change each session that can be, and tell of those that cannot."""
    reports: list[dict[str, Any]] = []
    with output.reporting(as_json), opening.open_store(store) as storage:
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
