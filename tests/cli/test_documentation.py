"""What is written about the commands is what they are: README, their help, spec/guide/commands.md."""

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
README = (ROOT / "README.md").read_text()
COMMANDS: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]


def row(name: str) -> tuple[str, str]:
    """Return what README's table has of a command: how it is called, and what it says."""
    found = re.search(rf"^\| `sessionfs ({name}(?: [^`]*)?)` \| (.*) \|$", README, re.MULTILINE)
    assert found, f"README has no row for {name}"
    return found[1], found[2]


def parameters(name: str, kind: str) -> list[Any]:
    return [each for each in COMMANDS[name].params if each.param_type_name == kind]


@pytest.mark.parametrize("name", COMMANDS)
def test_readme_calls_a_command_as_it_is_called(name: str) -> None:
    call, about = row(name)
    arguments = [each.metavar for each in parameters(name, "argument")]
    named = call.split()[1:]
    # README may leave out what may be left out.
    needed = [each for each in arguments if not each.startswith("[")]
    assert [each for each in named if not each.startswith("[")] == needed
    assert set(named) <= set(arguments)
    options = {option for each in parameters(name, "option") for option in each.opts}
    assert set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", about)) <= options


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


def test_the_table_has_every_command_and_no_other() -> None:
    rows = re.findall(r"^\| `sessionfs (\w+)", README, re.MULTILINE)
    assert sorted(rows) == sorted(COMMANDS)


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
