"""Every command and option in README and the guides runs, each word in capitals filled in."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
import typer.main

from sessionfs.cli.app import app

from .command import CLAUDE, CLAUDE_ID, CODEX, Command
from .reference import MARK

ROOT = Path(__file__).parents[2]
WRITTEN = {
    path.stem: path.read_text().partition(MARK)[0]
    for path in (ROOT / "README.md", *sorted((ROOT / "spec" / "guide").glob("*.md")))
}
"""README and the guides, without the reference that the commands wrote themselves."""
GROUP: Any = typer.main.get_command(app)

WORDS = {
    "SESSION": CLAUDE_ID,
    "A": "@1",
    "B": "@2",
    "PATH": str(CLAUDE),
    "TEXT": "tomato",
    "TITLE": "Peas",
    "COPY": "other",
    "BACKUP": "other",
    "~/copy": "other",
    "~/before/.sessionfs": "other",
    "DIR": "/home/ana",
    "OLD": "/home/ana",
    "NEW": "/srv/ana",
    "NUMBER": "0",
    "FILE": "garden.md",
    "TEMPLATE": "{title}",
    "OTHER": "other",
}
"""The values of the words; CHECKPOINT and ID are those of the session."""

GOES_ON = {"follow", "watch"}
"""These run until they are interrupted: ``test_follow`` and ``test_watch`` do that."""


def codes(text: str) -> list[str]:
    """Return what stands in backticks, outside the fenced blocks."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE))


CALLS = sorted(
    {each for text in WRITTEN.values() for each in codes(text) if re.match(r"sessionfs [a-z]", each)}
)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Return a home with a store of two sessions and another store, and a checkpoint."""
    command = Command(tmp_path_factory.mktemp("home"))
    command("import", CLAUDE, CODEX)
    shutil.copytree(command.home / ".sessionfs", command.home / "other")
    return command.home, command("log", CLAUDE_ID).splitlines()[-1].split()[1]


@pytest.mark.parametrize("call", CALLS)
def test_a_command_in_the_documents_runs(
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


def test_no_document_names_an_option_that_is_not_there() -> None:
    known = {
        option
        for each in [GROUP, *GROUP.commands.values()]
        for parameter in each.params
        for option in parameter.opts
    }
    # The guide on syncing names those of rsync, git and other tools.
    texts = [text for name, text in WRITTEN.items() if name != "sync"]
    named = {each.split()[0] for text in texts for each in codes(text) if each.startswith("-")}
    assert {"--store", "--json"} <= named <= known
    general = {
        each.split()[1] for text in texts for each in codes(text) if each.startswith("sessionfs -")
    }
    assert general <= {option for each in GROUP.params for option in each.opts}
