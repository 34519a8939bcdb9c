"""What lies on disk: names, modes, bytes. People and sync tools rely on all of it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from sessionfs import ChatMessage, CreateSessionRequest, FileStorage, Role, UpdateSessionRequest

from .helpers import new_session, snapshot

NAMES = [
    re.compile(pattern)
    for pattern in (
        r"sessionfs\.json|README\.md|\.gitattributes|\.gitignore",
        r"sessions/[0-9a-f-]{36}/objects/[0-9a-f]{64}\.json",
        r"sessions/[0-9a-f-]{36}/refs/active\.\d{8}T\d{12}Z-[0-9a-f]{12}",
        r"sessions/[0-9a-f-]{36}/refs/meta\.\d{8}T\d{12}Z-[0-9a-f]{12}\.json",
    )
]


def busy_store(root: Path) -> FileStorage:
    """A store in which everything has happened that writes files."""
    storage = FileStorage(root, durability="relaxed")
    title = "a/../b\n<title> — ünï \U0001f600"
    created = storage.create_session(
        CreateSessionRequest(title, [ChatMessage(Role.USER, "line\nfeed\r")])
    )
    session = created.session_id
    for i in range(40):
        storage.append_messages(session, [{"role": "user", "content": f"{i}\n", "n": i}])
    storage.append_messages(session, [{"role": "user", "content": "\n" * 70_000}])
    storage.set_active_checkpoint(session, created.checkpoint.id)
    storage.update_session(session, UpdateSessionRequest(title="x\ny", cwd="/a\nb"))
    storage.delete_session(session)
    storage.fork_session(session)
    return storage


def test_names_are_those_of_the_spec_and_carry_nothing_typed(tmp_path: Path) -> None:
    busy_store(tmp_path)
    for name in snapshot(tmp_path):
        assert any(pattern.fullmatch(name) for pattern in NAMES), name


def test_objects_and_meta_records_hash_to_their_names(tmp_path: Path) -> None:
    busy_store(tmp_path)
    for name, (_, data) in snapshot(tmp_path / "sessions").items():
        digest = hashlib.sha256(data).hexdigest()
        if "/objects/" in name:
            assert name.endswith(f"/{digest}.json")
        elif "/meta." in name:
            assert name.endswith(f"-{digest[:12]}.json")
        else:
            at, sha = data.decode().split("-")
            assert name.endswith(f"/active.{at}-{sha[:12]}")


def test_stored_files_hold_no_line_feed_and_none_is_empty(tmp_path: Path) -> None:
    busy_store(tmp_path)
    for name, (_, data) in snapshot(tmp_path).items():
        assert data, name
        if name.startswith("sessions/"):
            assert b"\n" not in data, name
            assert b"\r" not in data, name


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
def test_modes_do_not_depend_on_the_umask(tmp_path: Path, umask: int) -> None:
    root = tmp_path / "deep" / "store"
    before = os.umask(umask)
    try:
        busy_store(root)
    finally:
        os.umask(before)
    for path in [root.parent, root, *root.rglob("*")]:
        expected = 0o700 if path.is_dir() else 0o400
        assert stat.S_IMODE(path.stat().st_mode) == expected, path


def test_the_root_files_are_the_same_everywhere_and_never_touched_again(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for root in (one, other):
        new_session(FileStorage(root, durability="relaxed"), "hi")
    files = ("sessionfs.json", "README.md", ".gitattributes", ".gitignore")
    assert [(one / name).read_bytes() for name in files] == [
        (other / name).read_bytes() for name in files
    ]
    assert (one / "sessionfs.json").read_bytes() == b'{"format":1,"requires":[]}'

    (one / "README.md").chmod(0o600)
    (one / "README.md").write_text("mine")
    (one / ".gitignore").unlink()
    new_session(FileStorage(one, durability="relaxed"), "again")
    assert (one / "README.md").read_text() == "mine"


def test_opening_and_reading_create_nothing(tmp_path: Path) -> None:
    root = tmp_path / "absent"
    storage = FileStorage(root)
    assert storage.list_sessions().total == 0
    assert not root.exists()


def test_a_field_order_that_people_can_rely_on(tmp_path: Path) -> None:
    _, directory = new_session(FileStorage(tmp_path, durability="relaxed"), "hi")
    (checkpoint,) = directory.glob("objects/*")
    (meta,) = directory.glob("refs/meta.*")
    assert list(json.loads(checkpoint.read_bytes())) == [
        "kind", "session", "parent", "base", "keep", "depth", "count", "at", "messages",
    ]  # fmt: skip
    record = json.loads(meta.read_bytes())
    assert list(record) == ["kind", "session", "at", "set"]
    assert list(record["set"]) == ["title", "visibility", "status", "cwd", "created_at"]


def test_a_later_meta_record_sets_only_what_changes(tmp_path: Path) -> None:
    storage, directory = new_session(FileStorage(tmp_path, durability="relaxed"), "hi")
    session = storage.list_sessions().sessions[0].id
    storage.update_session(session, UpdateSessionRequest(cwd="/x"))
    last = max(directory.glob("refs/meta.*"))
    assert json.loads(last.read_bytes())["set"] == {"cwd": "/x"}


def test_one_active_ref_is_left_after_many_checkpoints(tmp_path: Path) -> None:
    storage, directory = new_session(FileStorage(tmp_path, durability="relaxed"), "hi")
    session = storage.list_sessions().sessions[0].id
    for i in range(5):
        storage.append_messages(session, [{"n": i}])
    assert len(list(directory.glob("refs/active.*"))) == 1


FAILING = """
import resource, sys
from sessionfs import CreateSessionRequest, FileStorage, InternalError
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
storage = FileStorage(sys.argv[1])
session = storage.list_sessions().sessions[0].id
message = {"role": "user", "content": "x" * 60_000}
for write in (
    lambda: storage.create_session(CreateSessionRequest("no", [message])),
    lambda: storage.append_messages(session, [message]),
):
    try:
        write()
    except InternalError as error:
        assert error.path in str(error) and "File too large" in str(error), error
    else:
        sys.exit("the write was acknowledged")
"""


def test_a_write_that_the_system_refuses_leaves_nothing(tmp_path: Path) -> None:
    new_session(FileStorage(tmp_path, durability="relaxed"), "hi")
    before = snapshot(tmp_path)
    subprocess.run([sys.executable, "-c", FAILING, str(tmp_path)], check=True)
    assert snapshot(tmp_path) == before
    assert {each.name for each in (tmp_path / "sessions").iterdir()} == {
        name.split("/")[1] for name in before if "/" in name
    }
