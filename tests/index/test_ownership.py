"""Several users on one machine: what one plants where an index will be, the other does not use."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec
import pytest

from sessionfs import CreateSessionRequest, FileStorage, SearchQuery
from sessionfs.fs import fingerprints
from sessionfs.index.location import IndexLocation

from .helpers import open_store, plain

pytestmark = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="files have no owners here")
two_users = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can act as two users"
)
MALLORY, BOB = 2001, 2002
FILES = ("index.sqlite", "text", "words", "stamp.json", "index.lock")
JOURNALS = ("index.sqlite-journal", "index.sqlite-wal", "index.sqlite-shm")


@contextmanager
def acting_as(user: int) -> Iterator[None]:
    """Be another user for a while; what is imported later has been imported before."""
    if user == os.geteuid():
        yield
        return
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(user)
    os.seteuid(user)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


@pytest.fixture
def base(tmp_path: Path) -> Iterator[Path]:
    """Where other users get to, too, if there are any."""
    if os.geteuid():
        yield tmp_path
        return
    # The directory for temporary files may be root's alone.
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        os.chmod(directory, 0o755)
        yield Path(directory)


@pytest.fixture
def shared(base: Path) -> Path:
    """A directory such as /tmp."""
    (base / "shared").mkdir()
    (base / "shared").chmod(0o1777)
    return base / "shared"


@pytest.fixture(autouse=True)
def _aged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let two seconds pass in which nothing changed, without waiting for them."""
    monkeypatch.setattr(fingerprints, "RACY_NS", -(10**18))


def fill(root: Path, cache: Path, user: int) -> FileStorage:
    """Make a store of this user, and an index; everything that this needs is imported then."""
    with tempfile.TemporaryDirectory(dir=root.parent.parent) as place:
        warm = open_store(Path(place, "warm"), Path(place, "cache"))
        warm.create_session(CreateSessionRequest("warm", [{"n": 1}]))
        warm.update_index()
        warm.search(SearchQuery("warm"))
        warm.close()
    root.parent.mkdir(mode=0o700, exist_ok=True)
    os.chown(root.parent, user, -1)
    with acting_as(user):
        storage = open_store(root, cache)
        for i in range(9):
            message = {"role": "user", "content": f"alpha {i}"}
            storage.create_session(CreateSessionRequest(f"Alpha {i}", [message]))
    return storage


def assert_right(storage: FileStorage, root: Path, *, indexed: bool = True) -> None:
    """Compare answers with those of the files, and whether it is an index that gave them."""
    reference = plain(root)
    query = SearchQuery("alpha", limit=100)
    assert storage.list_sessions() == reference.list_sessions()
    assert storage.search(query) == reference.search(query)
    assert storage.index_state().usable is indexed


def location(root: Path, cache: Path) -> Path:
    return Path(IndexLocation(str(root), str(cache)).directory)


def forge(directory: Path) -> None:
    """Change what an index says, as somebody who knows the code would."""
    with closing(sqlite3.connect(directory / "index.sqlite")) as connection, connection:
        connection.execute("UPDATE sessions SET title = 'forged'")
    text = directory / "text"
    text.write_bytes(text.read_bytes().replace(b"alpha", b"evil!"))


def make_stamp_right(directory: Path) -> None:
    """Write the stamp that a version would believe which does not ask whose files these are."""
    stamp = directory / "stamp.json"
    raw = msgspec.json.decode(stamp.read_bytes())
    raw["parts"] = fingerprints.identities([str(directory / name) for name in FILES[:3]])
    stamp.write_bytes(msgspec.json.encode(raw))


def contents(*places: Path) -> dict[str, object]:
    """Return everything that is to stay as it is."""
    found: dict[str, object] = {}
    for place in places:
        for path in (place, *place.rglob("*")) if not place.is_symlink() else (place,):
            status = os.lstat(path)
            content = path.read_bytes() if stat.S_ISREG(status.st_mode) else None
            target = os.readlink(path) if path.is_symlink() else None
            found[str(path)] = status.st_mode, status.st_uid, status.st_mtime_ns, content, target
    return found


# What is planted where the index, or the directory of indexes, will be


def _directory(path: Path, _: Path) -> None:
    path.mkdir()


def _open_directory(path: Path, _: Path) -> None:
    path.mkdir()
    path.chmod(0o777)


def _link_to_directory(path: Path, precious: Path) -> None:
    path.symlink_to(precious)


def _link_to_nothing(path: Path, precious: Path) -> None:
    path.symlink_to(precious / "nothing")


def _fifo(path: Path, _: Path) -> None:
    os.mkfifo(path)


def _file(path: Path, _: Path) -> None:
    path.write_text("planted")


Plant = Callable[[Path, Path], None]
PLANTS: dict[str, Plant] = {
    "directory": _directory,
    "open directory": _open_directory,
    "link to a directory": _link_to_directory,
    "link to nothing": _link_to_nothing,
    "FIFO": _fifo,
    "file": _file,
}


