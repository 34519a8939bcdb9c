"""Every command and option that README names runs, each word in capitals filled in."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from sessionfs.cli.app import app

from .command import CLAUDE, CLAUDE_ID, CODEX, Command

README = (Path(__file__).parents[2] / "README.md").read_text()
GROUP: Any = typer.main.get_command(app)

WORDS = {
    "SESSION": CLAUDE_ID,
    "A": "@1",
    "B": "@2",
    "PATH": str(CLAUDE),
    "TEXT": "tomato",
    "TITLE": "Peas",
    "DIR": "/home/ana",
    "OLD": "/home/ana",
    "NEW": "/srv/ana",
    "NUMBER": "0",
    "FILE": "garden.md",
    "TEMPLATE": "{title}",
    "OTHER": "other",
}
"""What stands in the place of README's words; CHECKPOINT and ID are those of the session."""

VALUES = {
    "--checkpoint": "ID",
    "--created-since": "3d",
    "--limit": "2",
    "--role": "user",
    "--search": "TEXT",
    "--session": "SESSION",
    "--title": "TITLE",
    "--tool": "Bash",
    "--visibility": "private",
}
"""For the options that README names without their value."""

GOES_ON = {"follow", "watch"}
"""These run until they are interrupted: ``test_importing`` and ``test_finding`` do that."""


def codes(text: str) -> list[str]:
    """Return what stands in backticks, outside the fenced blocks."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE))


def called() -> Iterator[str]:
    """Give each call in README, and those of the table with each option that its row names."""
    yield from (each for each in codes(README) if re.match(r"sessionfs [a-z]", each))
    for call, about in re.findall(r"^\| `(sessionfs [^`]*)` \| (.*) \|$", README, re.MULTILINE):
        for option in (each for each in codes(about) if each.startswith("-")):
            name, _, value = option.partition(" ")
            options = GROUP.commands[call.split()[1]].params
            if not value and any(name in each.opts and not each.is_flag for each in options):
                value = VALUES[name]
            needs = " --repair" if name == "--from" else ""
            yield f"{call}{needs} {name} {value}".rstrip()


CALLS = sorted(set(called()))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Return a home with a store of two sessions and another store, and a checkpoint."""
    command = Command(tmp_path_factory.mktemp("home"))
    command("import", CLAUDE, CODEX)
    shutil.copytree(command.home / ".sessionfs", command.home / "other")
    return command.home, command("log", CLAUDE_ID).splitlines()[-1].split()[1]


@pytest.mark.parametrize("call", CALLS)
def test_what_readme_calls_runs(
    call: str, prepared: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = call.split()[1]
    home, checkpoint = prepared
    command = Command(tmp_path / "home")
    shutil.copytree(home, command.home)
    monkeypatch.chdir(command.home)  # where it may leave a file
    words = {**WORDS, "CHECKPOINT": checkpoint, "ID": checkpoint}
    arguments = [_filled(each, words) for each in shlex.split(call)[1:]]
    if name in GOES_ON:
        GROUP.commands[name].make_context(name, arguments[1:])
        return
    if name in ("purge", "restore"):
        command("rm", CLAUDE_ID)
    done = command.run(*arguments)
    if name == "purge" and not {"--yes", "--dry-run"} & set(arguments):
        assert "confirm with --yes" in done.stderr  # it asks, and nobody is there
    else:
        assert done.returncode == 0, done.stdout + done.stderr


def _filled(argument: str, words: dict[str, str]) -> str:
    bare = argument.strip("[].")
    return words.get(bare, bare)


def test_all_commands_are_among_them() -> None:
    assert {call.split()[1] for call in CALLS} == set(GROUP.commands)
    assert len(CALLS) > 2 * len(GROUP.commands)


def test_readme_names_no_option_that_is_not_there() -> None:
    known = {
        option
        for each in [GROUP, *GROUP.commands.values()]
        for parameter in each.params
        for option in parameter.opts
    }
    named = [each.split()[0] for each in codes(README) if each.startswith("-")]
    assert len(named) > 20
    assert set(named) <= known
    general = [each.split()[1] for each in codes(README) if each.startswith("sessionfs -")]
    assert set(general) <= {option for each in GROUP.params for option in each.opts}
