"""A repository of dotfiles with a store in it: a bare one on a server, and clones on two machines."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from .checking import FROM_GIT, assert_alike, assert_no_changed_byte, assert_nothing_lost
from .instructions import BLOCKS
from .machines import Machine, Machines

GIT = ("git",)
REMOVES = "merged without a conflict"
NOTES = b"line\nline\n"
"""A text beside the store, which git converts where it is told to."""

ONCE_FIRST = "git: once, on the machine with the store"
ONCE_OTHER = "git: once, on every other machine"
ONCE_BOTH = "git: once, on another machine that has a store already"
MERGE = "git: whenever you like"
REBASE = "git: whenever you like, with a rebase"
SYNC = BLOCKS[MERGE]
COMMIT = "".join(SYNC.splitlines(keepends=True)[:3])


def begin(
    machines: Machines,
    *,
    settings: tuple[str, str] = ("", ""),
    work: Callable[[Machine], UUID] | None = None,
    follow: Callable[[str, Machine], str] | None = None,
) -> tuple[Machine, Machine, UUID]:
    """Return two machines with clones, and a session that both of them have.

    Args:
        machines: to make them.
        settings: commands that set up git on each of the two.
        work: what is done on the first one before there is a second one; returns the session.
        follow: runs the instructions, where they are what a test is about.

    """
    machines.machine("server").run("git init --quiet --bare dotfiles.git")
    laptop, desk = machines.machine("laptop"), machines.machine("desk")
    for machine, setting in zip((laptop, desk), settings, strict=True):
        machine.run(setting)
    session = _first_work(laptop) if work is None else work(laptop)
    laptop.run("git clone --quiet server:dotfiles.git ~/dotfiles 2> /dev/null")
    (laptop.home / "dotfiles" / "notes.txt").write_bytes(NOTES)
    laptop.run("cd ~/dotfiles; git add notes.txt; git commit --quiet --message Notes")
    follow = follow or (lambda key, machine: machine.run(BLOCKS[key]))
    follow(ONCE_FIRST, laptop)
    laptop.run(f"{COMMIT} git push --quiet origin HEAD")
    follow(ONCE_OTHER, desk)
    # A program that has had the store open at its old place would look there.
    laptop, desk = machines.machine("laptop"), machines.machine("desk")
    for machine in (laptop, desk):
        machine.storage.update_index()
    return laptop, desk, session


def _first_work(machine: Machine) -> UUID:
    session = machine.create("garden", "turn")
    for i in range(5):
        machine.append(session, f"turn {i}")
    machine.large(session, "z")
    return session


def synced(*order: Machine, script: str = SYNC) -> None:
    """Let each in turn commit, pull and push; and again but the last, for what came after them."""
    for machine in (*order, *order[:-1]):
        assert "CONFLICT" not in machine.run(script)


def assert_synced(machines: Machines, *synced: Machine, also: frozenset[str] = frozenset()) -> None:
    """All is as after any sync, and git sees no change in any file."""
    for machine in synced:
        assert machine.run("git -C ~/dotfiles status --porcelain") == "", machine.name
    assert_alike(*synced)
    assert_nothing_lost(machines.kept, *synced)
    assert_no_changed_byte(*synced, also=FROM_GIT | also)
