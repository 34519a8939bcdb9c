"""Nothing that a session, a transcript or a name holds commands the terminal on which it is shown."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sessionfs import CreateSessionRequest, FileStorage
from sessionfs.cli.text import harmless
from sessionfs.models import Message

from ..cli.command import CLAUDE, Command
from ..effort import Counted

pytestmark = [pytest.mark.slow, pytest.mark.once]

COMMANDS = {
    "a clipboard": "\x1b]52;c;AAAA\x07",
    "a link": "\x1b]8;;http://example.org\x1b\\x\x1b]8;;\x1b\\",
    "a cleared screen": "\x1b[2J\x1b[H",
    "8 bits": "\x9b31m\x9d0;x\x9c\x85\x90",
    "a line again": "good\rbad\x08\x08\x7f\x0b\x0c",
    "a turn": "\u202ea\u202d\u2066\u2069\u200e\u200f\u061c",
    "ends of lines": "a\u2028b\u2029c",
    "nothing seen": "a\u200bb\u2060c\ufeffd\ufff9\U000e0041\U000e007f",
    "a bell and NUL": "\x07\x00\x1b",
}
EVIL = "".join(COMMANDS.values())
HARMFUL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    r"\U000e0000-\U000e007f\ud800-\udfff]"
)


@pytest.fixture
def sessionfs(tmp_path: Path) -> Command:
    return Command(tmp_path)


@pytest.mark.parametrize("what", COMMANDS)
def test_what_commands_a_terminal_is_shown_as_signs(what: str) -> None:
    shown = harmless(COMMANDS[what])
    assert HARMFUL.search(shown) is None
    assert "\\x" in shown


def test_what_people_write_stays_as_it_is() -> None:
    """Joined letters and emoji, combining marks, letters of every script, line feeds and tabs."""
    for text in ("می‌خواهم", "👩‍👩‍👧", "❤️", "é", "שלום", "a\tb\nc", "日本語", "\u00a0\u3000"):
        assert harmless(text) == text


def test_no_command_lets_any_of_it_through(
    sessionfs: Command, counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = FileStorage(sessionfs.home / ".sessionfs", durability="relaxed")
    call = {
        "id": EVIL,
        "type": "function",
        "function": {"name": "f" + EVIL, "arguments": "needle" + EVIL},
    }
    messages: list[Message] = [
        {"role": "needle" + EVIL, "content": "needle" + EVIL, "tool_calls": [call]},
        {
            "role": "assistant",
            "content": [{"type": EVIL}, {"type": "text", "text": "needle" + EVIL}, EVIL],
        },
        {"role": "assistant", "content": None, "tool_calls": [call, EVIL, {"function": EVIL}]},
        {"role": "tool", "tool_call_id": EVIL, "content": ("needle" + EVIL + "\n") * 20},
        {"shape": EVIL},
        {"role": "user", "content": "needle" + EVIL},
    ]
    made = storage.create_session(
        CreateSessionRequest("needle" + EVIL, messages, cwd="/" + EVIL, metadata={EVIL: EVIL})
    )
    damaged = storage.create_session(CreateSessionRequest("damaged" + EVIL, []))
    file = Path(storage.checkpoint_path(damaged.checkpoint.id))
    data = json.dumps({"kind": "checkpoint", "session": EVIL}).encode()
    file.chmod(0o600)
    file.write_bytes(data)
    transcript = sessionfs.home / f"tr{re.sub(f'[/{chr(0)}]', '', EVIL)[:60]}.jsonl"
    spoken = {
        "type": "user",
        "message": {"role": "user", "content": EVIL},
        "cwd": EVIL,
        "timestamp": EVIL,
    }
    summary = {"type": "summary", "summary": EVIL}
    lines = [json.dumps(summary), json.dumps(spoken), EVIL.replace("\n", ""), '{"cut' + EVIL]
    transcript.write_text("\n".join(lines))
    nowhere, plain = EVIL.replace("\0", ""), str(made.session_id)
    other = str(storage.create_session(CreateSessionRequest("other", messages[1:])).session_id)
    some: list[list[str | Path]] = [
        ["import", str(transcript)],
        ["import", nowhere],
        ["import", CLAUDE, "--store", f"st{nowhere[:9]}"],
        ["ls"],
        ["ls", "--all", "--search", nowhere],
        ["ls", "--cwd", nowhere],
        ["ls", "--cursor", nowhere],
        ["ls", "--since", nowhere],
        ["ls", "--visibility", nowhere],
        ["ls", f"--{nowhere}"],
        ["ls", nowhere],
        ["show", plain],
        ["show", plain, "--full"],
        ["show", nowhere],
        ["show", plain, "-c", nowhere],
        ["ls", "--format", "{title} {cwd} {problem}"],
        ["diff", plain, other],
        ["rename", other, nowhere],
        ["fork", plain, "--title", nowhere],
        ["log", plain],
        ["log", nowhere],
        ["search", "needle"],
        ["search", nowhere],
        ["search", "needle", "--role", nowhere],
        ["search", "needle", "--session", nowhere],
        ["stats"],
        ["stats", plain],
        ["path", nowhere],
        ["index", "--rebuild"],
        ["show", str(damaged.session_id)],
        ["ls", "--store", str(transcript)],
        [nowhere],
        ["ls", "--format", f"{{{nowhere}}}"],
        ["diff", nowhere, f"{plain}:{nowhere}"],
        ["cat", plain, nowhere],
        ["export", plain, "--format", nowhere],
        ["export", plain, "--out", f"no/{nowhere.replace('/', '')[:60]}"],
    ]
    tries = [(each, options) for options in ([], ["--json"]) for each in some]
    monkeypatch.chdir(sessionfs.home)
    for arguments, options in tries:
        done = sessionfs.run(*arguments, *options)
        for text in (done.stdout, done.stderr):
            assert HARMFUL.search(text) is None, (arguments, options, text)
            assert "Traceback" not in text
    shown = sessionfs.json("show", plain)
    assert shown["title"] == "needle" + EVIL
    assert shown["active_checkpoint"]["state"]["messages"] == messages
    counted("commands with hostile texts", len(tries))


def test_what_is_for_programs_is_harmless_on_a_terminal(sessionfs: Command) -> None:
    storage = FileStorage(sessionfs.home / ".sessionfs", durability="relaxed")
    for text in ("needle" + EVIL, "# needle\n\n*" + EVIL + "*"):
        said: list[Message] = [{"role": role, "content": text} for role in ("user", "assistant", EVIL)]
        storage.create_session(CreateSessionRequest(text, said))
    for line in (
        *("cat @1", "cat @1 --text", "export @1", "export @1 -f html", "export @1 -f json"),
        *("export @1 -f jsonl", "show @1", "show @1 --raw", "diff @1 @2"),
    ):
        shown = sessionfs.on_a_terminal(*line.split(), columns=120)
        assert "needle" in shown
        assert HARMFUL.search(shown) is None, line


def test_a_watch_tells_titles_harmlessly(sessionfs: Command) -> None:
    root = sessionfs.home / ".sessionfs"
    storage = FileStorage(root, durability="relaxed")
    storage.create_session(CreateSessionRequest("first", []))
    for options in ([], ["--json"]):
        process = subprocess.Popen(
            [sys.executable, "-m", "sessionfs", "watch", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=sessionfs.environment,
        )
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stderr.readline().startswith(b"watching")
        storage.create_session(CreateSessionRequest("made" + EVIL, []))
        told = process.stdout.readline()
        process.terminate()
        told += process.communicate()[0]
        assert b"made" in told
        assert HARMFUL.search(told.decode()) is None


@pytest.mark.skipif(sys.platform == "darwin", reason="names are texts there")
def test_the_path_of_a_session_is_exact_for_programs_and_harmless_for_people(
    sessionfs: Command,
) -> None:
    root = sessionfs.home / os.fsdecode(b"st\x1b[2J\xff")
    made = FileStorage(root, durability="relaxed").create_session(CreateSessionRequest("t", []))
    done = subprocess.run(
        [sys.executable, "-m", "sessionfs", "path", "@1", "--store", root],
        capture_output=True,
        check=True,
        env=sessionfs.environment,
    )
    assert done.stdout == os.fsencode(root / "sessions" / str(made.session_id)) + b"\n"
    shown = sessionfs.on_a_terminal("path", "@1", "--store", str(root), columns=100)
    assert HARMFUL.search(shown) is None
    assert str(made.session_id) in shown
