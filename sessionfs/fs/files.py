"""Files: published atomically, read verified, named, linked and removed.

The invariant: a file appears under its final name whole or not at all, and with durability
"full" it is on the disk before the name is. Failures leave as errors of our tree that name the file.
"""

from __future__ import annotations

import errno
import os
import platform
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from copy import copy
from types import TracebackType
from typing import Literal

from ..errors import (
    CorruptObjectError,
    InternalError,
    InvalidRequestError,
    StorageError,
    TooLargeError,
    UnauthorizedError,
)
from . import tempfiles

Durability = Literal["full", "relaxed"]

StrPath = str | os.PathLike[str]
"""A path as callers may give it."""

MAX_BYTES = 1 << 30
"""The largest file of a store that is written or read, unless a storage is told otherwise: 1 GiB."""

FILE_MODE = 0o400
DIRECTORY_MODE = 0o700
_SETTLE_SECONDS = 0.02
_SETTLE_TRIES = 5
# NONBLOCK: opening a FIFO that lies in a file's place must not wait for a writer.
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
# NONBLOCK here, too: without it, and DIRECTORY, a FIFO in a directory's place is waited for.
_DIRECTORY = _READ | getattr(os, "O_DIRECTORY", 0)
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)
_CREATE |= getattr(os, "O_NOFOLLOW", 0)
_BINARY = getattr(os, "O_BINARY", 0)

NOWHERE = os.devnull
"""Stands for a directory where there can be none."""

SEPARATOR = os.sep
join = os.path.join
name_of = os.path.basename
parent_of = os.path.dirname


class NameTakenError(InternalError):
    """Something that is not empty has the name already."""


class NotRegularError(InternalError):
    """Something that is not a regular file lies in a file's place."""


class os_errors:  # noqa: N801 - it reads as a function; as a generator it would cost a microsecond more
    """Turn an error of the operating system into a ``StorageError`` that names the path."""

    __slots__ = ("_path",)

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        path = self._path
        if error is None or isinstance(error, StorageError):
            return
        if isinstance(error, PermissionError):
            raise UnauthorizedError(f"{path}: {error.strerror}", path=path) from error
        if isinstance(error, MemoryError):
            raise InternalError(f"{path}: too large for the memory", path=path) from error
        if isinstance(error, OSError | ValueError):  # ValueError: a NUL in a path
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise InternalError(f"{path}: {reason}", path=path) from error


