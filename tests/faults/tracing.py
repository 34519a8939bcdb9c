"""Faults in system calls, put there by ``strace -e inject``: where they can be, and as what options."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import pytest

from .forks import Ended, Forks, NotTraceableError

TRACED = ["-e", "trace=%file,%desc"]
"""Options that show every call that may concern a file."""

_CALL = re.compile(r"(\w+)\((.*)")

MUTATING = {
    "openat", "write", "pwrite64", "mkdir", "mkdirat", "rename", "renameat", "renameat2", "unlink",
    "unlinkat", "rmdir", "chmod", "fchmodat", "fchmod", "fsync", "fdatasync", "ftruncate", "flock",
}  # fmt: skip
"""Calls that change something, by the names they have on one machine or another."""

# The calls that go on failing, once the first of them has: a disk that is full can still be read.
_NO_ROOM = {"write", "pwrite64", "mkdir", "mkdirat", "rename", "renameat", "renameat2", "fsync"}
_BY_NAME = {
    "openat", "newfstatat", "stat", "lstat", "statx", "mkdir", "mkdirat", "rename", "renameat",
    "renameat2", "unlink", "unlinkat", "rmdir", "chmod", "fchmodat",
}  # fmt: skip
ERRORS: dict[str, set[str] | None] = {
    "ENOSPC": _NO_ROOM,
    "EDQUOT": _NO_ROOM,
    "EIO": None,
    "EACCES": _BY_NAME,
    "EROFS": MUTATING - {"openat", "flock"},
    "EMFILE": {"openat"},
}
"""Errors, and which calls have them when they persist; None: all."""

INTERRUPTED = "EINTR"
IN_A_ROW = 3
_RETRIED = {"openat", "read", "write", "fsync", "fchmod", "flock"}


class Position(NamedTuple):
    """A system call of a run.

    Attributes:
        nth: it is the n-th of its name, from 1.
        before: how many calls of each name came before it.
        text: what strace says of it.

    """

    name: str
    nth: int
    before: dict[str, int]
    text: str

    @property
    def mutates(self) -> bool:
        """Whether it changes something, as far as its name and flags tell."""
        if self.name == "openat":
            return "O_CREAT" in self.text
        return self.name in MUTATING


def is_retried(position: Position) -> bool:
    """Tell whether Python makes a call again after EINTR (PEP 475), so that the caller never knows."""
    return position.name in _RETRIED and "O_DIRECTORY" not in position.text  # which is of a listing


def positions(trace: Iterable[str], *below: str) -> list[Position]:
    """Return the calls of a trace that concern one of these paths or what is below it."""
    counts: Counter[str] = Counter()
    found: list[Position] = []
    for line in trace:
        match = _CALL.match(line)
        if match is None:
            continue
        name = match[1]
        before = dict(counts)
        counts[name] += 1
        if any(path in match[2] for path in below):
            found.append(Position(name, counts[name], before, line))
    return found


def kill_at(position: Position) -> list[str]:
    """Return the options that kill the process when it is about to make a call."""
    return [*_only(position.name), "-e", f"inject={position.name}:signal=KILL:when={position.nth}"]


def fail_once(position: Position, error: str) -> list[str]:
    """Return the options that make a call fail; with EINTR, so many of its name in a row."""
    when = str(position.nth)
    if error == INTERRUPTED:
        when += f"..{position.nth + IN_A_ROW - 1}"
    return [*_only(position.name), "-e", f"inject={position.name}:error={error}:when={when}"]


def fail_from(position: Position, error: str, names: Iterable[str]) -> list[str]:
    """Return the options that make each call of these names fail from a position on."""
    options = _only(*names)
    for name in sorted(names):
        options += ["-e", f"inject={name}:error={error}:when={position.before.get(name, 0) + 1}+"]
    return options


def _only(*names: str) -> list[str]:
    """Return the options that show these calls alone, which is faster."""
    return ["-e", f"trace={','.join(f'?{name}' for name in sorted(names))}"]


def injected(ended: Ended) -> list[str]:
    """Return the calls that were made to fail."""
    return [line for line in ended.trace if line.endswith("(INJECTED)")]


def require_tracing(forks: Forks) -> None:
    """Skip the test, with the reason, where faults cannot be put into system calls."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    options = [*TRACED, "-e", "inject=getpid:error=EIO:when=1"]
    try:
        forks.run(f"{__name__}:nothing", {}, strace=options)
    except NotTraceableError as error:
        pytest.skip(f"faults cannot be put into system calls here: {error}")


def nothing(arguments: dict[str, object], tell: object) -> None:
    """Do nothing, to see whether that can be traced."""
