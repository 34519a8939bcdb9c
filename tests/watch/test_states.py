"""Half-synced, damaged, moved and removed things are told like any other state."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import uuid
from pathlib import Path
from types import SimpleNamespace

import pytest

from sessionfs.models.events import (
    ActiveChanged,
    CheckpointCreated,
    SessionCreated,
    SessionDeleted,
    SessionUpdated,
)
from sessionfs.watch import Watcher
from sessionfs.watch.snapshot import is_unchanged, take_snapshot

from ..internals import session_directory
from ..store.helpers import opened_files
from .helpers import (
    PATIENCE,
    REPOSITORY,
    Replay,
    eventually,
    kinds,
    listening,
    object_of,
    open_store,
    run,
    watch,
)
from .writer import here

pytestmark = [pytest.mark.slow, pytest.mark.once]

LARGE = [{"large": "x" * 70_000}]


@pytest.fixture(params=[True, False], ids=["notices", "no notices"])
def options(request: pytest.FixtureRequest) -> dict[str, object]:
    return {"notify": request.param, "relist_seconds": 3600.0 if request.param else 0.05}


def test_a_ref_before_its_object(tmp_path: Path, options: dict[str, float]) -> None:
    root, do = tmp_path / "store", here(tmp_path / "store")
    session = do("create", "first")
    first = open_store(root).get_session(session).active_checkpoint
    assert first is not None
    replay = Replay(root)
    with watch(root, **options) as watcher:  # type: ignore[arg-type]
        source = tmp_path / "source"
        shutil.copytree(root, source)
        second = here(source)("append", session)
        refs = Path("sessions", str(session), "refs")
        shutil.copytree(source / refs, root / refs, dirs_exist_ok=True)
        events = replay.settle(watcher)
        assert SessionUpdated in kinds(events)  # updated_at is that of the ref
        assert ActiveChanged not in kinds(events)
        shutil.copy2(object_of(source, session, second), root / "sessions" / str(session) / "objects")
        events = replay.settle(watcher)
    assert kinds(events) == [CheckpointCreated, ActiveChanged, SessionUpdated]
    assert events[1] == ActiveChanged(session, first.id, second)


def test_a_session_that_arrives_file_by_file_in_the_worst_order(
    tmp_path: Path, options: dict[str, float]
) -> None:
    source, root = tmp_path / "source", tmp_path / "store"
    session = here(source)("create", "first")
    for _ in range(3):
        open_store(source).append_messages(session, LARGE)
    replay = Replay(root)
    with watch(root, **options) as watcher:  # type: ignore[arg-type]
        files = sorted((path for path in source.rglob("*") if path.is_file()), reverse=True)
        for path in sorted(files, key=lambda path: path.stat().st_size > 70_000):
            copy = root / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, copy)
            for event in replay.settle(watcher):
                if isinstance(event, CheckpointCreated):
                    assert open_store(root).get_checkpoint(event.checkpoint.id)
    assert kinds(replay.events).count(SessionCreated) == 1
    assert kinds(replay.events).count(CheckpointCreated) == 4
    assert replay.sessions[session].problem is None


@pytest.fixture
def _time_stamps_are_relied_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave nothing to a second look that is taken only because a change is recent."""
    monkeypatch.setattr("sessionfs.fs.fingerprints.RACY_NS", 0)


@pytest.mark.usefixtures("_time_stamps_are_relied_on")
def test_damage_and_repair(tmp_path: Path) -> None:
    """Bytes that are rewritten in place change no directory: a notice is what tells."""
    do = here(tmp_path)
    session = do("create", "first")
    second = do("append", session)
    replay, path = Replay(tmp_path), object_of(tmp_path, session, second)
    good = path.read_bytes()
    with listening(watch(tmp_path)) as watcher:
        path.chmod(0o600)
        path.write_bytes(good[:-1])
        events = replay.settle(watcher)
        assert kinds(events) == [SessionUpdated]
        assert replay.sessions[session].problem is not None
        path.write_bytes(good)
        events = replay.settle(watcher)
    assert kinds(events) == [SessionUpdated]
    assert replay.sessions[session].problem is None


@pytest.mark.usefixtures("_time_stamps_are_relied_on")
def test_damage_that_was_here_is_seen_repaired_without_notices(tmp_path: Path) -> None:
    do = here(tmp_path)
    session = do("create", "first")
    second = do("append", session)
    path = object_of(tmp_path, session, second)
    good = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(b"{}")
    replay = Replay(tmp_path)
    with watch(tmp_path, notify=False, relist_seconds=0.05) as watcher:
        path.write_bytes(good)
        events = replay.settle(watcher)
    assert kinds(events) == [CheckpointCreated, ActiveChanged, SessionUpdated]