class Files:
    """Writes files with one durability, of at most ``limit`` bytes.

    Reading is the same for every durability, and stands in functions of this module.
    """

    def __init__(self, durability: Durability, limit: int = MAX_BYTES) -> None:
        self.limit = limit
        self._sync = durability == "full"
        self._sweeps = True
        self._swept: set[str] = set()
        self._named_on_disk: set[str] = set()

    def not_sweeping(self) -> Files:
        """Return one that leaves what killed writers left: their bytes may be what is looked for."""
        other = copy(self)
        other._sweeps = False
        return other

    def check_size(self, size: int) -> None:
        """Raise InvalidRequestError for a record of more bytes than the limit."""
        if size > self.limit:
            raise InvalidRequestError(
                f"a record of {size:,} bytes is more than max_object_bytes = {self.limit:,}"
            )

    def publish(self, directory: str, name: str, data: bytes, *, synced: bool = True) -> None:
        """Make a file appear under its name with all its bytes, which are on the disk before.

        The caller makes sure that the name is free or that of a file set aside, and syncs the directory
        when it is done there. Without ``synced`` a power cut may leave the name without the bytes.
        """
        self.sweep(directory)
        path, final = join(directory, tempfiles.new_temporary_name()), join(directory, name)
        with os_errors(final):
            try:
                descriptor = os.open(path, _CREATE | _BINARY, FILE_MODE)
            except FileNotFoundError:
                # A tool that does not keep empty directories brought the session here.
                self.make_directory(directory)
                descriptor = os.open(path, _CREATE | _BINARY, FILE_MODE)
            try:
                try:
                    _write_all(descriptor, data)
                    _set_mode(descriptor, FILE_MODE)
                    if self._sync and synced:
                        os.fsync(descriptor)
                finally:
                    os.close(descriptor)
                os.replace(path, final)
            except BaseException:
                # Never retried: after a failed fsync the kernel may have dropped the bytes.
                with suppress(OSError):
                    os.unlink(path)
                raise

    def replace(self, path: str, data: bytes, *, mode: int) -> None:
        """Put these bytes under a name, whatever was there. For caches only, never in a store."""
        with os_errors(path):
            fresh = join(os.path.dirname(path), tempfiles.new_temporary_name())
            descriptor = os.open(fresh, _CREATE | _BINARY, mode)
            try:
                try:
                    _write_all(descriptor, data)
                    _set_mode(descriptor, mode)
                finally:
                    os.close(descriptor)
                os.replace(fresh, path)
            except BaseException:
                with suppress(OSError):
                    os.unlink(fresh)
                raise

    def sync_directories(self, paths: Iterable[str]) -> None:
        """Do what ``sync_directory`` does for several directories, in this order."""
        for path in paths:
            self.sync_directory(path)

    def sync_directory(self, path: str, concerning: str | None = None) -> None:
        """Put the names in a directory on the disk; an error names the one that is concerned."""
        if not self._sync or os.name == "nt":
            return
        with os_errors(concerning or path):
            descriptor = open_directory(path)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def make_directory(self, path: str) -> None:
        """Create a directory and the parents that it lacks, each one's name on the disk."""
        if is_directory(path):
            return
        parent = os.path.dirname(os.path.abspath(path))
        self.make_directory(parent)
        with os_errors(path):
            try:
                os.mkdir(path, DIRECTORY_MODE)
            except FileExistsError:
                if not is_directory(path):
                    raise
                return
            os.chmod(path, DIRECTORY_MODE)
        self.sync_name(path)

    def sync_names(self, paths: Iterable[str]) -> None:
        """Do what ``sync_name`` does for several directories, in this order."""
        for path in paths:
            self.sync_name(path)

    def sync_name(self, path: str) -> None:
        """Put the name of a directory on the disk, if it is there; the first time only.

        Another process may have made the directory, and was killed before it put the name there: what
        is written inside would go with it.
        """
        if self._sync and path not in self._named_on_disk and is_directory(path):
            self.sync_directory(os.path.dirname(os.path.abspath(path)), path)
            self._named_on_disk.add(path)

    @contextmanager
    def new_directory(self, parent: str, name: str, inside: tuple[str, ...]) -> Iterator[str]:
        """Give a temporary directory to fill, which then appears under its name as a whole.

        It has the directories ``inside``, which the caller syncs when they are filled. On an error
        all of it is removed.
        """
        self.sweep(parent)
        path = join(parent, tempfiles.new_temporary_name())
        made = [path, *(join(path, child) for child in inside)]
        try:
            with os_errors(path):
                for directory in made:
                    os.mkdir(directory, DIRECTORY_MODE)
                    os.chmod(directory, DIRECTORY_MODE)
            inodes = [inode_of(each) for each in made]
            yield path
            self.sync_directory(path)
            if [inode_of(each) for each in made] != inodes:
                # Another process took it for one that a killed writer had left: a machine slept.
                raise InternalError(f"{path} was removed while it was written", path=path)
            final = join(parent, name)
            with os_errors(final):
                try:
                    os.rename(path, final)
                except OSError as error:
                    if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                        raise NameTakenError(f"{final} is there already", path=final) from error
                    raise
        except BaseException:
            tempfiles.remove_tree(path)
            raise
        finally:
            self._swept.difference_update(made)
        self.sync_name(final)

    def sweep(self, directory: str) -> None:
        """Remove what killed writers left here more than 24 hours ago; the first time only."""
        if self._sweeps and directory not in self._swept:
            self._swept.add(directory)
            for name in filter(tempfiles.is_temporary, names(directory)):
                tempfiles.remove_abandoned(join(directory, name))


