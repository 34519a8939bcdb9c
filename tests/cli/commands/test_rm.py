"""``sessionfs rm`` and ``sessionfs restore``."""

from __future__ import annotations

from pathlib import Path

from ...store.helpers import snapshot
from ..command import CLAUDE_ID, Command


def test_rm_and_restore(imported: Command) -> None:
    before = snapshot(imported.home / ".sessionfs")
    ids = [each["id"] for each in imported.json("ls")["sessions"]]
    # Both are meant as they were before the first was deleted; twice the same is once.
    lines = imported("rm", "@1", "@2", CLAUDE_ID).splitlines()
    assert [line.split()[:2] for line in lines] == [["deleted", each] for each in ids]
    assert "Watering schedule" in lines[1]
    assert imported.json("ls")["total"] == 0
    assert snapshot(imported.home / ".sessionfs").items() > before.items()
    assert imported("rm", ids[0]).startswith("deleted")
    assert imported("restore", CLAUDE_ID[:4]).split()[:2] == ["restored", CLAUDE_ID]
    assert [each["id"] for each in imported.json("ls")["sessions"]] == [CLAUDE_ID]
    [told] = imported.json("restore", ids[0])["sessions"]
    assert (told["id"], told["status"]) == (ids[0], "ACTIVE")


def test_rm_does_nothing_where_one_of_the_sessions_is_not_known(imported: Command) -> None:
    assert imported.run("rm", "@1", "nothing").returncode == 1
    assert imported.json("ls")["total"] == 2


def test_rm_tells_which_session_it_could_not_delete_and_deletes_the_others(imported: Command) -> None:
    refs = Path(imported("path", "@1").strip()) / "refs"
    refs.rename(imported.home / "elsewhere")
    refs.symlink_to(imported.home / "elsewhere")
    done = imported.run("rm", "@1", "@2")
    assert done.returncode == 1
    assert done.stdout.split()[:2] == ["deleted", CLAUDE_ID]
    assert str(refs) in done.stderr
    told = imported.json("rm", "@1", CLAUDE_ID, code=1)["sessions"]
    assert [each.get("code") for each in told] == ["invalid_request", None]
