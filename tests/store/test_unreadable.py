"""What the operating system refuses, or takes away meanwhile, is told of and hides nothing else."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from sessionfs import (
    CorruptObjectError,
    CreateCheckpointRequest,
    CreateSessionRequest,
    FileStorage,
    ImportedCheckpoint,
    ImportSessionRequest,
    IncompleteError,
    InternalError,
    InvalidRequestError,
    SessionSummary,
    UnauthorizedError,
)
from sessionfs.format.refnames import RefNames
from sessionfs.fs import files, fingerprints
from sessionfs.fs.files import Files
from sessionfs.store.objects import ObjectCache
from sessionfs.store.refs import Refs

from ..internals import bytes_held, open_with
from .helpers import large_object, overwrite, refuse, snapshot

OLD_STYLE = UUID("00000000-0000-4000-8000-000000000001")
"""Not of version 7: it does not tell when it was made."""
MADE = datetime(2026, 1, 1, tzinfo=UTC)


def imported(*moments: datetime) -> ImportSessionRequest:
    checkpoints = [
        ImportedCheckpoint(messages=[{"n": n}], created_at=each) for n, each in enumerate(moments)
    ]
    return ImportSessionRequest(
        session_id=OLD_STYLE, title="t", created_at=MADE, checkpoints=checkpoints
    )


class Store:
    """A session of two checkpoints, the later based on the first."""

    def __init__(self, root: Path) -> None:
        self.root = root
        created = self.open().create_session(CreateSessionRequest("title", [{"n": 0}]))
        self.session, self.first = created.session_id, created.checkpoint.id
        self.second = self.open().append_messages(self.session, [{"n": 1}]).id
        self.directory = root / "sessions" / str(self.session)

    def open(self) -> FileStorage:
        """Open the store without anything in memory."""
        return FileStorage(self.root, durability="relaxed", message_type=dict)

    def file(self, checkpoint: UUID) -> Path:
        return Path(self.open().checkpoint_path(checkpoint))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_a_copy_that_may_not_be_read_hides_no_sound_one(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Found in whatever order: the copies lie in sessions with a lower and a higher id."""
    path = store.file(store.second)
    copies = [store.root / "sessions" / f"{digit * 8}-0000-4000-8000-000000000000" for digit in "0f"]
    for copy in copies:
        shutil.copytree(store.directory, copy)
    there = [copy / "objects" / path.name for copy in copies]
    with monkeypatch.context() as patch:
        refuse(patch, "open", errno.EACCES, *there)
        assert store.open().get_checkpoint(store.second).state.messages == [{"n": 0}, {"n": 1}]
    refuse(monkeypatch, "open", errno.EACCES, path, *there)
    with pytest.raises(UnauthorizedError, match=path.name):
        store.open().get_checkpoint(store.second)


def test_damage_is_told_of_where_it_cannot_be_told_who_needs_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged, other = store.file(store.first), store.file(store.second)
    overwrite(damaged, b"{}")
    with pytest.raises(CorruptObjectError) as caught:
        store.open().get_checkpoint(store.first)
    assert caught.value.checkpoints == (store.second,)
    refuse(monkeypatch, "open", errno.EACCES, other)
    with pytest.raises(CorruptObjectError, match=damaged.name) as caught:
        store.open().get_checkpoint(store.first)
    assert caught.value.checkpoints == ()


