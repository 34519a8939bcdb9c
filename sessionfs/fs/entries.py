"""What lies under a name: a file, a directory, a link, and who may use it."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from typing import Literal, NamedTuple

import msgspec

from . import files
from .files import os_errors

OTHERS = 0o077
"""The permission bits of everybody but the owner."""


class Entry(msgspec.Struct, frozen=True):
    """What lies under a name.

    Attributes:
        kind: of the name itself, or of what a link leads to; "none": nothing, or a link to nothing.
        target: where it leads if it is a symbolic link.
        mode: the permission bits.
        size: in bytes.

    """

    kind: Literal["file", "directory", "other", "none"]
    target: str | None
    mode: int
    size: int


def inspect(path: str) -> Entry:
    """Return what lies under a name; what may not be looked at is an error that names it."""
    target = files.link_target(path)
    with os_errors(path):
        try:
            found = os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            return Entry("none", target, 0, 0)
        except OSError as error:
            if error.errno == errno.ELOOP:  # a link to itself
                return Entry("none", target, 0, 0)
            raise
    mode = found.st_mode
    kind: Literal["file", "directory", "other"] = (
        "file" if stat.S_ISREG(mode) else "directory" if stat.S_ISDIR(mode) else "other"
    )
    return Entry(kind, target, stat.S_IMODE(mode), found.st_size)


def walk(directory: str) -> Iterator[tuple[str, list[str]]]:
    """Yield a directory and those below it, in order, each with the names of its files."""
    for parent, directories, names in os.walk(directory):
        directories.sort()
        yield parent, names


class WorkTree(NamedTuple):
    """A directory whose history a version control system keeps, "git" or "hg"."""

    path: str
    system: str


def work_tree(path: str) -> WorkTree | None:
    """Return the work tree that a path is in, as ``.git`` or ``.hg`` above it tells; None: in none."""
    above = os.path.realpath(path)
    while True:
        for system in ("git", "hg"):
            if os.path.lexists(os.path.join(above, f".{system}")):
                return WorkTree(above, system)
        above, below = os.path.dirname(above), above
        if above == below:
            return None


def restrict(path: str) -> None:
    """Give a file or directory of a store the mode that a writer would have given it."""
    with os_errors(path):
        os.chmod(path, files.DIRECTORY_MODE if os.path.isdir(path) else files.FILE_MODE)
