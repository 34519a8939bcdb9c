"""Real terminals and real shells: what a person sees at 80 and at 200 columns, and completion."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sessionfs import CreateSessionRequest, FileStorage

from ..exporters.sample import sample, user
from .command import CLAUDE, CLAUDE_ID, CODEX, Command

pytestmark = [pytest.mark.slow, pytest.mark.once]

WORDS = "A line of words that is so long that it has to go on in the next one, whichever width it has. "


@pytest.fixture
def sessionfs(tmp_path: Path) -> Command:
    """A store with short and long things, and the command on the path."""
    command = Command(tmp_path)
    command("import", CLAUDE, CODEX)
    storage, _ = sample(tmp_path / ".sessionfs")
    deep = "/srv/" + "/".join(["directory"] * 20)
    storage.create_session(CreateSessionRequest(WORDS * 3, [user(WORDS * 4)], cwd=deep))
    assistant = {"role": "assistant", "content": WORDS * 4}
    storage.create_session(CreateSessionRequest("題名" * 80, [user(WORDS), assistant]))
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin" / "sessionfs"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m sessionfs "$@"\n')
    script.chmod(0o755)
    command.environment["PATH"] = f"{tmp_path / 'bin'}:{command.environment['PATH']}"
    del command.environment["COLUMNS"]
    return command


class Terminal:
    """A terminal of some width, in which commands are typed."""

    def __init__(self, command: Command, columns: int) -> None:
        self._environment = {
            **command.environment,
            "LC_ALL": "C.UTF-8",
            "SESSIONFS_PAGER": "cat",
        }
        self._socket = str(command.home / "tmux")
        size = ["-x", str(columns), "-y", "50"]
        self._tmux("-f", "/dev/null", "new-session", "-d", "-s", "t", *size, "bash --norc --noprofile")

    def _tmux(self, *arguments: str) -> str:
        return subprocess.run(
            ["tmux", "-u", "-S", self._socket, *arguments],
            capture_output=True,
            text=True,
            check=True,
            env=self._environment,
            timeout=60,
        ).stdout

    def run(self, line: str) -> tuple[str, str]:
        """Return what the screen shows, and the same with those lines joined that it wrapped."""
        done = f"tmux -S {self._socket} wait-for -S done"
        self._tmux("send-keys", "-t", "t", f"PS1=; clear; {line}; {done}", "Enter")
        self._tmux("wait-for", "done")
        every = ["capture-pane", "-p", "-t", "t", "-S", "0"]
        return self._tmux(*every), self._tmux(*every, "-J")

    def close(self) -> None:
        self._tmux("kill-server")


@pytest.fixture(params=[80, 200])
def terminal(request: pytest.FixtureRequest, sessionfs: Command) -> Iterator[Terminal]:
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    opened = Terminal(sessionfs, request.param)
    yield opened
    opened.close()


@pytest.mark.parametrize(
    "line",
    [
        *("ls", "log tomatoes", "search line -n 3", "search tomato -n 3", "stats"),
        *("show @1", "show @2", "show tomatoes -n 9", "diff @1 @2", "ls --all --search A"),
    ],
)
def test_no_line_is_longer_than_the_terminal(terminal: Terminal, line: str) -> None:
    shown, joined = terminal.run(f"sessionfs {line}")
    assert shown.strip()
    trimmed = [re.sub(r" +$", "", text, flags=re.MULTILINE) for text in (shown, joined)]
    assert trimmed[0] == trimmed[1]  # the terminal had nothing to wrap


@pytest.mark.parametrize(
    "shell", ["bash", *(pytest.param(each, marks=pytest.mark.slow) for each in ("zsh", "fish"))]
)
def test_a_shell_completes_commands_options_and_sessions(sessionfs: Command, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    for words, expected in (
        ("sessionfs ren", "rename"),
        ("sessionfs export --for", "--format"),
        (f"sessionfs show {CLAUDE_ID[:3]}", CLAUDE_ID[:8]),
        ("sessionfs rm @", "@5"),
        (f"sessionfs show --store {sessionfs.home}/none {CLAUDE_ID[:3]}", None),
    ):
        offered = complete(sessionfs, shell, words)
        if expected is None:
            assert CLAUDE_ID[:8] not in offered
        else:
            assert expected in offered, (words, offered)


def complete(command: Command, shell: str, words: str) -> str:
    """Return what a shell offers for a line, by the script that the command prints for it."""
    script = command.home / f"completion.{shell}"
    script.write_text(command.run(_SESSIONFS_COMPLETE=f"source_{shell}").stdout)
    given = words.split()
    if shell == "bash":
        function = re.findall(r"complete .*-F (\w+) sessionfs", script.read_text())[0]
        array = " ".join(f"'{each}'" for each in given)
        line = (
            f"source '{script}'; COMP_WORDS=({array}); COMP_CWORD={len(given) - 1}; "
            f"{function} sessionfs '{given[-1]}'; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        )
    elif shell == "zsh":
        # What the script's function hands to zsh, which asks for a terminal before it completes.
        line = (
            f'compdef() {{ :; }}; _arguments() {{ print -r -- "$@"; }}; '
            f"_describe() {{ print -rl -- ${{(P)2}} ${{(P)3}}; }}; words=({words}); "
            f"CURRENT={len(given)}; source '{script}'; _sessionfs_completion"
        )
    else:
        line = f"source '{script}'; complete -C '{words}'"
    done = subprocess.run(
        [shell, "-c", line], capture_output=True, text=True, check=False, env=command.environment
    )
    return done.stdout + done.stderr


def test_completion_of_a_store_that_cannot_be_read_is_empty(sessionfs: Command, tmp_path: Path) -> None:
    (tmp_path / "newer").mkdir()
    (tmp_path / "newer" / "sessionfs.json").write_text('{"format": 999, "needs": 999}')
    offered = complete(sessionfs, "bash", f"sessionfs show --store {tmp_path / 'newer'} 0")
    assert "Traceback" not in offered


def test_a_store_is_not_made_by_completing(sessionfs: Command, tmp_path: Path) -> None:
    complete(sessionfs, "bash", f"sessionfs show --store {tmp_path / 'none'} 0")
    assert not (tmp_path / "none").exists()
    assert FileStorage(tmp_path / ".sessionfs").list_sessions().total == 5