@pytest.mark.usefixtures("_time_stamps_are_relied_on")
def test_a_damaged_file_is_not_read_again_and_again(tmp_path: Path) -> None:
    do = here(tmp_path)
    session = do("create", "first")
    objects = tmp_path / "sessions" / str(session) / "objects"
    replay = Replay(tmp_path)
    bad = objects / ("0" * 64 + ".json")
    with opened_files() as opened, watch(tmp_path, notify=False, relist_seconds=0.05) as watcher:
        (tmp_path / "bad").write_bytes(b"{}")
        os.rename(tmp_path / "bad", bad)
        for _ in range(3):
            do("append", session)
            replay.settle(watcher)
        assert opened.count(str(bad)) == 2  # once, and whether that was all
        bad.unlink()
        do("append", session)
        replay.settle(watcher)
    assert kinds(replay.events).count(CheckpointCreated) == 4


def test_a_store_that_is_moved_in_away_and_replaced(tmp_path: Path, options: dict[str, float]) -> None:
    one, two, root = (tmp_path / name for name in ("one", "two", "store"))
    sessions = {here(place)("create", f"{place.name} {n}") for place in (one, two) for n in range(3)}
    kept = sessions.intersection(replay_ids(one))
    replay = Replay(root)
    with watch(root, **options) as watcher:  # type: ignore[arg-type]
        os.rename(one, root)
        events = replay.settle(watcher)
        assert {*replay.sessions} == kept
        assert kinds(events).count(SessionCreated) == 3

        os.rename(root, one)
        events = replay.settle(watcher)
        assert kinds(events) == [SessionDeleted] * 3
        assert all(isinstance(event, SessionDeleted) and event.removed for event in events)

        os.rename(two, root)
        replay.settle(watcher)
        assert {*replay.sessions} == sessions - kept

        os.rename(root, two)
        os.rename(one, root)
        replay.settle(watcher)
        assert {*replay.sessions} == kept

        (session, *_) = kept
        here(root)("append", session)
        assert ActiveChanged in kinds(replay.settle(watcher))


def replay_ids(root: Path) -> set[object]:
    return {*Replay(root).sessions}


def test_a_session_directory_that_is_moved_in_and_away(
    tmp_path: Path, options: dict[str, float]
) -> None:
    root, outside = tmp_path / "store", tmp_path / "outside"
    do = here(root)
    session, _ = do("create", "first"), do("create", "second")
    do("append", session)
    os.rename(root / "sessions" / str(session), outside)
    replay = Replay(root)
    with watch(root, **options) as watcher:  # type: ignore[arg-type]
        os.rename(outside, root / "sessions" / str(session))
        events = replay.settle(watcher)
        assert kinds(events) == [SessionCreated, CheckpointCreated, CheckpointCreated, ActiveChanged]
        os.rename(root / "sessions" / str(session), outside)
        assert kinds(replay.settle(watcher)) == [SessionDeleted]
        os.rename(outside, root / "sessions" / str(session))
        replay.settle(watcher)
        do("append", session)
        assert ActiveChanged in kinds(replay.settle(watcher))


def test_sessions_elsewhere_behind_a_link(tmp_path: Path, options: dict[str, float]) -> None:
    root, other = tmp_path / "store", tmp_path / "other"
    first = here(other)("create", "first")
    root.mkdir()
    replay = Replay(root)
    with watch(root, **options) as watcher:  # type: ignore[arg-type]
        (root / "sessions").symlink_to(other / "sessions")
        replay.settle(watcher)
        assert {*replay.sessions} == {first}
        here(other)("append", first)
        assert ActiveChanged in kinds(replay.settle(watcher))
        (root / "sessions").unlink()
        (root / "sessions").mkdir()
        assert kinds(replay.settle(watcher)) == [SessionDeleted]


def test_foreign_files_tell_nothing(tmp_path: Path) -> None:
    do = here(tmp_path)
    session = do("create", "first")
    replay = Replay(tmp_path)
    with listening(watch(tmp_path)) as watcher:
        for place in ("", "sessions", f"sessions/{session}", f"sessions/{session}/refs"):
            (tmp_path / place / "notes.txt").write_bytes(b"foreign")
            with open(os.fsencode(tmp_path / place) + b"/\xff", "wb") as no_text:
                no_text.write(b"foreign")
        do("rename", session)
        assert kinds(replay.settle(watcher)) == [SessionUpdated]
        do("delete", session)
        assert kinds(replay.settle(watcher)) == [SessionDeleted]


