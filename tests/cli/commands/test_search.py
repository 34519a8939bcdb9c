"""``sessionfs search``."""

from __future__ import annotations

import json
from pathlib import Path

from sessionfs import FileStorage

from ..command import CLAUDE_ID, Command


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


def test_a_search_says_why_it_goes_without_an_index(imported: Command) -> None:
    open_to_all = imported.home / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    done = imported.run("search", "tomato bed", XDG_CACHE_HOME=str(open_to_all))
    assert done.returncode == 0
    assert done.stderr.splitlines()[0] == (
        f"! searched without an index: others may write to {open_to_all}"
    )
    assert imported.run("search", "tomato bed").stdout == done.stdout
    assert list(open_to_all.iterdir()) == []


def test_the_first_search_on_a_terminal_shows_progress_and_the_hits(imported: Command) -> None:
    shown = imported.on_a_terminal("search", "tomato bed", columns=100)
    assert "The tomato bed gets watered" in shown
