"""The root of a store: its fixed files, and what lies between the sessions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import UUID

from ...errors import CorruptObjectError, FormatError, StorageError, TooLargeError
from ...format.ids import is_session_name
from ...fs import entries, files
from ...fs.files import Files
from ...store.root import HEADER, ROOT_FILES, SESSIONS, Root
from .check_session import odd
from .findings import Diagnosis, Repair, diagnose, reason
from .letter_case import intended, misnamed, twin
from .sound_copies import readable

_OWNERS = frozenset({".git", ".stfolder", ".stignore", ".stversions", ".hg", ".svn"})
"""What lies in a root because somebody keeps or syncs it as a whole."""


def findings(root: Root, writer: Files, *, nothing_unknown: bool) -> Iterator[Diagnosis]:
    """Give what is wrong at the root.

    ``nothing_unknown`` tells that all records are of format 1, which proves the header of a store.
    """
    yield from _header(root, writer, nothing_unknown=nothing_unknown)
    for name, expected in ROOT_FILES.items():
        if name != HEADER:
            yield from _fixed(root, writer, name, expected)
    for name in sorted(files.names(root.path)):
        if name not in ROOT_FILES and name not in _OWNERS and name != SESSIONS:
            yield _strange(files.join(root.path, name))
    for name in sorted(files.names(root.sessions)):
        if not is_session_name(name):
            yield _strange(files.join(root.sessions, name))
    if entries.inspect(root.sessions).kind in ("file", "other"):
        repair = Repair("set it aside", lambda: files.set_aside(root.sessions))
        yield diagnose("not-regular", root.sessions, "is not a directory", repair=repair)
    for path, target, within in root.links():
        yield link(path, target, within)


def _strange(path: str) -> Diagnosis:
    right = intended(path)
    return misnamed(path, right) if right is not None else twin(path) or odd(path)


def link(path: str, target: str, within: bool, *, session: UUID | None = None) -> Diagnosis:
    """Return the finding about a link instead of a directory."""
    if within:
        return diagnose("link", path, f"is a link to {target}", session=session)
    message = f"is a link to {target}, which is not the same directory of a store: it is only read"
    return diagnose("link-outside", path, message, session=session)


def _header(root: Root, writer: Files, *, nothing_unknown: bool) -> Iterator[Diagnosis]:
    path, sound = files.join(root.path, HEADER), ROOT_FILES[HEADER]
    # A store with records of a kind that is not known may be of a newer version.
    write = Repair("write it", _writing(root, writer, HEADER)) if nothing_unknown else None
    try:
        root.check_format()
        data = files.read_file(path)
    except FormatError as error:
        yield diagnose("format-unknown", path, f"is of a newer version: {error.message}")
    except CorruptObjectError as error:
        kind = "not-regular" if error.finding == "not-regular" else "header-damaged"
        yield diagnose(kind, path, reason(error, path), repair=write)
    except StorageError as error:
        yield diagnose("unreadable", path, reason(error, path))
    else:
        if data is None:
            yield diagnose(
                "header-missing", path, "is missing: not synced yet, or deleted", repair=write
            )
        elif data != sound:
            yield diagnose("root-file-changed", path, "says the same in other bytes")


def _fixed(root: Root, writer: Files, name: str, expected: bytes) -> Iterator[Diagnosis]:
    path = files.join(root.path, name)
    write = Repair("write it", _writing(root, writer, name))
    try:
        data = files.read_file(path, len(expected))
    except files.NotRegularError as error:
        yield diagnose("not-regular", path, reason(error, path), repair=write)
        return
    except TooLargeError:
        data = b""
    except StorageError as error:
        yield diagnose("unreadable", path, reason(error, path))
        return
    if data is None:
        yield diagnose("root-file-missing", path, "is missing", repair=write)
    elif data != expected:
        yield diagnose("root-file-changed", path, "is not as this version writes it: left to its owner")


def _writing(root: Root, writer: Files, name: str) -> Callable[[], None]:
    """Return what writes a fixed file; what is in its place is set aside."""

    def write() -> None:
        path, data = files.join(root.path, name), ROOT_FILES[name]
        if readable(path, len(data)) == data:
            return  # another process has written it meanwhile
        if files.exists(path):
            files.set_aside(path)
        writer.publish(root.path, name, data)
        writer.sync_directory(root.path)

    return write
