"""Cut the power at every moment of a record, and judge what is left."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from sessionfs import FileStorage, StorageError
from sessionfs.fs import files
from sessionfs.fs.files import Durability

from . import checking, relaxed
from .disk import Builder, Disk, State, untouched_sessions
from .workloads import NO_INDEX, STORE, Record, Workload, carry_out


class ViolationError(AssertionError):
    """A state in which the store does not keep what it promises."""


class Cut(NamedTuple):
    """What a power cut may leave after so many calls."""

    position: int
    state: State


_INDEXED = 16
"""One in so many states is opened with an index."""

Check = Callable[[Record, int, State, Callable[[], FileStorage]], None]
_CHECKS: dict[Durability, Check] = {"full": checking.check, "relaxed": relaxed.check}


def cuts(record: Record, random: Random, most: int, first: int = 0) -> list[Cut]:
    """Return what power cuts after ``first`` calls and later may leave, each state once.

    The same state counts once more where more has been acknowledged or begun.

    Args:
        record: the calls.
        random: chooses where there are more than ``most``.
        most: so many states at most of one moment.
        first: so many calls are made in any case.

    """
    disk = Disk(record.before)
    seen: set[tuple[object, ...]] = set()
    found: list[Cut] = []
    for position in range(len(record.calls) + 1):
        if position:
            disk.follow(record.calls[position - 1])
        if position < first:
            continue
        told = tuple((one.begin < position, one.end <= position) for one in record.operations)
        for state in disk.states(random, most):
            key = (told, frozenset(state.items()))
            if key not in seen:
                seen.add(key)
                found.append(Cut(position, state))
    return found


@contextmanager
def scratch() -> Iterator[str]:
    """Give a directory, in memory where there is such a place: no state has to outlive the test."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as directory:
        yield directory


def try_all(
    workload: Workload,
    durability: Durability,
    *,
    states: int,
    each: int | None = None,
    between: tuple[int, Workload] | None = None,
) -> int:
    """Carry out a workload, and check what power cuts may leave; return how many states these were.

    Raises ViolationError for the first state in which a promise is broken.

    Args:
        workload: what is done.
        durability: of the storage that does it.
        states: at most so many states, chosen at random where there are more.
        each: so many at most of one moment; None: as many as may be needed.
        between: before this call, this is done by another storage; power cuts come later than that.

    """
    random = Random(1)
    with scratch() as directory:
        top = os.path.join(directory, "original")
        os.mkdir(top)
        record = carry_out(top, workload, durability, between=between)
        _expect_complete(record)
        first = between[0] if between else 0
        # Twice as many as are wanted, as the same state is left by several moments.
        needed = min(256, max(16, 2 * states // (len(record.calls) - first)))
        found = cuts(record, random, each or needed, first)
        if len(found) > states:
            found = random.sample(found, states)
        os.mkdir(os.path.join(directory, "pool"))
        same = untouched_sessions(record.before, record.calls)
        builder = Builder(os.path.join(directory, "pool"), top, same)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(files, "_SETTLE_SECONDS", 0)  # nobody is writing what is torn here
            for i, cut in enumerate(found):
                builder.build(cut.state, os.path.join(directory, "state"))
                _try(record, cut, directory, _CHECKS[durability], indexed=i % _INDEXED == 0)
                shutil.rmtree(os.path.join(directory, "state"))
    return len(found)


def calls_of(workload: Workload, durability: Durability) -> int:
    """Return how many recorded calls a workload makes where nobody comes between them."""
    with scratch() as directory:
        return len(carry_out(directory, workload, durability).calls)


def _expect_complete(record: Record) -> None:
    """Assert that the record accounts for every byte below the directory."""
    disk, after = Disk(record.before), Disk(record.after)
    for call in record.calls:
        disk.follow(call)
    assert disk.whole() == after.whole(), "something wrote that was not recorded"


def _try(record: Record, cut: Cut, directory: str, check: Check, *, indexed: bool) -> None:
    opened: list[FileStorage] = []

    def open_() -> FileStorage:
        storage = FileStorage(
            os.path.join(directory, "state", STORE),
            durability="relaxed",
            index_dir=os.path.join(directory, "state", "index") if indexed else NO_INDEX,
            message_type=dict,
        )
        opened.append(storage)
        return storage

    try:
        check(record, cut.position, cut.state, open_)
    except (AssertionError, StorageError, pytest.fail.Exception) as error:
        raise ViolationError(f"{error!r}\n{_described(record, cut)}") from error
    finally:
        for storage in opened:
            storage.close()


def _described(record: Record, cut: Cut) -> str:
    lines = ["the calls before the power cut, the last first:"]
    lines += [f"  {str(call)[:160]}" for call in reversed(record.calls[: cut.position])]
    lines += ["the operations:"]
    lines += [
        f"  {one.what}: from {one.begin} to {one.end}"
        f"{' acknowledged' if one.end <= cut.position else ''}"
        for one in record.operations
    ]
    lines += ["the disk:"]
    lines += [
        f"  {path}" + ("/" if data is None else f" {len(data)} {data[:40]!r}")
        for path, data in sorted(cut.state.items())
        if data is not None or not any(Path(path) in Path(one).parents for one in cut.state)
    ]
    return "\n".join(lines)
