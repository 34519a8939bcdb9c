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
from sessionfs.format.refnames import MetaRef, PurgeRef
from sessionfs.store.objects import Objects
from sessionfs.store.refs import Refs

from ..store.helpers import fsynced, large_object, overwrite, snapshot
from ..sync.checking import answers
from ..sync.test_union import open_store, union

pytestmark = pytest.mark.once

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


def test_a_ref_whose_place_was_taken_here_is_not_brought(tmp_path: Path) -> None:
    """An older copy has nothing to tell."""
    one = open_store(tmp_path / "one")
    session = one.create_session(CreateSessionRequest("t", [{"n": 0}])).session_id
    shutil.copytree(tmp_path / "one", tmp_path / "old")
    for i in range(3):
        last = _turn(one, session, str(i))
    before = snapshot(tmp_path / "one")
    assert one.merge_from(tmp_path / "old") == MergeResult()
    assert snapshot(tmp_path / "one") == before
    assert [each.id for each in one.get_session(session).heads] == [last]


def test_refs_stay_where_what_is_brought_cannot_be_opened(tmp_path: Path) -> None:
    """What takes their place is only known when it can be read: until then what was active is."""
    one = open_store(tmp_path / "one")
    session = one.create_session(CreateSessionRequest("t", [{"n": 0}])).session_id
    shutil.copytree(tmp_path / "one", tmp_path / "other")
    other = open_store(tmp_path / "other")
    active = one.list_checkpoints(session).checkpoints[0].id
    last = other.append_messages(session, [LARGE]).id
    large = large_object(other.session_path(session))
    aside = large.rename(tmp_path / large.name)
    assert one.merge_from(tmp_path / "other").checkpoints_new == 1
    assert len(list(Path(one.session_path(session)).glob("refs/active.*"))) == 2
    assert one.get_active_checkpoint(session).id == active
    aside.rename(large)
    assert one.merge_from(tmp_path / "other").files == 1
    assert one.get_active_checkpoint(session).id == last


def test_a_session_that_may_not_be_written_is_told_of_and_the_others_are_brought(
    stores: tuple[FileStorage, FileStorage, UUID], tmp_path: Path
) -> None:
    one, other, session = stores
    mine = Path(one.session_path(session))
    mine.rename(tmp_path / "elsewhere")
    mine.symlink_to(tmp_path / "elsewhere")
    before = snapshot(tmp_path / "elsewhere")
    result = one.merge_from(_root(other))
    assert [each.path for each in result.refused] == [str(mine)]
    assert "link" in result.refused[0].problem
    assert (len(result.sessions_new), result.sessions_changed, result.met) == (1, [], [])
    assert snapshot(tmp_path / "elsewhere") == before


def test_of_a_session_of_which_nothing_is_sound_nothing_is_left(tmp_path: Path) -> None:
    one, other = open_store(tmp_path / "one"), open_store(tmp_path / "other")
    good = other.create_session(CreateSessionRequest("good", [{"n": 0}])).session_id
    bad = other.create_session(CreateSessionRequest("bad", [{"n": 1}])).session_id
    files = [*Path(other.session_path(bad)).glob("*/*.json")]
    for path in files:
        overwrite(path, b"torn")
    result = one.merge_from(tmp_path / "other")
    assert {str(path) for path in files} < {each.path for each in result.refused}
    assert (result.sessions_new, result.sessions_changed) == ([good], [])
    assert [path.name for path in (tmp_path / "one" / "sessions").iterdir()] == [str(good)]


