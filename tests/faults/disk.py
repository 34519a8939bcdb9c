"""What a disk may hold after a power cut, given the system calls before it.

The model is that of ALICE (Pillai et al., OSDI 2014), in its most hostile form. What was fsynced is
there. Of what was not,

- a file's bytes may have reached the disk whole, not at all, in part, or as zeros of their number;
- each change of a directory (a name that is new, that is gone, that became another one) may have
  reached it or not, whatever became of the others. A directory whose own name did not is lost
  with all that is in it. A rename is one change.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import product
from random import Random
from typing import NamedTuple

from .recording import TOP, Call, Create, Link, Remove, Rename, Sync, Tree, Write

State = dict[str, bytes | None]
"""Paths below the top with the bytes of files; None stands for a directory."""

TEMPORARY = ".tmp-"


class Change(NamedTuple):
    """A directory's change that is not on the disk yet."""

    directory: int
    removed: str | None
    added: str | None
    inode: int


class Disk:
    """Follows the calls, and knows what of them has been put on the disk."""

    def __init__(self, before: Tree) -> None:
        self._names: dict[int, dict[str, int]] = {}
        self._durable: dict[int, bytes] = {}
        self._whole: dict[int, bytes] = {}
        self._changes: list[Change] = []
        self._variants: dict[tuple[bytes, bytes], list[bytes]] = {}
        for number, found in before.items():
            if isinstance(found, dict):
                self._names[number] = dict(found)
            else:
                self._durable[number] = self._whole[number] = found

    def follow(self, call: Call) -> None:
        """Take in the next call."""
        match call:
            case Create():
                self._changes.append(Change(call.directory, None, call.name, call.inode))
                if call.is_directory:
                    self._names[call.inode] = {}
                else:
                    self._durable[call.inode] = self._whole[call.inode] = b""
            case Write():
                self._whole[call.inode] += call.data
            case Link():
                self._changes.append(Change(call.directory, None, call.name, call.inode))
            case Rename():
                self._changes.append(Change(call.directory, call.old, call.new, call.inode))
            case Remove():
                self._changes.append(Change(call.directory, call.name, None, -1))
            case Sync() if call.inode in self._names:
                mine = [change for change in self._changes if change.directory == call.inode]
                self._names[call.inode] = _changed(self._names[call.inode], mine)
                self._changes = [each for each in self._changes if each.directory != call.inode]
            case Sync():
                self._durable[call.inode] = self._whole[call.inode]

    def whole(self) -> State:
        """Return what is to be seen while the power is on."""
        inodes = self._inodes([True] * len(self._changes))
        return {path: self._whole.get(inode) for path, inode in inodes.items()}

    def states(self, random: Random, most: int) -> Iterator[State]:
        """Give the states that a power cut may leave now, about ``most`` of them, some repeatedly.

        All of them, where these are no more; else the extremes, and others at random.
        """
        chosen = list(_choices([2] * len(self._changes), random, most))
        for choice in chosen:
            inodes = self._inodes([bool(one) for one in choice])
            state: State = {path: self._durable.get(inode) for path, inode in inodes.items()}
            pending = [
                (path, self._contents(path, inode))
                for path, inode in inodes.items()
                if self._durable.get(inode) != self._whole.get(inode)
            ]
            options = [len(contents) for _, contents in pending]
            for picks in _choices(options, random, max(most // len(chosen), 3)):
                for (path, contents), pick in zip(pending, picks, strict=True):
                    state[path] = contents[pick]
                yield dict(state)

    def _inodes(self, chosen: Sequence[bool]) -> dict[str, int]:
        """Return what lies at which path, if these changes have reached the disk."""
        changes = [change for change, is_there in zip(self._changes, chosen, strict=True) if is_there]
        found: dict[str, int] = {}

        def walk(directory: int, path: str) -> None:
            names = _changed(
                self._names[directory], [each for each in changes if each.directory == directory]
            )
            for name, inode in names.items():
                found[path + name] = inode
                if inode in self._names:
                    walk(inode, f"{path}{name}/")

        walk(TOP, "")
        return found

    def _contents(self, path: str, inode: int) -> list[bytes]:
        """Return what a file may hold: the first is the least, the last all that was written."""
        durable, whole = self._durable[inode], self._whole[inode]
        contents = self._variants.get((durable, whole))
        if contents is None:
            middle = (len(durable) + len(whole)) // 2
            # The same objects each time: Python then hashes and compares them once.
            contents = self._variants[durable, whole] = [
                durable,
                whole[: len(durable) + 1],
                whole[:middle],
                whole[:middle] + bytes(len(whole) - middle),
                durable + bytes(len(whole) - len(durable)),
                whole[:-1],
                whole,
            ]
        if os.path.basename(path).startswith(TEMPORARY):
            return [contents[0], contents[2], contents[-1]]  # nobody looks into it
        return contents


def _changed(names: dict[str, int], changes: Sequence[Change]) -> dict[str, int]:
    if not changes:
        return names
    names = dict(names)
    for change in changes:
        if change.removed is not None:
            names.pop(change.removed, None)
        if change.added is not None:
            names[change.added] = change.inode
    return names


def _choices(options: Sequence[int], random: Random, most: int) -> Iterator[tuple[int, ...]]:
    """Give ways to choose one of so many options each: all ways, or the extremes and some at random.

    The extremes are: nothing, all, a beginning; all but one, which is less; nothing but one.
    """
    ways = 1
    for number in options:
        ways *= number
    if ways <= most:
        yield from product(*map(range, options))
        return
    least, full = [0] * len(options), [number - 1 for number in options]
    extremes = [tuple(least), tuple(full)]
    for i, number in enumerate(options):
        extremes.append((*full[:i], *least[i:]))
        extremes += [(*full[:i], pick, *full[i + 1 :]) for pick in range(number - 1)]
        extremes.append((*least[:i], full[i], *least[i + 1 :]))
    if len(extremes) > most:
        extremes = extremes[:2] + random.sample(extremes[2:], most - 2)
    yield from extremes
    for _ in range(most - len(extremes)):
        # Mostly there, mostly not, and what is between.
        share = random.choice((0.1, 0.5, 0.9))
        yield tuple(
            number - 1 if random.random() < share else random.randrange(number) for number in options
        )


class Builder:
    """Makes states real directories. A file is written once and then linked: none is ever rewritten.

    Directories that are the same in every state are links to those of ``original``.
    """

    def __init__(self, pool: str, original: str, same: set[str]) -> None:
        self._pool = pool
        self._original = original
        self._same = same
        self._written: dict[bytes, str] = {}

    def build(self, state: State, top: str) -> None:
        """Make a state below a directory, which is created."""
        os.mkdir(top)
        for path, data in state.items():  # parents come before their children
            if any(path.startswith(same + "/") for same in self._same):
                continue
            target = f"{top}/{path}"
            if path in self._same:
                os.symlink(f"{self._original}/{path}", target)
            elif data is None:
                os.mkdir(target, 0o700)
            else:
                os.link(self._linkable(data), target)

    def _linkable(self, data: bytes) -> str:
        path = self._written.get(data)
        if path is None:
            path = self._written[data] = f"{self._pool}/{len(self._written)}"
            with open(path, "xb") as file:
                file.write(data)
            os.chmod(path, 0o400)
        return path


def untouched_sessions(before: Tree, calls: Sequence[Call]) -> set[str]:
    """Return the paths of the session directories in which no call changes anything."""
    touched = {call.directory for call in calls if isinstance(call, Create | Link | Rename | Remove)}
    same: set[str] = set()

    def walk(directory: int, path: str) -> bool:
        """Tell whether something in this directory changes."""
        names = before[directory]
        assert isinstance(names, dict)
        inside = [
            walk(child, f"{path}/{name}")
            for name, child in names.items()
            if isinstance(before[child], dict)
        ]
        changes = directory in touched or any(inside)
        if not changes and os.path.basename(os.path.dirname(path)) == "sessions":
            same.add(path[1:])
        return changes

    walk(TOP, "")
    return same
