"""File systems and tools that keep less than was written: letter case, Unicode, times, modes."""

from __future__ import annotations

import os
import re
import time
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest

from ..effort import Counted
from ..store.helpers import snapshot
from .checking import assert_alike, assert_no_changed_byte, assert_nothing_lost
from .machines import Machine, Machines
from .scenarios import scenario
from .test_union import union

pytestmark = [pytest.mark.slow, pytest.mark.once]

GOLDEN = Path(__file__).parents[2] / "spec" / "format" / "golden"
UNION = "a removed file comes back"
TITLES = [unicodedata.normalize(form, "Café Ångström ﬁn 한글") for form in ("NFC", "NFD", "NFKC")]
SHORT = re.compile(r"[^.]{1,8}(\.[^.]{1,3})?")


class Two:
    """A laptop and a desk that worked apart in one session and in others."""

    def __init__(self, machines: Machines) -> None:
        self._machines = machines
        self.laptop = machines.machine("laptop")
        self.session = self.laptop.create("garden", "turn")
        self.desk = self.laptop.copied("desk")
        for machine in (self.laptop, self.desk):
            machine.storage.update_index()
            machine.work(self.session)

    def through(self, disk: Disk) -> None:
        """Let each have what the other has, by a disk that both may write to."""
        for machine in (self.laptop, self.desk):
            disk.take(machine.root)
        for machine in (self.laptop, self.desk):
            disk.give(machine.root)

    def assert_synced(self, *, also: frozenset[str] = frozenset()) -> None:
        assert_alike(self.laptop, self.desk)
        assert_nothing_lost(self._machines.kept, self.laptop, self.desk)
        assert_no_changed_byte(self.laptop, self.desk, also=also)


class Disk:
    """A file system for which some names that differ are the same, and which shows them its own way.

    Args:
        same: what two names that are the same have in common.
        shown: how the name of a file or directory is given back.

    """

    def __init__(self, same: Callable[[str], str], shown: Callable[[str], str] = str) -> None:
        self._same, self._shown = same, shown
        self._files: dict[str, tuple[str, bytes]] = {}

    def take(self, root: Path) -> None:
        """Take all files of a store that are not there yet; no two may have one name."""
        mine: dict[str, str] = {}
        for path in root.rglob("*"):
            if path.is_file():
                name, data = str(path.relative_to(root)), path.read_bytes()
                key = self._same(name)
                assert mine.setdefault(key, name) == name, "two files have one name"
                assert self._files.setdefault(key, (name, data))[1] == data, name

    def give(self, root: Path) -> None:
        """Give a store the files that it lacks."""
        for name, data in self._files.values():
            path = root.joinpath(*map(self._shown, Path(name).parts))
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)


@pytest.fixture
def two(machines: Machines) -> Two:
    return Two(machines)


def names(root: Path) -> Iterator[tuple[Path, list[str]]]:
    """Give each directory of a store, and the names in it."""
    for directory in (root, *(path for path in root.rglob("*") if path.is_dir())):
        yield directory, [path.name for path in directory.iterdir()]


@scenario(
    "a case-insensitive file system",
    "both sides sync by it; no two names, also of the golden stores, are the same there",
    deletions=UNION,
    replayed=True,
)
def test_letter_case_is_not_kept_apart(two: Two, counted: Counted) -> None:
    for root in (two.laptop.root, two.desk.root, *GOLDEN.glob("*/store")):
        for directory, found in names(root):
            assert len({name.casefold() for name in found}) == len(found), directory
            counted("names compared without their case", len(found))
    two.through(Disk(str.casefold))
    two.assert_synced(also=frozenset({"modes-open"}))


@scenario(
    "FAT",
    "it shows short names in capitals, and a copy has them: told of, and named back",
    deletions=UNION,
    replayed=True,
)
def test_short_names_in_capitals(two: Two, machines: Machines) -> None:
    disk = Disk(str.casefold, lambda name: name.upper() if SHORT.fullmatch(name) else name)
    disk.take(two.laptop.root)
    fresh = machines.machine("fresh")
    disk.give(fresh.root)
    assert {path.name for path in fresh.root.iterdir()} >= {"SESSIONS", "sessionfs.json"}
    named_back(fresh)
    assert_alike(two.laptop, fresh)
    assert_no_changed_byte(fresh, also=frozenset({"modes-open"}))


