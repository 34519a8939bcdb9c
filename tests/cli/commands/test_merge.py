"""Merging stores, and heads that met, on the command line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ...store.helpers import overwrite, snapshot
from ...sync.test_union import open_store
from ..command import CLAUDE, CLAUDE_ID, CODEX, Command


@pytest.fixture
def apart(tmp_path: Path) -> tuple[Command, Path]:
    """A person's store, and one on another disk; both went on with the same session."""
    sessionfs = Command(tmp_path)
    sessionfs("import", CLAUDE)
    mine, other = sessionfs.home / ".sessionfs", tmp_path / "other"
    shutil.copytree(mine, other)
    session = open_store(mine).list_sessions().sessions[0].id
    open_store(mine).append_messages(session, [{"role": "user", "content": "at home"}])
    open_store(other).append_messages(session, [{"role": "user", "content": "away"}])
    sessionfs("import", CODEX, "--store", str(other))
    return sessionfs, other


def test_merge_tells_what_it_brought_and_where_work_met(apart: tuple[Command, Path]) -> None:
    sessionfs, other = apart
    done = sessionfs.run("merge", str(other))
    assert (done.returncode, done.stdout.split(", ")[:2]) == (0, ["1 session new", "1 changed"])
    assert f"{CLAUDE_ID}: work that was done apart met" in done.stderr
    before = snapshot(sessionfs.home / ".sessionfs")
    assert sessionfs("merge", str(other)).startswith("0 sessions new, 0 changed, 0 checkpoints new")
    assert snapshot(sessionfs.home / ".sessionfs") == before


def test_heads_that_met_are_shown_until_a_rewind_settles_them(apart: tuple[Command, Path]) -> None:
    sessionfs, other = apart
    sessionfs("merge", str(other), "--relaxed")
    listed = sessionfs("ls")
    assert "2 heads" in listed
    assert "rewind settles it" in listed
    assert {each["heads"] for each in sessionfs.json("ls")["sessions"]} == {1, 2}
    log = sessionfs.run("log", CLAUDE_ID)
    assert log.stdout.count("(head)") == log.stdout.count("(active)") == 1
    assert "2 heads met" in log.stderr
    [(head, _)] = [
        (each["id"], each) for each in sessionfs.json("log", CLAUDE_ID)["checkpoints"]
        if each["head"] and not each["active"]
    ]  # fmt: skip
    sessionfs("rewind", CLAUDE_ID, head)
    assert "heads" not in sessionfs("ls")
    log = sessionfs.run("log", CLAUDE_ID)
    assert ("(head)" in log.stdout, "heads" in log.stderr) == (False, False)
    assert sessionfs.run("merge", str(other)).stderr == ""


def test_merge_goes_on_after_a_store_that_cannot_be_and_tells_what_was_refused(
    apart: tuple[Command, Path], tmp_path: Path
) -> None:
    sessionfs, other = apart
    bad = max(other.glob(f"sessions/{CLAUDE_ID}/refs/active.*"))
    bad_object = next(other.glob(f"sessions/{CLAUDE_ID}/objects/{bad.name[-12:]}*"))
    overwrite(bad_object, b"torn")
    done = sessionfs.run("merge", str(tmp_path / "nothing"), str(other))
    assert done.returncode == 1
    assert "is not a sessionfs store" in done.stderr
    assert f"! not copied: {bad_object}" in done.stderr
    assert done.stdout.startswith("1 session new")
    told = sessionfs.json("merge", str(tmp_path / "nothing"), str(other), code=1)["stores"]
    assert told[0]["code"] == "invalid_request"
    assert str(bad_object) in {each["path"] for each in told[1]["refused"]}
