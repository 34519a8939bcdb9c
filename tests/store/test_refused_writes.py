"""A full disk and missing permissions, on a file system that can be made so."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from pyfakefs.fake_filesystem import FakeFilesystem
from pyfakefs.helpers import set_uid

from sessionfs import (
    CreateCheckpointRequest,
    CreateSessionRequest,
    FileStorage,
    InternalError,
    StorageError,
    UnauthorizedError,
    UpdateSessionRequest,
)

ROOT = Path("/home/ana/store")
LONG = {"role": "user", "content": "x" * 5_000}
LARGE = {"role": "user", "content": "x" * 70_000}


class Store:
    def __init__(self) -> None:
        self.storage = FileStorage(ROOT, message_type=dict)
        created = self.storage.create_session(CreateSessionRequest("title", [{"n": 0}]))
        self.session, self.first = created.session_id, created.checkpoint.id
        self.storage.append_messages(self.session, [{"n": 1}])

    def writes(self) -> list[Callable[[], object]]:
        storage, session = self.storage, self.session
        return [
            lambda: storage.create_session(CreateSessionRequest("another", [LONG])),
            lambda: storage.create_session(CreateSessionRequest("another", [LARGE])),
            lambda: storage.append_messages(session, [LONG]),
            lambda: storage.append_messages(session, [LARGE]),
            lambda: storage.create_checkpoint(session, CreateCheckpointRequest([LONG])),
            lambda: storage.update_session(session, UpdateSessionRequest(title="t" * 5_000)),
            lambda: storage.fork_session(session, title="t" * 5_000),
        ]

    def answers(self) -> object:
        fresh = FileStorage(ROOT, message_type=dict)
        return (
            fresh.list_sessions(),
            fresh.get_session(self.session),
            fresh.list_checkpoints(self.session),
        )

    def names(self) -> set[str]:
        return {str(path) for path in ROOT.rglob("*")}


@pytest.fixture
def store(fs: FakeFilesystem) -> Store:
    fs.set_disk_usage(10_000_000, "/")
    fs.create_dir("/home/ana")
    return Store()


def test_a_full_disk_loses_nothing_and_leaves_nothing(fs: FakeFilesystem, store: Store) -> None:
    before, names = store.answers(), store.names()
    used = fs.get_disk_usage("/")[1]
    fs.set_disk_usage(used + 1_000, "/")
    for write in store.writes():
        with pytest.raises(InternalError, match="No space left") as caught:
            write()
        assert caught.value.path is not None
        assert caught.value.path in str(caught.value)
        assert store.names() == names
        assert store.answers() == before
    fs.set_disk_usage(used + 10_000_000, "/")
    for write in store.writes():
        write()


def test_what_may_not_be_written_is_refused_and_nothing_changes(
    fs: FakeFilesystem, store: Store
) -> None:
    before, names = store.answers(), store.names()
    directories = [ROOT, *(path for path in ROOT.rglob("*") if path.is_dir())]
    for directory in directories:
        directory.chmod(0o500)
    for path in [ROOT, *ROOT.rglob("*")]:
        os.chown(path, 1000, 1000)
    set_uid(1000)
    try:
        for write in store.writes():
            with pytest.raises(UnauthorizedError) as caught:
                write()
            assert isinstance(caught.value, PermissionError)
            assert str(ROOT) in str(caught.value)
        assert store.names() == names
        assert store.answers() == before
    finally:
        set_uid(0)


def test_what_may_not_be_read_is_an_error_and_not_absence(store: Store) -> None:
    for path in (ROOT / "sessions" / str(store.session) / "objects").iterdir():
        path.chmod(0o000)
        os.chown(path, 0, 0)
    set_uid(1000)
    try:
        with pytest.raises(StorageError):
            FileStorage(ROOT).get_session(store.session)
    finally:
        set_uid(0)
