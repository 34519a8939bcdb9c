"""The help of every command is complete, and spec/guide/commands.md repeats it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer.main

from sessionfs.cli.app import app

ROOT = Path(__file__).parents[2]
COMMANDS: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]


def parameters(name: str, kind: str) -> list[Any]:
    return [each for each in COMMANDS[name].params if each.param_type_name == kind]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_what_each_option_does_and_its_example_can_be_parsed(name: str) -> None:
    command = COMMANDS[name]
    for each in command.params:
        assert each.help, f"{name}: {each.name} says nothing"
        assert each.help.endswith("."), f"{name}: {each.name}: {each.help}"
    assert command.help.split("\n")[0].endswith(".")
    flags = {option for each in parameters(name, "option") for option in each.opts}
    assert {"--store", "--json"} <= flags
    example = command.epilog.removeprefix("Example: ")
    assert f"sessionfs {name}" in example
    used = re.findall(r"(?<![\w-])--?[a-z][\w-]*", re.split(r"\||&&", example.split(name, 1)[1])[0])
    assert set(used) <= flags


def test_the_reference_is_what_the_commands_say() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.cli.reference", "--check"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
