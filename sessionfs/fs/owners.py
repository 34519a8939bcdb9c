"""Whether directories and files are this user's alone: others must neither read nor replace them.

The invariant: what is opened here is a regular file of this user that has one name, on a way that only
this user and root can change. Where files have no owners, as on Windows, everything passes.
"""

from __future__ import annotations

import os
import stat

from ..errors import UnauthorizedError
from .entries import OTHERS
from .files import DIRECTORY_MODE, exists, os_errors
from .fingerprints import Identity, identity_of

_MAY_WRITE = 0o022
_MOST_LINKS = 40
# NONBLOCK: opening a FIFO that lies in a file's place must not wait for its other end.
_FLAGS = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"))


class NotOursError(UnauthorizedError):
    """Another user has, or could have, a hand in what was to be read or written."""


def has_owners() -> bool:
    """Tell whether files have owners here."""
    return hasattr(os, "geteuid")


def check_way(path: str) -> None:
    """Check that nobody but this user and root can put something else where a path leads.

    Every directory from the root of the file system on, and every link, belongs to one of the two.
    Others may write to none of the directories, except where the sticky bit keeps them from each
    other's files. What is missing is passed over: whoever makes it checks again.
    """
    if not has_owners():
        return
    with os_errors(path):
        at = os.sep
        # Whoever has the root directory has everything. In a container that need not be user 0.
        top = os.lstat(at)
        trusted = {0, os.geteuid(), top.st_uid}
        _check_step(at, top, trusted)
        todo = [(name, "") for name in reversed(_names(os.path.join(os.getcwd(), path)))]
        links = 0
        while todo:
            name, link = todo.pop()
            if name == os.pardir:
                at = os.path.dirname(at)
                continue
            here = os.path.join(at, name)
            try:
                status = os.lstat(here)
            except FileNotFoundError:
                if link:
                    raise NotOursError(f"{link} is a link to nothing", path=link) from None
                return
            _check_step(here, status, trusted)
            if not stat.S_ISLNK(status.st_mode):
                at = here
                continue
            links += 1
            if links > _MOST_LINKS:
                raise NotOursError(f"{here} is a link to itself", path=here)
            target = os.readlink(here)
            if os.path.isabs(target):
                at = os.sep
            todo += [(each, here) for each in reversed(_names(target))]


def check_directory(path: str) -> bool:
    """Check that a path is a directory of this user, and no link to one.

    Returns False if it is not there, or if its mode lets others in.
    """
    with os_errors(path):
        try:
            status = os.lstat(path)
        except FileNotFoundError:
            return False
        if has_owners():
            _check_owner(path, status)
        if not stat.S_ISDIR(status.st_mode):
            raise NotOursError(f"{path} is not a directory", path=path)
        return not (has_owners() and status.st_mode & OTHERS)


def claim_directory(path: str) -> bool:
    """Make a directory, and those above it that are missing, which only this user gets into.

    One of this user that others get into is closed to them. Returns True if others could write to it
    until now: they may have put something there.
    """
    parent = os.path.dirname(path)
    if parent != path and not exists(parent):
        claim_directory(parent)
    check_way(parent)
    with os_errors(path):
        try:
            os.mkdir(path, DIRECTORY_MODE)
        except FileExistsError:
            made = False
        else:
            made = True
    # Somebody else may have been faster.
    check_way(parent)
    if check_directory(path) and not made:
        return False
    with os_errors(path):
        before = os.lstat(path).st_mode
        os.chmod(path, DIRECTORY_MODE)  # the umask may have taken bits away from the owner
    if not check_directory(path):
        raise NotOursError(f"{path} cannot be closed to others", path=path)
    return bool(before & _MAY_WRITE)


def check_file(path: str) -> Identity:
    """Return the identity of a regular file that is this user's alone; None: there is none."""
    with os_errors(path):
        try:
            status = os.lstat(path)
        except FileNotFoundError:
            return None
        _check_file(path, status)
        return identity_of(status)


def open_file(path: str, flags: int) -> int:
    """Open a regular file that is this user's alone, and return its descriptor.

    Args:
        path: where it is.
        flags: as for ``os.open``; a file that they create has mode 0600.

    """
    descriptor = os.open(path, flags | _FLAGS, 0o600)
    try:
        _check_file(path, os.fstat(descriptor))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def read_file(path: str) -> bytes | None:
    """Return the bytes of a regular file that is this user's alone; None: there is none."""
    with os_errors(path):
        try:
            descriptor = open_file(path, os.O_RDONLY)
        except FileNotFoundError:
            return None
        with os.fdopen(descriptor, "rb") as file:
            return file.read()


def _names(path: str) -> list[str]:
    return [name for name in path.split(os.sep) if name not in ("", os.curdir)]


def _check_step(path: str, status: os.stat_result, trusted: set[int]) -> None:
    _check_owner(path, status, trusted)
    if stat.S_ISLNK(status.st_mode):
        return
    if not stat.S_ISDIR(status.st_mode):
        raise NotOursError(f"{path} is not a directory", path=path)
    written = status.st_mode & _MAY_WRITE and not status.st_mode & stat.S_ISVTX
    if written and (status.st_mode & stat.S_IWOTH or not _is_private_group(path, status.st_gid)):
        raise NotOursError(f"others may write to {path}", path=path)


def _is_private_group(path: str, group: int) -> bool:
    """Tell whether only this user is in a group, as where each user has one of the same name.

    There ``umask 002`` is usual, and a directory that its group may write to is nobody else's.
    """
    import grp  # what a directory like that alone needs
    import pwd

    try:
        if hasattr(os, "listxattr") and "system.posix_acl_access" in os.listxattr(path):
            return False  # the group's bits stand for everybody in the list
        user, members = pwd.getpwuid(os.geteuid()), grp.getgrgid(group)
    except (KeyError, OSError):
        return False
    alone = user.pw_gid == group and user.pw_name == members.gr_name
    return alone and not {*members.gr_mem} - {user.pw_name}


def _check_owner(path: str, status: os.stat_result, trusted: set[int] | None = None) -> None:
    if status.st_uid not in (trusted or {os.geteuid()}):
        raise NotOursError(f"{path} belongs to another user ({status.st_uid})", path=path)


def _check_file(path: str, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise NotOursError(f"{path} is not a regular file", path=path)
    if not has_owners():
        return
    _check_owner(path, status)
    if status.st_mode & OTHERS:
        raise NotOursError(f"{path} is open to others", path=path)
    if status.st_nlink > 1:
        raise NotOursError(f"{path} has another name, too", path=path)
