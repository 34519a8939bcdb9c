"""``sessionfs relocate``."""

from __future__ import annotations

import os
from pathlib import Path

from sessionfs import CreateSessionRequest, FileStorage

from ...store.helpers import snapshot
from ..command import Command


def _opened(sessionfs: Command) -> FileStorage:
    return FileStorage(sessionfs.home / ".sessionfs", message_type=dict)


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
