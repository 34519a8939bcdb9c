"""The command and its subcommands, each in a module with those of its kind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, cast

import typer
from typer.core import TyperGroup

from .. import __version__
from . import changing, finding, health, importing, indexing, merging, reading, watching
from .text import harmless

# click's UsageError, from wherever this version of typer has it.
_UsageError = cast("type[typer.BadParameter]", typer.BadParameter.__base__)


@contextmanager
def _harmless_errors() -> Iterator[None]:
    """Make what is said of a wrong command line, which quotes it, harmless for a terminal."""
    try:
        yield
    except _UsageError as error:
        error.message = harmless(error.message)
        raise


class _Commands(TyperGroup):
    """The commands; errors in their arguments are harmless."""

    def make_context(self, *arguments: Any, **named: Any) -> Any:
        with _harmless_errors():
            return super().make_context(*arguments, **named)

    def invoke(self, context: Any) -> Any:
        with _harmless_errors():
            return super().invoke(context)


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Keep sessions of AI agents and their checkpoints as plain files.",
    epilog="The store is --store, else $SESSIONFS_ROOT, else ~/.sessionfs. "
    "A session is named by a unique prefix of its id, or @1 for the newest.",
)


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


for name, command, example in (
    ("import", importing.import_, "sessionfs import ~/.claude/projects/*/*.jsonl"),
    ("ls", finding.ls, "sessionfs ls --search decorators -n 5"),
    ("search", finding.search, "sessionfs search 'fn(a, b)' --role assistant --since 1w"),
    ("show", reading.show, "sessionfs show @1 --full"),
    ("log", reading.log, "sessionfs log 0199f3a2"),
    ("path", reading.path, 'cd "$(sessionfs path @1)" && ls objects refs'),
    ("rewind", changing.rewind, "sessionfs rewind @1 3f2a9c41d07e"),
    ("rm", changing.rm, "sessionfs rm 0199f3a2 @1"),
    ("restore", changing.restore, "sessionfs restore 0199f3a2"),
    ("merge", merging.merge, "sessionfs merge /mnt/laptop/.sessionfs"),
    ("purge", changing.purge, "sessionfs purge 0199f3a2 --dry-run"),
    ("relocate", changing.relocate, "sessionfs relocate ~/work ~/src --dry-run"),
    ("stats", finding.stats, "sessionfs stats --since 1w"),
    ("watch", watching.watch, "sessionfs watch --json | jq -r .event"),
    ("index", indexing.index, "sessionfs index --rebuild"),
    ("doctor", health.doctor, "sessionfs doctor --repair --from /mnt/backup/sessionfs"),
):
    app.command(name, epilog=f"Example: {example}")(command)