def test_what_is_too_large_for_the_memory_is_named(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = store.file(store.second)
    inode, read = path.stat().st_ino, os.read

    def failing(descriptor: int, most: int) -> bytes:
        if os.fstat(descriptor).st_ino == inode:
            raise MemoryError
        return read(descriptor, most)

    monkeypatch.setattr(os, "read", failing)
    with pytest.raises(InternalError, match="too large for the memory") as caught:
        store.open().get_checkpoint(store.second)
    assert caught.value.path == str(path)


def test_a_session_of_which_nothing_can_be_told_is_listed_with_the_reason(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.open().import_session(imported(MADE, MADE + timedelta(days=1)))
    directory = store.root / "sessions" / str(OLD_STYLE)
    for path in directory.glob("refs/meta.*"):
        path.unlink()

    def listed() -> SessionSummary:
        (found,) = (each for each in store.open().list_sessions().sessions if each.id == OLD_STYLE)
        return found

    assert listed().created_at == MADE
    refuse(monkeypatch, "open", errno.EACCES, *directory.glob("objects/*"))
    problem = listed().problem
    assert problem is not None
    assert os.strerror(errno.EACCES) in problem


def test_a_meta_record_that_vanishes_after_it_was_listed_is_one_that_never_came(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Refs.names

    def vanish(refs: Refs) -> RefNames:
        found = real(refs)
        for ref in found.meta:
            Path(refs.path(ref)).unlink(missing_ok=True)
        return found

    monkeypatch.setattr(Refs, "names", vanish)
    (listed,) = store.open().list_sessions().sessions
    assert (listed.title, listed.problem) == ("", None)  # nothing is damaged
    found = store.open().get_session(store.session)
    assert (found.title, found.active_checkpoint and found.active_checkpoint.id) == ("", store.second)


def test_of_a_session_whose_facts_alone_arrived_it_is_told_where_the_rest_belongs(store: Store) -> None:
    shutil.rmtree(store.directory / "objects")
    for path in store.directory.glob("refs/active.*"):
        path.unlink()
    with pytest.raises(IncompleteError) as caught:
        store.open().get_active_checkpoint(store.session)
    assert caught.value.path == str(store.directory / "objects")
    assert caught.value.checkpoints == ()


def test_a_directory_that_another_process_makes_at_the_same_time_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, raced = os.mkdir, set[str]()

    def another_is_faster(path: str, mode: int) -> None:
        if ".tmp-" not in path:
            make(path, mode)
            raced.add(Path(path).name)
        make(path, mode)

    monkeypatch.setattr(os, "mkdir", another_is_faster)
    store = Store(tmp_path / "store")
    assert raced == {"store", "sessions"}
    monkeypatch.undo()
    assert store.open().get_checkpoint(store.second).state.messages == [{"n": 0}, {"n": 1}]


def test_a_file_in_the_place_of_all_sessions_is_left_and_named(tmp_path: Path) -> None:
    (tmp_path / "sessions").write_bytes(b"mine")
    with pytest.raises(InternalError, match="sessions: File exists"):
        FileStorage(tmp_path).create_session(CreateSessionRequest("t", []))
    assert (tmp_path / "sessions").read_bytes() == b"mine"


def test_a_session_that_cannot_get_its_name_leaves_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = snapshot(store.root)
    names = {path.name for path in (store.root / "sessions").iterdir()}

    def full(_: str, to: str) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), to)

    monkeypatch.setattr(os, "rename", full)
    with pytest.raises(InternalError, match="No space left") as caught:
        store.open().create_session(CreateSessionRequest("another", [{"n": 1}]))
    assert caught.value.path is not None
    assert Path(caught.value.path).parent == store.root / "sessions"
    assert snapshot(store.root) == before
    assert {path.name for path in (store.root / "sessions").iterdir()} == names


def test_a_cache_that_cannot_be_replaced_leaves_nothing(tmp_path: Path) -> None:
    taken = tmp_path / "cache"
    taken.mkdir()
    with pytest.raises(InternalError, match="cache"):
        Files("relaxed").replace(str(taken), b"new", mode=0o600)
    assert list(tmp_path.iterdir()) == [taken]


def test_a_damaged_file_that_another_process_has_just_set_aside(tmp_path: Path) -> None:
    files.keep_aside(str(tmp_path / "gone"))
    assert list(tmp_path.iterdir()) == []


def test_an_expectation_is_not_met_by_what_cannot_be_read(store: Store) -> None:
    overwrite(store.file(store.second), b"{}")
    before = snapshot(store.root)
    request = CreateCheckpointRequest([{"n": 2}])
    with pytest.raises(CorruptObjectError):
        store.open().create_checkpoint(store.session, request, expected_active=store.second)
    assert snapshot(store.root) == before


def test_a_session_that_is_a_link_into_another_store_can_be_written(
    store: Store, tmp_path: Path
) -> None:
    other = Store(tmp_path / "other")
    target = store.directory.rename(other.directory.parent / store.directory.name)
    store.directory.symlink_to(target)
    added = store.open().append_messages(store.session, [{"n": 2}])
    assert other.open().get_active_checkpoint(store.session).id == added.id


@contextmanager
def refused_before_anything_is_written(root: Path, match: str) -> Iterator[None]:
    with pytest.raises(InvalidRequestError, match=match):
        yield
    assert list(root.iterdir()) == []


def test_a_time_beyond_the_calendar_is_refused(tmp_path: Path) -> None:
    moment = datetime.max.replace(tzinfo=timezone(-timedelta(hours=1)))
    with refused_before_anything_is_written(tmp_path, "beyond the calendar"):
        FileStorage(tmp_path).import_session(imported(moment))


class AsList(msgspec.Struct, array_like=True):
    text: str


def test_a_message_that_is_no_object_is_refused(tmp_path: Path) -> None:
    message: Any = AsList("x")
    with refused_before_anything_is_written(tmp_path, r"messages\[0\] must encode to a JSON object"):
        FileStorage(tmp_path).create_session(CreateSessionRequest("t", [message]))


def test_a_whole_state_goes_into_a_session_of_which_only_the_facts_have_arrived(
    store: Store, tmp_path: Path
) -> None:
    """It follows nothing that is here; when the rest arrives, both are told of."""
    facts = next((store.directory / "refs").glob("meta.*"))
    other = FileStorage(tmp_path / "other", durability="relaxed", message_type=dict)
    refs = tmp_path / "other" / "sessions" / str(store.session) / "refs"
    refs.mkdir(parents=True)
    shutil.copy(facts, refs)
    made = other.create_checkpoint(store.session, CreateCheckpointRequest([{"n": "whole"}]))
    assert made.parent_id is None
    found = other.get_session(store.session)
    assert found.active_checkpoint == made
    assert found.title == "title"
    shutil.copytree(store.root, tmp_path / "other", dirs_exist_ok=True)
    heads = [each.id for each in other.get_session(store.session).heads]
    assert heads == [made.id, store.second]


def test_an_object_that_was_written_in_place_is_read_when_it_is_whole(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its tool had not finished at the first look; it is no damage, and nothing to wait for."""
    path = store.file(store.second)
    whole = path.read_bytes()
    overwrite(path, whole[:-9])
    read_settled = files.read_settled

    def finished(*arguments: Any) -> Any:
        overwrite(path, whole)
        return read_settled(*arguments)

    monkeypatch.setattr(files, "read_settled", finished)
    assert store.open().get_active_checkpoint(store.session).state.messages == [{"n": 0}, {"n": 1}]


def test_a_write_that_is_interrupted_from_the_keyboard_stays_that(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = snapshot(store.root)

    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", interrupted)
        storage = FileStorage(store.root, message_type=dict)
        with pytest.raises(KeyboardInterrupt):
            storage.append_messages(store.session, [{"n": 2}])
    assert snapshot(store.root) == before
    assert storage.append_messages(store.session, [{"n": 2}]).message_count == 3


def test_an_object_that_another_thread_lets_go_of_meanwhile_is_still_given(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = ObjectCache(1 << 20)
    storage = open_with(store.root, cache=cache)
    expected = storage.get_checkpoint(store.second)
    identity = fingerprints.identity

    def let_go(path: str) -> Any:
        found = identity(path)
        cache.clear()
        return found

    monkeypatch.setattr(fingerprints, "identity", let_go)
    assert storage.get_checkpoint(store.second) == expected


def test_memory_that_is_too_small_for_all_objects_holds_those_used_last(store: Store) -> None:
    cache = ObjectCache(2_000)  # some two of them
    storage = open_with(store.root, cache=cache)
    made = [storage.append_messages(store.session, [{"n": n, "x": "x" * 500}]).id for n in range(8)]
    for id_ in made:
        assert len(storage.get_checkpoint(id_).state.messages) == made.index(id_) + 3
    assert 0 < bytes_held(cache) <= 2_000


def test_a_large_message_that_only_the_base_has_is_not_needed(store: Store) -> None:
    """What follows the messages that are kept of a base is not read."""
    storage = store.open()
    state: list[Any] = [{"n": 0}, {"n": 1}, {"large": "x" * 70_000}]
    storage.create_checkpoint(store.session, CreateCheckpointRequest(state))
    state[2] = {"n": 2}
    made = storage.create_checkpoint(store.session, CreateCheckpointRequest(state)).id
    large_object(store.directory).unlink()
    assert store.open().get_active_checkpoint(store.session).id == made
    assert store.open().get_checkpoint(made).state.messages == state


def test_gaps_are_numbered_as_in_the_whole_state(store: Store) -> None:
    storage = store.open()
    made = storage.append_messages(store.session, [{"n": 2}, {"large": "x" * 70_000}, {"n": 4}]).id
    large_object(store.directory).unlink()
    store.file(store.first).unlink()
    found = store.open().get_checkpoint(made, partial=True)
    assert [(each.start, each.count) for each in found.gaps] == [(0, 1), (3, 1)]
    assert found.state.messages == [{"n": 1}, {"n": 2}, {"n": 4}]


def test_a_list_tells_of_a_large_message_that_has_not_arrived(store: Store) -> None:
    made = store.open().append_messages(store.session, [{"large": "x" * 70_000}]).id
    large = large_object(store.directory)
    large.unlink()
    listed = store.open().list_checkpoints(store.session).checkpoints
    assert [(each.id, each.problem is None) for each in listed] == [
        (store.first, True),
        (store.second, True),
        (made, False),
    ]
    assert large.name in (listed[-1].problem or "")
