"""chezmoi: names that it gives the files of a store, and a store that lies within its source state."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sessionfs import NotFoundError

from ..effort import Counted
from ..store.helpers import snapshot
from . import chezmoi
from .checking import answers, assert_alike, assert_no_changed_byte, assert_nothing_lost
from .conftest import Follow
from .machines import Machine, Machines
from .scenarios import scenario

pytestmark = pytest.mark.once

GOLDEN = Path(__file__).parents[2] / "spec" / "format" / "golden"
ADD = "chezmoi: add new files here to the source state"
APPLY = "chezmoi: apply new files there to the store"
COME_BACK = "a removed file comes back"


class Two:
    """A laptop and a desk with one session in common, and the source state that goes between them."""

    def __init__(self, machines: Machines, source: Path) -> None:
        self.laptop, self.desk = machines.machine("laptop"), machines.machine("desk")
        self.source = source
        self.session = self.laptop.create("garden", "turn")
        self.synced(self.laptop, self.desk)

    def synced(self, one: Machine, other: Machine) -> None:
        """Take what one machine has to another one."""
        chezmoi.add(one.root, self.source)
        chezmoi.apply(self.source, other.home)


@pytest.fixture
def two(machines: Machines, tmp_path: Path) -> Two:
    return Two(machines, tmp_path / "source")


@scenario(
    "chezmoi",
    "every name of the format, also of the golden stores, is encoded and read back with its mode",
    deletions="none",
    replayed=True,
)
def test_no_name_is_misread(machines: Machines, counted: Counted) -> None:
    laptop = machines.machine("laptop")
    laptop.work(laptop.create("garden", "turn"))
    tried = 0
    for root in (laptop.root, GOLDEN):
        for path in root.rglob("*"):
            for mode in (0o700, 0o755, 0o500) if path.is_dir() else (0o400, 0o444, 0o600, 0o644):
                encoded = chezmoi.source_name(path.name, mode, directory=path.is_dir())
                read = chezmoi.target(encoded, directory=path.is_dir())
                assert (read.name, read.mode(directory=path.is_dir())) == (path.name, mode)
                # As it is, no name says anything but itself.
                assert chezmoi.target(path.name, directory=path.is_dir()) == (path.name, frozenset())
                assert "literal" not in encoded
                tried += 1
    counted("names encoded as chezmoi does", tried)


@scenario(
    "chezmoi",
    "both sides worked in one session and in others: added here, applied there, and back",
    deletions=COME_BACK,
    replayed=True,
)
def test_added_and_applied(two: Two, machines: Machines) -> None:
    secret = two.laptop.create("secret", "turn")
    two.synced(two.laptop, two.desk)
    two.laptop.work(two.session)
    last = two.desk.work(two.session)
    two.laptop.purge(secret)
    two.synced(two.laptop, two.desk)
    two.synced(two.desk, two.laptop)
    assert two.laptop.active(two.session) == last
    # What was purged comes back, and is hidden.
    assert list((two.laptop.root / "sessions" / str(secret)).glob("objects/*"))
    for machine in (two.laptop, two.desk):
        with pytest.raises(NotFoundError):
            machine.storage.get_session(secret)
    held = snapshot(two.laptop.root)
    assert held == snapshot(two.desk.root)
    assert {mode for mode, _ in held.values()} == {0o400}
    assert_alike(two.laptop, two.desk)
    assert_nothing_lost(machines.kept, two.laptop, two.desk)
    assert_no_changed_byte(two.laptop, two.desk, also=frozenset({"purged"}))


@scenario(
    "chezmoi add --exact",
    "a session was not added before the next apply",
    deletions="what was not added is removed from this machine, and is nowhere else",
    replayed=True,
)
def test_exact_takes_away_what_was_not_added(two: Two, machines: Machines, tmp_path: Path) -> None:
    source = tmp_path / "exact"
    chezmoi.add(two.laptop.root, source, exact=True)
    before = answers(two.laptop.storage)
    lost = two.laptop.create("not added", "turn")
    unseen = two.laptop.append(two.session, "not added")
    gone = [two.laptop.active(lost), unseen]
    chezmoi.apply(source, two.laptop.home)
    # It is as before: nothing of what was added is harmed, and nothing is half there.
    assert answers(two.laptop.storage) == before
    assert_nothing_lost(machines.kept, two.laptop, but=gone)
    assert_no_changed_byte(two.laptop)


@scenario(
    "chezmoi",
    "the store itself lies within the source state",
    deletions=COME_BACK,
    replayed=True,
)
def test_within_the_source_state(machines: Machines) -> None:
    laptop = machines.machine("laptop", ".local/share/chezmoi/agents")
    session = laptop.create("garden", "turn")
    laptop.work(session)
    before = snapshot(laptop.root)
    chezmoi.apply(laptop.root.parent, laptop.home)
    assert snapshot(laptop.root) == before
    # The copy has the same answers; what begins with a dot is not in it, nor are the modes.
    copy = machines.machine("laptop", "agents")
    assert_alike(laptop, copy)
    assert_nothing_lost(machines.kept, copy)
    kinds = {each.kind for each in copy.storage.verify().findings}
    assert kinds == {"root-file-missing", "modes-open"}
    copy.storage.repair()
    assert_no_changed_byte(copy)


@scenario(
    "chezmoi",
    "both sides worked in one session and in others: added here, applied there, and back",
    deletions=COME_BACK,
    needs=("chezmoi",),
    follows=(ADD, APPLY),
)
def test_with_chezmoi_itself(machines: Machines, follow: Follow) -> None:
    laptop, desk = machines.machine("laptop"), machines.machine("desk")
    session = laptop.create("garden", "turn")
    for round_ in range(2):
        for one, other in ((laptop, desk), (desk, laptop)):
            follow(ADD, one)
            _carry(one, other)
            follow(APPLY, other)
        assert_alike(laptop, desk)
        if not round_:
            laptop.work(session)
            desk.work(session)
    assert_nothing_lost(machines.kept, laptop, desk)
    assert_no_changed_byte(laptop, desk)


def _carry(one: Machine, other: Machine) -> None:
    """Take the source state to another machine, as with git."""
    source = Path(".local/share/chezmoi")
    shutil.copytree(one.home / source, other.home / source, dirs_exist_ok=True)
