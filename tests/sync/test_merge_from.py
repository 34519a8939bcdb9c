"""Merging another store: its files verified, and the same answers as after copying them."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from uuid import UUID

import pytest

from sessionfs import (
    CreateCheckpointRequest,
    CreateSessionRequest,
    FileStorage,
    FormatError,
    InvalidRequestError,
    MergeResult,
    UpdateSessionRequest,
)

from ..store.helpers import fsynced, overwrite, snapshot
from ..store.test_merge import open_store, union
from .checking import answers

LARGE = {"role": "user", "content": "x" * 70_000}


def _turn(storage: FileStorage, session: UUID, text: str) -> UUID:
    return storage.append_messages(session, [{"role": "user", "content": f"turn {text}"}]).id


@pytest.fixture
def stores(tmp_path: Path) -> tuple[FileStorage, FileStorage, UUID]:
    """Two stores that had one session in common, and went apart in every way."""
    one = open_store(tmp_path / "one")
    session = one.create_session(CreateSessionRequest("shared", [{"n": 0}])).session_id
    for i in range(20):
        _turn(one, session, str(i))
    shutil.copytree(tmp_path / "one", tmp_path / "other")
    other = open_store(tmp_path / "other")
    for name, storage in (("one", one), ("other", other)):
        _turn(storage, session, name)
        storage.append_messages(session, [LARGE, {"from": name}])
        own = storage.create_session(CreateSessionRequest(f"only {name}", [LARGE])).session_id
        first = storage.list_checkpoints(own).checkpoints[0].id
        _turn(storage, own, name)
        storage.set_active_checkpoint(own, first)
        storage.create_checkpoint(own, CreateCheckpointRequest([{"n": 9}]))
    one.update_session(session, UpdateSessionRequest(title="renamed"))
    other.update_session(session, UpdateSessionRequest(cwd="/elsewhere"))
    return one, other, session


def _root(storage: FileStorage) -> Path:
    return Path(storage.backend_info().store_path or "")


def test_it_is_the_union_of_both(stores: tuple[FileStorage, FileStorage, UUID], tmp_path: Path) -> None:
    one, other, session = stores
    copied = tmp_path / "copied"
    union(_root(one), copied)
    union(_root(other), copied)
    theirs = snapshot(_root(other))
    result = one.merge_from(_root(other))
    assert snapshot(_root(other)) == theirs
    assert answers(one) == answers(open_store(_root(one))) == answers(open_store(copied))
    assert {name for name in snapshot(copied) if "/refs/active." not in name} == {
        name for name in snapshot(_root(one)) if "/refs/active." not in name
    }
    (only,) = [each.id for each in other.list_sessions().sessions if each.title == "only other"]
    assert (result.sessions_new, result.sessions_changed, result.met) == ([only], [session], [session])
    assert (result.checkpoints_new, result.refused) == (2 + 3, [])
    assert other.merge_from(_root(one)).met == [session]
    assert answers(one) == answers(other)


def test_a_second_time_nothing_is_written(stores: tuple[FileStorage, FileStorage, UUID]) -> None:
    one, other, _ = stores
    one.merge_from(_root(other))
    before = snapshot(_root(one))
    full = FileStorage(_root(one), message_type=dict)
    told: list[tuple[int, int]] = []
    with fsynced() as synced:
        assert (
            full.merge_from(_root(other), on_session=lambda *done: told.append(done)) == MergeResult()
        )
    assert (snapshot(_root(one)), synced) == (before, [])
    assert told == [(1, 2), (2, 2)]


def test_refs_whose_place_was_taken_do_not_pile_up(tmp_path: Path) -> None:
    one = open_store(tmp_path / "one")
    session = one.create_session(CreateSessionRequest("t", [{"n": 0}])).session_id
    shutil.copytree(tmp_path / "one", tmp_path / "other")
    other = open_store(tmp_path / "other")
    for i in range(20):
        last = _turn(one, session, str(i))
        other.merge_from(tmp_path / "one")
        one.merge_from(tmp_path / "other")
        for storage in (one, other):
            assert len(list(Path(storage.session_path(session)).glob("refs/active.*"))) == 1
            assert storage.get_active_checkpoint(session).id == last
    back = one.list_checkpoints(session).checkpoints[3].id
    one.set_active_checkpoint(session, back)
    other.merge_from(tmp_path / "one")
    one.merge_from(tmp_path / "other")
    for storage in (one, other):
        assert [each.id for each in storage.get_session(session).heads] == [back]


def test_what_is_damaged_there_is_refused_and_the_rest_is_brought(
    stores: tuple[FileStorage, FileStorage, UUID],
) -> None:
    one, other, session = stores
    directory = Path(other.session_path(session))
    mine = {path.name for path in Path(one.session_path(session)).glob("objects/*")}
    bad = next(path for path in directory.glob("objects/*") if path.name not in mine)
    overwrite(bad, b"torn")
    meta = max(directory.glob("refs/meta.*"))
    overwrite(meta, meta.read_bytes()[:-9])
    link = directory / "objects" / ("0" * 64 + ".json")
    link.symlink_to("/etc/passwd")
    (directory / "objects" / "notes.txt").write_bytes(b"mine")
    (only,) = [each.id for each in other.list_sessions().sessions if each.title == "only other"]
    strange = next(Path(other.session_path(only)).glob("objects/*"))
    shutil.copy(strange, directory / "objects")
    title = one.get_session(session).title
    result = one.merge_from(_root(other))
    paths = {each.path for each in result.refused}
    misplaced = directory / "objects" / strange.name
    assert {str(bad), str(meta), str(link), str(misplaced)} <= paths
    assert all(each.problem for each in result.refused)
    copied = snapshot(_root(one))
    for name, (_, data) in copied.items():
        assert data != b"torn", name
        assert "notes" not in name
    assert result.sessions_new == [only]
    assert one.get_session(session).title == title
    kinds = {each.kind for each in one.verify().findings}
    assert kinds <= {"object-missing", "parent-missing", "active-refs-several"}  # what was not brought
    assert len(one.merge_from(_root(other)).refused) == len(result.refused)  # told each time


def test_what_is_damaged_here_is_no_obstacle(stores: tuple[FileStorage, FileStorage, UUID]) -> None:
    one, other, session = stores
    bad = min(Path(one.session_path(session)).glob("objects/*"))
    overwrite(bad, b"torn")
    one.merge_from(_root(other))
    assert bad.read_bytes() == b"torn"
    one.repair(sources=[_root(other)])
    assert answers(open_store(_root(one)))


def test_newer_formats_are_refused_before_anything_is_copied(
    stores: tuple[FileStorage, FileStorage, UUID],
) -> None:
    one, other, _ = stores
    for changed in (one, other):
        header = _root(changed) / "sessionfs.json"
        good = header.read_bytes()
        overwrite(header, b'{"format":2,"requires":[]}')
        before = snapshot(_root(one))
        with pytest.raises(FormatError):
            one.merge_from(_root(other))
        assert snapshot(_root(one)) == before
        overwrite(header, good)
    overwrite(_root(other) / "sessionfs.json", b"torn")  # its records verify themselves
    assert one.merge_from(_root(other)).sessions_new


def test_what_is_no_other_store_is_refused(
    stores: tuple[FileStorage, FileStorage, UUID], tmp_path: Path
) -> None:
    one, other, _ = stores
    link = tmp_path / "link"
    link.symlink_to(_root(one))
    inside = _root(one) / "inside"
    shutil.copytree(_root(other), inside)
    (tmp_path / "documents").mkdir()
    for path in (_root(one), link, inside, tmp_path / "documents", tmp_path / "nothing"):
        with pytest.raises(InvalidRequestError):
            one.merge_from(path)
    with pytest.raises(InvalidRequestError):
        open_store(inside).merge_from(_root(one))


def test_a_session_appears_as_a_whole_while_others_look(tmp_path: Path) -> None:
    one, other = open_store(tmp_path / "one"), open_store(tmp_path / "other")
    for i in range(30):
        session = other.create_session(CreateSessionRequest(f"{i}", [{"n": 0}])).session_id
        other.append_messages(session, [{"n": 1}])
    one.create_session(CreateSessionRequest("mine", []))
    problems: list[str] = []
    done = threading.Event()

    def watch() -> None:
        storage = open_store(tmp_path / "one")
        while not done.is_set():
            problems.extend(each.problem for each in storage.list_sessions().sessions if each.problem)

    looking = threading.Thread(target=watch)
    looking.start()
    try:
        result = one.merge_from(tmp_path / "other")
    finally:
        done.set()
        looking.join()
    assert (len(result.sessions_new), problems) == (30, [])
    assert one.list_sessions().total == 31


def test_what_was_purged_on_either_side_stays_away(
    stores: tuple[FileStorage, FileStorage, UUID],
) -> None:
    one, other, session = stores
    (only,) = [each.id for each in other.list_sessions().sessions if each.title == "only other"]
    one.merge_from(_root(other))
    for id_ in (session, only):
        one.delete_session(id_)
        one.purge_session(id_)
    unseen = _turn(other, only, "unseen")
    for _ in range(2):
        one.merge_from(_root(other))
        other.merge_from(_root(one))
    for storage in (one, other):
        titles = sorted(each.title for each in storage.list_sessions().sessions)
        assert titles == ["only one", "only other"]
        assert storage.get_active_checkpoint(only).id == unseen
        assert "purged" in (storage.get_session(only).problem or "")
    assert not list((_root(one) / "sessions" / str(session) / "objects").iterdir())
