"""Nobody else on the machine reads a store or its index, whatever the umask is."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from sessionfs import (
    CreateCheckpointRequest,
    CreateSessionRequest,
    FileStorage,
    ListSessionsQuery,
    SearchQuery,
    UpdateSessionRequest,
)


def modes(directory: Path) -> set[tuple[str, int]]:
    return {
        ("directory" if path.is_dir() else "file", stat.S_IMODE(path.stat().st_mode))
        for path in [directory, *directory.rglob("*")]
    }


@pytest.mark.parametrize("umask", [0, 0o022, 0o077, 0o277, 0o777])
def test_modes_do_not_depend_on_the_umask(tmp_path: Path, umask: int) -> None:
    root, indexes = tmp_path / "a" / "store", tmp_path / "b" / "indexes"
    before = os.umask(umask)
    try:
        with FileStorage(root, durability="relaxed", index_dir=indexes) as storage:
            made = storage.create_session(CreateSessionRequest("t", [{"content": "x" * 70_000}]))
            storage.append_messages(made.session_id, [{"n": 1}], expected_active=made.checkpoint.id)
            storage.create_checkpoint(made.session_id, CreateCheckpointRequest([{"n": 2}]))
            storage.update_session(made.session_id, UpdateSessionRequest(title="u"))
            damaged = Path(storage.checkpoint_path(made.checkpoint.id))
            damaged.chmod(0o600)
            damaged.write_bytes(b"damage")
            damaged.chmod(0o400)
            storage.create_checkpoint(made.session_id, CreateCheckpointRequest([{"n": 3}]))
            storage.list_sessions(ListSessionsQuery())
            storage.search(SearchQuery("x"))
            assert storage.rebuild_index()
    finally:
        os.umask(before)
    assert modes(root.parent) == {("directory", 0o700), ("file", 0o400)}
    assert modes(indexes.parent) == {("directory", 0o700), ("file", 0o600)}
