"""Record the system calls by which the package changes what is below a directory.

``RecordingOs`` stands where ``sessionfs.files``, the only module of the store that touches the
operating system, has ``os``. Every call is carried out. Files and directories are told apart by a
number that they keep under every name, as inodes do.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest

from sessionfs.fs import files, tempfiles

MOST_AT_ONCE = 1 << 15
"""A system may write fewer bytes than it was asked to; this one never writes more than these."""

_UNKNOWN = frozenset((
    *("copy_file_range", "fdatasync", "ftruncate", "lchown", "lseek", "makedirs", "mkfifo", "mknod"),
    *("posix_fallocate", "pwrite", "pwritev", "remove", "removedirs", "renames", "sendfile", "splice"),
    *("symlink", "sync", "truncate", "writev"),
))  # fmt: skip
"""Calls that change files in ways that the record does not know: the package makes none of them."""


class Create(NamedTuple):
    """A new, empty file or directory got a name."""

    directory: int
    name: str
    inode: int
    is_directory: bool


class Write(NamedTuple):
    """Bytes were added to the end of a file."""

    inode: int
    data: bytes


class Sync(NamedTuple):
    """A file's bytes, or a directory's names, were put on the disk."""

    inode: int


class Link(NamedTuple):
    """A file got one more name."""

    directory: int
    name: str
    inode: int


class Rename(NamedTuple):
    """A file or directory got another name in the same directory."""

    directory: int
    old: str
    new: str
    inode: int


class Remove(NamedTuple):
    """A name was taken out of a directory."""

    directory: int
    name: str


Call = Create | Write | Sync | Link | Rename | Remove

TOP = 0
"""The number of the directory below which calls are recorded; it is there before and after."""

Tree = dict[int, bytes | dict[str, int]]
"""What lies below a directory by number: the bytes of a file, the names and numbers in a directory."""


def read_tree(top: str) -> Tree:
    """Return what lies below a real directory."""
    tree: Tree = {}

    def read(path: str) -> int:
        number = len(tree)
        if os.path.isdir(path):
            names: dict[str, int] = {}
            tree[number] = names
            for name in sorted(os.listdir(path)):
                names[name] = read(os.path.join(path, name))
        else:
            with open(path, "rb") as file:
                tree[number] = file.read()
        return number

    read(top)
    return tree


class RecordingOs:
    """Stands in for ``os``: carries out every call, and records those that change something below top.

    Attributes:
        before: what was there when recording began, all of it on the disk.
        calls: what was done since.

    """

    def __init__(self, top: str) -> None:
        self._top = os.path.abspath(top)
        self.before = read_tree(top)
        self.calls: list[Call] = []
        self._names: dict[int, dict[str, int]] = {
            number: dict(found) for number, found in self.before.items() if isinstance(found, dict)
        }
        self._numbers = len(self.before)
        self._open: dict[int, int] = {}
        self._interruption: tuple[int, Callable[[], None]] | None = None

    def interrupt(self, at: int, action: Callable[[], None]) -> None:
        """Before call ``at`` is carried out, do this: another process at work between two calls."""
        self._interruption = (at, action)

    def __getattr__(self, name: str) -> Any:
        assert name not in _UNKNOWN, f"os.{name} changes files and would not be recorded"
        return getattr(os, name)

    def open(self, path: str, flags: int, mode: int = 0o777) -> int:
        creates = bool(flags & os.O_CREAT) and self._is_below(path)
        if creates:
            assert flags & os.O_EXCL, f"{path}: a file that may be there is no new one"
            self._wait()
        descriptor = os.open(path, flags, mode)
        if creates:
            self._open[descriptor] = self._create(path, is_directory=False)
        elif self._is_below(path) or os.path.abspath(path) == self._top:
            assert flags & (os.O_WRONLY | os.O_RDWR | os.O_TRUNC) == 0, f"{path} is written in place"
            self._open[descriptor] = self._find(path)
        return descriptor

    def close(self, descriptor: int) -> None:
        os.close(descriptor)
        self._open.pop(descriptor, None)

    def write(self, descriptor: int, data: bytes) -> int:
        inode = self._open.get(descriptor)
        if inode is None:
            return os.write(descriptor, data)
        self._wait()
        written = os.write(descriptor, data[:MOST_AT_ONCE])
        self.calls.append(Write(inode, bytes(data[:written])))
        return written

    def fsync(self, descriptor: int) -> None:
        inode = self._open.get(descriptor)
        if inode is not None:
            self._wait()
        os.fsync(descriptor)
        if inode is not None:
            self.calls.append(Sync(inode))

    def mkdir(self, path: str, mode: int = 0o777) -> None:
        if not self._is_below(path):
            return os.mkdir(path, mode)
        self._wait()
        os.mkdir(path, mode)
        self._names[self._create(path, is_directory=True)] = {}
        return None

    def link(self, source: str, target: str, *, follow_symlinks: bool = True) -> None:
        assert self._is_below(source), source
        self._wait()
        os.link(source, target, follow_symlinks=follow_symlinks)
        directory, name = self._place(target)
        inode = self._names[directory][name] = self._find(source)
        self.calls.append(Link(directory, name, inode))

    def rename(self, source: str, target: str) -> None:
        if not self._is_below(source):
            return os.rename(source, target)
        self._wait()
        os.rename(source, target)
        directory, old = self._place(source)
        other, new = self._place(target)
        assert directory == other, f"{source} leaves its directory: this is two changes, not one"
        inode = self._names[directory].pop(old)
        self._names[directory][new] = inode
        self.calls.append(Rename(directory, old, new, inode))
        return None

    replace = rename

    def unlink(self, path: str) -> None:
        self._remove(os.unlink, path)

    def rmdir(self, path: str) -> None:
        self._remove(os.rmdir, path)

    def _remove(self, remove: Callable[[str], None], path: str) -> None:
        if not self._is_below(path):
            return remove(path)
        self._wait()
        remove(path)
        directory, name = self._place(path)
        del self._names[directory][name]
        self.calls.append(Remove(directory, name))
        return None

    def _wait(self) -> None:
        """Let another process do its work first, where one was announced for this moment."""
        if self._interruption is not None and self._interruption[0] == len(self.calls):
            action, self._interruption = self._interruption[1], None
            action()

    def _create(self, path: str, *, is_directory: bool) -> int:
        directory, name = self._place(path)
        inode, self._numbers = self._numbers, self._numbers + 1
        self._names[directory][name] = inode
        self.calls.append(Create(directory, name, inode, is_directory))
        return inode

    def _is_below(self, path: str) -> bool:
        return os.path.abspath(path).startswith(self._top + os.sep)

    def _find(self, path: str) -> int:
        found = TOP
        for name in filter(None, os.path.abspath(path)[len(self._top) :].split(os.sep)):
            found = self._names[found][name]
        return found

    def _place(self, path: str) -> tuple[int, str]:
        parent, name = os.path.split(os.path.abspath(path))
        return self._find(parent), name


@contextmanager
def recording(top: str) -> Iterator[RecordingOs]:
    """Record meanwhile what the package changes below a directory."""
    recorder = RecordingOs(top)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "os", recorder)
        patch.setattr(tempfiles, "os", recorder)
        yield recorder
