"""The command, run as people run it: a process, its output, its exit code."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

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


def test_ids_by_prefix_and_by_age(imported: Command) -> None:
    assert imported.json("show", "@2")["id"] == CLAUDE_ID
    assert imported.json("show", CLAUDE_ID.upper())["id"] == CLAUDE_ID
    assert "2 sessions" in imported.run("show", "@3").stderr
    FileStorage(imported.home / ".sessionfs").create_session(CreateSessionRequest("a", []))
    FileStorage(imported.home / ".sessionfs").create_session(CreateSessionRequest("b", []))
    ambiguous = imported.run("show", "01")
    assert ambiguous.returncode == 1
    assert "begins the ids of 3 sessions" in ambiguous.stderr
    shown = [line.split()[0] for line in imported("ls").splitlines()[1:]]
    for prefix in shown:
        imported("path", prefix)
    assert len(set(shown)) == 4


def test_a_checkpoint_can_be_shown_by_the_name_of_its_file(imported: Command) -> None:
    oldest = imported("log", "6f1c").splitlines()[-1].split()[1]
    shown = imported.json("show", "6f1c", "--checkpoint", oldest)
    assert len(shown["active_checkpoint"]["state"]["messages"]) == 6


def test_nothing_is_left_out_silently(imported: Command) -> None:
    storage = FileStorage(imported.home / ".sessionfs")
    storage.delete_session(storage.list_sessions().sessions[0].id)
    plain = imported.run("ls")
    assert "1 deleted session not shown (--all)" in plain.stderr
    assert "deleted" in imported("ls", "--all")
    assert "1 more session (-n 2)" in imported.run("ls", "--all", "-n", "1").stderr
    assert "2 older checkpoints not shown" in imported.run("log", "6f1c", "-n", "1").stderr
    assert "no sessions in" in imported.run("ls", "--store", imported.home / "none").stderr


def test_filters_of_ls(imported: Command) -> None:
    assert imported.json("ls", "--search", "WATERING")["total"] == 1
    assert imported.json("ls", "--cwd", "/home/ana/shop")["total"] == 1
    assert imported.json("ls", "--below", "/home/ana")["total"] == 2
    assert imported.json("ls", "--below", "/home/an")["total"] == 0
    assert imported.json("ls", "--since", "2026-03-15")["total"] == 1
    assert imported.json("ls", "--until", "2026-03-15T12:00+02:00")["total"] == 1
    assert imported.json("ls", "--since", "1w")["total"] == 0
    assert imported.run("ls", "--since", "yesterday").returncode == 2
    assert imported.json("ls", "-n", "0")["total"] == 2


def test_stats_of_one_session_and_of_all(imported: Command) -> None:
    one = imported.json("stats", "6f1c")
    assert (one["total_sessions"], one["total_tool_calls"], one["failed_tool_calls"]) == (1, 3, 1)
    every = imported.json("stats")
    assert (every["total_sessions"], every["total_tool_calls"]) == (2, 6)
    assert imported.json("stats", "--since", "2026-03-15")["total_sessions"] == 1
    shown = imported("stats")
    assert "2 sessions, 2 with messages" in shown
    assert re.search(r"apply_patch +1 █+", shown)


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


def test_damaged_lines_are_named(sessionfs: Command) -> None:
    torn = sessionfs.home / "torn.jsonl"
    torn.write_text(CLAUDE.read_text() + '{"type":"user"')
    done = sessionfs.run("import", torn)
    assert done.returncode == 0
    assert re.search(r"torn\.jsonl:\d+: not JSON", done.stderr)


def test_a_damaged_session_is_listed_with_its_file(imported: Command) -> None:
    active = Path(imported("path", "6f1c", "--active").strip())
    active.chmod(0o600)
    active.write_bytes(b"damage")
    listed = imported("ls")
    assert "Watering schedule for the garden controller !" in listed
    assert active.name in listed
    failed = imported.run("show", "6f1c")
    assert failed.returncode == 1
    assert active.name in failed.stderr


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


@pytest.mark.parametrize("columns", [80, 200])
def test_tables_fit_the_terminal(imported: Command, columns: int) -> None:
    storage = FileStorage(imported.home / ".sessionfs")
    storage.create_session(CreateSessionRequest("long " * 60, [], cwd="/deep" * 60))
    for arguments in (["ls"], ["log", "6f1c"]):
        lines = imported.on_a_terminal(*arguments, columns=columns).splitlines()
        assert max(map(len, lines)) <= columns
    listed = imported.on_a_terminal("ls", columns=columns)
    assert "…" in listed
    for column in ("ID", "UPDATED", "MESSAGES", "TITLE", "DIRECTORY"):
        assert column in listed


def test_what_is_piped_is_whole_and_without_colours(imported: Command) -> None:
    FileStorage(imported.home / ".sessionfs").create_session(CreateSessionRequest("t" * 150, []))
    listed = imported("ls")
    assert "t" * 150 in listed
    assert "\x1b" not in listed


def test_a_reader_that_leaves_early_is_no_error(imported: Command) -> None:
    line = f"{sys.executable} -m sessionfs show 6f1c --full | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, check=False, env=imported.environment
    )
    assert done.returncode in (0, 141)
    assert done.stderr == ""


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


def test_the_index_tells_where_it_is_and_is_made_anew(imported: Command) -> None:
    cache = {"XDG_CACHE_HOME": str(imported.home / "cache")}

    def index(*arguments: str) -> Any:
        return json.loads(imported.run("index", *arguments, "--json", **cache).stdout)

    nothing = dict.fromkeys(("sessions", "searchable", "checkpoints", "text"))
    directory = index()["directory"]
    assert index() == {"directory": directory, "usable": False, "size": 0, **nothing}
    made = index("--rebuild")
    assert (made["usable"], made["sessions"]) == (True, 2)
    assert made["directory"].startswith(str(imported.home / "cache"))
    assert "2 sessions" in imported.run("index", **cache).stdout
    (imported.home / "file").write_text("in the way")
    refused = imported.run("index", "--rebuild", XDG_CACHE_HOME=str(imported.home / "file"))
    assert refused.returncode == 1
    assert len(refused.stderr.splitlines()) == 1
