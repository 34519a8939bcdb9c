"""rsync that is killed in the middle, on both sides at once, and run again."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import pytest

from sessionfs import CorruptObjectError

from ..effort import Counted
from .checking import (
    answers,
    assert_alike,
    assert_never_wrong,
    assert_no_changed_byte,
    assert_nothing_lost,
)
from .conftest import Follow
from .machines import PATIENCE, Machine, Machines
from .scenarios import scenario
from .test_rsync import DELETES, KEEPS, RSYNC

pytestmark = [pytest.mark.once, pytest.mark.slow]

SLOWLY = "--bwlimit=4M"
LARGE, SMALL = 800_000, 100_000
"""Bytes of a file that takes rsync a fifth of a second then, in writes of 256 KiB; and of less."""

LEFT = frozenset({"foreign"})
"""What a killed rsync leaves: temporary files of its own, ``.<name>.<six letters>``."""

Moment = Callable[[set[Path], Machine, Machine], bool]
"""Tells whether it has come: what was there before, where files come from, and where they go."""


def after(number: int) -> Moment:
    """Return the moment when so many files have arrived."""

    def come(before: set[Path], _: Machine, target: Machine) -> bool:
        return len(here(target) - before) >= number

    return come


def in_a_large_file(before: set[Path], _: Machine, target: Machine) -> bool:
    return any(path.suffix != ".json" and _size(path) > SMALL for path in here(target) - before)


def in_place(_: set[Path], source: Machine, target: Machine) -> bool:
    return bool(parts(source, target))


def parts(source: Machine, target: Machine) -> list[Path]:
    """Return the files of which a part lies under the file's name."""
    return [
        path
        for path in here(target)
        if 0 < _size(path) < _size(source.root / path.relative_to(target.root))
    ]


def here(machine: Machine) -> set[Path]:
    return set(machine.root.glob("sessions/*/objects/*"))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def stop(source: Machine, target: Machine, script: str, moment: Moment, by: signal.Signals) -> None:
    """Start rsync and end all of it, what runs on the other machine too, at a moment."""
    before = here(target)
    process = source.started(script)
    try:
        while not moment(before, source, target):
            assert process.poll() is None, "it ended before its moment came"
            time.sleep(0.001)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, by)
        process.communicate(timeout=PATIENCE)


def much(machines: Machines) -> tuple[Machine, Machine, UUID]:
    """Return a machine with large and small files, one with other work, and their common session."""
    laptop = machines.machine("laptop")
    session = laptop.create("garden", "turn")
    desk = laptop.copied("desk")
    desk.work(session)
    for letter in "abc":
        own = laptop.create(f"only on laptop, with {letter}", "turn")
        laptop.append(own, letter * LARGE)
        laptop.append(own, f"turn after {letter}")
        laptop.append(session, f"turn beside {letter}")
    for path in here(laptop):
        os.utime(path, (10**9, 10**9))  # what is left of an interrupted copy is newer
    return laptop, desk, session


@scenario(
    "rsync -a",
    "killed on both sides, again and again, then run to its end",
    deletions=KEEPS,
    needs=RSYNC,
    follows=("rsync: both ways",),
)
def test_killed(machines: Machines, follow: Follow, counted: Counted) -> None:
    laptop, desk, session = much(machines)
    counts, moments = [], [after(1), in_a_large_file, after(3), in_a_large_file, after(2)]
    for moment in moments:
        command = f"rsync -a {SLOWLY} ~/.sessionfs/ desk:.sessionfs/"
        stop(laptop, desk, command, moment, signal.SIGKILL)
        counts.append(assert_never_wrong(machines.kept, desk))
        desk.append(session, "turn of desk, beside what a killed rsync left")
    assert counts == sorted(counts)
    counted("times that rsync was killed", len(moments))
    follow("rsync: both ways", laptop)
    assert_alike(laptop, desk)
    assert_nothing_lost(machines.kept, laptop, desk)
    assert_no_changed_byte(laptop, desk, also=LEFT)


