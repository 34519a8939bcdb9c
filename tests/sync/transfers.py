"""What tools do that copy files and know nothing of a store: each brings one replica some of another.

None of them overwrites a whole file with a torn one, or mirrors what is missing: what a tool takes away
from the only place that had it is gone, and no store can give it back.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from contextlib import suppress

from .replicas import SESSIONS, Replica, Source, Stored

Transfer = Callable[[Source, Replica, random.Random], None]


def union(source: Source, target: Replica, rng: random.Random) -> None:
    """Copy what is not there, in no order; the copies are new, or as old as their source."""
    now_ns = target.now_us * 1000 if rng.random() < 0.5 else None
    for name in _shuffled(source, rng):
        if name not in target.names or name in target.torn:
            _copy(source, target, name, now_ns)


def newer_wins(source: Source, target: Replica, rng: random.Random) -> None:
    """Copy what is not there or was modified later, as ``rsync -au`` and Syncthing do."""
    for name in sorted(source.names):
        if name not in target.names or source.modified_ns(name) > target.modified_ns(name):
            _copy(source, target, name)
    _set_times(source, target)


def overwrite(source: Source, target: Replica, rng: random.Random) -> None:
    """Copy what is not there or has another time, the older ones too, as ``rsync -a`` does."""
    for name in sorted(source.names):
        if _differs(source, target, name):
            _copy(source, target, name)
    _set_times(source, target)


def partial(source: Source, target: Replica, rng: random.Random) -> None:
    """Copy some of what is to be copied, in any order, and be done with it."""
    part = rng.random()
    for name in _shuffled(source, rng):
        if rng.random() < part and _differs(source, target, name):
            _copy(source, target, name)


def one_kind(source: Source, target: Replica, rng: random.Random) -> None:
    """Copy all files of one kind and no other, or all others: of one session, or of each."""
    kind = rng.choice(["objects/", "refs/", "refs/active.", "refs/meta.", "refs/purge."])
    sessions = sorted({name.split("/")[1] for name in source.names if name.startswith(SESSIONS)})
    session, only = rng.choice(["", *sessions]), rng.random() < 0.5
    for name in _shuffled(source, rng):
        if session in name and (kind in name) == only and _differs(source, target, name):
            _copy(source, target, name)


def cut_off(source: Source, target: Replica, rng: random.Random) -> None:
    """Be interrupted in the middle of a file: a temporary one, or the one with the final name."""
    todo = [name for name in _shuffled(source, rng) if _differs(source, target, name)]
    done = rng.randrange(len(todo)) if todo else 0
    for name in todo[:done]:
        _copy(source, target, name)
    for name in todo[done : done + 1]:
        data, mtime_ns, _ = source.stored(name)
        half = Stored(data[: rng.randrange(max(len(data), 1))], mtime_ns, intact=False)
        if rng.random() < 0.4:
            place, _, file = name.rpartition("/")
            target.put(f"{place}/.{file}.Xq3v7Z".lstrip("/"), half._replace(intact=True))
        elif name not in target.names or name in target.torn:
            target.put_in_place(name, half)


def conflict_copies(source: Source, target: Replica, rng: random.Random) -> None:
    """Copy all, and leave copies of some under the names that tools give to what they cannot merge."""
    for name in _shuffled(source, rng):
        if _differs(source, target, name):
            _copy(source, target, name)
        if rng.random() < 0.1 and name in target.names:
            stem, dot, end = name.rpartition(".")
            mark = rng.choice([".sync-conflict-20260101-120000-ABCDEFG", " (conflicted copy)"])
            _copy(source, target, name, under=f"{stem}{mark}{dot}{end}" if dot else name + mark)


def removals(source: Source, target: Replica, rng: random.Random) -> None:
    """Copy what is not there, and remove refs that were removed there, as tools that sync both ways do.

    Also when only a part of the new files comes with them.
    """
    part = rng.choice([0.0, 0.5, 1.0])
    for name in _shuffled(source, rng):
        if name not in target.names and rng.random() < part:
            _copy(source, target, name)
    if isinstance(source, Replica):
        for name in source.removed:
            if "/refs/active." in name and name in target.names and name not in source.names:
                target.remove(name)


def merge(source: Source, target: Replica, rng: random.Random) -> None:
    """Let the package merge, which is no file-level sync but must be as good as one."""
    if isinstance(source, Replica) and source.names:
        target.storage.merge_from(source.root)


TRANSFERS: dict[str, Transfer] = {
    "union": union,
    "newer wins": newer_wins,
    "overwrite": overwrite,
    "partial": partial,
    "one kind": one_kind,
    "cut off": cut_off,
    "conflict copies": conflict_copies,
    "removals": removals,
    "merge": merge,
}

COPYING = sorted(TRANSFERS.keys() - {"removals", "merge"})
"""Those that can copy from a backup, or in the middle of a write."""


def resurrect(target: Replica, rng: random.Random) -> None:
    """Put back some of what writers have removed."""
    for name, stored in target.removed.items():
        if name not in target.names and rng.random() < 0.7:
            target.put(name, stored)


def exchange(replicas: list[Replica]) -> None:
    """Copy everything to everyone until nothing is to be copied, completing what is torn."""
    moved = True
    while moved:
        moved = False
        for source in replicas:
            for target in replicas:
                todo = source.names - target.names | target.torn & (source.names - source.torn)
                for name in sorted(todo):
                    _copy(source, target, name)
                moved = moved or bool(todo)


def _copy(
    source: Source, target: Replica, name: str, mtime_ns: int | None = None, *, under: str | None = None
) -> None:
    stored = source.stored(name)
    if mtime_ns is not None:
        stored = stored._replace(mtime_ns=mtime_ns)
    if under is not None:
        target.put(under, stored._replace(intact=True))  # of a foreign file nobody can tell
    elif stored.intact or name not in target.names or name in target.torn:
        target.put(name, stored)


def _differs(source: Source, target: Replica, name: str) -> bool:
    if name not in target.names or name in target.torn:
        return True
    return source.modified_ns(name) != target.modified_ns(name)


def _shuffled(source: Source, rng: random.Random) -> Iterator[str]:
    names = sorted(source.names)
    rng.shuffle(names)
    yield from names


def _set_times(source: Source, target: Replica) -> None:
    """Give directories the times of their source, as tools do that keep times."""
    if not isinstance(source, Replica):
        return
    for place in {name.rpartition("/")[0] for name in source.names if name.startswith(SESSIONS)}:
        with suppress(FileNotFoundError):
            time_ns = os.stat(f"{source.root}/{place}").st_mtime_ns
            os.utime(f"{target.root}/{place}", ns=(time_ns, time_ns))
