"""rsync both ways, as a mirror and as a backup; beside writers; and from copies that know no times."""

from __future__ import annotations

import os
from contextlib import ExitStack
from uuid import UUID

import pytest

from sessionfs import ListSessionsQuery

from ..effort import Counted, chosen
from ..index.helpers import plain
from ..store.helpers import overwrite, snapshot
from .checking import (
    EVERYTHING,
    answers,
    assert_alike,
    assert_never_wrong,
    assert_no_changed_byte,
    assert_nothing_lost,
)
from .conftest import Follow
from .instructions import BLOCKS
from .machines import Machine, Machines
from .scenarios import scenario
from .writer import Writer, remember

pytestmark = [pytest.mark.slow, pytest.mark.once]

KEEPS = "not carried; what comes back changes no answer"
DELETES = "what the source has not is gone"
RSYNC = ("rsync",)
VANISHED = 24
"""How rsync ends where a file was removed while it looked."""


def apart(machines: Machines) -> tuple[Machine, Machine, UUID]:
    """Return two machines that had a session in common and worked apart since, and that session."""
    laptop = machines.machine("laptop")
    session = laptop.create("garden", "turn")
    for i in range(5):
        laptop.append(session, f"turn {i}")
    desk = laptop.copied("desk")
    for machine in (laptop, desk):
        machine.storage.update_index()
        machine.work(session)
    return laptop, desk, session


def assert_synced(machines: Machines, *synced: Machine, also: frozenset[str] = frozenset()) -> None:
    assert_alike(*synced)
    assert_nothing_lost(machines.kept, *synced)
    assert_no_changed_byte(*synced, also=also)


@scenario(
    "rsync -a",
    "both sides worked in one session and in others",
    deletions=KEEPS,
    needs=RSYNC,
    follows=("rsync: both ways",),
)
def test_both_ways(machines: Machines, follow: Follow) -> None:
    laptop, desk, _ = apart(machines)
    follow("rsync: both ways", laptop)
    assert_synced(machines, laptop, desk)
    assert snapshot(laptop.root) == snapshot(desk.root)


@scenario(
    "rsync -au",
    "both sides worked in one session and in others",
    deletions=KEEPS,
    needs=RSYNC,
    follows=("rsync: both ways, only newer files",),
)
def test_both_ways_only_what_is_newer(machines: Machines, follow: Follow) -> None:
    laptop, desk, _ = apart(machines)
    follow("rsync: both ways, only newer files", laptop)
    assert_synced(machines, laptop, desk)
    assert snapshot(laptop.root) == snapshot(desk.root)


@scenario(
    "rsync -a, -au",
    "three machines in a ring, in both directions, with work in between",
    deletions=KEEPS,
    needs=RSYNC,
)
@pytest.mark.parametrize("options", ["-a", "-au"])
@pytest.mark.parametrize("backwards", [False, True])
def test_a_ring(machines: Machines, options: str, backwards: bool) -> None:
    laptop, desk, shared = apart(machines)
    tablet = laptop.copied("tablet")
    ring = [laptop, desk, tablet][:: -1 if backwards else 1]
    for turn in range(5):
        one, next_ = ring[turn % 3], ring[(turn + 1) % 3]
        one.run(f"rsync {options} ~/.sessionfs/ {next_.name}:.sessionfs/")
        if turn < 2:
            next_.append(shared, f"turn after {turn}")
            next_.rename(shared, f"renamed after {turn}")
    assert_synced(machines, *ring)


@scenario(
    "rsync -a, -au",
    "one side has the files with other times and modes, as after a git clone",
    deletions=KEEPS,
    needs=RSYNC,
)
@pytest.mark.parametrize("options", ["-a", "-au"])
def test_times_and_modes_differ(machines: Machines, options: str) -> None:
    laptop, desk, _ = apart(machines)
    for path in desk.root.rglob("*"):
        os.utime(path, (10**9, 10**9))
        path.chmod(0o755 if path.is_dir() else 0o644)
    for script in BLOCKS["rsync: both ways"].splitlines():
        laptop.run(script.replace("-a", options))
    assert_synced(machines, laptop, desk, also=frozenset({"modes-open"}))


@scenario(
    "rsync -a",
    "directories have the same times after it as before: what arrived is seen all the same",
    deletions=KEEPS,
    needs=RSYNC,
    follows=("rsync: both ways",),
)
def test_times_of_directories_do_not_tell(machines: Machines, follow: Follow) -> None:
    laptop, desk, _ = apart(machines)
    for machine in (laptop, desk):
        for path in machine.root.rglob("*"):
            os.utime(path, (10**9, 10**9))
        machine.storage.update_index()
    follow("rsync: both ways", laptop)
    for machine in (laptop, desk):
        assert {path.stat().st_mtime for path in machine.root.glob("sessions/*/*")} == {10**9}
    assert_synced(machines, laptop, desk)