UNREADABLE = """
import os, sqlite3, sys, tempfile, watchfiles
from pathlib import Path
from tests.watch.helpers import Replay, listening, watch
from tests.watch.writer import here

root_user = os.getuid() == 0  # whom permissions do not apply to
# Where another user can get to: the directory for temporary files may be root's alone.
place = tempfile.TemporaryDirectory(dir="/tmp" if root_user else None)
root = Path(place.name)
if root_user:
    os.chown(root, 65534, 65534)
    os.setuid(65534)
do = here(root)
first, second = do("create", "first"), do("create", "second")
replay = Replay(root)
with listening(watch(root, relist_seconds=0.1)) as watcher:
    os.chmod(root / "sessions" / str(first), 0)
    replay.settle(watcher)
    assert replay.sessions[first].problem
    do("append", second)
    replay.settle(watcher)
    os.chmod(root / "sessions" / str(first), 0o700)
    replay.settle(watcher)
    assert not replay.sessions[first].problem
    os.chmod(root / "sessions" / str(first) / "refs", 0)
    replay.settle(watcher)

replay = Replay(root)
with watch(root, relist_seconds=0.1) as watcher:  # not all of it can be listened to
    for _ in range(20):
        do("append", second)
        replay.settle(watcher)
        assert watcher.changed_since_last_call() is None
    os.chmod(root / "sessions" / str(first) / "refs", 0o700)
    do("append", first)
    replay.settle(watcher)
    os.chmod(root / "sessions", 0)
    while watcher.next_event(0.3):
        pass
    os.chmod(root / "sessions", 0o700)
    do("append", first)
    replay.settle(watcher)
"""


def test_permissions_end_nothing() -> None:
    run(UNREADABLE)


FEW_WATCHES = """
import sys
from pathlib import Path
from tests.watch.helpers import Replay, watch
from tests.watch.writer import here

root = Path(sys.argv[1])
do = here(root)
sessions = [do("create", str(n)) for n in range(9)]
replay = Replay(root)
with watch(root, relist_seconds=0.1) as watcher:
    for session in sessions:
        do("append", session)
        replay.settle(watcher)
        assert watcher.changed_since_last_call() is None
"""


def test_more_directories_than_the_system_listens_to(tmp_path: Path) -> None:
    limit = "echo 12 > /proc/sys/user/max_inotify_watches"
    unshare = ["unshare", "--user", "--map-root-user", "sh", "-c"]
    try:
        subprocess.run([*unshare, limit], check=True, capture_output=True, timeout=PATIENCE)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("limits cannot be set here")
    script = [*unshare, f'{limit} && exec "$@"', "sh", sys.executable, "-c", FEW_WATCHES]
    subprocess.run([*script, str(tmp_path)], cwd=REPOSITORY, check=True, timeout=PATIENCE)


def test_a_directory_of_the_name_of_a_session_that_is_filled_later(tmp_path: Path) -> None:
    source, root = tmp_path / "source", tmp_path / "store"
    session = here(source)("create", "first")
    target = root / "sessions" / str(session)
    with listening_after_making(root) as watcher:
        replay = Replay(root)
        target.mkdir()
        eventually(lambda: watcher.changed_since_last_call() == {session})
        for name in ("objects", "refs"):
            shutil.copytree(source / "sessions" / str(session) / name, target / name)
        replay.settle(watcher)
    assert {*replay.sessions} == {session}


def listening_after_making(root: Path) -> Watcher:
    (root / "sessions").mkdir(parents=True)
    return listening(watch(root))


def test_what_comes_just_after_a_look_without_a_notice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link that is made later leads where nobody listens; its time stamps are too new to rely on."""
    monkeypatch.setattr("sessionfs.fs.fingerprints.RACY_NS", 60_000_000_000)
    root, outside = tmp_path / "store", tmp_path / "outside"
    session = here(outside)("create", "first")
    with listening_after_making(root) as watcher:
        replay = Replay(root)
        (root / "sessions" / str(session)).symlink_to(outside / "sessions" / str(session))
        replay.settle(watcher)
        here(outside)("append", session)
        assert ActiveChanged in kinds(replay.settle(watcher))

        empty = uuid.uuid4()
        (outside / "sessions" / str(empty)).mkdir()
        (root / "sessions" / str(empty)).symlink_to(outside / "sessions" / str(empty))
        eventually(lambda: empty in (watcher.changed_since_last_call() or ()))
        eventually(lambda: not watcher._feed._due)
        kept = (outside / "sessions" / str(session), outside / "sessions" / str(empty))
        shutil.copytree(*kept, dirs_exist_ok=True)
        events = replay.settle(watcher)
        assert kinds(events)[0] is SessionCreated
        assert events[0].session_id == empty


def test_where_the_clock_of_the_files_is_ahead_time_stamps_are_relied_on_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = here(tmp_path)("create", "first")
    now = time.time_ns() - 3600 * 10**9
    monkeypatch.setattr("sessionfs.watch.snapshot.time", SimpleNamespace(time_ns=lambda: now))
    first = take_snapshot(session_directory(tmp_path, session), None)
    assert first is not None
    assert not is_unchanged(session_directory(tmp_path, session), first.known)
    now += 3 * 10**9
    second = take_snapshot(session_directory(tmp_path, session), first.known)
    assert second is not None
    assert is_unchanged(session_directory(tmp_path, session), second.known)
    here(tmp_path)("append", session)
    assert not is_unchanged(session_directory(tmp_path, session), second.known)
