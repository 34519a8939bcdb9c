"""The set of sessions that may have changed: nothing is missing from it, and little too much in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sessionfs.fs.mounts import is_local

from .helpers import Replay, eventually, listening, watch
from .writer import elsewhere, here

pytestmark = [pytest.mark.slow, pytest.mark.once]


@pytest.fixture(autouse=True)
def _cools_down_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessionfs.watch.notify._HOT_SECONDS", 0.5)


def test_first_anything_then_what_was_noticed(tmp_path: Path) -> None:
    do, other = here(tmp_path), elsewhere(tmp_path)
    sessions = [do("create", str(n)) for n in range(3)]
    with watch(tmp_path) as watcher:
        assert watcher.changed_since_last_call() is None
        listening(watcher)
        eventually(lambda: watcher.changed_since_last_call() == set())
        other("append", sessions[1])
        eventually(lambda: watcher.changed_since_last_call() == {sessions[1]})
        # What comes in just after a notice may have none of its own.
        assert watcher.changed_since_last_call() == {sessions[1]}
        eventually(lambda: watcher.changed_since_last_call() == set())
        watcher.mark(sessions[2])
        assert watcher.changed_since_last_call() == {sessions[2]}
        made = other("create", "new")

        def is_told() -> bool:
            answer = watcher.changed_since_last_call()
            assert answer is not None  # a temporary name says nothing
            return made in answer

        eventually(is_told)
        other("remove", made)
        eventually(lambda: watcher.changed_since_last_call() == set())
        other("remove", sessions[0])
        eventually(lambda: watcher.changed_since_last_call() == {sessions[0]})


def test_without_notices_anything_may_have_changed(tmp_path: Path) -> None:
    do = here(tmp_path)
    replay = Replay(tmp_path)
    with watch(tmp_path, notify=False, relist_seconds=0.05) as watcher:
        do("create", "first")
        replay.settle(watcher)
        watcher.mark(do("create", "second"))
        assert watcher.changed_since_last_call() is None
        assert watcher.changed_since_last_call() is None


def test_another_directory_of_sessions(tmp_path: Path) -> None:
    root = tmp_path / "store"
    with watch(root) as watcher:
        assert watcher.changed_since_last_call() is None  # there is nothing to listen to
        here(root)("create", "first")
        listening(watcher)
        os.rename(root / "sessions", tmp_path / "away")
        eventually(lambda: watcher.changed_since_last_call() is None)
        os.rename(tmp_path / "away", root / "sessions")
        listening(watcher)
    assert watcher.changed_since_last_call() is None


def test_something_foreign_among_the_sessions(tmp_path: Path) -> None:
    here(tmp_path)("create", "first")
    with listening(watch(tmp_path)) as watcher:
        eventually(lambda: watcher.changed_since_last_call() == set())
        (tmp_path / "sessions" / "foreign").write_bytes(b"")
        eventually(lambda: watcher.changed_since_last_call() is None)
        eventually(lambda: watcher.changed_since_last_call() == set())


def test_what_only_a_relist_finds_has_changed_too(tmp_path: Path) -> None:
    """A link that is made later leads where nobody listens."""
    root, outside = tmp_path / "store", tmp_path / "outside"
    first, second = here(outside)("create", "first"), here(root)("create", "second")
    replay = Replay(root)
    with listening(watch(root, relist_seconds=0.2)) as watcher:
        (root / "sessions" / str(first)).symlink_to(outside / "sessions" / str(first))
        replay.settle(watcher)
        eventually(lambda: watcher.changed_since_last_call() == set())
        here(outside)("append", first)
        eventually(lambda: first in (watcher.changed_since_last_call() or ()))
        replay.settle(watcher)
    assert {*replay.sessions} == {first, second}


def test_thousands_of_marks_that_nobody_asks_for_take_no_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sessionfs.watch.notify._MOST_HOT", 3)
    do = here(tmp_path)
    sessions = [do("create", str(n)) for n in range(9)]
    with listening(watch(tmp_path)) as watcher:
        eventually(lambda: watcher.changed_since_last_call() == set())
        for session in sessions:
            watcher.mark(session)
        assert watcher.changed_since_last_call() is None


TABLE = """\
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
28 27 0:25 / /home ro,relatime shared:1 master:2 - nfs4 server:/home rw
29 28 0:25 / /home/me/with\\040space rw - btrfs /dev/vdb rw
30 27 0:26 / /srv rw - ext4 /dev/vdc rw
31 27 0:27 / /srv rw - fuse.sshfs remote: rw
"""


@pytest.mark.parametrize(
    ("path", "local"),
    [
        ("/", True),
        ("/homes/x", True),
        ("/home", False),
        ("/home/me/x", False),
        ("/home/me/with space/x", True),
        ("/srv/x", False),  # the later one hides the earlier
    ],
)
def test_which_file_systems_are_relied_on(tmp_path: Path, path: str, local: bool) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(TABLE)
    assert is_local(path, str(table)) is local
    assert not is_local(path, str(tmp_path / "none"))
