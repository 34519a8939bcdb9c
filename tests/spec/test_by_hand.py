"""Section 12 of FORMAT.md, "Read it by hand": its commands do what they say."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from sessionfs import (
    Checkpoint,
    CreateCheckpointRequest,
    CreateSessionRequest,
    FileStorage,
    UpdateSessionRequest,
)

from ..sync.test_union import union
from .support import SPEC

MISSING = [tool for tool in ("bash", "jq", "sha256sum") if shutil.which(tool) is None]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")

LARGE = {"role": "tool", "content": "0123456789abcdef" * 4096}
AWKWARD = {
    "role": "user",
    "content": 'Grüße 😀 \u2028 \\ \\n " \n\t\u0000 $(x) `y` %s',
    "n": [1, None, True],
}


def _blocks() -> list[str]:
    text = (SPEC / "FORMAT.md").read_text(encoding="utf-8")
    section = text[text.index("\n## 12. Read it by hand") :]
    return re.findall(r"^```sh\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)


@pytest.fixture
def session(tmp_path: Path) -> tuple[Path, Checkpoint, UUID]:
    storage = FileStorage(tmp_path, durability="relaxed", message_type=dict)
    made = storage.create_session(CreateSessionRequest("Plan", [AWKWARD], cwd="/home/ann"))
    for index in range(20):
        message = LARGE if index == 5 else {"role": "user", "content": f"Question {index}"}
        storage.append_messages(made.session_id, [message])
    edited = storage.get_active_checkpoint(made.session_id)
    state = [*edited.state.messages[:-2], {"role": "user", "content": "Edited"}]
    storage.create_checkpoint(made.session_id, CreateCheckpointRequest(state, parent_id=edited.id))
    last = storage.get_active_checkpoint(made.session_id).id
    storage.set_active_checkpoint(made.session_id, made.checkpoint.id)  # which leaves one behind
    storage.set_active_checkpoint(made.session_id, last)
    storage.update_session(made.session_id, UpdateSessionRequest(title="Plan, Grüße 😀"))
    path = Path(storage.session_path(made.session_id))
    return path, storage.get_active_checkpoint(made.session_id), made.session_id


@pytest.fixture
def revived(session: tuple[Path, Checkpoint, UUID], tmp_path: Path) -> tuple[Path, Checkpoint]:
    """A session that was purged, with work on top that was not seen then."""
    directory, _, id_ = session
    elsewhere = FileStorage(tmp_path / "elsewhere", durability="relaxed", message_type=dict)
    elsewhere.create_session(CreateSessionRequest("Another"))
    shutil.copytree(directory, tmp_path / "elsewhere" / "sessions" / str(id_))
    added = elsewhere.append_messages(id_, [{"role": "user", "content": "Unseen"}])
    storage = FileStorage(directory.parents[1], durability="relaxed", message_type=dict)
    storage.delete_session(id_)
    storage.purge_session(id_)
    union(Path(elsewhere.session_path(id_)), directory)
    return directory, elsewhere.get_checkpoint(added.id)


def _run(directory: Path, *blocks: str) -> list[str]:
    """Run blocks in one shell, and return what each prints, errors included."""
    script = "exec 2>&1\n" + "\nprintf '\\036'\n".join(blocks)
    done = subprocess.run(["bash", "-c", script], cwd=directory, capture_output=True, check=False)
    return done.stdout.decode().split("\x1e")


def test_there_are_four_blocks() -> None:
    assert len(_blocks()) == 4


def test_sound_session(session: tuple[Path, Checkpoint, UUID]) -> None:
    directory, active, id_ = session
    damage, facts, header, messages = _run(directory, *_blocks())
    assert damage == ""

    folded: dict[str, Any] = json.loads(facts)
    assert folded.pop("created_at").endswith("Z")
    assert folded == {
        "title": "Plan, Grüße 😀",
        "visibility": "PRIVATE",
        "status": "ACTIVE",
        "cwd": "/home/ann",
    }

    record = json.loads(header)
    assert (record["kind"], record["session"], record["count"]) == ("checkpoint", str(id_), 20)
    (found,) = _run(directory, _blocks()[2] + '\necho "$active"')
    sha256 = found.splitlines()[-1]
    assert (directory / "objects" / f"{sha256}.json").is_file()
    assert sha256[:12] == active.id.hex[:12]

    assert [json.loads(line) for line in messages.rstrip("\n").split("\n")] == active.state.messages
    assert LARGE in active.state.messages
    assert AWKWARD in active.state.messages


def test_revived_session(revived: tuple[Path, Checkpoint]) -> None:
    directory, active = revived
    damage, facts, header, messages = _run(directory, *_blocks())
    assert damage == ""
    assert json.loads(facts)["status"] == "ACTIVE"
    assert json.loads(header)["count"] == len(active.state.messages)
    assert [json.loads(line) for line in messages.rstrip("\n").split("\n")] == active.state.messages


@pytest.mark.parametrize("pattern", ["objects/*.json", "refs/meta.*.json", "refs/purge.*.json"])
def test_a_flipped_byte_is_reported(revived: tuple[Path, Checkpoint], pattern: str) -> None:
    directory = revived[0]
    assert list(directory.glob(pattern))
    for path in sorted(directory.glob(pattern)):
        sound = path.read_bytes()
        damaged = bytearray(sound)
        damaged[len(damaged) // 2] ^= 1
        path.chmod(0o600)
        path.write_bytes(damaged)
        (report,) = _run(directory, _blocks()[0])
        lines = [line for line in report.splitlines() if "WARNING" not in line]
        assert len(lines) == 1
        assert path.relative_to(directory).as_posix() in lines[0]
        assert re.search("FAILED|damaged", lines[0])
        path.write_bytes(sound)
    assert _run(directory, _blocks()[0]) == [""]
