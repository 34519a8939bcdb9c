"""Fingerprints: whether a directory or a file must be read again.

The invariant: two equal fingerprints, the first one settled when it was taken, mean that nothing has
changed between them.
"""

from __future__ import annotations

import hashlib
import os
from typing import NamedTuple

from .. import files

RACY_NS = 2_000_000_000
"""A change this shortly before a look may share its time stamp with one after it."""


# For files.py: the calls of the operating system that it does not offer yet.


def times(path: str) -> tuple[int, int, int] | None:
    """Return (st_ctime_ns, st_mtime_ns, st_ino), or None where nothing can be told."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_ctime_ns, status.st_mtime_ns, status.st_ino


def real(path: str) -> str:
    """Return the path without symbolic links: what notices name on every platform."""
    return os.path.realpath(path)


_HAS_CHANGE_TIME = os.name != "nt"


class Fingerprint(NamedTuple):
    """Differs once a name in a directory does, or the bytes of a file."""

    changed: int
    modified: int
    inode: int
    names: bytes = b""


def fingerprint(path: str) -> Fingerprint | None:
    """Return what tells whether a directory or file has changed; None if it is not here.

    The change time, because ``rsync -a`` sets the other one back. Where there is none, the names.
    """
    found = times(path)
    if found is None:
        return None
    if _HAS_CHANGE_TIME:
        return Fingerprint(*found)
    names = "\n".join(sorted(files.names(path)))
    return Fingerprint(found[1], found[1], found[2], hashlib.sha256(names.encode()).digest())


def is_settled(found: Fingerprint | None, taken_ns: int) -> bool:
    """Tell whether a fingerprint taken at a time (ns since 1970) can be relied on later."""
    return found is None or found.changed < taken_ns - RACY_NS
