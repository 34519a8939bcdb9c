"""``sessionfs path``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ..command import CLAUDE, Command


def damage_active(command: Command) -> None:
    active = Path(command("path", "6f1c", "--active").strip())
    active.chmod(0o600)
    active.write_bytes(b"damage")


def test_the_path_of_a_session_whose_active_checkpoint_is_damaged(imported: Command) -> None:
    damage_active(imported)
    found = imported.json("path", "6f1c")
    assert found["active"] is None
    assert found["objects"]
    assert imported.run("path", "6f1c", "--active").returncode == 1
    for file in Path(found["path"], "objects").iterdir():
        file.unlink()
    Path(found["path"], "objects").rmdir()
    assert imported.json("path", "6f1c")["objects"] == []


@pytest.mark.skipif(sys.platform == "darwin", reason="names are texts there")
def test_a_store_whose_path_is_no_text(sessionfs: Command) -> None:
    name = sessionfs.home / os.fsdecode(b"st\xffre")
    transcript = sessionfs.home / os.fsdecode(b"n\xffme.jsonl")
    transcript.write_bytes(CLAUDE.read_bytes() + b'{"cut')
    report = sessionfs.json("import", transcript, "--store", name)
    assert report["files"][0]["file"] == str(transcript)
    assert sessionfs.json("path", "@1", "--store", name)["path"].startswith(str(name))
    done = subprocess.run(
        [sys.executable, "-m", "sessionfs", "path", "@1", "--store", name],
        capture_output=True,
        check=True,
        env=sessionfs.environment,
    )
    assert done.stdout.startswith(os.fsencode(name))
    assert sessionfs.json("import", os.fsdecode(b"\xff"), code=1)["files"][0]["code"]