@pytest.mark.slow
@scenario(
    "rsync -a, -au",
    "a program on each side works all the while",
    deletions=KEEPS,
    needs=RSYNC,
)
@pytest.mark.parametrize("options", ["-a", "-au"])
def test_writers_at_work(machines: Machines, counted: Counted, options: str) -> None:
    laptop = machines.machine("laptop")
    session = laptop.create("garden", "turn")
    desk = laptop.copied("desk")
    both = BLOCKS["rsync: both ways"].replace("-a", options)
    with ExitStack() as stack:
        writers = [
            stack.enter_context(Writer(machines, machine, session)) for machine in (laptop, desk)
        ]
        for _ in range(chosen(few=2, usual=3, everything=20)):
            for command in both.splitlines():
                assert laptop.tried(command).returncode in (0, VANISHED)
            for writer in writers:
                writer.goes_on()
            for machine in (laptop, desk):
                listed = machine.storage.list_sessions(ListSessionsQuery(limit=EVERYTHING))
                assert session in {each.id for each in listed.sessions}
                machine.storage.get_session(session)
    counted("checkpoints made while rsync ran", remember(machines, *writers))
    laptop.run(both)
    assert_synced(machines, laptop, desk, also=frozenset({"temporary"}))


@scenario(
    "rsync -a --delete",
    "a mirror that had work of its own answers as its source does",
    deletions=DELETES,
    needs=RSYNC,
    follows=("rsync: a mirror",),
)
def test_a_mirror(machines: Machines, follow: Follow) -> None:
    laptop, _, shared = apart(machines)
    had = set(machines.kept)
    backup = laptop.copied("backup")
    backup.work(shared)
    mine = set(machines.kept) - had
    laptop.append(shared, "turn before the mirror")
    before = answers(laptop.storage)
    follow("rsync: a mirror", laptop)
    assert snapshot(backup.root) == snapshot(laptop.root)
    assert answers(laptop.storage) == before
    assert_alike(laptop, backup)
    assert_no_changed_byte(laptop, backup)
    assert len(mine) > 5  # and all of it is gone, as --delete says
    assert not mine & {
        each for one in backup.storage.list_sessions().sessions for each in backup.checkpoints(one.id)
    }


@scenario(
    "rsync -a --delete",
    "a mirror is made while a program works in its source",
    deletions=DELETES,
    needs=RSYNC,
    follows=("rsync: a mirror",),
)
def test_a_mirror_of_a_store_at_work(machines: Machines, follow: Follow, counted: Counted) -> None:
    laptop = machines.machine("laptop")
    session = laptop.create("garden", "turn")
    backup = laptop.copied("backup")
    with Writer(machines, laptop, session) as writer:
        for _ in range(chosen(few=2, usual=3, everything=20)):
            assert laptop.tried(BLOCKS["rsync: a mirror"]).returncode in (0, VANISHED)
            writer.goes_on()
            backup.storage.get_session(session)
    counted("checkpoints made while rsync ran", remember(machines, writer))
    follow("rsync: a mirror", laptop)
    assert_synced(machines, laptop, backup)


@scenario(
    "rsync -a --link-dest",
    "backups of two days share their files; each is a store, and stays as it was",
    deletions="each has what was there on its day",
    needs=RSYNC,
    follows=("rsync: a backup of each day",),
)
def test_backups_with_links(machines: Machines, follow: Follow) -> None:
    laptop, _, shared = apart(machines)
    backup = machines.machine("backup")
    laptop.run("rsync -a ~/.sessionfs/ backup:monday/")
    monday = machines.machine("backup", "monday")
    then, before = snapshot(monday.root), answers(monday.storage)
    gone = laptop.create("to be purged", "turn")
    laptop.work(shared)
    laptop.purge(gone)
    follow("rsync: a backup of each day", laptop)
    tuesday = machines.machine("backup", "tuesday")
    assert_alike(laptop, tuesday)
    assert snapshot(monday.root) == then
    assert answers(monday.opened()) == before
    linked = [path for path in tuesday.root.rglob("*.json") if path.stat().st_nlink == 2]
    assert len(linked) > 10
    monday.append(shared, "turn in a backup")  # which changes no file of the other one
    assert_alike(laptop, tuesday)
    assert_no_changed_byte(monday, tuesday)
    assert backup.home == tuesday.home


@scenario(
    "rsync -a",
    "an old backup is copied over a store that went on",
    deletions=KEEPS,
    needs=RSYNC,
)
def test_an_old_backup_over_a_newer_store(machines: Machines) -> None:
    laptop, desk, shared = apart(machines)
    laptop.run("rsync -a ~/.sessionfs/ backup/")
    laptop.work(shared)
    laptop.delete(shared)
    gone = laptop.create("to be purged", "turn")
    laptop.run("rsync -a ~/.sessionfs/ backup/")
    laptop.purge(gone)
    before = answers(laptop.storage)
    laptop.run("rsync -a backup/ ~/.sessionfs/")
    assert answers(laptop.storage) == before == answers(laptop.opened())
    laptop.run("rsync -a ~/.sessionfs/ desk:.sessionfs/; rsync -a desk:.sessionfs/ ~/.sessionfs/")
    assert_alike(laptop, desk)
    assert_nothing_lost(machines.kept, laptop, desk)


