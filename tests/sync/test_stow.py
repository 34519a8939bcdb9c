"""stow: a store in a package of dotfiles, behind one link, and behind a link to each file."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from sessionfs import FileStorage, NotFoundError

from .checking import AFTER_A_SYNC, answers, assert_alike, assert_no_changed_byte, assert_nothing_lost
from .conftest import Follow
from .machines import Machines
from .scenarios import scenario

pytestmark = [pytest.mark.once, pytest.mark.slow]

INTO = "stow: move the store into a package"
EACH = "stow: a link to each file"
BACK = "stow: bring new files into the package, and link to them"
NEEDS = ("stow",)

PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
"""Where the commands of this package are found, too."""


class Stowed:
    """A machine with a store of two sessions in a package, and the package as a store of its own."""

    def __init__(self, machines: Machines) -> None:
        self.machine = machines.machine("laptop")
        self.session = self.machine.create("garden", "turn")
        self.machine.append(self.session, "one more turn")
        self.package = self.machine.home / "dotfiles" / "agents" / ".sessionfs"

    def in_package(self) -> FileStorage:
        return FileStorage(self.package, index_dir=os.devnull, message_type=dict)

    def links(self) -> list[Path]:
        return [each for each in self.machine.home.rglob("*") if each.is_symlink()]


@pytest.fixture
def stowed(machines: Machines) -> Stowed:
    return Stowed(machines)


@scenario(
    "stow",
    "the whole store is one link into the package; programs write through it",
    deletions="none: there is one store",
    needs=NEEDS,
    follows=(INTO,),
)
def test_one_link(stowed: Stowed, machines: Machines, follow: Follow) -> None:
    before = answers(stowed.machine.storage)
    follow(INTO, stowed.machine)
    assert stowed.links() == [stowed.machine.root]
    assert answers(stowed.machine.storage) == before
    stowed.machine.work(stowed.session)
    stowed.machine.run("stow --dir ~/dotfiles --target ~ --restow agents")
    secret = stowed.machine.create("secret")
    stowed.machine.purge(secret)
    assert not list((stowed.package / "sessions" / str(secret)).glob("objects/*"))
    assert_same_answers(stowed)
    assert_nothing_lost(machines.kept, stowed.machine)
    assert_no_changed_byte(stowed.machine)


@scenario(
    "stow",
    "the directory of the store was there already, so that a link lies within it",
    deletions="none: there is one store",
    needs=NEEDS,
    follows=(INTO,),
)
def test_links_within_a_directory(stowed: Stowed, machines: Machines, follow: Follow) -> None:
    follow(INTO, stowed.machine)
    stowed.machine.run("stow --dir ~/dotfiles --target ~ --delete agents; mkdir ~/.sessionfs")
    stowed.machine.run("stow --dir ~/dotfiles --target ~ agents")
    assert stowed.machine.root / "sessions" in stowed.links()
    stowed.machine.work(stowed.session)
    assert_same_answers(stowed)
    assert_nothing_lost(machines.kept, stowed.machine)
    assert_sound(stowed, also=frozenset({"link"}))


@scenario(
    "stow --no-folding",
    "each file is a link; what is new lies beside the links, and is brought back with a command",
    deletions="a ref that was replaced comes back as a link",
    needs=NEEDS,
    follows=(EACH, BACK),
)
def test_a_link_to_each_file(stowed: Stowed, machines: Machines, follow: Follow) -> None:
    before = answers(stowed.machine.storage)
    each_file(stowed, follow)
    assert answers(stowed.machine.storage) == before
    in_package = answers(stowed.in_package())
    stowed.machine.work(stowed.session)
    worked = answers(stowed.machine.storage)
    # The package has not changed, and a new link to a ref that was replaced changes nothing.
    assert answers(stowed.in_package()) == in_package
    follow(EACH, stowed.machine)
    assert answers(stowed.machine.storage) == worked
    for _ in range(2):
        stowed.machine.append(stowed.session, "turn after that")
        follow(BACK, stowed.machine, PATH=PATH)
        assert all(each.is_symlink() for each in stowed.machine.root.glob("sessions/*/*/*"))
        assert_same_answers(stowed)
    assert_nothing_lost(machines.kept, stowed.machine)
    # The directories are stow's, as the umask says; the files behind the links are not.
    assert_sound(stowed, also=frozenset({"modes-open"}))


@scenario(
    "stow --no-folding",
    "a session was purged: the package has its content until that is brought there",
    deletions="what was purged stays in the package, and comes back as links that are hidden",
    needs=NEEDS,
    follows=(EACH, BACK),
)
def test_purged_behind_links(stowed: Stowed, machines: Machines, follow: Follow) -> None:
    secret = stowed.machine.create("secret", "turn")
    each_file(stowed, follow)
    stowed.machine.purge(secret)
    follow(EACH, stowed.machine)
    for storage in (stowed.machine.storage, stowed.machine.opened()):
        with pytest.raises(NotFoundError):
            storage.get_session(secret)
    assert stowed.in_package().get_session(secret).title == "secret"
    follow(BACK, stowed.machine, PATH=PATH)
    with pytest.raises(NotFoundError):
        stowed.in_package().get_session(secret)
    stowed.in_package().repair()
    assert not list((stowed.package / "sessions" / str(secret)).glob("objects/*"))
    assert_same_answers(stowed)
    assert_nothing_lost(machines.kept, stowed.machine)


def each_file(stowed: Stowed, follow: Follow) -> None:
    """Put the store into the package, and links to its files in its place."""
    stowed.package.parent.mkdir(parents=True)
    stowed.machine.root.rename(stowed.package)
    follow(EACH, stowed.machine)
    found = [each for each in stowed.machine.root.rglob("*") if not each.is_dir()]
    assert len(found) > 5
    assert all(each.is_symlink() for each in found)


def assert_sound(stowed: Stowed, *, also: frozenset[str] = frozenset()) -> None:
    """Nothing is amiss but the one file that stow leaves out by itself, and a repair writes."""
    findings = stowed.machine.storage.verify().findings
    (missing,) = (each for each in findings if each.kind not in also | AFTER_A_SYNC)
    assert (missing.kind, Path(missing.path).name) == ("root-file-missing", ".gitignore")
    stowed.machine.storage.repair()
    assert_no_changed_byte(stowed.machine, also=also)


def assert_same_answers(stowed: Stowed) -> None:
    assert answers(stowed.in_package()) == answers(stowed.machine.storage)
    assert_alike(stowed.machine)
