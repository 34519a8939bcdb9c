"""Syncthing: two processes that are apart and meet again, what they delete, and files in conflict."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import pytest

from sessionfs import CorruptObjectError

from ..effort import Counted, chosen
from ..store.helpers import overwrite, snapshot
from .checking import (
    answers,
    assert_alike,
    assert_never_wrong,
    assert_no_changed_byte,
    assert_nothing_lost,
    assert_revived_with_a_gap,
)
from .conftest import Follow
from .machines import Machine, Machines
from .scenarios import scenario
from .syncthing import Pair
from .writer import Writer, remember

pytestmark = [pytest.mark.once, pytest.mark.slow]

SHARE = "Syncthing: share the store with another device"
NEEDS = ("syncthing",)
TRAVEL = "they are made on the other side too"


class Two(NamedTuple):
    """A laptop and a desk with one session in common, and what syncs them."""

    laptop: Machine
    desk: Machine
    session: UUID
    pair: Pair

    def are_the_same(self, *, also: frozenset[str] = frozenset()) -> None:
        """Both have the same files, but for what was half here when it was gone there."""
        one, other = (
            {name: held for name, held in snapshot(each.root).items() if "/.syncthing." not in name}
            for each in (self.laptop, self.desk)
        )
        assert one == other
        assert_alike(self.laptop, self.desk)
        assert_no_changed_byte(self.laptop, self.desk, also=also)

    def names(self, pattern: str) -> list[str]:
        """Return the names like this that are on either side."""
        return [
            each.name for root in (self.laptop.root, self.desk.root) for each in root.rglob(pattern)
        ]


@pytest.fixture
def two(machines: Machines, follow: Follow) -> Iterator[Two]:
    laptop, desk = machines.machine("laptop"), machines.machine("desk")
    session = laptop.create("garden", "turn")
    with Pair(laptop, desk) as pair:
        follow(SHARE, laptop, DEVICE=pair.other.device)
        follow(SHARE, desk, DEVICE=pair.one.device)
        pair.introduce()
        pair.settle()
        yield Two(laptop, desk, session, pair)


@scenario(
    "Syncthing",
    "both sides worked in one session and in others while they were apart",
    deletions=TRAVEL,
    needs=NEEDS,
    follows=(SHARE,),
)
def test_apart_and_together(two: Two, machines: Machines) -> None:
    two.pair.apart()
    two.laptop.work(two.session)
    last = two.desk.work(two.session)
    two.pair.together()
    assert two.laptop.active(two.session) == last
    two.are_the_same()
    # No name is ever changed on both sides, so nothing was in conflict.
    assert two.names("*sync-conflict*") == []
    assert_nothing_lost(machines.kept, two.laptop, two.desk)


@scenario(
    "Syncthing",
    "refs were replaced on both sides in turn, and a session was purged",
    deletions=TRAVEL,
    needs=NEEDS,
    follows=(SHARE,),
)
def test_deletions(two: Two, machines: Machines) -> None:
    secret = two.laptop.create("secret", "turn")
    for i in range(3):
        for machine in (two.laptop, two.desk):
            machine.append(two.session, f"turn {i} of {machine.name}")
            two.pair.settle()
    assert len(two.names("active.*")) == 2 * 2
    two.desk.purge(secret)
    two.pair.settle()
    for machine in (two.laptop, two.desk):
        assert not list((machine.root / "sessions" / str(secret)).glob("objects/*"))
    two.are_the_same()
    assert_nothing_lost(machines.kept, two.laptop, two.desk)


@scenario(
    "Syncthing",
    "one side purged a session while the other went on in it",
    deletions="what was purged goes there too: the new turn is kept, with a gap before it",
    needs=NEEDS,
    follows=(SHARE,),
)
def test_work_that_a_purge_had_not_seen(two: Two, machines: Machines) -> None:
    two.pair.apart()
    two.laptop.purge(two.session)
    unseen = two.desk.append(two.session, "turn that nobody had seen")
    two.pair.together()
    assert_revived_with_a_gap(machines, two.laptop, two.desk, two.session, unseen)


@scenario(
    "Syncthing",
    "a disk damaged a file differently on each side: a real conflict, mended",
    deletions=TRAVEL,
    needs=NEEDS,
    follows=(SHARE,),
)
def test_a_file_that_was_changed_on_both_sides(two: Two, machines: Machines) -> None:
    two.laptop.append(two.session, "turn")
    two.pair.settle()
    two.pair.apart()
    for machine, data in ((two.desk, None), (two.laptop, b"torn")):
        path = next((machine.root / "sessions" / str(two.session)).glob("objects/*.json"))
        overwrite(path, data or path.read_bytes())
    two.pair.together()
    assert len(two.names("*.sync-conflict-*")) == 2
    for machine in (two.laptop, two.desk):
        assert_never_wrong(machines.kept, machine)
    # Whichever of the two won, the sound bytes are under one of the names.
    two.desk.storage.repair()
    two.pair.settle()
    assert_alike(two.laptop, two.desk)
    assert_nothing_lost(machines.kept, two.laptop, two.desk)
    assert_no_changed_byte(
        two.laptop, two.desk, also=frozenset({"conflict-copy", "set-aside", "foreign"})
    )


@scenario(
    "Syncthing",
    "a disk damaged a file on one side: the damage spreads, is told of, and mended from a backup",
    deletions=TRAVEL,
    needs=NEEDS,
    follows=(SHARE,),
)
def test_damage_spreads_and_is_told_of(two: Two, machines: Machines) -> None:
    last = two.laptop.append(two.session, "turn")
    two.pair.settle()
    backup = two.laptop.copied("backup")
    path = Path(two.laptop.storage.checkpoint_path(last))
    overwrite(path, b"torn")
    two.pair.settle()
    for machine in (two.laptop, two.desk):
        with pytest.raises(CorruptObjectError, match=path.name):
            machine.opened().get_checkpoint(last)
        assert {each.kind for each in machine.storage.verify().findings} == {"object-damaged"}
    two.desk.storage.repair(sources=[backup.root])
    two.pair.settle()
    assert_alike(two.laptop, two.desk)
    assert_nothing_lost(machines.kept, two.laptop, two.desk)
    assert_no_changed_byte(two.laptop, two.desk, also=frozenset({"set-aside"}))


@scenario(
    "Syncthing",
    "a program on each side works all the while",
    deletions=TRAVEL,
    needs=NEEDS,
    follows=(SHARE,),
)
def test_writers_at_work(two: Two, machines: Machines, counted: Counted) -> None:
    both = (two.laptop, two.desk)
    with ExitStack() as stack:
        writers = [stack.enter_context(Writer(machines, each, two.session)) for each in both]
        for _ in range(chosen(few=2, usual=4, everything=20)):
            for node in (two.pair.one, two.pair.other):
                node.look()
            for writer in writers:
                writer.goes_on()
            for machine in both:
                machine.storage.get_session(two.session)
    counted("checkpoints made while Syncthing ran", remember(machines, *writers))
    two.pair.settle()
    two.are_the_same(also=frozenset({"temporary", "foreign"}))
    assert two.names("*sync-conflict*") == []
    assert_nothing_lost(machines.kept, *both)


@scenario(
    "Syncthing",
    "copies in conflict and half-written files lie beside the store's own",
    deletions=TRAVEL,
    replayed=True,
)
def test_what_it_leaves_changes_no_answer(machines: Machines) -> None:
    laptop = machines.machine("laptop")
    session = laptop.create("garden", "turn")
    laptop.work(session)
    before = answers(laptop.storage)
    made: list[Path] = []
    for path in list(laptop.root.glob("sessions/*/*/*")):
        stem, dot, suffix = path.name.partition(".json")
        copy = path.with_name(f"{stem}.sync-conflict-20261125-101530-ABCDEFG{dot}{suffix}")
        half = path.with_name(f".syncthing.{path.name}.tmp")
        data = path.read_bytes()
        copy.write_bytes(data if len(made) % 4 else data[:-1])
        half.write_bytes(data[: len(data) // 2])
        made += [copy, half]
    for answered in (laptop.storage, laptop.opened(), laptop.copied("desk").storage):
        assert answers(answered) == before
    laptop.append(session, "turn after that")
    laptop.storage.repair()
    assert all(each.exists() for each in made)
    assert_nothing_lost(machines.kept, laptop)
    assert_no_changed_byte(laptop, also=frozenset({"conflict-copy", "foreign"}))
