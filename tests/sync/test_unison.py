"""Unison: deletions that travel, the same file made on both sides, interruptions, writers."""

from __future__ import annotations

import signal
from contextlib import ExitStack
from pathlib import Path
from uuid import UUID

import pytest

from ..effort import Counted, chosen
from ..store.helpers import snapshot
from .checking import (
    assert_alike,
    assert_never_wrong,
    assert_no_changed_byte,
    assert_nothing_lost,
    assert_revived_with_a_gap,
)
from .conftest import Follow
from .instructions import BLOCKS
from .machines import Machine, Machines
from .scenarios import scenario
from .writer import Writer, remember

pytestmark = [pytest.mark.once, pytest.mark.slow]

BOTH_WAYS = "Unison: both ways"
AGAIN = "Unison: after it was killed"
MODES = "Unison: the same files are there without their modes"
TRAVEL = "they are made on the other side too"

_SHELL = """\
#!/bin/sh
# In the place of ssh, with the options that Unison gives it.
host=$1
shift 3
if bytes=$(cat "$HOME/dies-after" 2>/dev/null); then
    rm "$HOME/dies-after"
    (stdbuf -o 0 head -c "$bytes"; kill -9 $PPID) | "$RSYNC_RSH" "$host" "$@"
else
    exec "$RSYNC_RSH" "$host" "$@"
fi
"""


class Two:
    """A laptop and a desk with one session in common, synced by Unison once."""

    def __init__(self, machines: Machines, follow: Follow) -> None:
        self.laptop = machines.machine("laptop")
        shell = self.laptop.home / "ssh"
        shell.write_text(_SHELL)
        shell.chmod(0o755)
        self.settings = self.laptop.home / ".unison"
        self.settings.mkdir()
        (self.settings / "default.prf").write_text(f"sshcmd = {shell}\n")
        self.desk = machines.machine("desk")
        self.session = self.laptop.create("garden", "turn")
        follow(BOTH_WAYS, self.laptop)

    def are_the_same(self, *, also: frozenset[str] = frozenset()) -> None:
        """Both have the same files, but for what Unison left of files that it was copying."""
        one, other = (
            {name: held for name, held in snapshot(each.root).items() if "/.unison." not in name}
            for each in (self.laptop, self.desk)
        )
        assert one == other
        assert_alike(self.laptop, self.desk)
        assert_no_changed_byte(self.laptop, self.desk, also=also)


@pytest.fixture
def two(machines: Machines, follow: Follow) -> Two:
    return Two(machines, follow)


@scenario(
    "Unison",
    "both sides worked in one session and in others",
    deletions=TRAVEL,
    needs=("unison",),
    follows=(BOTH_WAYS,),
)
def test_both_ways(two: Two, machines: Machines, follow: Follow) -> None:
    two.laptop.work(two.session)
    last = two.desk.work(two.session)
    follow(BOTH_WAYS, two.laptop)
    assert two.laptop.active(two.session) == last
    two.are_the_same()
    assert_nothing_lost(machines.kept, two.laptop, two.desk)
    assert "replicas have not changed" in two.laptop.tried(BLOCKS[BOTH_WAYS]).stderr


@scenario(
    "Unison",
    "refs were replaced on both sides, and a session was purged",
    deletions=TRAVEL,
    needs=("unison",),
    follows=(BOTH_WAYS,),
)
def test_deletions(two: Two, machines: Machines, follow: Follow) -> None:
    secret = two.laptop.create("secret", "turn")
    for i in range(5):
        two.laptop.append(two.session, f"turn {i}")
        follow(BOTH_WAYS, two.laptop)
        two.desk.append(two.session, f"turn {i} of the desk")
        follow(BOTH_WAYS, two.laptop)
    assert len(_refs(two.laptop, two.session)) == len(_refs(two.desk, two.session)) == 1
    two.desk.purge(secret)
    follow(BOTH_WAYS, two.laptop)
    assert not list((two.laptop.root / "sessions" / str(secret)).glob("objects/*"))
    two.are_the_same()
    assert_nothing_lost(machines.kept, two.laptop, two.desk)


@scenario(
    "Unison",
    "one side purged a session while the other went on in it",
    deletions="what was purged goes there too: the new turn is kept, with a gap before it",
    needs=("unison",),
    follows=(BOTH_WAYS,),
)
def test_work_that_a_purge_had_not_seen(two: Two, machines: Machines, follow: Follow) -> None:
    two.laptop.purge(two.session)
    unseen = two.desk.append(two.session, "turn that nobody had seen")
    follow(BOTH_WAYS, two.laptop)
    assert_revived_with_a_gap(machines, two.laptop, two.desk, two.session, unseen)


