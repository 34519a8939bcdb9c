"""The index is a cache: whatever becomes of it, every answer is that of the files."""

from __future__ import annotations

import os
import random
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from sessionfs import (
    CreateSessionRequest,
    FileStorage,
    ListSessionsQuery,
    NotFoundError,
    UpdateSessionRequest,
)
from sessionfs.fs import fingerprints
from sessionfs.index.location import IndexLocation

from ..store.helpers import opened_files
from .helpers import HARM, assert_equals_scan, database, open_store


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def fill(storage: FileStorage, sessions: int) -> None:
    for i in range(sessions):
        request = CreateSessionRequest(f"Alpha {i}", [{"n": i}], cwd=f"/work/{i % 3}")
        session = storage.create_session(request).session_id
        if i % 4 == 0:
            storage.delete_session(session)


def age(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let two seconds pass in which nothing changed, without waiting for them."""
    monkeypatch.setattr(fingerprints, "RACY_NS", -(10**18))


def objects_read(storage: FileStorage) -> int:
    with opened_files() as opened:
        storage.list_sessions()
    return sum("/sessions/" in path for path in opened)


def test_a_warm_index_opens_no_file_of_a_session(
    root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    age(root, monkeypatch)
    fill(open_store(root, cache), 12)
    assert objects_read(open_store(root, cache)) > 0
    assert objects_read(open_store(root, cache)) == 0
    assert_equals_scan(open_store(root, cache), root)


def test_only_what_changed_is_looked_at(
    root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    age(root, monkeypatch)
    storage = open_store(root, cache)
    fill(storage, 12)
    storage.list_sessions()
    session = storage.list_sessions().sessions[5].id
    storage.append_messages(session, [{"more": 1}])
    fresh = open_store(root, cache)
    with opened_files() as opened:
        assert fresh.list_sessions().sessions[0].id == session
    assert {path.split("/sessions/")[1][:36] for path in opened if "/sessions/" in path} == {
        str(session)
    }


def test_a_directory_that_just_changed_is_looked_at_again(root: Path, cache: Path) -> None:
    """Within the clock's grain two changes have one time: the second must not be missed."""
    storage = open_store(root, cache)
    fill(storage, 10)
    storage.list_sessions()
    assert objects_read(open_store(root, cache)) > 0


@pytest.mark.parametrize("harm", HARM)
@pytest.mark.parametrize("seed", range(8))
def test_a_harmed_index_changes_no_answer(
    root: Path, cache: Path, harm: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    age(root, monkeypatch)
    storage = open_store(root, cache)
    fill(storage, 10)
    storage.list_sessions()
    assert database(cache).stat().st_size > 0
    HARM[harm](cache, random.Random(seed))
    for each in (open_store(root, cache), storage):
        assert_equals_scan(each, root)


def test_the_index_of_another_store_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    age(tmp_path, monkeypatch)
    caches = []
    for name in ("one", "other"):
        storage = open_store(tmp_path / name, tmp_path / f"cache-{name}")
        fill(storage, 9 if name == "one" else 10)
        storage.list_sessions()
        caches.append(database(tmp_path / f"cache-{name}").parent)
    for file in caches[1].iterdir():
        shutil.copy2(file, caches[0] / file.name)
    assert_equals_scan(open_store(tmp_path / "one", tmp_path / "cache-one"), tmp_path / "one")
    # The directory itself takes the other one's place, stamp and all.
    shutil.rmtree(caches[0])
    caches[1].rename(caches[0])
    assert_equals_scan(open_store(tmp_path / "one", tmp_path / "cache-one"), tmp_path / "one")


def test_a_store_that_was_replaced_by_a_copy_is_another_store(
    root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    age(root, monkeypatch)
    storage = open_store(root, cache)
    fill(storage, 10)
    storage.list_sessions()
    root.rename(root.with_name("moved"))
    fill(open_store(root, cache), 3)
    assert open_store(root, cache).list_sessions().total == 3


def test_another_version_of_the_index_is_thrown_away(
    root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(open_store(root, cache), 9)
    monkeypatch.setattr("sessionfs.index.location.VERSION", 99)
    open_store(root, cache).list_sessions()
    monkeypatch.undo()
    assert_equals_scan(open_store(root, cache), root)


@pytest.mark.parametrize("where", ["/dev/null/x", "/proc/none", "file"])
def test_without_a_place_for_it_the_answers_are_the_same(
    root: Path, tmp_path: Path, where: str
) -> None:
    (tmp_path / "file").write_text("in the way")
    storage = open_store(root, tmp_path / where)
    fill(storage, 9)
    assert_equals_scan(storage, root, indexed=False)


def test_a_held_lock_keeps_nobody_waiting_for_ever(
    root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sessionfs.index.location.LOCK_SECONDS", 0.01)
    storage = open_store(root, cache)
    fill(storage, 9)
    directory = Path(IndexLocation(str(root), str(cache)).directory)
    directory.mkdir(parents=True)
    with FileLock(directory / "index.lock"):
        assert_equals_scan(storage, root, indexed=False)
    assert not (directory / "stamp.json").exists()


def test_it_lies_outside_the_store_and_is_its_owners_alone(root: Path, cache: Path) -> None:
    before = os.umask(0)
    try:
        fill(open_store(root, cache), 10)
        open_store(root, cache).list_sessions()
    finally:
        os.umask(before)
    assert not any("sqlite" in path.name for path in root.rglob("*"))
    for path in cache.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_the_users_cache_is_the_default(root: Path, tmp_path: Path) -> None:
    code = "import sys; from sessionfs import FileStorage; FileStorage(sys.argv[1]).list_sessions()"
    fill(open_store(root, tmp_path / "elsewhere"), 10)
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "xdg"), "HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code, str(root)], check=True, env=environment)
    assert database(tmp_path / "xdg" / "sessionfs").stat().st_size > 0


@pytest.mark.skipif(shutil.which("rsync") is None, reason="rsync is not installed")
def test_what_rsync_brings_is_in_the_next_listing(
    root: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in a process that is already running, with the modification times of the source."""
    age(root, monkeypatch)
    here, there = open_store(root, cache), open_store(tmp_path / "there", tmp_path / "cache-there")
    fill(here, 10)

    def sync() -> None:
        subprocess.run(["rsync", "-a", f"{tmp_path}/there/", f"{root}/"], check=True)

    there.create_session(CreateSessionRequest("brought", [{"n": 1}]))
    assert here.list_sessions().total == 10
    sync()
    assert here.list_sessions().total == 11
    found = here.list_sessions(ListSessionsQuery(search="brought")).sessions[0]
    there.update_session(found.id, UpdateSessionRequest(title="renamed there"))
    sync()
    assert here.list_sessions(ListSessionsQuery(search="renamed there")).total == 1
    last = there.append_messages(found.id, [{"n": 2}])
    # The ref arrives before its object.
    subprocess.run(
        ["rsync", "-a", "--exclude", "objects", f"{tmp_path}/there/", f"{root}/"], check=True
    )
    [before] = here.list_sessions(ListSessionsQuery(search="renamed there")).sessions
    assert before.message_count == 1
    sync()
    [after] = here.list_sessions(ListSessionsQuery(search="renamed there")).sessions
    assert (after.active_checkpoint_id, after.message_count) == (last.id, 2)
    assert_equals_scan(here, root)


def test_a_session_that_is_removed_is_gone(root: Path, cache: Path) -> None:
    storage = open_store(root, cache)
    fill(storage, 10)
    listed = storage.list_sessions()
    for each in listed.sessions[:3]:
        shutil.rmtree(storage.session_path(each.id))
    assert storage.list_sessions().total == 7
    assert_equals_scan(open_store(root, cache), root)


def test_a_checkpoint_is_found_by_its_id_without_looking_into_other_sessions(
    root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    age(root, monkeypatch)
    storage = open_store(root, cache)
    fill(storage, 12)
    wanted = storage.append_messages(storage.list_sessions().sessions[5].id, [{"n": "wanted"}])
    storage.get_checkpoint(wanted.id)
    with opened_files() as opened:
        assert open_store(root, cache).get_checkpoint(wanted.id).id == wanted.id
    assert {path.split("/sessions/")[1][:36] for path in opened if "/sessions/" in path} == {
        str(wanted.session_id)
    }


@pytest.mark.parametrize("harm", HARM)
def test_a_harmed_index_hides_no_checkpoint(
    root: Path, cache: Path, harm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    age(root, monkeypatch)
    storage = open_store(root, cache)
    fill(storage, 10)
    ids = [each.active_checkpoint_id for each in storage.list_sessions().sessions]
    for each in ids:
        assert each is not None
        assert storage.get_checkpoint(each).id == each
    HARM[harm](cache, random.Random(1))
    for each in ids:
        assert each is not None
        assert open_store(root, cache).get_checkpoint(each).id == each


def test_checkpoints_that_arrive_move_or_go_are_found_where_they_are(
    root: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    age(root, monkeypatch)
    storage, away = open_store(root, cache), tmp_path / "away"
    fill(storage, 10)
    summary = storage.list_sessions().sessions[3]
    assert summary.active_checkpoint_id is not None
    assert storage.get_checkpoint(summary.active_checkpoint_id).session_id == summary.id
    Path(storage.session_path(summary.id)).rename(away)
    for each in (storage, open_store(root, cache)):
        with pytest.raises(NotFoundError):
            each.get_checkpoint(summary.active_checkpoint_id)
    away.rename(root / "sessions" / str(summary.id))
    for each in (storage, open_store(root, cache)):
        assert each.get_checkpoint(summary.active_checkpoint_id).session_id == summary.id