@two_users
@pytest.mark.parametrize("user", [BOB, 0], ids=["a user", "root"])
@pytest.mark.parametrize("where", ["above", "index"])
@pytest.mark.parametrize("planted", PLANTS)
def test_what_another_user_planted_is_not_used(
    base: Path, shared: Path, planted: str, where: str, user: int
) -> None:
    root, cache = base / "home" / "store", shared / "indexes"
    storage = fill(root, cache, user)
    precious = root.parent / "precious"
    precious.mkdir()
    (precious / "file").write_text("precious")
    os.chown(precious, user, -1)
    place = cache if where == "above" else location(root, cache)
    if where == "index":
        cache.mkdir()
        cache.chmod(0o1777)
    PLANTS[planted](place, precious)
    os.chown(place, MALLORY, MALLORY, follow_symlinks=False)
    before = contents(place, precious)
    with acting_as(user):
        for each in (storage, open_store(root, cache)):
            assert_right(each, root, indexed=False)
            assert not each.update_index()
            assert not each.rebuild_index()
            problem = each.index_state().problem
            assert problem is not None
            assert str(place) in problem
    assert contents(place, precious) == before


@two_users
def test_an_index_that_another_user_forged_is_not_believed(base: Path, shared: Path) -> None:
    root, cache = base / "home" / "store", shared / "indexes"
    cache.mkdir()
    cache.chmod(0o1777)
    storage = fill(root, cache, BOB)
    directory = location(root, cache)
    with acting_as(BOB):
        assert storage.update_index()
    storage.close()
    forge(directory)
    for path in directory.iterdir():
        path.chmod(0o666)
        os.chown(path, MALLORY, MALLORY)
    make_stamp_right(directory)
    os.chown(directory, MALLORY, MALLORY)
    directory.chmod(0o777)
    before = contents(directory)
    with acting_as(BOB):
        fresh = open_store(root, cache)
        assert_right(fresh, root, indexed=False)
        assert not fresh.update_index()
    assert contents(directory) == before


@two_users
@pytest.mark.parametrize("way", ["directory", "link", "group"])
def test_a_way_that_others_can_change_is_not_gone(base: Path, shared: Path, way: str) -> None:
    """The directory is the user's own, but another user can put another one in its place."""
    root, own = base / "home" / "store", base / "home" / "cache"
    cache = own
    if way == "directory":
        (shared / "theirs").mkdir()
        os.chown(shared / "theirs", MALLORY, MALLORY)
        cache = shared / "theirs" / "cache"
    elif way == "group":
        (shared / "group").mkdir()
        os.chown(shared / "group", BOB, MALLORY)
        (shared / "group").chmod(0o770)
        cache = shared / "group" / "cache"
    storage = fill(root, cache, BOB)
    cache.mkdir(mode=0o700)
    os.chown(cache, BOB, BOB)
    if way == "link":
        cache = shared / "link"
        cache.symlink_to(own)
        os.chown(cache, MALLORY, MALLORY, follow_symlinks=False)
        storage = open_store(root, cache)
    with acting_as(BOB):
        assert_right(storage, root, indexed=False)
        assert not storage.update_index()
        assert str(shared) in (storage.index_state().problem or "")
        assert list(cache.iterdir()) == []


# One user: what was planted in a directory that is the user's own now


def _linked(path: Path, precious: Path) -> None:
    shutil.copyfile(path, precious)
    precious.chmod(0o600)
    path.unlink()
    path.symlink_to(precious)


def _linked_to_nothing(path: Path, precious: Path) -> None:
    path.unlink()
    path.symlink_to(precious.with_name("nothing"))


def _second_name(path: Path, precious: Path) -> None:
    os.link(path, precious)


def _open_to_others(path: Path, _: Path) -> None:
    path.chmod(0o644)


