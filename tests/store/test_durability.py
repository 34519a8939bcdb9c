"""The fsyncs are those of spec/format/FORMAT.md, section 6: no more, no fewer, in that order."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sessionfs import CreateCheckpointRequest, CreateSessionRequest, FileStorage, UpdateSessionRequest

from .helpers import fsynced

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="names descriptors by /proc")

LARGE = {"role": "user", "content": "x" * 70_000}
SMALL = {"role": "user", "content": "small"}


def kinds(root: Path, synced: list[str]) -> list[str]:
    """Return what was synced, with ids and hashes taken out."""
    names = [os.path.relpath(path, root.parent) for path in synced]
    names = [re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|\.tmp-[0-9a-f]{16}", "*", name) for name in names]
    return [name.replace("store/sessions/", "") for name in names]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


def test_the_first_session_of_a_store(root: Path) -> None:
    storage = FileStorage(root)
    with fsynced() as synced:
        storage.create_session(CreateSessionRequest("title", [SMALL]))
    assert kinds(root, synced) == [
        ".",
        *["store/*"] * 4,
        "store",
        "*/objects/*",
        "*/objects",
        "*/refs/*",
        "*/refs",
        "*",
        "store/sessions",
    ]


def test_a_further_session_with_a_large_message(root: Path) -> None:
    storage = FileStorage(root)
    storage.create_session(CreateSessionRequest("first", [SMALL]))
    with fsynced() as synced:
        storage.create_session(CreateSessionRequest("second", [SMALL, LARGE]))
    assert len(synced) == 7
    assert kinds(root, synced)[:3] == ["*/objects/*", "*/objects/*", "*/objects"]
    assert kinds(root, synced)[-2:] == ["*", "store/sessions"]


@pytest.mark.parametrize("large", [0, 1, 3])
def test_a_checkpoint_costs_three_and_one_for_each_large_message(root: Path, large: int) -> None:
    storage = FileStorage(root)
    session = storage.create_session(CreateSessionRequest("title", [SMALL])).session_id
    messages = [SMALL] + [{**LARGE, "n": i} for i in range(large)]
    expected = ["*/objects/*"] * (large + 1) + ["*/objects", "*/refs"]
    with fsynced() as synced:
        storage.append_messages(session, messages)
    assert kinds(root, synced) == expected
    with fsynced() as synced:
        storage.create_checkpoint(session, CreateCheckpointRequest([*messages, SMALL]))
    # The state begins otherwise, so it is written whole; its large messages are here already.
    assert kinds(root, synced) == ["*/objects/*", "*/objects", "*/refs"]


def test_a_ref_costs_one_and_facts_two(root: Path) -> None:
    storage = FileStorage(root)
    created = storage.create_session(CreateSessionRequest("title", [SMALL]))
    storage.append_messages(created.session_id, [SMALL])
    with fsynced() as synced:  # leaves the newer one behind, which a record tells
        storage.set_active_checkpoint(created.session_id, created.checkpoint.id)
    assert kinds(root, synced) == ["*/refs/*", "*/refs"]
    newest = storage.list_checkpoints(created.session_id).checkpoints[-1]
    with fsynced() as synced:
        storage.set_active_checkpoint(created.session_id, newest.id)
    assert kinds(root, synced) == ["*/refs"]
    for change in (
        lambda: storage.update_session(created.session_id, UpdateSessionRequest(title="new")),
        lambda: storage.delete_session(created.session_id),
        lambda: storage.restore_session(created.session_id),
    ):
        with fsynced() as synced:
            change()
        assert kinds(root, synced) == ["*/refs/*", "*/refs"]


def test_relaxed_syncs_nothing_and_reading_never_does(root: Path) -> None:
    with fsynced() as synced:
        storage = FileStorage(root, durability="relaxed")
        session = storage.create_session(CreateSessionRequest("title", [SMALL, LARGE])).session_id
        storage.append_messages(session, [SMALL])
        storage.update_session(session, UpdateSessionRequest(title="new"))
        full = FileStorage(root)
        full.get_session(session)
        full.list_sessions()
        full.list_checkpoints(session)
    assert synced == []


def test_names_that_another_storage_gave_are_synced_once(root: Path) -> None:
    created = FileStorage(root).create_session(CreateSessionRequest("title", [SMALL]))
    storage = FileStorage(root)
    with fsynced() as synced:
        storage.append_messages(created.session_id, [SMALL])
    assert kinds(root, synced)[:3] == [".", "store", "store/sessions"]
    assert len(synced) == 3 + 3
    with fsynced() as synced:
        storage.append_messages(created.session_id, [SMALL])
        storage.update_session(created.session_id, UpdateSessionRequest(title="new"))
        storage.create_session(CreateSessionRequest("second", [SMALL]))
    assert len(synced) == 3 + 2 + 6


SCRIPT = """
import sys
from sessionfs import FileStorage
storage = FileStorage(sys.argv[1])
session = storage.list_sessions().sessions[0].id
storage.append_messages(session, [{"role": "user", "content": "more"}])
"""


def test_the_kernel_sees_object_before_ref_before_directories(root: Path) -> None:
    """The order of system calls, told by strace: what was replaced goes last."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    FileStorage(root).create_session(CreateSessionRequest("title", [SMALL]))
    calls = "trace=fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat"
    run = subprocess.run(
        [strace, "-f", "-y", "-e", calls, sys.executable, "-c", SCRIPT, str(root)],
        capture_output=True,
        text=True,
        check=False,
    )
    if "ptrace" in run.stderr and run.returncode:
        pytest.skip("ptrace is not allowed here")
    assert run.returncode == 0, run.stderr
    lines = [line for line in run.stderr.splitlines() if str(root) in line]
    # Another process made the store and the session: their names are put on the disk before.
    assert [f"<{root}>" in lines[0], f"<{root / 'sessions'}>" in lines[1]] == [True, True]
    lines = lines[2:]
    steps = [
        re.sub(r"^(?:\[pid +\d+\] )?(\w+)\(.*?/(objects|refs)(/[^>\"]*)?.*", r"\1 \2", line)
        + (" file" if re.search(r"/(objects|refs)/", line) else " directory")
        for line in lines
    ]
    assert steps == [
        "fsync objects file",
        "rename objects file",
        "rename refs file",
        "fsync objects directory",
        "fsync refs directory",
        "unlink refs file",
    ]
