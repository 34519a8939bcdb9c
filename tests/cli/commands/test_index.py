"""``sessionfs index``."""

from __future__ import annotations

import json
from typing import Any

from ..command import Command


def test_the_index_tells_where_it_is_and_is_made_anew(imported: Command) -> None:
    cache = {"XDG_CACHE_HOME": str(imported.home / "cache")}

    def index(*arguments: str) -> Any:
        return json.loads(imported.run("index", *arguments, "--json", **cache).stdout)

    nothing = dict.fromkeys(("sessions", "searchable", "checkpoints", "text", "problem"))
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
    assert f"{imported.home / 'file'} is not a directory" in refused.stderr
    told = imported.run("index", XDG_CACHE_HOME=str(imported.home / "file")).stdout
    assert f"{imported.home / 'file'} is not a directory" in told


def test_the_index_tells_what_it_holds(imported: Command) -> None:
    imported("index", "--rebuild")
    state = imported.json("index")
    assert (state["sessions"], state["searchable"]) == (2, 2)
    assert state["checkpoints"] == sum(imported.json("log", each)["total"] for each in ("@1", "@2"))
    assert 0 < state["text"] < state["size"]
    told = imported("index").splitlines()
    assert "2 sessions, 2 of them with their messages" in told[1]