def _piped(path: Path, _: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _directory_inside(path: Path, _: Path) -> None:
    path.unlink()
    path.mkdir()


def _another_owner(path: Path, _: Path) -> None:
    path.chmod(0o666)
    os.chown(path, MALLORY, MALLORY)


INSIDE: dict[str, Plant] = {
    "link": _linked,
    "link to nothing": _linked_to_nothing,
    "second name": _second_name,
    "open to others": _open_to_others,
    "FIFO": _piped,
    "directory": _directory_inside,
}
CASES = [pytest.param(name, INSIDE[name], id=name) for name in INSIDE] + [
    pytest.param("another owner", _another_owner, id="another owner", marks=two_users)
]


@pytest.mark.parametrize("name", [*FILES, *JOURNALS])
@pytest.mark.parametrize(("what", "plant"), CASES)
def test_a_planted_file_is_neither_read_nor_written(
    base: Path, name: str, what: str, plant: Plant
) -> None:
    user = BOB if os.geteuid() == 0 else os.geteuid()
    root, cache, precious = base / "home" / "store", base / "home" / "cache", base / "home" / "precious"
    storage = fill(root, cache, user)
    with acting_as(user):
        assert storage.update_index()
        directory = location(root, cache)
        if name in JOURNALS:
            (directory / name).touch(mode=0o600)
        elif name in FILES[:3]:
            forge(directory)
            storage.close()
    path = directory / name
    if name == "index.lock" and not path.exists():  # older versions of filelock leave none
        path.touch(mode=0o600)
        os.chown(path, user, user)
    plant(path, precious)
    if precious.exists():
        os.chown(precious, user, user)
    with acting_as(user):
        if name in FILES[:3] and what not in ("link to nothing", "FIFO", "directory"):
            make_stamp_right(directory)
        before = contents(precious) if precious.exists() else {}
        storage.create_session(CreateSessionRequest("more", [{"role": "user", "content": "alpha"}]))
        # A lock has to be the same file for everybody, and a directory may hold what is precious.
        remade = name != "index.lock" and what != "directory"
        for each in (storage, open_store(root, cache)):
            assert each.update_index() is remade
            assert_right(each, root, indexed=remade)
            problem = each.index_state().problem
            assert (problem is None) if remade else str(directory / name) in (problem or "")
        if precious.exists():
            assert contents(precious) == before
        assert not precious.with_name("nothing").exists()
        if remade and name in FILES:
            status = os.lstat(directory / name)
            assert stat.S_ISREG(status.st_mode)
            assert (stat.S_IMODE(status.st_mode), status.st_uid, status.st_nlink) == (0o600, user, 1)


@pytest.mark.parametrize("mode", [0o777, 0o755, 0o770, 0o701])
def test_an_own_directory_that_others_get_into_is_closed(tmp_path: Path, mode: int) -> None:
    root, cache = tmp_path / "home" / "store", tmp_path / "home" / "cache"
    storage = fill(root, cache, os.geteuid())
    assert storage.update_index()
    directory = location(root, cache)
    made = os.lstat(directory / "index.sqlite").st_ino, os.lstat(directory / "stamp.json").st_mtime_ns
    directory.chmod(mode)
    fresh = open_store(root, cache)
    assert fresh.update_index()
    assert_right(fresh, root)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    again = os.lstat(directory / "index.sqlite").st_ino, os.lstat(directory / "stamp.json").st_mtime_ns
    # What others could have changed is thrown away; what they could only read is not.
    assert (again == made) is not bool(mode & 0o022)


@pytest.mark.parametrize("plant", [_link_to_nothing, _fifo, _file], ids=["link", "FIFO", "file"])
@pytest.mark.parametrize("where", ["above", "index"])
def test_what_is_no_directory_is_told(tmp_path: Path, plant: Plant, where: str) -> None:
    root, cache = tmp_path / "home" / "store", tmp_path / "home" / "cache"
    storage = fill(root, cache, os.geteuid())
    place = cache if where == "above" else location(root, cache)
    place.parent.mkdir(exist_ok=True)
    plant(place, tmp_path)
    assert_right(storage, root, indexed=False)
    assert not storage.update_index()
    assert str(place) in (storage.index_state().problem or "")


def test_others_may_write_above_only_with_the_sticky_bit(tmp_path: Path) -> None:
    root, cache = tmp_path / "home" / "store", tmp_path / "above" / "cache"
    storage = fill(root, cache, os.geteuid())
    (tmp_path / "above").mkdir()
    (tmp_path / "above").chmod(0o777)
    assert not storage.update_index()
    assert storage.index_state().problem == f"others may write to {tmp_path / 'above'}"
    assert list((tmp_path / "above").iterdir()) == []
    (tmp_path / "above").chmod(0o1777)
    assert storage.update_index()
    assert storage.index_state().problem is None


def test_the_group_of_one_user_is_nobody_else(tmp_path: Path) -> None:
    user, group = pwd.getpwuid(os.geteuid()), grp.getgrgid(os.getegid())
    if (user.pw_name, user.pw_gid) != (group.gr_name, group.gr_gid) or group.gr_mem:
        pytest.skip("this user has no group of its own")
    root, cache = tmp_path / "home" / "store", tmp_path / "above" / "cache"
    storage = fill(root, cache, os.geteuid())
    (tmp_path / "above").mkdir()
    (tmp_path / "above").chmod(0o775)
    assert storage.update_index()


def test_an_own_link_on_the_way_is_followed(tmp_path: Path) -> None:
    root = tmp_path / "home" / "store"
    (tmp_path / "real" / "deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real/../real/./deep")
    storage = fill(root, tmp_path / "link" / "cache", os.geteuid())
    assert storage.update_index()
    assert_right(storage, root)
    assert list((tmp_path / "real" / "deep" / "cache").glob("*/index.sqlite"))
