"""The command as a whole: the main job, options that all have, errors, help."""

from __future__ import annotations

import json
import re
from pathlib import Path

from sessionfs import CreateSessionRequest, FileStorage

from .command import CLAUDE, CLAUDE_ID, CODEX, Command


def test_import_list_show_log_path(sessionfs: Command) -> None:
    out = sessionfs("import", CLAUDE, CODEX)
    assert [line.split()[0] for line in out.splitlines()] == ["imported", "imported"]
    assert "3 checkpoints" in out
    listed = sessionfs("ls").splitlines()
    assert listed[0].split() == ["ID", "UPDATED", "MESSAGES", "TITLE", "DIRECTORY"]
    assert "Run the tests of the cart" in listed[1]
    assert "Watering schedule for the garden controller" in listed[2]
    shown = sessionfs("show", "6f1c")
    assert "The tomato bed gets watered twice a day" in shown
    assert '→ Bash {"command":"tail -n 3 valve.log"' in shown
    assert "[image: PNG, 70 bytes]" in shown
    log = sessionfs("log", "6f1c").splitlines()
    assert len(log) == 3
    assert "(active)" in log[0]
    assert "12 messages" in log[0]
    directory = sessionfs("path", "6f1c").strip()
    assert Path(directory) == sessionfs.home / ".sessionfs" / "sessions" / CLAUDE_ID
    active = Path(sessionfs("path", "6f1c", "--active").strip())
    assert active.parent == Path(directory) / "objects"
    assert active.name[:12] == log[0].split()[1]
    assert sessionfs("import", CLAUDE).startswith("unchanged")


def test_json_everywhere(imported: Command) -> None:
    report = imported.json("import", CLAUDE)["files"][0]
    assert report["sessions"][0]["new_checkpoints"] == 0
    listed = imported.json("ls")
    assert listed["total"] == 2
    assert listed["sessions"][1]["id"] == CLAUDE_ID
    shown = imported.json("show", "6f1c")
    assert shown["id"] == CLAUDE_ID
    assert len(shown["active_checkpoint"]["state"]["messages"]) == 12
    log = imported.json("log", "6f1c")
    assert [each["active"] for each in log["checkpoints"]] == [False, False, True]
    files = imported.json("path", "6f1c")
    assert len(files["objects"]) == 3
    assert files["active"] in files["objects"]
    assert imported.json("show", "nothing", code=1) == {
        "error": "no session has an id that begins with 'nothing', or these words in its title: "
        "sessionfs ls lists them",
        "code": "not_found",
    }


def test_the_store_is_the_option_then_the_variable_then_home(sessionfs: Command) -> None:
    sessionfs("import", CLAUDE, "--store", sessionfs.home / "a")
    assert sessionfs.run("import", CODEX, SESSIONFS_ROOT=str(sessionfs.home / "b")).returncode == 0
    assert (sessionfs.home / "a" / "sessions" / CLAUDE_ID).is_dir()
    assert len(list((sessionfs.home / "b" / "sessions").iterdir())) == 1
    assert sessionfs.json("ls")["total"] == 0
    assert not (sessionfs.home / ".sessionfs").exists()
    both = sessionfs.run("ls", "--json", "--store", "~/a", SESSIONFS_ROOT=str(sessionfs.home / "b"))
    assert json.loads(both.stdout)["sessions"][0]["id"] == CLAUDE_ID


def test_nothing_is_left_out_silently(imported: Command) -> None:
    storage = FileStorage(imported.home / ".sessionfs")
    storage.delete_session(storage.list_sessions().sessions[0].id)
    plain = imported.run("ls")
    assert "1 deleted session not shown (--all)" in plain.stderr
    assert "deleted" in imported("ls", "--all")
    assert "1 more session (-n 2)" in imported.run("ls", "--all", "-n", "1").stderr
    assert "2 older checkpoints not shown" in imported.run("log", "6f1c", "-n", "1").stderr
    assert "no sessions in" in imported.run("ls", "--store", imported.home / "none").stderr


def test_errors_are_one_line_and_exit_codes_say_what(sessionfs: Command) -> None:
    (sessionfs.home / "notes.txt").write_text("no transcript")
    failed = sessionfs.run("import", CLAUDE, sessionfs.home / "notes.txt", "absent.jsonl")
    assert failed.returncode == 1
    assert len(failed.stderr.splitlines()) == 2
    assert "notes.txt is not a transcript of a known tool" in failed.stderr
    assert failed.stdout.startswith("imported")
    assert sessionfs.run("show").returncode == 2
    assert sessionfs.run("ls", "--limit", "-1").returncode == 2
    assert "Traceback" not in sessionfs.run("show", "zzz").stderr


def test_nothing_in_a_session_commands_the_terminal(sessionfs: Command) -> None:
    evil = "\x1b]0;owned\x07\x1b[2J\u202etitle\x9b31m"
    storage = FileStorage(sessionfs.home / ".sessionfs")
    message = {"role": evil, "content": evil, "tool_calls": [{"function": {"name": evil}}]}
    other = {"shape": evil}
    user = {"role": "user", "content": evil}
    storage.create_session(CreateSessionRequest(evil, [message, other, user], cwd=evil))
    for arguments in (["ls"], ["show", "@1"], ["log", "@1"]):
        shown = sessionfs.on_a_terminal(*arguments, columns=120)
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", shown), arguments
        assert "owned" in shown


def test_help_lists_the_commands_and_has_examples(sessionfs: Command) -> None:
    commands = re.findall(r"│ (\w+) ", sessionfs("--help").split("Commands")[1])
    assert commands == [
        *["import", "follow", "ls", "search", "show", "log", "diff", "cat", "export", "path"],
        *["rewind", "fork", "rename", "rm", "restore"],
        *["merge", "purge", "relocate"],
        *["stats", "watch", "index", "doctor"],
    ]
    for command in ("import", "doctor"):  # test_documentation looks at the help of each
        assert f"sessionfs {command}" in sessionfs(command, "--help").split("Example:")[1]
    assert re.fullmatch(r"sessionfs \d+\.\d+\.\d+\n", sessionfs("--version"))


def test_completion_is_there_for_the_shells_that_people_use(sessionfs: Command) -> None:
    for shell in ("bash", "zsh", "fish"):
        done = sessionfs.run(_SESSIONFS_COMPLETE=f"source_{shell}")
        assert "sessionfs" in done.stdout, shell


def test_a_wrong_command_line_is_one_line_that_says_what_to_do(imported: Command) -> None:
    for arguments in (["ls", "--limit", "x"], ["nope"], ["show"], ["ls", "--nope"], ["cat", "@1", "x"]):
        done = imported.run(*arguments)
        assert (done.returncode, done.stdout) == (2, ""), arguments
        assert len(done.stderr.splitlines()) == 1
        assert re.search(r"\(see sessionfs( \w+)? --help\)$", done.stderr.strip()), done.stderr
        told = imported.json(*arguments, code=2)
        assert told["code"] == "usage"
        assert set(told) == {"error", "code"}
