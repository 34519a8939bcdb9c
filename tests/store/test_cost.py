"""What a long session costs in bytes and in files read: counted, not timed."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from sessionfs import CreateCheckpointRequest, CreateSessionRequest, FileStorage, ListCheckpointsQuery

from .helpers import encoded, opened_files

pytestmark = [pytest.mark.slow, pytest.mark.once]

KILOBYTE = 1024


def kilobyte_message(rng: random.Random) -> dict[str, Any]:
    """Return a message whose encoding takes 1 KB."""
    empty = len(encoded({"role": "user", "content": ""}))
    return {"role": "user", "content": "".join(rng.choices("abcdefgh ", k=KILOBYTE - empty))}


def stored_bytes(directory: str) -> int:
    return sum(file.stat().st_size for file in Path(directory).rglob("*") if file.is_file())


def grow(root: Path, checkpoints: int) -> tuple[FileStorage, UUID]:
    rng = random.Random(1)
    storage = FileStorage(root, durability="relaxed", message_type=dict)
    request = CreateSessionRequest("long", [kilobyte_message(rng)])
    session = storage.create_session(request).session_id
    for _ in range(checkpoints - 1):
        storage.append_messages(session, [kilobyte_message(rng)])
    return storage, session


def files_read_to_open(root: Path, checkpoint: UUID) -> int:
    """Count the objects that a storage without any memory reads."""
    with opened_files() as opened:
        FileStorage(root).get_checkpoint(checkpoint)
    return sum("/objects/" in path for path in opened)


def all_checkpoints(storage: FileStorage, session: UUID) -> list[UUID]:
    query = ListCheckpointsQuery(limit=1_000_000)
    return [each.id for each in storage.list_checkpoints(session, query).checkpoints]


def test_500_checkpoints_take_at_most_3_times_their_bytes(tmp_path: Path) -> None:
    storage, session = grow(tmp_path, 500)
    assert stored_bytes(storage.session_path(session)) <= 3 * 500 * KILOBYTE


def test_10000_checkpoints_take_at_most_4_times_and_open_with_at_most_64_files(tmp_path: Path) -> None:
    storage, session = grow(tmp_path, 10_000)
    assert stored_bytes(storage.session_path(session)) <= 4 * 10_000 * KILOBYTE
    ids = all_checkpoints(storage, session)
    assert len(ids) == 10_000
    # By the ruler sequence depth 0x1fff has the longest chain below 10,000, 15 + 15 + 15 + 1 steps
    # to the first; the rest is a sample.
    chosen = [0x1FFF, 0x0FFF, 9_999, 0, 15, 16, *random.Random(2).sample(range(10_000), 60)]
    counts = {depth: files_read_to_open(tmp_path, ids[depth]) for depth in chosen}
    assert max(counts.values()) == counts[0x1FFF] == 47
    assert max(counts.values()) <= 64


def test_a_large_message_is_stored_once(tmp_path: Path) -> None:
    storage = FileStorage(tmp_path, durability="relaxed", message_type=dict)
    image = {"role": "user", "content": [{"type": "image", "data": "x" * 1_000_000}]}
    session = storage.create_session(CreateSessionRequest("image", [image])).session_id
    for i in range(40):
        storage.append_messages(session, [{"n": i}])
    state = storage.get_active_checkpoint(session).state.messages
    storage.create_checkpoint(session, CreateCheckpointRequest([{"first": True}, *state]))
    assert stored_bytes(storage.session_path(session)) < 1_100_000
    assert storage.get_active_checkpoint(session).state.messages == [{"first": True}, *state]


@pytest.mark.parametrize(("length", "is_large"), [(65_535, False), (65_536, True)])
def test_the_limit_of_large_messages_is_exact(tmp_path: Path, length: int, is_large: bool) -> None:
    storage = FileStorage(tmp_path, durability="relaxed")
    message = {"c": "x" * (length - len(encoded({"c": ""})))}
    session = storage.create_session(CreateSessionRequest("t", [message])).session_id
    objects = list(Path(storage.session_path(session), "objects").iterdir())
    assert len(objects) == 1 + is_large


def test_whole_states_without_a_parent_cost_what_is_new(tmp_path: Path) -> None:
    """Callers that pass the whole list and never name a parent must not pay for the history."""
    rng = random.Random(3)
    storage = FileStorage(tmp_path, durability="relaxed", message_type=dict)
    state: list[Any] = [kilobyte_message(rng)]
    session = storage.create_session(CreateSessionRequest("t", state)).session_id
    for _ in range(299):
        state.append(kilobyte_message(rng))
        storage.create_checkpoint(session, CreateCheckpointRequest(state))
    assert stored_bytes(storage.session_path(session)) <= 3 * 300 * KILOBYTE
    assert max(files_read_to_open(tmp_path, each) for each in all_checkpoints(storage, session)) <= 32


def test_chains_stay_short_after_the_history_was_compacted(tmp_path: Path) -> None:
    storage = FileStorage(tmp_path, durability="relaxed", message_type=dict)
    session = storage.create_session(CreateSessionRequest("t", [])).session_id
    for i in range(200):
        storage.append_messages(session, [{"n": i}])
        if i % 50 == 49:
            summary = {"summary": i}
            active = storage.get_active_checkpoint(session)
            kept = [summary, *active.state.messages[-3:]]
            request = CreateCheckpointRequest(kept).with_parent(active.id)
            storage.create_checkpoint(session, request)
    assert max(files_read_to_open(tmp_path, each) for each in all_checkpoints(storage, session)) <= 32


def test_appending_in_a_storage_that_knows_the_session_reads_no_object(tmp_path: Path) -> None:
    storage, session = grow(tmp_path, 300)
    with opened_files() as opened:
        storage.append_messages(session, [{"more": 1}])
    read = [path for path in opened if "/objects/" in path and ".tmp-" not in path]
    assert read == []


def test_deep_histories_agree_with_what_was_appended(tmp_path: Path) -> None:
    storage = FileStorage(tmp_path, durability="relaxed", message_type=dict)
    session = storage.create_session(CreateSessionRequest("t", [])).session_id
    for i in range(600):
        storage.append_messages(session, [{"n": i}])
    fresh = FileStorage(tmp_path, message_type=dict)
    for depth, checkpoint in enumerate(all_checkpoints(storage, session)):
        assert fresh.get_checkpoint(checkpoint).state.messages == [{"n": i} for i in range(depth)]
