"""Files that only grow, written at their end and read through a memory map. For caches only.

The invariant: a reader sees the bytes up to the length that it was given, whatever is written behind
them, and whether or not the file has been replaced meanwhile. A file that is not this user's alone is
neither read nor written.
"""

from __future__ import annotations

import mmap
import os
from types import TracebackType
from typing import Self

from . import owners

Buffer = bytes | bytearray | mmap.mmap
"""What text is searched in."""


def append(path: str, end: int, data: bytes | bytearray) -> int:
    """Write bytes at a file's end, over what lies behind it; return the file's inode."""
    descriptor = owners.open_file(path, os.O_RDWR | os.O_CREAT)
    try:
        os.lseek(descriptor, end, os.SEEK_SET)
        with memoryview(data) as rest:
            written = 0
            while written < len(rest):
                written += os.write(descriptor, rest[written:])
        os.ftruncate(descriptor, end + len(data))
        return os.fstat(descriptor).st_ino
    finally:
        os.close(descriptor)


def truncate(path: str, end: int) -> None:
    """Take away what lies behind a file's end."""
    descriptor = owners.open_file(path, os.O_WRONLY)
    try:
        os.ftruncate(descriptor, end)
    finally:
        os.close(descriptor)


class MappedFile:
    """The first bytes of a file, as a buffer; OSError if it is shorter, or another file."""

    def __init__(self, path: str, length: int, inode: int) -> None:
        self.buffer: Buffer = b""
        if not length:
            return
        descriptor = owners.open_file(path, os.O_RDONLY)
        try:
            status = os.fstat(descriptor)
            if status.st_ino != inode or status.st_size < length:
                raise OSError(f"{path} is not the file that was recorded")
            self.buffer = mmap.mmap(descriptor, length, access=mmap.ACCESS_READ)
        finally:
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(self.buffer, mmap.mmap):
            self.buffer.close()
