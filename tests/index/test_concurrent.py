"""Processes that list and search while others write: no error, and in the end what the files say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sessionfs import CreateSessionRequest, SearchQuery

from .helpers import assert_equals_scan, open_store

LISTER = """
import sys
from sessionfs import FileStorage, ListSessionsQuery, SearchQuery
root, cache = sys.argv[1:]
storage = FileStorage(root, index_dir=cache)
seen = heard = 0
for i in range(60):
    total = storage.list_sessions(ListSessionsQuery(limit=5)).total
    assert total >= seen, (total, seen)  # sessions only arrive
    seen = total
    if i % 20 == 7:
        storage.rebuild_index()
    if i % 5 == 3:
        said = storage.search(SearchQuery("said", limit=3))
        assert said.total >= heard, (said.total, heard)  # so do messages
        heard = said.total
    found = storage.list_sessions(ListSessionsQuery(limit=1)).sessions[0]
    assert storage.get_checkpoint(found.active_checkpoint_id).session_id == found.id
"""

WRITER = """
import sys
from sessionfs import CreateSessionRequest, FileStorage, UpdateSessionRequest
root, cache = sys.argv[1:]
storage = FileStorage(root, durability="relaxed", index_dir=cache)
for i in range(15):
    session = storage.create_session(CreateSessionRequest(f"s{i}", [{"said": f"said {i}"}])).session_id
    storage.append_messages(session, [{"said": f"said more {i}"}])
    storage.update_session(session, UpdateSessionRequest(title=f"renamed {i}"))
"""


@pytest.mark.slow
def test_listing_and_rebuilding_while_others_write(tmp_path: Path) -> None:
    root, cache = tmp_path / "store", tmp_path / "cache"
    open_store(root, cache).create_session(CreateSessionRequest("first", []))
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", code, str(root), str(cache)], stderr=subprocess.PIPE
        )
        for code in [LISTER, WRITER] * 8
    ]
    for process in processes:
        _, errors = process.communicate()
        assert (process.returncode, errors.decode()) == (0, "")
    storage = open_store(root, cache)
    assert storage.list_sessions().total == 1 + 8 * 15
    assert storage.search(SearchQuery("said")).total == 8 * 15 * 2
    assert_equals_scan(storage, root, ["said", "more 7", "renamed 1"])
