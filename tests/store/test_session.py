"""Who expects a checkpoint to be active wins, loses or withdraws; see tests/faults for many at once."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from sessionfs import ConflictError, CreateSessionRequest, FileStorage
from sessionfs.format.refnames import ActiveRef
from sessionfs.fs import locks
from sessionfs.store.refs import Refs

from ..internals import open_with
from .helpers import snapshot

pytestmark = pytest.mark.once


def test_exactly_one_of_those_who_expect_the_same_wins(tmp_path: Path) -> None:
    root = tmp_path / "store"
    created = FileStorage(root, durability="relaxed").create_session(CreateSessionRequest("race", []))
    expected = created.checkpoint.id

    def attempt(n: int) -> bool:
        storage = FileStorage(root, durability="relaxed")
        try:
            storage.append_messages(created.session_id, [{"n": n}], expected_active=expected)
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        for _ in range(20):
            assert sum(pool.map(attempt, range(8))) == 1
            expected = FileStorage(root).get_active_checkpoint(created.session_id).id


def test_a_late_writer_with_an_expectation_withdraws(tmp_path: Path) -> None:
    """A writer that does not compare may slip in between the comparison and the write."""
    storage = FileStorage(tmp_path, durability="relaxed", message_type=dict)
    slow_clock = open_with(tmp_path, clock=lambda: 0)
    created = storage.create_session(CreateSessionRequest("race", []))
    session, real = created.session_id, Refs.put_active

    def slip_in_first(refs: Refs, at: str, sha: str) -> Any:
        Refs.put_active = real  # type: ignore[method-assign]
        slow_clock.append_messages(session, [{"b": 1}])
        return refs.put_active(at, sha)

    Refs.put_active = slip_in_first  # type: ignore[assignment,method-assign]
    with pytest.raises(ConflictError, match="meanwhile"):
        storage.append_messages(session, [{"a": 1}], expected_active=created.checkpoint.id)
    assert storage.get_active_checkpoint(session).state.messages == [{"b": 1}]


def slip_in(monkeypatch: pytest.MonkeyPatch, others: Callable[[], object]) -> None:
    """Let others write between the comparison and the ref of the next writer."""
    real = Refs.put_active

    def put_active(refs: Refs, at: str, sha: str) -> ActiveRef:
        monkeypatch.setattr(Refs, "put_active", real)
        others()
        return refs.put_active(at, sha)

    monkeypatch.setattr(Refs, "put_active", put_active)


def with_clock(root: Path, microseconds: int) -> FileStorage:
    return open_with(root, clock=lambda: microseconds)


def test_a_late_writer_withdraws_also_before_one_that_was_built_upon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that came first has lost its ref to another by the time that we look."""
    storage = FileStorage(tmp_path, durability="relaxed", message_type=dict)
    created = storage.create_session(CreateSessionRequest("race", []))
    session = created.session_id

    def two_others() -> None:
        with_clock(tmp_path, 0).append_messages(session, [{"b": 1}])
        with_clock(tmp_path, 4_000_000_000_000_000).append_messages(session, [{"c": 1}])

    slip_in(monkeypatch, two_others)
    with pytest.raises(ConflictError, match="meanwhile"):
        storage.append_messages(session, [{"a": 1}], expected_active=created.checkpoint.id)
    assert storage.get_active_checkpoint(session).state.messages == [{"b": 1}, {"c": 1}]


def test_one_that_comes_later_is_no_conflict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = FileStorage(tmp_path, durability="relaxed", message_type=dict)
    created = storage.create_session(CreateSessionRequest("race", []))
    session = created.session_id
    later = with_clock(tmp_path, 4_000_000_000_000_000)
    slip_in(monkeypatch, lambda: later.append_messages(session, [{"d": 1}]))
    mine = storage.append_messages(session, [{"a": 1}], expected_active=created.checkpoint.id)
    assert storage.get_checkpoint(mine.id).state.messages == [{"a": 1}]
    assert storage.get_active_checkpoint(session).state.messages == [{"d": 1}]


def test_a_ref_whose_checkpoint_has_not_arrived_has_overtaken_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = FileStorage(tmp_path, durability="relaxed", message_type=dict)
    created = storage.create_session(CreateSessionRequest("race", []))
    session = created.session_id
    refs = Path(storage.session_path(session)) / "refs"
    before = sorted(refs.iterdir())
    arriving = f"active.{before[0].name.split('.')[1][:8]}T235959999998Z-0123456789ab"
    slip_in(monkeypatch, lambda: (refs / arriving).write_text("torn"))
    monkeypatch.setattr("sessionfs.store.session.next_timestamp", lambda *_: "99980101T000000000000Z")
    mine = storage.append_messages(session, [{"a": 1}], expected_active=created.checkpoint.id)
    assert storage.get_active_checkpoint(session).id == mine.id


def test_a_conflict_leaves_what_was_active(tmp_path: Path) -> None:
    storage = FileStorage(tmp_path, durability="relaxed", message_type=dict)
    created = storage.create_session(CreateSessionRequest("race", []))
    session = created.session_id
    active = storage.append_messages(session, [{"a": 1}])
    before = snapshot(tmp_path)
    with pytest.raises(ConflictError):
        storage.append_messages(session, [{"b": 1}], expected_active=created.checkpoint.id)
    assert snapshot(tmp_path) == before
    assert storage.get_active_checkpoint(session).id == active.id


def test_a_lock_that_is_never_released_keeps_nobody_out_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "_LOCK_SECONDS", 0.01)
    storage = FileStorage(tmp_path, durability="relaxed")
    created = storage.create_session(CreateSessionRequest("t", []))
    directory = Path(storage.session_path(created.session_id)) / "refs"
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        storage.append_messages(created.session_id, [], expected_active=created.checkpoint.id)
    finally:
        os.close(descriptor)


def test_where_there_are_no_locks_the_check_after_the_write_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "_try_lock", None)
    monkeypatch.delattr(locks, "_unlock")
    storage = FileStorage(tmp_path, durability="relaxed", message_type=dict)
    created = storage.create_session(CreateSessionRequest("t", []))
    storage.append_messages(created.session_id, [{"n": 1}], expected_active=created.checkpoint.id)
    with pytest.raises(ConflictError):
        storage.append_messages(created.session_id, [{"n": 2}], expected_active=created.checkpoint.id)
    assert storage.get_active_checkpoint(created.session_id).state.messages == [{"n": 1}]
