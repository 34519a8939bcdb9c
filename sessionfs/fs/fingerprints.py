"""How to tell that a directory or file has changed without reading it.

The invariant: the same fingerprint means the same names, once the fingerprint is settled.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Sequence

from . import files

Fingerprint = tuple[int, int, int]
"""Of a directory: when it changed and was modified, in nanoseconds since 1970, and its inode."""

Identity = tuple[int, int, int, int, int] | None
"""Device, inode, length and times, which tell that a file is still the one that was read."""

UNTOLD: Fingerprint = (1 << 63, -1, -1)
"""Where the operating system does not say. Never settled: no answer is taken to be as before."""

RACY_NS = 2_000_000_000
"""What changed this shortly before it was looked at may have changed once more since, without its
time telling: it is to be looked at again."""


def of(directory: str) -> Fingerprint | None:
    """Return what changes when a name appears in, or goes from, a directory; None: there is none.

    The change time is what tells: a sync tool may set the modification time back to the source's.
    """
    try:
        status = os.stat(directory)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return UNTOLD
    if os.name == "nt":  # where st_ctime is the time of creation, the names have to tell
        listed = zlib.crc32("/".join(sorted(files.names(directory))).encode(errors="surrogatepass"))
        return listed, status.st_mtime_ns, status.st_ino
    return status.st_ctime_ns, status.st_mtime_ns, status.st_ino


def is_settled(found: Sequence[int] | None, looked_ns: int) -> bool:
    """Tell whether a change after a look would show, given the change time that comes first."""
    return found is None or looked_ns - found[0] >= RACY_NS


def digest(found: Fingerprint | None) -> int:
    """Return a number of 64 bits that stands for a fingerprint in every process; 0 for None."""
    return 0 if found is None else hash(found)


def digests(parent: str, children: Iterable[str], inside: str) -> dict[str, int]:
    """Return the digest of the fingerprint of ``parent/child/inside`` for each child, fast."""
    if os.name == "nt":
        return {child: digest(of(files.join(parent, child, inside))) for child in children}
    found: dict[str, int] = {}
    stat_, end = os.stat, os.sep + inside
    try:
        # Relative to an open directory, the kernel need not walk the whole path each time.
        descriptor = files.open_directory(parent)
    except OSError:
        return {child: digest(of(files.join(parent, child, inside))) for child in children}
    try:
        for child in children:
            try:
                status = stat_(child + end, dir_fd=descriptor)
            except (FileNotFoundError, NotADirectoryError):
                found[child] = 0
            except OSError:
                found[child] = digest(UNTOLD)
            else:
                found[child] = hash((status.st_ctime_ns, status.st_mtime_ns, status.st_ino))
    finally:
        os.close(descriptor)
    return found


def identities(paths: Iterable[str]) -> list[Identity]:
    """Return what ``identity`` does, for several paths."""
    return [identity(path) for path in paths]


def identity(path: str) -> Identity:
    """Return device, inode, length and times of a file or directory; None: there is none."""
    try:
        return identity_of(os.stat(path))
    except OSError:
        return None


def identity_of(status: os.stat_result) -> tuple[int, int, int, int, int]:
    """Return device, inode, length and times."""
    return (
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )
