"""Opening what a tool wrote, compressed or not, and telling how far it was read."""

from __future__ import annotations

import io
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, BinaryIO, cast

from ..errors import InvalidRequestError
from .compressed import MAGIC, Decompressed

Tell = Callable[[int, int], None]
"""Is told how many bytes of how many were read of a file, from its beginning each time it is opened."""

_tell: ContextVar[Tell | None] = ContextVar("tell", default=None)
_TOLD_BYTES = 1 << 18


@contextmanager
def telling(tell: Tell) -> Iterator[None]:
    """Have this told of what is read of the files that are opened meanwhile."""
    token = _tell.set(tell)
    try:
        yield
    finally:
        _tell.reset(token)


def open_file(path: Path) -> BinaryIO:
    """Open a regular file to read what it holds, decompressed; InvalidRequestError: it cannot be."""
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            raise InvalidRequestError(
                f"{path} is not a regular file: it cannot be read from its beginning twice",
                path=str(path),
            )
        tell = _tell.get()
        file = path.open("rb") if tell is None else _told(path, tell)
        return _opened(file, path)
    except OSError as error:
        raise InvalidRequestError(f"{path}: {error.strerror}", path=str(path)) from error


def size_of(file: BinaryIO) -> int:
    """Return how much an opened file holds now; of a compressed one, which never grows: no limit."""
    compressed = isinstance(file, io.BufferedReader) and isinstance(file.raw, Decompressed)
    return sys.maxsize if compressed else os.fstat(file.fileno()).st_size


def _opened(file: BinaryIO, path: Path) -> BinaryIO:
    try:
        beginning = file.read(len(MAGIC))
        file.seek(0)
        if beginning != MAGIC:
            return file
        return cast("BinaryIO", io.BufferedReader(Decompressed(file, path), _TOLD_BYTES))
    except BaseException:
        file.close()
        raise


def _told(path: Path, tell: Tell) -> BinaryIO:
    return cast("BinaryIO", io.BufferedReader(_Told(path, tell), _TOLD_BYTES))


class _Told(io.FileIO):
    """A file that tells how far it was read."""

    def __init__(self, path: Path, tell: Tell) -> None:
        super().__init__(path)
        self._tell = tell
        self._size = os.fstat(self.fileno()).st_size

    def readinto(self, buffer: Any) -> int:
        count = super().readinto(buffer) or 0
        self._tell(self.tell(), max(self._size, self.tell()))
        return count

    def readall(self) -> bytes:
        # A whole file at once would tell nothing until all of it is read.
        pieces = []
        piece = bytearray(_TOLD_BYTES)
        while count := self.readinto(piece):
            pieces.append(bytes(piece[:count]))
        return b"".join(pieces)
