"""Finding things from the command line: search, the filters of ls, watch, and what index tells."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

from sessionfs import CreateSessionRequest, FileStorage, SessionVisibility

from .command import CLAUDE_ID, Command


def test_search_prints_hits_with_the_text_around_them(imported: Command) -> None:
    heading, text = imported("search", "TOMATO BED").splitlines()
    assert heading.split()[0] == CLAUDE_ID[:8]
    assert "user 0" in heading
    assert "Watering schedule for the garden controller" in heading
    assert text.strip().startswith("The tomato bed gets watered twice a day.")
    title = imported("search", "watering SCHEDULE").splitlines()
    assert "title" in title[0]
    assert title[1].strip() == "Watering schedule for the garden controller"


def test_search_as_json_and_its_filters(imported: Command) -> None:
    def found(*arguments: str) -> list[tuple[str, str | None]]:
        result = imported.json("search", *arguments)
        assert result["total"] == len(result["hits"])
        return [(hit["session"]["id"], hit["role"]) for hit in result["hits"]]

    assert found("tomato bed") == [(CLAUDE_ID, "user")]
    assert found("tomato bed", "--role", "assistant") == []
    assert found("valve.log", "--tool", "Bash", "--role", "assistant") == [(CLAUDE_ID, "assistant")]
    assert found("tomato bed", "--session", "6f1c") == [(CLAUDE_ID, "user")]
    assert found("tomato bed", "--session", "@1") == []
    assert found("tomato bed", "--below", "/home/ana") == [(CLAUDE_ID, "user")]
    assert found("tomato bed", "--cwd", "/home/ana") == []
    assert found("tomato bed", "--since", "2026-03-02") == []
    assert found("tomato bed", "--until", "2026-03-02") == [(CLAUDE_ID, "user")]
    assert found("tomato bed", "--visibility", "public") == []
    hyphen = json.loads(imported("search", "--json", "--", "-n 3 valve"))
    assert hyphen["total"] == 1
    [hit] = imported.json("search", "tomato bed")["hits"]
    start, stop = hit["matches"][0]
    assert hit["snippet"][start:stop] == "tomato bed"


def test_search_says_what_it_leaves_out(imported: Command) -> None:
    done = imported.run("search", "e", "-n", "2")
    assert (len(done.stdout.splitlines()), done.returncode) == (4, 0)
    assert "more hits (--offset 2)" in done.stderr
    rest = imported.run("search", "e", "-n", "1000", "--offset", "2").stdout.splitlines()
    whole = imported.run("search", "e", "-n", "1000").stdout.splitlines()
    assert whole == done.stdout.splitlines() + rest
    nothing = imported.run("search", "zzz")
    assert (nothing.stdout, nothing.stderr, nothing.returncode) == ("", "nothing found\n", 0)
    FileStorage(imported.home / ".sessionfs").delete_session(
        FileStorage(imported.home / ".sessionfs").list_sessions().sessions[1].id
    )
    hidden = imported.run("search", "tomato bed")
    assert "1 hit in deleted sessions not shown (--all)" in hidden.stderr
    assert "deleted" in imported("search", "tomato bed", "--all")
    assert imported.json("search", "", code=1)["code"] == "invalid_request"


def test_what_is_damaged_is_named(imported: Command) -> None:
    (path,) = imported.json("path", "@1", "--json")["objects"][:1]
    Path(path).chmod(0o600)
    Path(path).write_bytes(b"{}")
    done = imported.run("search", "tomato bed")
    assert path in done.stderr.replace("\n", "")
    assert done.returncode == 0


def test_ls_filters_by_visibility_creation_and_cursor(imported: Command) -> None:
    storage = FileStorage(imported.home / ".sessionfs")
    request = CreateSessionRequest("shared", visibility=SessionVisibility.PUBLIC)
    shared = storage.create_session(request).session_id

    def listed(*arguments: str) -> list[str]:
        return [each["id"] for each in imported.json("ls", *arguments)["sessions"]]

    assert listed("--visibility", "Public") == [str(shared)]
    assert str(shared) not in listed("--visibility", "private")
    assert listed("--created-since", "1h") == [str(shared)]
    assert str(shared) not in listed("--created-until", "1h")
    pages, page = [], imported.json("ls", "-n", "1")
    while True:
        pages += [each["id"] for each in page["sessions"]]
        if page["next_cursor"] is None:
            break
        page = imported.json("ls", "-n", "1", "--cursor", page["next_cursor"])
    assert pages == listed()
    assert len(pages) == 3
    assert imported.run("ls", "--visibility", "secret").returncode == 2
    assert imported.json("ls", "--cursor", "nonsense", code=1)["code"] == "invalid_request"


def test_watch_prints_a_line_for_each_event_until_it_is_interrupted(imported: Command) -> None:
    storage = FileStorage(imported.home / ".sessionfs")
    for arguments, expected in (
        (["--json"], ["session_created", "checkpoint_created", "active_changed"]),
        ([], ["created", "checkpoint", "active"]),
    ):
        process = subprocess.Popen(
            [sys.executable, "-m", "sessionfs", "watch", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=imported.environment,
            # A shell that starts us in the background has interrupts ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stderr.readline().startswith("watching ")
        session = storage.create_session(CreateSessionRequest("Peas", [{"role": "user"}])).session_id
        lines = [process.stdout.readline() for _ in expected]
        if arguments:
            assert [json.loads(line)["event"] for line in lines] == expected
        else:
            assert [line.split()[2] for line in lines] == expected
            assert "Peas" in lines[0]
        assert all(str(session) in line for line in lines)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        assert (process.returncode, errors.strip()) == (130, "Aborted!" if errors.strip() else "")


def test_the_index_tells_what_it_holds(imported: Command) -> None:
    imported("index", "--rebuild")
    state = imported.json("index")
    assert (state["sessions"], state["searchable"]) == (2, 2)
    assert state["checkpoints"] == sum(imported.json("log", each)["total"] for each in ("@1", "@2"))
    assert 0 < state["text"] < state["size"]
    told = imported("index").splitlines()
    assert "2 sessions, 2 of them with their messages" in told[1]


def test_the_first_search_on_a_terminal_shows_progress_and_the_hits(imported: Command) -> None:
    shown = imported.on_a_terminal("search", "tomato bed", columns=100)
    assert "The tomato bed gets watered" in shown
