"""Files that are written for others to take away: into any directory, also one that others write to.

The invariant: a file appears under its name with all its bytes, readable by its owner alone, or not at
all; and nothing that somebody planted there is followed or written into.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from ..errors import InvalidRequestError
from . import tempfiles
from .files import join, mode_of, names, os_errors
from .owners import NotOursError, has_owners
from .tempfiles import new_temporary_name

_MODE = 0o600
_BINARY = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
_CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | _BINARY
_NAMELESS = "/proc/self/fd"


def write_private(path: str, chunks: Iterable[bytes], *, replace: bool) -> int:
    """Write a file that only its owner may read, and return how many bytes it has.

    What is not a regular file, such as a pipe, is written into; a symbolic link is replaced, and never
    followed. Until it is whole the file has no name where that can be: of a writer that was killed
    nothing is left. Elsewhere it has a name that nobody can guess; after 24 hours the next export into
    that directory removes it.

    Args:
        path: where it is to be.
        chunks: its bytes.
        replace: replace a file that is there; else it is an InvalidRequestError.

    """
    with os_errors(path):
        mode = mode_of(path, os.lstat)
        if mode is not None and not replace:
            raise _taken(path)
        if mode is not None and not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
            return _write_into(path, chunks)
        parent = os.path.dirname(path)
        try:
            with _nameless(parent) as file:
                if file is None:
                    return _write_named(path, chunks, replace=replace)
                size = sum(map(file.write, chunks))
                file.flush()
                if not _give_name(file, path, replace=replace):
                    file.seek(0)
                    _write_named(path, iter(lambda: file.read(1 << 20), b""), replace=replace)
                return size
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise InvalidRequestError(f"{path}: {error.strerror}", path=path) from error


def _write_into(path: str, chunks: Iterable[bytes]) -> int:
    """Write into a pipe or a device that was there."""
    # Not created and not cut: another thing may have its name by now.
    descriptor = os.open(path, os.O_WRONLY | _BINARY)
    with os.fdopen(descriptor, "wb") as pipe:
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode):
            raise _taken(path)
        if has_owners() and status.st_uid not in (0, os.geteuid()):
            raise NotOursError(f"{path} belongs to another user ({status.st_uid})", path=path)
        return sum(map(pipe.write, chunks))


@contextmanager
def _nameless(directory: str) -> Iterator[BinaryIO | None]:
    """Give a file in this directory that has no name yet; None: there are no such files here."""
    descriptor = None
    if hasattr(os, "O_TMPFILE"):
        with suppress(OSError):
            descriptor = os.open(directory, os.O_TMPFILE | os.O_RDWR | _BINARY, _MODE)
    if descriptor is None:
        yield None
        return
    with os.fdopen(descriptor, "w+b") as file:
        yield file


def _give_name(file: BinaryIO, path: str, *, replace: bool) -> bool:
    """Give a file without a name one; False where that cannot be."""
    number = file.fileno()
    here = join(_NAMELESS, str(number))
    try:
        os.fchmod(number, _MODE)
        os.link(here, path, src_dir_fd=number)  # only with a directory the link is followed
    except FileExistsError:
        if not replace:
            raise _taken(path) from None
    except OSError:
        return False
    else:
        return True
    fresh = join(os.path.dirname(path), new_temporary_name())
    try:
        os.link(here, fresh, src_dir_fd=number)
    except OSError:
        return False
    _rename(fresh, path)
    return True


def _write_named(path: str, chunks: Iterable[bytes], *, replace: bool) -> int:
    parent = os.path.dirname(path)
    _sweep(parent)
    # Not beside its name: a name of the greatest length has no room for more.
    fresh = join(parent, new_temporary_name())
    descriptor = os.open(fresh, _CREATE, _MODE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            size = sum(map(file.write, chunks))
        if not replace:
            try:
                os.link(fresh, path, follow_symlinks=False)
            except FileExistsError:
                raise _taken(path) from None
            except (OSError, NotImplementedError):
                pass  # no file has two names here
            else:
                os.unlink(fresh)
                return size
    except BaseException:
        with suppress(OSError):
            os.unlink(fresh)
        raise
    _rename(fresh, path)
    return size


def _rename(fresh: str, path: str) -> None:
    try:
        os.replace(fresh, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(fresh)
        raise


def _sweep(directory: str) -> None:
    """Remove files of this user that killed writers left here more than 24 hours ago."""
    for name in filter(tempfiles.is_temporary, names(directory)):
        path = join(directory, name)
        with suppress(OSError):
            status = os.lstat(path)
            ours = not has_owners() or status.st_uid == os.geteuid()
            if ours and stat.S_ISREG(status.st_mode) and tempfiles.is_abandoned(path):
                os.unlink(path)


def _taken(path: str) -> InvalidRequestError:
    return InvalidRequestError(f"{path} already exists", path=path)