def test_another_process_that_brings_the_same_session_first(
    stores: tuple[FileStorage, FileStorage, UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both succeed, and nothing half done is left."""
    one, other, _ = stores
    (only,) = [each.id for each in other.list_sessions().sessions if each.title == "only other"]
    sync = Objects.sync

    def slip_in(objects: Objects) -> None:
        sync(objects)
        if ".tmp-" in objects.directory:  # the session is about to get its name
            monkeypatch.setattr(Objects, "sync", sync)
            assert open_store(_root(one)).merge_from(_root(other)).sessions_new == [only]

    monkeypatch.setattr(Objects, "sync", slip_in)
    result = one.merge_from(_root(other))
    assert (result.sessions_new, result.refused) == ([], [])
    assert answers(one) == answers(open_store(_root(one)))
    assert not list(_root(one).rglob(".tmp-*"))
    assert one.get_session(only).title == "only other"
    assert one.merge_from(_root(other)) == MergeResult()


def test_what_vanishes_there_meanwhile_is_told_of_or_was_never_there(
    stores: tuple[FileStorage, FileStorage, UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A purge at the other place, or a tool that mirrors it: the rest is brought."""
    one, other, session = stores
    mine = {path.name for path in Path(one.session_path(session)).glob("objects/*")}
    theirs = Path(other.session_path(session))
    gone = next(
        path
        for path in theirs.glob("objects/*")
        if path.name not in mine and b'"kind":"checkpoint"' in path.read_bytes()
    )
    meta = max(theirs.glob("refs/meta.*"))
    read, sound = Objects.read, Refs.sound

    def read_once(objects: Objects, sha: str) -> bytes:
        data = read(objects, sha)
        if objects.path(sha) == str(gone):
            gone.unlink()
        return data

    def removed_first(refs: Refs, ref: MetaRef | PurgeRef) -> bytes | None:
        if refs.path(ref) == str(meta):
            meta.unlink()
        return sound(refs, ref)

    monkeypatch.setattr(Objects, "read", read_once)
    monkeypatch.setattr(Refs, "sound", removed_first)
    cwd = one.get_session(session).cwd
    result = one.merge_from(_root(other))
    assert str(gone) in {each.path for each in result.refused}
    assert str(meta) not in {each.path for each in result.refused}
    assert result.checkpoints_new == 2 + 3 - 1
    assert not (Path(one.session_path(session)) / "refs" / meta.name).exists()
    assert one.get_session(session).cwd == cwd


def test_heads_that_had_met_before_are_told_of_once(
    stores: tuple[FileStorage, FileStorage, UUID],
) -> None:
    one, other, session = stores
    assert one.merge_from(_root(other)).met == [session]
    _turn(other, session, "goes on")
    result = one.merge_from(_root(other))
    assert (result.sessions_changed, result.met) == ([session], [])


def test_at_no_moment_is_a_checkpoint_listed_that_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = open_store(tmp_path / "one")
    session = one.create_session(CreateSessionRequest("t", [{"n": 0}])).session_id
    shutil.copytree(tmp_path / "one", tmp_path / "other")
    other = open_store(tmp_path / "other")
    for i in range(10):
        other.append_messages(session, [LARGE | {"n": i}])
    put, looks = Objects.put, 0

    def looking(objects: Objects, data: bytes) -> str:
        nonlocal looks
        sha = put(objects, data)
        if objects.path(sha).startswith(str(tmp_path / "one")):
            looks += 1
            listed = open_store(tmp_path / "one").list_checkpoints(session).checkpoints
            assert [each.problem for each in listed if each.problem] == []
        return sha

    monkeypatch.setattr(Objects, "put", looking)
    assert one.merge_from(tmp_path / "other").checkpoints_new == 10
    assert looks == 20


def test_refs_come_also_where_a_sync_has_brought_all_the_rest(
    stores: tuple[FileStorage, FileStorage, UUID],
) -> None:
    one, other, session = stores
    theirs, mine = (Path(each.session_path(session)) for each in (other, one))
    union(theirs / "objects", mine / "objects")
    for path in theirs.glob("refs/meta.*"):
        if not (mine / "refs" / path.name).exists():
            shutil.copy(path, mine / "refs")
    result = one.merge_from(_root(other))
    assert (result.checkpoints_new, result.met) == (3, [session])  # those of the new session


def test_what_came_back_of_what_was_purged_is_neither_brought_nor_told_of(
    stores: tuple[FileStorage, FileStorage, UUID], tmp_path: Path
) -> None:
    _, other, session = stores
    shutil.copytree(_root(other), tmp_path / "stale")
    shutil.copytree(_root(other), tmp_path / "purged")
    purged = open_store(tmp_path / "purged")
    purged.delete_session(session)
    purged.purge_session(session)
    assert purged.merge_from(tmp_path / "stale") == MergeResult()
    union(tmp_path / "stale", tmp_path / "purged")
    third = open_store(tmp_path / "third")
    result = third.merge_from(tmp_path / "purged")
    assert (result.checkpoints_new, result.refused) == (3, [])  # those of the other session
    assert not [*(tmp_path / "third" / "sessions" / str(session)).glob("objects/*")]