def read_file(path: str, limit: int | None = None) -> bytes | None:
    """Return a file's bytes, or None if there is none.

    Raises NotRegularError for a FIFO and its like, TooLargeError for more bytes than the limit, and
    CorruptObjectError for what the disk cannot give back.
    """
    try:
        with os_errors(path):
            return _read_file(path, limit)
    except InternalError as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.EIO:
            raise CorruptObjectError(error.message, path=path, finding="unreadable") from error
        raise


def _read_file(path: str, limit: int | None) -> bytes | None:
    try:
        descriptor = os.open(path, _READ | _BINARY)
    except (FileNotFoundError, NotADirectoryError) as error:
        if os.path.islink(path):
            raise NotRegularError(f"{path} is a link to nothing", path=path) from error
        return None
    except OSError as error:
        # A socket or a device without a driver in the file's place.
        if error.errno in (errno.ENXIO, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG):
            raise NotRegularError(f"{path} is not a regular file", path=path) from error
        raise
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise NotRegularError(f"{path} is not a regular file", path=path)
        if limit is not None and status.st_size > limit:
            raise TooLargeError(
                f"{path} has {status.st_size:,} bytes, more than max_object_bytes = {limit:,}",
                path=path,
                finding="too-large",
            )
        return _read_all(descriptor, status.st_size)
    finally:
        os.close(descriptor)


def read_settled(
    path: str, previous: bytes | None, limit: int | None = None
) -> tuple[bytes | None, bool]:
    """Read again a file whose bytes were wrong, until two readings agree or patience ends.

    A tool that writes in place shows half a file for a moment. Returns the last reading, and whether
    it agreed with the one before.
    """
    for _ in range(_SETTLE_TRIES):
        time.sleep(_SETTLE_SECONDS)
        current = read_file(path, limit)
        if current == previous:
            return current, True
        previous = current
    return previous, False


def open_directory(path: str) -> int:
    """Return a descriptor of a directory, to sync it, lock it or look into it; never waits.

    OSError, as of ``os.open``, for what is not a directory: a FIFO, socket, device or file.
    """
    return os.open(path, _DIRECTORY)


def names(directory: str) -> list[str]:
    """Return the names in a directory, unsorted; none if there is no such directory."""
    with os_errors(directory):
        try:
            return os.listdir(directory)
        except (FileNotFoundError, NotADirectoryError):
            return []


def is_directory(path: str) -> bool:
    """Tell whether there is a directory (or a link to one) of this name."""
    mode = mode_of(path, os.stat)
    return mode is not None and stat.S_ISDIR(mode)


def is_other_than_directory(path: str) -> bool:
    """Tell whether the name is taken by something else than a directory (or a link to one).

    In one look: between two, a directory may be moved away, and would be taken for something else.
    """
    mode = mode_of(path, os.lstat)
    if mode is None or stat.S_ISDIR(mode):
        return False
    return not (stat.S_ISLNK(mode) and is_directory(path))


def exists(path: str) -> bool:
    """Tell whether the name is taken, by whatever it is.

    An error if the operating system does not say: what may be there is not to be taken for missing.
    """
    return mode_of(path, os.lstat) is not None


def link_target(path: str) -> str | None:
    """Return where a symbolic link leads, from the root of the file system; None: it is not a link."""
    mode = mode_of(path, os.lstat)
    return os.path.realpath(path) if mode is not None and stat.S_ISLNK(mode) else None


def link_targets(paths: Iterable[str]) -> dict[str, str]:
    """Return where those of some paths lead that are symbolic links."""
    found = ((path, link_target(path)) for path in paths)
    return {path: target for path, target in found if target is not None}


