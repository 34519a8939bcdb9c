"""Facts of a session, folded from its records: what other writers noted is no fact of ours."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from sessionfs import CreateSessionRequest, FileStorage
from sessionfs.format.records import encode_meta


@pytest.mark.parametrize(
    "noted",
    [
        *(None, 5, [], {}, {"session": 1, "checkpoint": "a" * 64}, {"session": "../x"}),
        {"session": "0199f3a2-6c1e-7d55-9b1f-3f0c7a1e2d44", "checkpoint": ["a" * 64]},
    ],
)
def test_what_is_noted_in_the_place_of_where_a_fork_starts_is_no_fork(
    tmp_path: Path, noted: object
) -> None:
    storage = FileStorage(tmp_path, durability="relaxed")
    session = storage.create_session(CreateSessionRequest("t", [])).session_id
    forked, at = storage.fork_session(session).session_id, "99980101T000000000000Z"
    record = encode_meta(str(forked), at, {"forked_from": noted})
    refs = Path(storage.session_path(forked)) / "refs"
    (refs / f"meta.{at}-{hashlib.sha256(record).hexdigest()[:12]}.json").write_bytes(record)
    assert storage.get_session(forked).forked_from is None
    assert [each.forked_from for each in storage.list_sessions().sessions] == [None, None]
