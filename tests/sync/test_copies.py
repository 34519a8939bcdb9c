"""Archives, copies by hand, and drives that keep both of two files by giving one another name."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from sessionfs import NotFoundError

from ..effort import Counted
from .checking import (
    answers,
    assert_alike,
    assert_never_wrong,
    assert_no_changed_byte,
    assert_nothing_lost,
)
from .conftest import Follow
from .machines import Machine, Machines
from .scenarios import scenario

pytestmark = pytest.mark.once

KEEPS = "a removed file comes back"
ARCHIVES = "Archives and copies by hand"
COPIES: dict[str, Callable[[Path], str]] = {
    "a number": lambda path: f"{path.stem} (1){path.suffix}",
    "Dropbox": lambda path: f"{path.stem} (Ana's conflicted copy 2026-11-25){path.suffix}",
    "Nextcloud": lambda path: f"{path.stem} (conflicted copy 2026-11-25 101530){path.suffix}",
    "OneDrive": lambda path: f"{path.stem}-DESKTOP-AB12{path.suffix}",
    "a person": lambda path: f"{path.stem} - Copy{path.suffix}",
    "an editor": lambda path: f".{path.name}.swp",
    "macOS": lambda path: f"._{path.name}",
}
"""How the names of copies are made, by who makes them."""


class Two:
    """A laptop and a desk that worked apart in one session and in others."""

    def __init__(self, machines: Machines) -> None:
        self._machines = machines
        self.laptop = machines.machine("laptop")
        self.session = self.laptop.create("garden", "turn")
        self.desk = self.laptop.copied("desk")
        self.secret = self.laptop.create("secret", "turn")
        self.laptop.work(self.session)
        self.last = self.desk.work(self.session)

    def carry(self, name: str, one: Machine, other: Machine) -> None:
        """Take a file or directory from one home to another, as on a stick."""
        source, target = one.home / name, other.home / name
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy(source, target)

    def assert_synced(self) -> None:
        assert self.laptop.active(self.session) == self.last
        assert_alike(self.laptop, self.desk)
        assert_nothing_lost(self._machines.kept, self.laptop, self.desk)
        assert_no_changed_byte(self.laptop, self.desk)


@pytest.fixture
def two(machines: Machines) -> Two:
    return Two(machines)


def _of_archives(tool: str) -> tuple[str, str]:
    return (
        f"{ARCHIVES}: put a store into a {tool} archive",
        f"{ARCHIVES}: take new files from a {tool} archive",
    )


def _in_an_archive(two: Two, follow: Follow, tool: str) -> None:
    pack, unpack = _of_archives(tool)
    for one, other in ((two.laptop, two.desk), (two.desk, two.laptop)):
        follow(pack, one)
        two.carry(f"sessions.{tool}", one, other)
        follow(unpack, other)
    two.assert_synced()


@scenario(
    "tar",
    "each side unpacks what the other one packed",
    deletions=KEEPS,
    needs=("tar",),
    follows=_of_archives("tar"),
)
def test_tar(two: Two, follow: Follow) -> None:
    _in_an_archive(two, follow, "tar")


@scenario(
    "zip",
    "each side unpacks what the other one packed",
    deletions=KEEPS,
    needs=("zip", "unzip"),
    follows=_of_archives("zip"),
)
def test_zip(two: Two, follow: Follow) -> None:
    _in_an_archive(two, follow, "zip")


@scenario(
    "tar",
    "an archive of last month is unpacked over a store that went on, and had purged",
    deletions="all that was removed comes back; what was purged is hidden",
    needs=("tar",),
    follows=_of_archives("tar"),
)
def test_an_old_archive(two: Two, machines: Machines, follow: Follow) -> None:
    pack, unpack = _of_archives("tar")
    follow(pack, two.laptop)
    two.laptop.purge(two.secret)
    two.laptop.append(two.session, "turn of this month")
    before = answers(two.laptop.storage)
    follow(unpack, two.laptop)
    assert answers(two.laptop.storage) == before
    with pytest.raises(NotFoundError):
        two.laptop.storage.get_session(two.secret)
    assert list((two.laptop.root / "sessions" / str(two.secret)).glob("objects/*"))
    assert_nothing_lost(machines.kept, two.laptop, but=machines.kept.keys() - _of(machines, "laptop"))
    assert_no_changed_byte(two.laptop, also=frozenset({"purged"}))


@scenario(
    "cp -Rn",
    "two copies by hand, over each other",
    deletions=KEEPS,
    follows=(f"{ARCHIVES}: take new files from a copy",),
)
def test_copies_by_hand(two: Two, follow: Follow) -> None:
    for one, other in ((two.laptop, two.desk), (two.desk, two.laptop)):
        shutil.copytree(one.root, other.home / "copy")
        # Some versions of cp say by their exit code that they left files alone.
        follow(f"{ARCHIVES}: take new files from a copy", other, ends=(0, 1))
    two.assert_synced()


@scenario(
    "cloud drives",
    "copies that they make of files in conflict lie beside the store's own",
    deletions="those of the drive: they are made on the other side too",
    replayed=True,
)
def test_copies_in_conflict(two: Two, machines: Machines, counted: Counted) -> None:
    laptop = two.laptop
    before, made = answers(laptop.storage), list[Path]()
    directories = list(laptop.root.glob("sessions/*"))
    for path in list(laptop.root.glob("sessions/*/*/*")):
        for name in COPIES.values():
            copy = path.with_name(name(path))
            copy.write_bytes(path.read_bytes() if len(made) % 3 else b"torn")
            made.append(copy)
    for own in (".DS_Store", "desktop.ini", "Thumbs.db", "Icon\r"):
        for directory in [laptop.root, laptop.root / "sessions", *directories]:
            (directory / own).write_bytes(b"a desktop's own")
    for storage in (laptop.storage, laptop.opened(), laptop.copied("other").storage):
        assert answers(storage) == before
    laptop.append(two.session, "turn after that")
    laptop.storage.repair()
    assert all(each.exists() for each in made)
    assert_nothing_lost(machines.kept, laptop, but=machines.kept.keys() - _of(machines, "laptop"))
    assert_no_changed_byte(laptop, also=frozenset({"conflict-copy", "foreign"}))
    counted("copies in conflict", len(made))


@scenario(
    "cloud drives",
    "a file has only the name of a copy in conflict, or is not on this machine at the moment",
    deletions="those of the drive: they are made on the other side too",
    replayed=True,
)
@pytest.mark.parametrize("who", [*COPIES, "iCloud"])
def test_only_a_copy_is_there(two: Two, machines: Machines, who: str) -> None:
    laptop, before = two.laptop, answers(two.laptop.storage)
    last = laptop.active(two.session)
    path = Path(laptop.storage.checkpoint_path(last))
    away = path.with_name(COPIES[who](path) if who in COPIES else f".{path.name}.icloud")
    if who in COPIES:
        path.rename(away)
    else:  # a placeholder takes the place of the bytes
        data = path.read_bytes()
        path.unlink()
        away.write_bytes(b"bplist00")
    with pytest.raises(NotFoundError):
        laptop.storage.get_checkpoint(last)
    assert laptop.active(two.session) != last
    assert assert_never_wrong(machines.kept, laptop)
    assert "active-ref-dangling" in {each.kind for each in laptop.storage.verify().findings}
    if who in COPIES:
        laptop.storage.repair()
    else:
        away.unlink()
        path.write_bytes(data)
    assert answers(laptop.storage) == before


def _of(machines: Machines, name: str) -> set[UUID]:
    """Return the checkpoints that one machine has."""
    storage = machines.machine(name).storage
    return {
        each.id
        for session in storage.list_sessions().sessions
        for each in storage.list_checkpoints(session.id).checkpoints
    }
