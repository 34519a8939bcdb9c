"""Options and arguments that several commands share."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from ..models import SessionVisibility
from . import completion
from .text import moment


def a_moment(text: str) -> datetime:
    """Return the time that a person means, or say that there is none."""
    try:
        return moment(text, datetime.now(UTC))
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter(f"{text!r} is neither a date nor like 3d, 2h, 30min, 1w") from error


def a_visibility(text: str) -> SessionVisibility:
    """Return the visibility that a person means, in letters of either case."""
    try:
        return SessionVisibility(text.upper())
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is neither private nor public") from error


Store = Annotated[
    Path | None,
    typer.Option("--store", help="The store's directory.", show_default=False, metavar="DIR"),
]
RelaxedImport = Annotated[
    bool,
    typer.Option("--relaxed", help="Do not wait for the disk: faster; import again if cut off."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
SessionArgument = Annotated[
    str,
    typer.Argument(
        help="A unique prefix of an id, words of a title, or @1.",
        metavar="SESSION",
        autocompletion=completion.sessions,
    ),
]
SessionArguments = Annotated[
    list[str],
    typer.Argument(
        help="Unique prefixes of ids, words of titles (quoted), or @1.",
        metavar="SESSION...",
        autocompletion=completion.sessions,
    ),
]
Checkpoint = Annotated[
    str | None,
    typer.Option(
        "--checkpoint",
        "-c",
        help="A checkpoint instead of the active one.",
        metavar="ID",
        show_default=False,
    ),
]
Partial = Annotated[
    bool,
    typer.Option("--partial", help="What can be read where files are damaged or missing."),
]
Cwd = Annotated[Path | None, typer.Option(help="Only sessions of this directory.", show_default=False)]
Below = Annotated[
    Path | None,
    typer.Option(help="Only sessions of this directory or below it.", show_default=False),
]
OfVisibility = Annotated[
    SessionVisibility | None,
    typer.Option(parser=a_visibility, metavar="private|public", help="Only these.", show_default=False),
]
Since = Annotated[
    datetime | None,
    typer.Option(
        parser=a_moment,
        metavar="WHEN",
        help="Changed at or after: 2026-11-01, or 3d for 3 days ago.",
        show_default=False,
    ),
]
Until = Annotated[
    datetime | None,
    typer.Option(parser=a_moment, metavar="WHEN", help="Changed before.", show_default=False),
]
WithDeleted = Annotated[bool, typer.Option("--all", "-a", help="Deleted ones too.")]
