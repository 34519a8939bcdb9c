"""Purging: what was seen goes for good, wherever it comes back from; what was not seen stays."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from sessionfs import (
    CorruptObjectError,
    CreateSessionRequest,
    FileStorage,
    ImportedCheckpoint,
    ImportSessionRequest,
    IncompleteError,
    InvalidRequestError,
    ListSessionsQuery,
    NotFoundError,
    SearchQuery,
    SessionStatus,
)

from ..internals import session_directory
from ..store.helpers import fsynced, overwrite, snapshot
from ..sync.test_union import open_store, union

SECRET = "the password is swordfish"
MADE = datetime(2026, 11, 22, 10, tzinfo=UTC)
LARGE = {"role": "user", "content": SECRET + "." * 70_000}


def _store(root: Path) -> tuple[FileStorage, UUID]:
    """A store with a session of several checkpoints and a large message, and another session."""
    storage = open_store(root)
    first = {"role": "user", "content": SECRET}
    session = storage.create_session(CreateSessionRequest("secret", [first])).session_id
    for i in range(20):
        storage.append_messages(session, [{"role": "user", "content": f"turn {i}"}])
    storage.append_messages(session, [LARGE])
    storage.create_session(CreateSessionRequest("other", [{"role": "user", "content": "turn 1"}]))
    return storage, session


def _is_gone(storage: FileStorage, session: UUID) -> None:
    fresh = open_store(Path(storage.backend_info().store_path or ""))
    for each in (storage, fresh):
        assert [found.title for found in each.list_sessions().sessions] == ["other"]
        assert each.list_sessions().total == 1
        assert not each.search(SearchQuery("swordfish")).hits
        assert [hit.session.title for hit in each.search(SearchQuery("turn")).hits] == ["other"]
        with pytest.raises(NotFoundError):
            each.get_session(session)
        with pytest.raises(NotFoundError):
            each.append_messages(session, [])
        with pytest.raises(NotFoundError):
            each.list_checkpoints(session)
        assert each.get_store_stats().total_sessions == 1


def _lies_in(root: Path, text: str) -> list[str]:
    return [name for name, (_, data) in snapshot(root).items() if text.encode() in data]


def test_everything_that_was_said_is_gone_from_the_disk(tmp_path: Path) -> None:
    root, cache = tmp_path / "store", tmp_path / "cache"
    _store(root)
    storage = FileStorage(root, durability="relaxed", index_dir=cache, message_type=dict)
    session = storage.list_sessions(ListSessionsQuery(search="secret")).sessions[0].id
    assert storage.search(SearchQuery("swordfish")).hits
    assert storage.update_index()
    ids = [each.id for each in storage.list_checkpoints(session).checkpoints]
    directory = Path(storage.session_path(session))
    copy = next(directory.glob("objects/*.json"))
    shutil.copy(copy, copy.with_name(copy.stem + ".sync-conflict-20261122-101530-ABCDEFG.json"))
    shutil.copy(copy, copy.with_name(copy.name + ".corrupt-1"))
    storage.delete_session(session)
    plan = storage.purge_session(session, dry_run=True)
    assert storage.get_session(session).status is SessionStatus.DELETED
    done = storage.purge_session(session)
    assert done == plan
    assert done.files == 23 + 2
    assert done.bytes > 70_000
    assert not _lies_in(root, SECRET)
    assert not _lies_in(cache, "swordfish")
    _is_gone(storage, session)
    for id_ in ids:
        with pytest.raises(NotFoundError):
            storage.get_checkpoint(id_)
    assert not list((directory / "objects").iterdir())
    kinds = sorted(path.name.split(".")[0] for path in (directory / "refs").iterdir())
    assert kinds == ["meta", "meta", "purge"]
    assert not storage.verify().findings


def test_only_what_is_deleted_can_be_purged(tmp_path: Path) -> None:
    storage, session = _store(tmp_path)
    before = snapshot(tmp_path)
    with pytest.raises(InvalidRequestError, match="not deleted"):
        storage.purge_session(session)
    with pytest.raises(NotFoundError):
        storage.purge_session(UUID(int=7))
    storage.delete_session(session)
    deleted = max(Path(storage.session_path(session)).glob("refs/meta.*"))
    good = deleted.read_bytes()
    storage.restore_session(session)
    restored = max(Path(storage.session_path(session)).glob("refs/meta.*"))
    overwrite(restored, b"torn")  # the record that is damaged may say that it was restored
    with pytest.raises(CorruptObjectError):
        storage.purge_session(session)
    assert deleted.read_bytes() == good
    assert before.keys() < snapshot(tmp_path).keys()


def test_a_stale_copy_that_comes_back_stays_hidden_and_a_repair_removes_it(tmp_path: Path) -> None:
    one, session = _store(tmp_path / "one")
    shutil.copytree(tmp_path / "one", tmp_path / "behind")  # knows less of the history than the purger
    for i in range(3):
        one.append_messages(session, [{"role": "user", "content": f"more {i}"}])
    shutil.copytree(tmp_path / "one", tmp_path / "copy")
    one.delete_session(session)
    one.purge_session(session)
    behind, copy = open_store(tmp_path / "behind"), open_store(tmp_path / "copy")
    assert behind.search(SearchQuery("swordfish")).hits  # indexed before the record arrives
    for other in (tmp_path / "behind", tmp_path / "copy"):
        union(tmp_path / "one", other)
        union(other, tmp_path / "one")
    for storage in (one, behind, copy):
        _is_gone(storage, session)
        [found] = [each for each in storage.verify().findings if each.kind == "purged"]
        assert found.session_id == session
        assert storage.repair().sound
        root = Path(storage.backend_info().store_path or "")
        assert not _lies_in(root, SECRET)
        assert not storage.verify().findings
        _is_gone(storage, session)


def test_work_that_was_not_seen_brings_a_session_back_with_its_history(tmp_path: Path) -> None:
    one, session = _store(tmp_path / "one")
    shutil.copytree(tmp_path / "one", tmp_path / "other")
    other = open_store(tmp_path / "other")
    one.append_messages(session, [{"role": "user", "content": "seen only by the purger"}])
    one.delete_session(session)
    one.purge_session(session)
    theirs = other.append_messages(session, [{"role": "user", "content": "unseen"}])
    state = other.get_active_checkpoint(session)
    for _ in range(2):
        union(tmp_path / "one", tmp_path / "other")
        union(tmp_path / "other", tmp_path / "one")
    for storage in (one, other, open_store(tmp_path / "one")):
        found = storage.get_session(session)
        assert found.active_checkpoint == state
        assert found.status is SessionStatus.ACTIVE
        assert "purged" in (found.problem or "")
        [listed] = storage.list_sessions(ListSessionsQuery(search="secret")).sessions
        assert (listed.status, listed.problem) == (SessionStatus.ACTIVE, found.problem)
        assert storage.search(SearchQuery("swordfish")).hits
        assert storage.search(SearchQuery("unseen")).hits
        assert not storage.search(SearchQuery("seen only by")).hits
        assert storage.list_checkpoints(session).checkpoints[-1].id == theirs.id
        assert all(each.problem is None for each in storage.list_checkpoints(session).checkpoints)
        assert storage.repair().sound  # removes nothing that is needed
        assert storage.get_active_checkpoint(session) == state
    one.append_messages(session, [{"role": "user", "content": "and on"}])
    one.delete_session(session)
    one.purge_session(session)
    union(tmp_path / "one", tmp_path / "other")
    _is_gone(other, session)


def test_a_purge_that_was_cut_off_is_finished_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage, session = _store(tmp_path)
    storage.delete_session(session)

    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("sessionfs.maintenance.purge.sweep", killed)
        with pytest.raises(Killed):
            storage.purge_session(session)
    assert _lies_in(tmp_path, SECRET)
    _is_gone(storage, session)
    assert storage.purge_session(session, dry_run=True).files == 23
    assert _lies_in(tmp_path, SECRET)
    assert storage.purge_session(session).files == 23
    assert not _lies_in(tmp_path, SECRET)
    assert storage.purge_session(session).files == 0
    assert len(list(Path(tmp_path, "sessions", str(session)).glob("refs/purge.*"))) == 1


def test_the_record_is_on_the_disk_before_anything_is_removed(tmp_path: Path) -> None:
    storage, session = _store(tmp_path)
    storage.delete_session(session)
    full = FileStorage(tmp_path, message_type=dict)
    full.restore_session(session)
    full.delete_session(session)  # the names of the directories are on the disk
    with fsynced() as synced:
        full.purge_session(session)
    names = [Path(path).relative_to(tmp_path / "sessions" / str(session)).parts for path in synced]
    assert [parts[0] for parts in names] == ["refs", "refs", "refs", "objects"]
    assert [len(parts) for parts in names] == [2, 1, 1, 1]


def test_a_damaged_record_hides_nothing_and_is_told(tmp_path: Path) -> None:
    storage, session = _store(tmp_path / "store")
    storage.delete_session(session)
    shutil.copytree(tmp_path / "store", tmp_path / "copy")
    storage.purge_session(session)
    union(tmp_path / "copy", tmp_path / "store")
    (record,) = Path(tmp_path, "store", "sessions", str(session)).glob("refs/purge.*")
    good = record.read_bytes()
    overwrite(record, good[:-5])
    found = storage.get_session(session)
    assert record.name in (found.problem or "")
    assert "meta-damaged" in {each.kind for each in storage.verify().findings}
    overwrite(record, good)
    _is_gone(storage, session)


def test_in_a_git_work_tree_it_is_refused_unless_forced(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    storage, session = _store(tmp_path / "dotfiles" / "store")
    storage.delete_session(session)
    before = snapshot(tmp_path)
    with pytest.raises(InvalidRequestError, match="git's history still holds"):
        storage.purge_session(session)
    with pytest.raises(InvalidRequestError, match="git's history still holds"):
        storage.purge_session(session, dry_run=True)
    assert snapshot(tmp_path) == before
    storage.purge_session(session, force=True)
    _is_gone(storage, session)


@pytest.mark.parametrize("what", ["sessions", "session", "objects"])
@pytest.mark.parametrize("system", ["git", "hg"])
def test_where_a_link_leads_into_a_work_tree_it_is_refused(
    tmp_path: Path, what: str, system: str
) -> None:
    """As stow makes links further down, where other directories of the store are none."""
    kept, root = tmp_path / "dotfiles" / ".sessionfs", tmp_path / "folded"
    storage, session = _store(kept)
    storage.delete_session(session)
    kept.parent.joinpath(f".{system}").mkdir()
    place = {"sessions": "sessions", "session": f"sessions/{session}"}
    at = place.get(what, f"sessions/{session}/objects")
    shutil.copytree(kept, root)
    shutil.rmtree(root / at)
    root.joinpath(at).symlink_to(kept / at)
    before = snapshot(tmp_path)
    with pytest.raises(InvalidRequestError, match="history still holds"):
        open_store(root).purge_session(session)
    assert snapshot(tmp_path) == before
    open_store(root).purge_session(session, force=True)
    with pytest.raises(NotFoundError):
        open_store(root).get_session(session)


def test_the_record_names_every_object_that_was_seen(tmp_path: Path) -> None:
    storage, session = _store(tmp_path)
    storage.delete_session(session)
    directory = Path(storage.session_path(session))
    objects = sorted(path.stem for path in directory.glob("objects/*"))
    storage.purge_session(session)
    (record,) = directory.glob("refs/purge.*")
    made = json.loads(record.read_bytes())
    assert list(made) == ["kind", "session", "at", "objects"]
    assert (made["kind"], made["session"], made["objects"]) == ("purge", str(session), objects)
    assert made["at"] in record.name


def test_an_import_does_not_bring_back_what_was_purged(tmp_path: Path) -> None:
    storage = open_store(tmp_path)
    made = ImportedCheckpoint(
        messages=[{"role": "user", "content": SECRET}],
        created_at=MADE,
    )
    session = UUID("019aab0f-ca00-7001-8000-00000000000a")
    request = ImportSessionRequest(session_id=session, title="t", checkpoints=[made], created_at=MADE)
    storage.import_session(request)
    storage.delete_session(session)
    storage.purge_session(session)
    before = snapshot(tmp_path)
    with pytest.raises(InvalidRequestError, match="was purged"):
        storage.import_session(request)
    assert snapshot(tmp_path) == before


def test_what_a_purge_left_behind_hides_no_head_of_work_that_it_had_not_seen(tmp_path: Path) -> None:
    one, session = _store(tmp_path / "one")
    for name in ("other", "third"):
        shutil.copytree(tmp_path / "one", tmp_path / name)
    other, third = open_store(tmp_path / "other"), open_store(tmp_path / "third")
    mine = other.append_messages(session, [{"n": "other"}]).id
    left = Path(one.checkpoint_path(one.append_messages(session, [{"n": "left"}]).id))
    shutil.copytree(tmp_path / "one", tmp_path / "backup")
    one.set_active_checkpoint(session, one.list_checkpoints(session).checkpoints[0].id)
    one.delete_session(session)
    one.purge_session(session)
    last = third.append_messages(session, [{"n": "third"}]).id
    for name in ("other", "third", "backup"):
        union(tmp_path / name, tmp_path / "one")
    assert left.exists()
    for storage in (one, open_store(tmp_path / "one")):
        assert [each.id for each in storage.get_session(session).heads] == [last, mine]
        view = session_directory(tmp_path / "one", session).look()
        with pytest.raises(IncompleteError, match="was purged"):  # whoever asks for it
            view.objects.load(left.stem)


def test_work_that_was_not_seen_needs_its_base_also_where_its_parent_has_not_arrived(
    tmp_path: Path,
) -> None:
    one = open_store(tmp_path / "one")
    session = one.create_session(CreateSessionRequest("t", [{"n": 0}])).session_id
    for i in range(15):
        parent = one.append_messages(session, [{"n": i}]).id
    for name in ("other", "backup"):
        shutil.copytree(tmp_path / "one", tmp_path / name)
    unseen = open_store(tmp_path / "other").append_messages(session, [{"n": "unseen"}]).id
    one.delete_session(session)
    one.purge_session(session)
    for name in ("other", "backup"):
        union(tmp_path / name, tmp_path / "one")
    Path(open_store(tmp_path / "one").checkpoint_path(parent)).unlink()
    found = open_store(tmp_path / "one").get_active_checkpoint(session)
    assert found.id == unseen
    assert len(found.state.messages) == 17


def test_a_merge_brings_what_work_here_stands_on_though_it_was_purged_there(tmp_path: Path) -> None:
    """Half a sync had brought the new checkpoint alone; what it needs came back to the other store."""
    one, session = _store(tmp_path / "one")
    for name in ("other", "backup"):
        shutil.copytree(tmp_path / "one", tmp_path / name)
    other = open_store(tmp_path / "other")
    unseen = other.append_messages(session, [{"n": "unseen"}]).id
    whole = other.get_active_checkpoint(session).state.messages
    one.delete_session(session)
    one.purge_session(session)
    union(tmp_path / "backup", tmp_path / "one")
    half = tmp_path / "half" / "sessions" / str(session)
    union(Path(other.session_path(session)) / "refs", half / "refs")
    (half / "objects").mkdir()
    shutil.copy(other.checkpoint_path(unseen), half / "objects")
    mine = open_store(tmp_path / "half")
    assert mine.merge_from(tmp_path / "one").refused == []
    found = mine.get_active_checkpoint(session)
    assert (found.id, found.state.messages) == (unseen, whole)


def test_a_purge_record_that_goes_after_it_was_listed_hides_nothing(tmp_path: Path) -> None:
    """As where a tool that mirrors takes it away: it was never there."""
    storage, session = _store(tmp_path)
    shutil.copytree(tmp_path, tmp_path / "backup", ignore=shutil.ignore_patterns("backup"))
    storage.delete_session(session)
    storage.purge_session(session)
    refs = session_directory(tmp_path, session).refs
    listed = refs.names().purges
    assert refs.purged(listed)
    for path in Path(tmp_path / "sessions" / str(session)).glob("refs/purge.*"):
        path.unlink()
    assert refs.purged(listed) is None