@scenario(
    "rsync -a --delete",
    "a mirror is killed on both sides, then run to its end",
    deletions=DELETES,
    needs=RSYNC,
    follows=("rsync: a mirror",),
)
def test_a_mirror_killed(machines: Machines, follow: Follow, counted: Counted) -> None:
    laptop, _, session = much(machines)
    backup = laptop.copied("backup")
    gone = backup.create("only in the mirror", "turn")
    for letter in "xy":
        laptop.append(session, letter * LARGE)
    moments = [in_a_large_file, after(2)]
    for moment in moments:
        command = f"rsync -a --delete {SLOWLY} ~/.sessionfs/ backup:.sessionfs/"
        stop(laptop, backup, command, moment, signal.SIGKILL)
        assert_never_wrong(machines.kept, backup)
    counted("times that rsync was killed", len(moments))
    follow("rsync: a mirror", laptop)
    assert gone not in {each.id for each in backup.storage.list_sessions().sessions}
    assert_alike(laptop, backup)
    assert_no_changed_byte(backup)


@scenario(
    "rsync -a --partial",
    "interrupted in a file, of which a part stays under its name; repeated, also with -u",
    deletions=KEEPS,
    needs=RSYNC,
)
@pytest.mark.parametrize("options", ["-a --partial", "-au"])
def test_a_part_is_kept(machines: Machines, options: str) -> None:
    laptop, desk, _ = much(machines)
    command = "rsync {} ~/.sessionfs/ desk:.sessionfs/"
    stop(laptop, desk, command.format(f"-a --partial {SLOWLY}"), in_a_large_file, signal.SIGTERM)
    assert parts(laptop, desk)
    assert_never_wrong(machines.kept, desk)
    laptop.run(command.format(options))
    laptop.run(f"rsync {options} desk:.sessionfs/ ~/.sessionfs/")
    assert_alike(laptop, desk)
    assert_nothing_lost(machines.kept, laptop, desk)
    assert_no_changed_byte(laptop, desk)


@scenario(
    "rsync -a --inplace",
    "killed in the middle of a file under its own name; repeated",
    deletions=KEEPS,
    needs=RSYNC,
)
def test_in_place(machines: Machines) -> None:
    laptop, desk, _ = much(machines)
    command = "rsync -a --inplace {} ~/.sessionfs/ desk:.sessionfs/"
    for _ in range(3):
        stop(laptop, desk, command.format(SLOWLY), in_place, signal.SIGKILL)
        assert_never_wrong(machines.kept, desk)
    laptop.run(command.format(""))
    laptop.run("rsync -a desk:.sessionfs/ ~/.sessionfs/")
    assert_alike(laptop, desk)
    assert_nothing_lost(machines.kept, laptop, desk)
    assert_no_changed_byte(laptop, desk)


@scenario(
    "rsync -au after --inplace",
    "the part that --inplace left is newer, and stays; it is told of, and mended from the other side",
    deletions=KEEPS,
    needs=RSYNC,
)
def test_in_place_then_only_what_is_newer(machines: Machines) -> None:
    laptop, desk, _ = much(machines)
    command = f"rsync -a --inplace {SLOWLY} ~/.sessionfs/ desk:.sessionfs/"
    stop(laptop, desk, command, in_place, signal.SIGKILL)
    laptop.run("rsync -au ~/.sessionfs/ desk:.sessionfs/")
    assert parts(laptop, desk)
    assert_never_wrong(machines.kept, desk)
    damaged = [
        each for each in desk.storage.verify(read_all=True).findings if each.kind == "object-damaged"
    ]
    assert damaged
    with pytest.raises(CorruptObjectError):
        desk.storage.get_checkpoint(damaged[0].checkpoints[0])
    desk.storage.repair(read_all=True, sources=[laptop.root])
    laptop.run("rsync -a --ignore-existing desk:.sessionfs/ ~/.sessionfs/")
    assert answers(laptop.storage) == answers(desk.storage)
    assert_nothing_lost(machines.kept, laptop, desk)
