"""What a person sees while a large file is imported, and nobody else does."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from sessionfs import CreateSessionRequest, FileStorage

from .command import CLAUDE, Command

SIZE = 20_000_000


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A transcript of about 20 MB."""
    path = tmp_path / "large.jsonl"
    record = {"type": "assistant", "message": {"role": "assistant", "content": "x" * 100_000}}
    filling = json.dumps(record) + "\n"
    path.write_text(CLAUDE.read_text() + filling * (SIZE // len(filling)))
    return path


def on_terminals(command: Command, *arguments: str | Path, term: str, out: bool) -> tuple[str, str]:
    """Run with standard error on a terminal, and standard output too or on a pipe; return both."""
    return command.terminal(*arguments, piped=not out, TERM=term, COLUMNS="80", LINES="24")


def test_a_bar_tells_how_much_was_read_of_a_large_file(sessionfs: Command, large: Path) -> None:
    _, shown = on_terminals(sessionfs, "import", large, "--relaxed", term="xterm", out=True)
    lines = [re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", line) for line in shown.split("\x1b[2K")]
    told = [re.search(r"(\w+) large\.jsonl .* +(\d+)% (\d+) of (\d+) MB", line) for line in lines]
    bars = [each for each in told if each is not None]
    assert {each[1] for each in bars} <= {"Reading", "Importing"}
    assert {int(each[4]) for each in bars} == {round(large.stat().st_size / 1_000_000)}
    assert all(abs(int(each[2]) - int(each[3]) * 100 / int(each[4])) < 6 for each in bars)
    assert (bars[-1][1], bars[-1][2]) == ("Importing", "100")
    # It is gone when it is over.
    assert lines[-1].strip().startswith("imported")
    _, again = on_terminals(sessionfs, "import", large, "--relaxed", term="xterm", out=True)
    assert "of 20 MB" in again


def test_many_files_have_a_bar_and_a_large_one_its_own(sessionfs: Command, large: Path) -> None:
    _, shown = on_terminals(sessionfs, "import", CLAUDE, large, "--relaxed", term="xterm", out=True)
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown)
    assert re.search(r"Importing .* 1 of 2", plain)
    assert re.search(r"large\.jsonl .* \d+ of 20 MB", plain)


def test_nothing_of_it_is_in_what_programs_read(sessionfs: Command, large: Path) -> None:
    done = sessionfs.run("import", large, CLAUDE, "--relaxed")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 2
    done = sessionfs.run("import", large, CLAUDE, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(json.loads(done.stdout)["files"]) == 2
    printed, shown = on_terminals(sessionfs, "import", large, "--json", term="xterm", out=False)
    assert len(json.loads(printed)["files"]) == 1
    assert "of 20 MB" in shown
    printed, shown = on_terminals(sessionfs, "import", large, CLAUDE, term="dumb", out=False)
    assert (len(printed.splitlines()), shown) == (2, "")


def test_small_files_have_none(sessionfs: Command) -> None:
    _, shown = on_terminals(sessionfs, "import", CLAUDE, term="xterm", out=True)
    assert shown.startswith("imported")


def test_a_bar_shows_a_name_as_text(sessionfs: Command, tmp_path: Path) -> None:
    other = tmp_path / "[bold]garden\x1b]0;evil\x07"
    FileStorage(other, durability="relaxed").create_session(CreateSessionRequest("t", []))
    _, shown = sessionfs.terminal("merge", other, TERM="xterm", COLUMNS="300", LINES="24")
    assert "[bold]garden" in shown
    assert "\x1b]0;" not in shown