@scenario(
    "a tool that changes letters",
    "all names come in lower case, or in capitals: told of, and named back",
    deletions="none",
    replayed=True,
)
@pytest.mark.parametrize("change", [str.lower, str.upper])
def test_all_names_changed(two: Two, change: Callable[[str], str]) -> None:
    before = snapshot(two.laptop.root)
    for path in sorted(two.laptop.root.rglob("*"), reverse=True):
        if path.name != "sessionfs.json":
            path.rename(path.with_name(change(path.name)))
    named_back(two.laptop)
    assert snapshot(two.laptop.root) == before


def named_back(machine: Machine) -> None:
    """The doctor says that names are in other letters, and names them back."""
    kinds = {each.kind for each in machine.storage.verify().findings}
    assert "letter-case" in kinds
    while any(each.repaired for each in machine.storage.repair().findings):
        pass


@scenario(
    "a file system that normalises Unicode",
    "both sides sync by it; titles and directories keep their form, for they are no names",
    deletions=UNION,
    replayed=True,
)
@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
def test_forms_of_unicode(two: Two, machines: Machines, form: str) -> None:
    def normalised(name: str) -> str:
        return unicodedata.normalize(form, name)  # type: ignore[arg-type]

    assert len(set(TITLES)) == 3
    made: dict[UUID, str] = {}
    for title in TITLES:
        session = two.laptop.create(title, f"turn about {title}")
        two.laptop.move(session, f"/home/ana/{title}")
        made[session] = title
    for root in (two.laptop.root, *GOLDEN.glob("*/store")):
        for _, found in names(root):
            assert all(name == normalised(name) for name in found)
    two.through(Disk(normalised, normalised))
    two.assert_synced(also=frozenset({"modes-open"}))
    for session, title in made.items():
        there = two.desk.storage.get_session(session)
        assert (there.title, there.cwd) == (title, f"/home/ana/{title}")
    assert all(name.isascii() for _, found in names(two.desk.root) for name in found)


@scenario(
    "a tool that does not keep times",
    "all times are now, 1970, in steps of two seconds, or of the future; indexes notice all the same",
    deletions=UNION,
    replayed=True,
)
@pytest.mark.parametrize(
    "changed",
    [
        lambda _: time.time(),
        lambda _: 0.0,
        lambda then: then // 2 * 2,
        lambda _: 4_000_000_000.0,
    ],
    ids=["now", "1970", "two seconds", "future"],
)
def test_times(two: Two, changed: Callable[[float], float]) -> None:
    for _ in range(2):
        for one, other in ((two.laptop, two.desk), (two.desk, two.laptop)):
            union(one.root, other.root)
            for path in (other.root, *other.root.rglob("*")):
                then = changed(path.stat().st_mtime)
                os.utime(path, (then, then))
        two.assert_synced()
        two.laptop.append(two.session, "turn after that")
        two.desk.append(two.session, "turn after that, of the desk")


@scenario(
    "a tool that does not keep modes",
    "everybody may read the files; programs read and write, the doctor tells, and takes it away",
    deletions=UNION,
    replayed=True,
)
def test_modes(two: Two) -> None:
    union(two.laptop.root, two.desk.root)
    for path in (two.desk.root, *two.desk.root.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    two.desk.append(two.session, "turn after that")
    union(two.desk.root, two.laptop.root)
    two.assert_synced(also=frozenset({"modes-open"}))
    assert "modes-open" in {each.kind for each in two.desk.storage.verify().findings}
    two.desk.storage.repair()
    assert {mode for name, (mode, _) in snapshot(two.desk.root).items() if "/" in name} == {0o400}
    two.assert_synced(also=frozenset({"modes-open"}))
