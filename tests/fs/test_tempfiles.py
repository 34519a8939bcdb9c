"""What killed writers left is swept by the next writer once it is a day old, and nothing else is."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from sessionfs import CreateSessionRequest, FileStorage, UpdateSessionRequest

from ..store.helpers import snapshot

OLD, YOUNG = 24 * 3600 + 60, 24 * 3600 - 60
NAME = ".tmp-0123456789abcdef"
NOT_OURS = (
    ".tmp-",
    ".tmp-0123456789ABCDEF",
    ".tmp-0123456789abcde",
    "x.tmp-0123456789abcdef",
    ".tmp-notes",
)


class Store:
    def __init__(self, root: Path) -> None:
        self.root = root
        created = self.open().create_session(CreateSessionRequest("title", [{"n": 0}]))
        self.session = created.session_id
        self.directory = root / "sessions" / str(self.session)

    def open(self) -> FileStorage:
        return FileStorage(self.root, durability="relaxed", message_type=dict)

    def write(self) -> None:
        storage = self.open()
        storage.append_messages(self.session, [{"n": 1}])
        storage.create_session(CreateSessionRequest("another", []))

    def places(self) -> list[Path]:
        return [self.root, self.directory.parent, self.directory / "objects", self.directory / "refs"]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def age(path: Path, seconds: float) -> None:
    for each in [*path.rglob("*"), path]:
        os.utime(each, (time.time() - seconds,) * 2, follow_symlinks=False)


def directory_at(path: Path) -> Path:
    (path / "objects").mkdir(parents=True)
    (path / "objects" / "a.json").write_text("half")
    (path / "refs").mkdir()
    return path


@pytest.mark.parametrize("seconds", [OLD, YOUNG, -OLD])
@pytest.mark.parametrize("what", ["file", "directory", "link"])
def test_what_is_a_day_old_is_swept_by_the_first_write(store: Store, what: str, seconds: float) -> None:
    outside = directory_at(store.root.parent / "outside")
    left = [place / NAME for place in store.places()]
    for path in left:
        if what == "directory":
            directory_at(path)
        elif what == "link":
            path.symlink_to(outside)
        else:
            path.write_text("half")
        age(path, seconds) if what != "link" else os.utime(
            path, (time.time() - seconds,) * 2, follow_symlinks=False
        )
    before = snapshot(outside)
    store.write()
    assert [path.name for path in left if os.path.lexists(path)] == (
        [] if seconds == OLD else [NAME] * 4
    )
    assert snapshot(outside) == before


def test_other_names_are_never_swept(store: Store) -> None:
    left = [place / name for place in store.places() for name in NOT_OURS]
    for path in left:
        path.write_text("of somebody else")
        age(path, OLD)
    store.write()
    store.open().update_session(store.session, UpdateSessionRequest(title="new"))
    assert [path for path in left if not path.exists()] == []


def test_reading_sweeps_nothing(store: Store) -> None:
    for place in store.places():
        (place / NAME).write_text("half")
        age(place / NAME, OLD)
    storage = store.open()
    storage.get_session(store.session)
    storage.list_sessions()
    storage.list_checkpoints(store.session)
    assert all((place / NAME).exists() for place in store.places())


def test_one_that_cannot_be_removed_is_no_error(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in store.places():
        (place / NAME).write_text("half")
        age(place / NAME, OLD)
    real = os.unlink

    def unlink(path: str | os.PathLike[str], **how: int) -> None:
        if os.fspath(path).endswith(NAME):
            raise PermissionError(1, "Operation not permitted", path)
        real(path, **how)

    monkeypatch.setattr(os, "unlink", unlink)
    store.write()
    assert len(store.open().list_sessions().sessions) == 2
