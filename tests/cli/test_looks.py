"""What a person sees of sessions that are odd: long, wide, without a title, without an end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from sessionfs import CreateSessionRequest, FileStorage

from .command import CLAUDE, CLAUDE_ID, CODEX, Command

pytestmark = pytest.mark.once

TITLES = ("題名" * 100, "T" * 300, "Words of a title " * 20, "")
COMMANDS = (
    "ls --all",
    "log tools",
    "show tools",
    "search Do -n 2",
    "stats",
    "diff tools TTT",
    "doctor",
)


@pytest.fixture
def odd(tmp_path: Path) -> Command:
    """A store of titles that are long, wide, or empty, and of results and calls without line ends."""
    command = Command(tmp_path)
    storage = FileStorage(tmp_path / ".sessionfs")
    for title in TITLES:
        storage.create_session(CreateSessionRequest(title, [user("🌱 題 " * 40)]))
    function = {"name": "tool_" * 20, "arguments": '{"a":"' + "y" * 900 + '"}'}
    messages: list[Any] = [
        user("Do it"),
        {"role": "assistant", "tool_calls": [{"id": "1", "type": "function", "function": function}]},
        {"role": "tool", "tool_call_id": "1", "content": f"{'z' * 5000}\n" + "line\n" * 3},
    ]
    cwd = f"{tmp_path}/a\nb"
    made = storage.create_session(CreateSessionRequest("tools", messages, cwd=cwd))
    storage.fork_session(made.session_id, title="fork")
    return command


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


@pytest.mark.parametrize("columns", [80, 200])
def test_what_is_to_be_known_of_a_session_is_not_cut_with_its_title(odd: Command, columns: int) -> None:
    storage = FileStorage(odd.home / ".sessionfs")
    ids = {each.title: each.id for each in storage.list_sessions().sessions}
    storage.delete_session(ids["T" * 300])
    wide, words = ids[TITLES[0]], ids[TITLES[2]]
    first = storage.get_active_checkpoint(wide).id
    storage.append_messages(wide, [user("one")])
    other = FileStorage(odd.home / "other")
    other.merge_from(odd.home / ".sessionfs")
    other.append_messages(wide, [user("two")], expected_active=None)
    storage.append_messages(wide, [user("three")])
    storage.merge_from(odd.home / "other")
    assert storage.get_session(wide).heads[-1].id != first
    [path] = Path(storage.session_path(words)).glob("objects/*")
    path.chmod(0o600)
    path.write_bytes(b"damage")
    lines = odd.on_a_terminal("ls", "--all", columns=columns).splitlines()
    for title, mark in (("TTT", "deleted"), ("題名", "2 heads"), ("Words", "!")):
        [line] = [each for each in lines if f" {title}" in each]
        assert re.search(rf"… ?{mark}", line.replace(" …", "…")), line
        assert cell_len(line.rstrip()) <= columns


def test_a_line_without_an_end_is_cut_and_says_so(odd: Command) -> None:
    shown = odd("show", "tools")
    assert "z" * 1000 + "\n… 4,000 more characters (--full)\nline\nline\nline\n" in shown
    assert "z" * 1001 not in shown
    assert "z" * 5000 + "\n" in odd("show", "tools", "--full")
    told = odd("diff", "TTT", "tools")
    assert "… 4,001 more characters (--full)" in told
    assert "z" * 1001 not in told
    assert "z" * 5000 + "\n" in odd("diff", "TTT", "tools", "--full")


def test_no_fact_is_broken_that_fits_on_a_line(odd: Command) -> None:
    for columns in (60, 80, 200):
        facts = odd.on_a_terminal("show", "tools", columns=columns).split("\n\n")[0].splitlines()[1:]
        assert all(cell_len(line) <= columns for line in facts)
        told = [each for line in facts for each in line.rstrip().split(" · ")]
        assert told[1:4] == ["private", "active", "~/a\\x0ab"]
        assert re.fullmatch(r"created \d{4}-\d\d-\d\d \d\d:\d\d", told[4])
        assert told[5:] == ["3 messages"]
    assert len(odd("show", "tools").split("\n\n")[0].splitlines()) == 2


def test_a_locale_that_has_no_letters_is_no_error(odd: Command) -> None:
    real = odd.process("show", "tools", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert real.stdout == odd.run("show", "tools", PYTHONIOENCODING="ascii:surrogateescape").stdout
    for line in (*COMMANDS, "export tools", "cat tools", "ls --json", "import nothing-there"):
        done = odd.run(*line.split(), PYTHONIOENCODING="ascii:surrogateescape")
        assert done.returncode == (1 if "import" in line else 0), (line, done.stderr)
        assert "Traceback" not in done.stderr
        if not line.startswith(("export", "cat", "ls --json")):
            assert (done.stdout + done.stderr).isascii()


LONG = (
    "show large --full",
    "cat large",
    "export large",
    "export large -f html",
    "diff large TTT --full",
)


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


def test_an_import_that_is_interrupted_says_what_is_done(tmp_path: Path) -> None:
    command = Command(tmp_path)
    large = tmp_path / "large.jsonl"
    record = CODEX.read_text().splitlines(keepends=True)
    with large.open("w") as file:
        file.write(record[0])
        for _ in range(40_000 // len(record)):
            file.writelines(record[1:])
    arguments = ["import", "--relaxed", str(CLAUDE), str(large)]
    process = subprocess.Popen(
        [sys.executable, "-m", "sessionfs", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=command.environment,
        # A shell that starts us in the background has interrupts ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    # The second is being written once its directory is there, which appears as a whole or not at all.
    sessions = tmp_path / ".sessionfs" / "sessions"
    while not any(sessions.glob(".tmp-*/objects/*.json")) or not any(sessions.glob("6f1c*")):
        assert process.poll() is None, "it was done before it could be interrupted"
        os.sched_yield()
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert errors.startswith("interrupted: 1 of 2 files done; importing again brings the rest")
    assert [path.name for path in sessions.iterdir()] == [CLAUDE_ID]
    again = command(*arguments).splitlines()
    assert [line.split()[0] for line in again] == ["unchanged", "imported"]
    assert command.run("doctor").returncode == 0


HOMELESS = """
import os
os.getuid = lambda: 4_000_000_000
from sessionfs.cli import main
main()
"""
"""Runs the command as somebody whom this machine does not know, as containers do."""


def test_without_a_home_all_works_that_needs_none(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name in ("PATH", "PYTHONPATH")}
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", HOMELESS, *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env=environment,
        )

    store = ("--store", tmp_path / "store")
    for arguments in (["import", CLAUDE], ["ls"], ["show", "@1"], ["search", "tomato"], ["index"]):
        done = run(*arguments, *store)
        assert (done.returncode, done.stderr) == (0, ""), arguments
    assert "The tomato bed" in run("search", "tomato bed", *store).stdout
    for arguments in (["ls"], ["import", *store], ["follow", *store]):
        done = run(*arguments)
        assert (done.returncode, len(done.stderr.splitlines())) == (1, 1), done.stderr
        assert "home directory" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["store"]