def mode_of(path: str, look: Callable[[str], os.stat_result]) -> int | None:
    """Return the mode of what has a name, by ``os.stat`` or ``os.lstat``; None: nothing has it."""
    try:
        return look(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError):
        with os_errors(path):
            raise


def process_id() -> int:
    """Return the id of this process; what was opened before a fork is not ours after it."""
    return os.getpid()


def host_name() -> str:
    """Return the name of this machine."""
    return platform.node()


def user_cache(name: str) -> str:
    """Return the directory for a program's caches of this user.

    Where the user has no home there is none, and what is returned cannot be written to.
    """
    from platformdirs import user_cache_dir

    try:
        found = user_cache_dir(name, appauthor=False)
    except RuntimeError:
        found = "~"
    return NOWHERE if found.startswith("~") else found


def real_path(path: str) -> str:
    """Return the path with links resolved, from the root of the file system."""
    return os.path.realpath(path)


def absolute_path(path: StrPath) -> str:
    """Return the path from the root of the file system; ``~`` is the caller's to expand."""
    return os.path.abspath(os.fspath(path))


def remove(path: str) -> None:
    """Remove a file; it is not an error if another process has already."""
    with os_errors(path), suppress(FileNotFoundError):
        os.unlink(path)


def inode_of(path: str) -> tuple[int, int] | None:
    """Return device and inode of what has a name, which a file keeps when it is renamed; None: none."""
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def set_aside(path: str, damaged: tuple[int, int] | None = None) -> None:
    """Rename a damaged file to ``<path>.corrupt-<n>`` with the lowest free n.

    Args:
        path: of the file.
        damaged: its inode when it was read. Another file, which a writer has put there since, keeps
            the name.

    """
    n = 1
    while exists(f"{path}.corrupt-{n}"):
        n += 1
    aside = f"{path}.corrupt-{n}"
    with os_errors(path):
        os.rename(path, aside)
    if damaged is not None and inode_of(aside) != damaged:
        rename_if_free(aside, path)


def rename_if_free(path: str, final: str) -> None:
    """Give a file another name, in the same directory, or remove it if something has that name.

    Nothing happens if another process has renamed it already.
    """
    with os_errors(path):
        try:
            os.link(path, final, follow_symlinks=False)
        except FileNotFoundError:
            return
        except FileExistsError:
            pass
        except (OSError, NotImplementedError):  # no second names here
            if not exists(final):
                os.rename(path, final)
                return
        remove(path)


def rename(path: str, final: str) -> None:
    """Give a file or directory another name, in the same directory."""
    with os_errors(path):
        os.rename(path, final)


def keep_aside(path: str) -> None:
    """Give a damaged file that is about to be replaced the name that ``set_aside`` would.

    It keeps its own until the good file takes that: were the name gone after a crash, damage would look
    like something that has not arrived; and another process may have put a good file there meanwhile.
    Where a file cannot have two names it is renamed.
    """
    n = 1
    while True:
        try:
            os.link(path, f"{path}.corrupt-{n}", follow_symlinks=False)
        except FileExistsError:
            n += 1
        except FileNotFoundError:
            return  # another process is setting it aside
        except (OSError, NotImplementedError):
            set_aside(path)
            return
        else:
            return


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _read_all(descriptor: int, expected: int) -> bytes:
    """Read to the end; one system call more than the expected length needs."""
    chunk = os.read(descriptor, expected + 1)
    if len(chunk) == expected:
        return chunk
    chunks = [chunk]
    while chunk:
        chunk = os.read(descriptor, 1 << 20)
        chunks.append(chunk)
    return b"".join(chunks)


def _set_mode(descriptor: int, mode: int) -> None:
    """Give a new file its mode; the umask may have taken bits away."""
    if hasattr(os, "fchmod"):  # pragma: no branch - Windows has none
        os.fchmod(descriptor, mode)