@scenario(
    "Unison -prefer newer",
    "both sides worked; of two versions the newer would win, and nothing has two",
    deletions=TRAVEL,
    needs=("unison",),
    follows=(BOTH_WAYS,),
)
@pytest.mark.parametrize("preferred", ["newer", "~/.sessionfs", "ssh://desk/.sessionfs"])
def test_a_preference_decides_nothing(
    two: Two, machines: Machines, follow: Follow, preferred: str
) -> None:
    two.laptop.work(two.session)
    two.desk.work(two.session)
    two.laptop.run(BLOCKS[BOTH_WAYS].strip() + f" -prefer {preferred}")
    two.are_the_same()
    assert_nothing_lost(machines.kept, two.laptop, two.desk)


@scenario(
    "Unison",
    "another tool had brought the same files to both sides before, without their modes",
    deletions=TRAVEL,
    needs=("unison", "rsync"),
    follows=("rsync: both ways", BOTH_WAYS, MODES),
)
def test_the_same_files_came_another_way(two: Two, machines: Machines, follow: Follow) -> None:
    two.laptop.work(two.session)
    two.desk.work(two.session)
    follow("rsync: both ways", two.laptop)
    for path in two.desk.root.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    # It tells of modes that went apart, and leaves these files; what they hold is the same.
    told = two.laptop.tried(BLOCKS[BOTH_WAYS])
    assert told.returncode == 1
    assert "properties changed on both sides" in told.stdout + told.stderr
    assert_alike(two.laptop, two.desk)
    follow(MODES, two.laptop)
    two.are_the_same()
    assert_nothing_lost(machines.kept, two.laptop, two.desk)


@scenario(
    "Unison",
    "it was killed while it copied, and run again",
    deletions=TRAVEL,
    needs=("unison",),
    follows=(BOTH_WAYS, AGAIN),
)
def test_killed_and_run_again(two: Two, machines: Machines, follow: Follow) -> None:
    for letter in "abcdef":
        two.laptop.large(two.session, letter)
        two.desk.large(two.session, letter.upper())
    before = len(snapshot(two.desk.root))
    (two.laptop.home / "dies-after").write_text("300000")
    assert two.laptop.tried(BLOCKS[BOTH_WAYS]).returncode == -signal.SIGKILL
    assert before < len(snapshot(two.desk.root))
    assert not _objects(two.laptop) <= _objects(two.desk)
    assert assert_never_wrong(machines.kept, two.desk)
    two.desk.append(two.session, "turn meanwhile")
    follow(BOTH_WAYS, two.laptop)
    # Killed at another moment, it finds its own lock, and says so.
    (archive,) = two.settings.glob("ar*")
    archive.with_name("lk" + archive.name.removeprefix("ar")).touch()
    two.desk.append(two.session, "turn after that")
    locked = two.laptop.tried(BLOCKS[BOTH_WAYS])
    assert (locked.returncode, "archives are locked" in locked.stderr) == (3, True)
    follow(AGAIN, two.laptop)
    two.are_the_same(also=frozenset({"foreign"}))
    assert_nothing_lost(machines.kept, two.laptop, two.desk)


@scenario(
    "Unison",
    "a program on each side works all the while",
    deletions=TRAVEL,
    needs=("unison",),
    follows=(BOTH_WAYS,),
)
def test_writers_at_work(two: Two, machines: Machines, follow: Follow, counted: Counted) -> None:
    both = (two.laptop, two.desk)
    with ExitStack() as stack:
        writers = [stack.enter_context(Writer(machines, each, two.session)) for each in both]
        for _ in range(chosen(few=2, usual=3, everything=20)):
            # What changes while it looks is left for the next time, and it says so.
            assert two.laptop.tried(BLOCKS[BOTH_WAYS]).returncode in (0, 1, 2)
            for writer in writers:
                writer.goes_on()
            for machine in both:
                machine.storage.get_session(two.session)
    counted("checkpoints made while Unison ran", remember(machines, *writers))
    follow(BOTH_WAYS, two.laptop)
    two.are_the_same(also=frozenset({"temporary", "foreign"}))
    assert_nothing_lost(machines.kept, *both)


def _objects(machine: Machine) -> set[str]:
    return {each.name for each in machine.root.glob("sessions/*/objects/*.json")}


def _refs(machine: Machine, session: UUID) -> list[Path]:
    return list((machine.root / "sessions" / str(session)).glob("refs/active.*"))
