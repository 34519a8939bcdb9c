"""The command and its subcommands, each in a module with those of its kind."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, cast

import typer
from typer.core import TyperGroup

from .. import __version__
from . import opening, output
from .commands import (
    cat,
    diff,
    doctor,
    export,
    follow,
    fork,
    import_,
    index,
    log,
    ls,
    merge,
    path,
    purge,
    relocate,
    rename,
    restore,
    rewind,
    rm,
    search,
    show,
    stats,
    watch,
)
from .options import Store
from .text import harmless

# click's UsageError, from wherever this version of typer has it.
_UsageError = cast("type[typer.BadParameter]", typer.BadParameter.__base__)


@contextmanager
def _told_in_one_line(as_json: bool) -> Iterator[None]:
    """Tell what is wrong with a command line, which the line quotes, harmlessly; exit code 2."""
    try:
        yield
    except _UsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            raise
        message = " ".join(error.format_message().split()).rstrip(".")
        context = error.ctx
        help_ = f"{context.command_path if context else 'sessionfs'} --help"
        if as_json:
            output.print_json({"error": harmless(message), "code": "usage"})
        else:
            output.note(f"sessionfs: {message} (see {help_})")
        raise typer.Exit(2) from error


class _Commands(TyperGroup):
    """The commands; what is wrong with their arguments is told as every other error is."""

    _as_json = False

    def main(self, args: Any = None, *arguments: Any, **named: Any) -> Any:
        given = list(sys.argv[1:] if args is None else args)
        self._as_json = "--json" in (given[: given.index("--")] if "--" in given else given)
        return super().main(given, *arguments, **named)

    def make_context(self, *arguments: Any, **named: Any) -> Any:
        with _told_in_one_line(self._as_json):
            return super().make_context(*arguments, **named)

    def invoke(self, context: Any) -> Any:
        with _told_in_one_line(self._as_json):
            return super().invoke(context)


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Keep sessions of AI agents and their checkpoints as plain files.",
    epilog="The store is --store, else $SESSIONFS_ROOT, else ~/.sessionfs. "
    "A session is named by a unique prefix of its id, words of its title, or @1 for the newest. "
    "Examples: sessionfs ls; sessionfs show @1; sessionfs search tomato; sessionfs export @1 -o a.html",
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
    store: Store = None,
) -> None:
    """Options that stand before the command."""
    opening.before_command.set(store)


for name, command, example in (
    ("import", import_.import_, "sessionfs import --dry-run"),
    ("follow", follow.follow, "sessionfs follow --relaxed"),
    ("ls", ls.ls, "sessionfs ls --search decorators -n 5"),
    ("search", search.search, "sessionfs search 'fn(a, b)' --role assistant --since 1w"),
    ("show", show.show, "sessionfs show @1 --full"),
    ("log", log.log, "sessionfs log 0199f3a2"),
    ("diff", diff.diff, "sessionfs diff @1 @2, or: sessionfs diff @1:3f2a9c41 :9be1f0c2"),
    ("cat", cat.cat, "sessionfs cat @1 3 | jq .content"),
    ("export", export.export, "sessionfs export @1 -o session.html"),
    ("path", path.path, 'cd "$(sessionfs path @1)" && ls objects refs'),
    ("rewind", rewind.rewind, "sessionfs rewind @1 3f2a9c41d07e"),
    ("fork", fork.fork, "sessionfs fork @1 --checkpoint 3f2a9c41d07e --title 'Another way'"),
    ("rename", rename.rename, "sessionfs rename @1 Watering the tomatoes"),
    ("rm", rm.rm, "sessionfs rm 0199f3a2 @1"),
    ("restore", restore.restore, "sessionfs restore 0199f3a2"),
    ("merge", merge.merge, "sessionfs merge /mnt/laptop/.sessionfs"),
    ("purge", purge.purge, "sessionfs purge 0199f3a2 --dry-run"),
    ("relocate", relocate.relocate, "sessionfs relocate ~/work ~/src --dry-run"),
    ("stats", stats.stats, "sessionfs stats --since 1w"),
    ("watch", watch.watch, "sessionfs watch --json | jq -r .event"),
    ("index", index.index, "sessionfs index --rebuild"),
    ("doctor", doctor.doctor, "sessionfs doctor --repair --from /mnt/backup/sessionfs"),
):
    app.command(name, epilog=f"Example: {example}")(command)
