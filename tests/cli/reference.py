"""Write spec/guide/commands.md: the help of every command, with its arguments and options.

``python -m tests.cli.reference`` writes it; ``--check`` only tells whether it is up to date.
"""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import Any

import typer.main

from sessionfs.cli.app import app

TARGET = Path(__file__).parents[2] / "spec" / "guide" / "commands.md"
HEAD = """# Commands
What `sessionfs COMMAND --help` says, of every command; made by `python -m tests.cli.reference`.

The store is `--store`, else `$SESSIONFS_ROOT`, else `~/.sessionfs`. `--json` prints JSON for programs,
of errors too: `{"error", "code"}`. Exit codes: 0 done, 1 failed, 2 wrong command line, 130 interrupted;
`doctor` adds 3 and 4. Answers go to standard output, all else to standard error. `NO_COLOR` is heeded.
What is longer than the screen goes through `$SESSIONFS_PAGER`, else `$PAGER`, else `less`.
"""


def reference() -> str:
    """Return the document."""
    commands: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    return "\n".join([HEAD, *(_section(name, command) for name, command in commands.items())])


def _section(name: str, command: Any) -> str:
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    options = [each for each in command.params if each.param_type_name == "option"]
    call = " ".join(["sessionfs", name, *(each.metavar for each in arguments), "[OPTIONS]"])
    lines = [f"## {name}", "```", call, "```", inspect.cleandoc(command.help or ""), ""]
    lines += [f"- `{each.metavar}`: {each.help}" for each in arguments]
    lines += [f"- {_option(each)}: {each.help}" for each in options]
    return "\n".join([*lines, "", f"`{command.epilog.removeprefix('Example: ')}`", ""])


def _option(option: Any) -> str:
    names = [*option.opts, *option.secondary_opts]
    takes = "" if option.is_flag else f" {option.metavar or option.name.upper()}"
    return ", ".join(f"`{each}{takes}`" for each in names)


def main() -> None:
    text = reference()
    if "--check" in sys.argv[1:]:
        if not TARGET.exists() or TARGET.read_text() != text:
            sys.exit(f"{TARGET.name} is not what the commands say: run python -m tests.cli.reference")
    else:
        TARGET.write_text(text)


if __name__ == "__main__":
    main()
