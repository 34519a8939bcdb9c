"""The root of a store: its fixed files, and what lies between the sessions."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .. import files
from ..errors import CorruptObjectError, FormatError, StorageError
from ..files import Files
from ..ids import is_session_name
from ..root import HEADER, ROOT_FILES, SESSIONS, Root
from .kinds import Found, Repair, found
from .session import odd

_OWNERS = frozenset({".git", ".stfolder", ".stignore", ".stversions", ".hg", ".svn"})
"""What lies in a root because somebody keeps or syncs it as a whole."""


def findings(root: Root, writer: Files, *, nothing_unknown: bool) -> Iterator[Found]:
    """Give what is wrong at the root.

    ``nothing_unknown`` tells that all records are of format 1, which proves the header of a store.
    """
    yield from _header(root, writer, nothing_unknown=nothing_unknown)
    for name, expected in ROOT_FILES.items():
        if name != HEADER:
            yield from _fixed(root, writer, name, expected)
    for name in sorted(files.names(root.path)):
        if name not in ROOT_FILES and name not in _OWNERS and name != SESSIONS:
            yield odd(files.join(root.path, name))
    for name in sorted(files.names(root.sessions)):
        path = files.join(root.sessions, name)
        if not is_session_name(name):
            yield odd(path)
        elif not files.is_directory(path):
            yield found("not-regular", path, "is no directory, and has the name of a session")
    for path, target, within in root.links():
        yield link(path, target, within=within)


def link(path: str, target: str, *, within: bool) -> Found:
    """Return what to tell of a link in the place of a directory."""
    if within:
        return found("link", path, f"is a link to {target}")
    message = f"is a link to {target}, which is not the same directory of a store: it is only read"
    return found("link-outside", path, message)


def _header(root: Root, writer: Files, *, nothing_unknown: bool) -> Iterator[Found]:
    path, sound = files.join(root.path, HEADER), ROOT_FILES[HEADER]
    write = _writing(root, writer, HEADER)
    try:
        root.check_writable()
    except FormatError as error:
        yield found("format-unknown", path, f"is of a newer version: {error.message}")
    except CorruptObjectError as error:
        repair = None
        if nothing_unknown:
            repair = Repair("set it aside and write a sound one: all records are of format 1", write)
        message = error.message.removeprefix(path).lstrip(": ")
        yield found("header-damaged", path, message, repair=repair)
    except StorageError as error:
        yield found("unreadable", path, error.message.removeprefix(path).lstrip(": "))
    else:
        data = files.read_file(path)
        if data is None:
            repair = Repair("write it", write)
            yield found("header-missing", path, "has not arrived", repair=repair)
        elif data != sound:
            yield found("root-file-changed", path, "says the same in other bytes")


def _fixed(root: Root, writer: Files, name: str, expected: bytes) -> Iterator[Found]:
    path = files.join(root.path, name)
    try:
        data = files.read_file(path, root.limit)
    except CorruptObjectError as error:
        yield found("not-regular", path, error.message.removeprefix(path).lstrip(": "))
        return
    except StorageError as error:
        yield found("unreadable", path, error.message.removeprefix(path).lstrip(": "))
        return
    write = _writing(root, writer, name)
    if data is None:
        yield found("root-file-missing", path, "is missing", repair=Repair("write it", write))
    elif data != expected:
        yield found("root-file-changed", path, "is not as this version writes it: left to its owner")


def _writing(root: Root, writer: Files, name: str) -> Callable[[], None]:
    """Return what writes a fixed file; what is in its place is set aside."""

    def write() -> None:
        path = files.join(root.path, name)
        if files.exists(path):
            files.set_aside(path)
        writer.publish(root.path, name, ROOT_FILES[name])
        writer.sync_directory(root.path)

    return write
