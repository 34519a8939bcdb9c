"""Where answers go: encodings, colours, a pager, a reader that leaves early."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sessionfs import CreateSessionRequest, FileStorage

from .command import Command
from .samples import make, user

pytestmark = pytest.mark.slow

COMMANDS = (
    "ls --all",
    "log tools",
    "show tools",
    "search Do -n 2",
    "stats",
    "diff tools TTT",
    "doctor",
)
LONG = (
    "show large --full",
    "cat large",
    "export large",
    "export large -f html",
    "diff large TTT --full",
)


def test_a_reader_that_leaves_early_is_no_error(imported: Command) -> None:
    line = f"{sys.executable} -m sessionfs show 6f1c --full | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, check=False, env=imported.environment
    )
    assert done.returncode in (0, 141)
    assert done.stderr == ""


def test_a_pager_shows_what_is_longer_than_the_screen(imported: Command, tmp_path: Path) -> None:
    make(imported, "long", [{"role": "user", "content": "\n".join(map(str, range(200)))}])
    pager = tmp_path / "pager"
    pager.write_text("#!/bin/sh\necho paged; head -n 3\n")  # and leaves early
    pager.chmod(0o755)
    del imported.environment["SESSIONFS_PAGER"]
    imported.environment["PAGER"] = str(pager)
    assert imported.on_a_terminal("show", "@1", columns=80).startswith("paged\nlong\n")
    assert "paged" not in imported.on_a_terminal("show", "@1", "--no-pager", columns=80)
    assert "paged" not in imported.on_a_terminal("show", "@2", "-n", "1", columns=80)
    assert "paged" not in imported("show", "@1")
    imported.environment["SESSIONFS_PAGER"] = "cat"
    assert "paged" not in imported.on_a_terminal("show", "@1", columns=80)
    imported.environment["SESSIONFS_PAGER"] = "no-such-pager-here"
    assert "199" in imported.on_a_terminal("show", "@1", columns=80)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_an_encoding_without_our_characters_is_no_error(imported: Command, encoding: str) -> None:
    make(imported, "ä 🌱 " + "long " * 60, [{"role": "user", "content": "→ 🌱"}])
    for arguments in (["ls"], ["show", "@1"], ["show", "@3"], ["stats"], ["search", "tomato"]):
        done = imported.run(*arguments, PYTHONIOENCODING=encoding)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        assert "🌱" not in done.stdout
        assert done.stdout.isascii() or encoding != "ascii"
    assert "\\U0001f331" in imported.run("show", "@1", PYTHONIOENCODING=encoding).stdout


@pytest.mark.parametrize(
    ("variable", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")], ids=["no-color", "dumb"]
)
def test_no_colours_where_they_are_not_wanted(imported: Command, variable: str, value: str) -> None:
    imported.environment[variable] = value
    for arguments in (["ls"], ["log", "@1"], ["stats"], ["search", "tomato"]):
        _, shown = imported.terminal(*arguments)
        assert shown
        colours = re.findall(r"\x1b\[[0-9;]*[34][0-7][0-9;]*m", shown)
        assert colours == [], arguments
        if variable == "TERM":
            assert "\x1b" not in shown


def test_a_locale_that_has_no_letters_is_no_error(odd: Command) -> None:
    real = odd.process("show", "tools", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert real.stdout == odd.run("show", "tools", PYTHONIOENCODING="ascii:surrogateescape").stdout
    for line in (*COMMANDS, "export tools", "cat tools", "ls --json", "import nothing-there"):
        done = odd.run(*line.split(), PYTHONIOENCODING="ascii:surrogateescape")
        assert done.returncode == (1 if "import" in line else 0), (line, done.stderr)
        assert "Traceback" not in done.stderr
        if not line.startswith(("export", "cat", "ls --json")):
            assert (done.stdout + done.stderr).isascii()


@pytest.mark.parametrize("line", [*COMMANDS, *LONG, "ls --json"])
def test_who_has_seen_enough_hears_of_nothing_else(odd: Command, line: str) -> None:
    texts = [user(f"{n} " + "x " * 2000) for n in range(100)]
    FileStorage(odd.home / ".sessionfs").create_session(CreateSessionRequest("large", texts))
    script = f'"{sys.executable}" -m sessionfs {line} | head -n 1 > /dev/null; exit ${{PIPESTATUS[0]}}'
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, check=False, env=odd.environment
    )
    assert "rror" not in done.stderr
    assert "Traceback" not in done.stderr
    if line in LONG:
        assert done.returncode == 128 + signal.SIGPIPE
