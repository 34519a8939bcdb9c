"""``sessionfs purge``."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ...store.helpers import snapshot
from ..command import CLAUDE, CLAUDE_ID, Command


def test_purge_asks_first_and_needs_a_deleted_session(imported: Command) -> None:
    directory = Path(imported("path", CLAUDE_ID).strip())
    assert "not deleted" in imported.run("purge", CLAUDE_ID, "--yes").stderr
    imported("rm", CLAUDE_ID)
    before = snapshot(directory)
    asked = imported.run("purge", CLAUDE_ID)
    assert (asked.returncode, "confirm with --yes" in asked.stderr) == (1, True)
    told = imported("purge", CLAUDE_ID, "--dry-run")
    assert told.startswith("would remove")
    assert "Watering schedule" in told
    assert snapshot(directory) == before
    done = imported.json("purge", CLAUDE_ID, "--yes")
    assert done["files"] == len([name for name in before if name.startswith("objects/")])
    assert not any((directory / "objects").iterdir())
    assert imported.json("ls", "--all")["total"] == 1
    assert imported.json("purge", CLAUDE_ID, "--yes")["files"] == 0  # again, by its whole id
    assert imported.run("purge", CLAUDE_ID[:8], "--yes").returncode == 1
    assert "purged" in imported.run("import", CLAUDE).stderr


def test_purge_in_a_git_work_tree_says_that_history_keeps_it(imported: Command) -> None:
    subprocess.run(["git", "init", "--quiet", str(imported.home)], check=True)
    imported("rm", CLAUDE_ID)
    refused = imported.run("purge", CLAUDE_ID, "--yes")
    assert refused.returncode == 1
    assert "git's history still holds" in refused.stderr
    assert imported("purge", CLAUDE_ID, "--yes", "--force").startswith("removed")
