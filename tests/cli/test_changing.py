"""Changing sessions from the command line: rm, restore, rewind, purge, relocate."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from sessionfs import CreateSessionRequest, FileStorage

from ..store.helpers import snapshot
from .command import CLAUDE, CLAUDE_ID, Command

pytestmark = pytest.mark.once


def _opened(sessionfs: Command) -> FileStorage:
    return FileStorage(sessionfs.home / ".sessionfs", message_type=dict)


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


def test_rewind_makes_a_checkpoint_active_and_says_which_was(imported: Command) -> None:
    newest, _, oldest = [line.split()[1] for line in imported("log", "6f1c").splitlines()]
    done = imported.run("rewind", "6f1c", oldest)
    assert done.stdout == f"active  {oldest}  6 messages\n"
    assert done.stderr == f"before: {newest}\n"
    assert "(active)" in imported("log", "6f1c").splitlines()[2]
    told = imported.json("rewind", "6f1c", newest)
    assert told["message_count"] == 12
    assert "(active)" in imported("log", "6f1c").splitlines()[0]
    assert imported.json("rewind", "6f1c", "123456", code=1)["code"] == "not_found"
    assert imported.run("rewind", "@2").returncode == 2


def test_relocate_prints_what_changed(imported: Command) -> None:
    storage = _opened(imported)
    home = imported.home / "proj"
    for cwd in (home, home / "a\nb", imported.home / "project"):
        storage.create_session(CreateSessionRequest("peas", [], cwd=str(cwd)))
    before = snapshot(imported.home / ".sessionfs")
    dry = imported.run("relocate", "~/proj", "~/src/../moved/", "--dry-run")
    assert dry.stderr == "2 sessions would change (--dry-run)\n"
    assert snapshot(imported.home / ".sessionfs") == before
    done = imported.run("relocate", "~/proj", "~/src/../moved/")
    assert (done.stdout, done.stderr) == (dry.stdout, "2 sessions changed\n")
    moves = {line.split("  ")[1] for line in done.stdout.splitlines()}
    moved = f"{imported.home}/moved"
    assert moves == {f"{home} -> {moved}", f"{home}/a\\x0ab -> {moved}/a\\x0ab"}
    assert imported.json("ls", "--below", "~/moved".replace("~", str(imported.home)))["total"] == 2
    relative = os.path.relpath(moved)
    told = imported.json("relocate", relative, "/srv")
    assert {each["after"] for each in told["relocated"]} == {"/srv", "/srv/a\nb"}
    assert imported.run("relocate", "/none", "/srv").stderr == "0 sessions changed\n"


def test_relocate_says_what_it_could_not_change(imported: Command) -> None:
    assert imported.json("relocate", "", "/srv", code=1)["code"] == "invalid_request"
    [record] = Path(
        _opened(imported).session_path(_opened(imported).list_sessions().sessions[0].id)
    ).glob("refs/meta.*")
    record.chmod(0o600)
    record.write_bytes(b"damage")
    done = imported.run("relocate", "/home/ana", "/srv")
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 1
    assert record.name in done.stderr
    assert len(imported.json("relocate", "/home/ana", "/srv", code=1)["problems"]) == 1


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