@scenario(
    "rsync -a",
    "one side purged what the other one still has, and had gone on with",
    deletions="not carried; what was purged comes back hidden",
    needs=RSYNC,
    follows=("rsync: both ways",),
)
def test_purged_on_one_side(machines: Machines, follow: Follow) -> None:
    laptop = machines.machine("laptop")
    unchanged, went_on = laptop.create("unchanged", "turn"), laptop.create("went on", "turn")
    for session in (unchanged, went_on):
        laptop.large(session, "x")
    desk = laptop.copied("desk")
    unseen = desk.append(went_on, "turn that the purger had not seen")
    for session in (unchanged, went_on):
        laptop.purge(session)
    for _ in range(2):
        follow("rsync: both ways", laptop)
        for machine in (laptop, desk):
            assert [each.id for each in machine.storage.list_sessions().sessions] == [went_on]
            assert machine.active(went_on) == unseen
    assert_synced(machines, laptop, desk, also=frozenset({"purged"}))


@pytest.mark.slow
@scenario(
    "rsync -a",
    "first the refs of all sessions arrive, then objects one by one",
    deletions=KEEPS,
    needs=RSYNC,
)
def test_refs_before_objects(machines: Machines) -> None:
    laptop, desk, _ = apart(machines)
    laptop.run("rsync -a --exclude objects/ ~/.sessionfs/ desk:.sessionfs/")
    assert_never_wrong(machines.kept, desk)
    for digit in "0123456789abcdef":
        wanted = f"--include '*/' --include '{digit}*.json' --exclude '*'"
        laptop.run(f"rsync -a {wanted} ~/.sessionfs/ desk:.sessionfs/")
        assert_never_wrong(machines.kept, desk)
    laptop.run("rsync -a desk:.sessionfs/ ~/.sessionfs/")
    assert_synced(machines, laptop, desk)


@scenario(
    "rsync -a --ignore-existing",
    "a file that is damaged on one side stays damaged there alone",
    deletions=KEEPS,
    needs=RSYNC,
    follows=("rsync: both ways, never over a file that is there",),
)
def test_damage_does_not_spread(machines: Machines, follow: Follow) -> None:
    laptop, desk, _ = apart(machines)
    mine = {path.name for path in desk.root.glob("sessions/*/objects/*")}
    both = [path for path in sorted(laptop.root.glob("sessions/*/objects/*")) if path.name in mine]
    for path in both[::3]:
        overwrite(path, path.read_bytes()[:-20])
    follow("rsync: both ways, never over a file that is there", laptop)
    assert_nothing_lost(machines.kept, desk)
    assert_no_changed_byte(desk)
    assert_never_wrong(machines.kept, laptop)
    laptop.storage.repair(sources=[desk.root])
    assert_nothing_lost(machines.kept, laptop)
    assert_alike(laptop, desk)


@pytest.mark.slow
@scenario(
    "rsync -a",
    "two stores of 2,000 sessions: the next listing on either side is complete",
    deletions=KEEPS,
    needs=RSYNC,
    follows=("rsync: both ways",),
)
def test_two_thousand_sessions_on_each_side(
    many_files: Machines, follow: Follow, counted: Counted
) -> None:
    number = chosen(few=200, usual=2_000, everything=2_000)
    laptop = many_files.machine("laptop")
    common = [laptop.create(f"common {i}", "turn") for i in range(number // 10)]
    desk = laptop.copied("desk")
    everywhere = ListSessionsQuery(limit=EVERYTHING)
    for machine in (laptop, desk):
        for i in range(number - len(common)):
            machine.create(f"only on {machine.name} {i}", "turn")
        for session in common[:: 1 if machine is laptop else 2]:
            machine.append(session, f"turn on {machine.name}")
        assert machine.storage.list_sessions(everywhere).total == number
    follow("rsync: both ways", laptop)
    listed = [machine.storage.list_sessions(everywhere) for machine in (laptop, desk)]
    assert listed[0] == listed[1]
    assert listed[0].total == len(listed[0].sessions) == 2 * number - len(common)
    assert {each.id for each in listed[0].sessions} == {
        session for session, _ in many_files.kept.values()
    }
    assert not any(each.problem for each in listed[0].sessions)
    counted("sessions merged by rsync", listed[0].total)
    all_ = [
        answers(storage, detailed=common[:20], texts=("turn on desk", "common 1"))
        for storage in (laptop.storage, desk.storage, plain(desk.root))
    ]
    assert all_[0] == all_[1] == all_[2]
