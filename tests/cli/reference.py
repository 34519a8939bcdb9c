"""Write the reference in spec/guide/commands.md: the help of every command, arguments and options.

``python -m tests.cli.reference`` writes it; ``--check`` only says whether it is up to date.
"""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import Any

import typer.main

from sessionfs.cli.app import app

TARGET = Path(__file__).parents[2] / "spec" / "guide" / "commands.md"
MARK = "<!-- reference: -->\n"
"""The reference stands below this line, and what people wrote above it."""


def reference() -> str:
    """Return the part of the document that the commands say themselves."""
    commands: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    return "\n".join(_section(name, command) for name, command in commands.items())


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
    head, mark, old = TARGET.read_text().partition(MARK)
    new = reference()
    if "--check" not in sys.argv[1:]:
        TARGET.write_text(head + MARK + new)
    elif (mark, old) != (MARK, new):
        sys.exit(f"{TARGET.name} is not what the commands say: run python -m tests.cli.reference")


if __name__ == "__main__":
    main()
