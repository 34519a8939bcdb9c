"""Opening a file that a tool wrote, compressed with zstd or not, and reporting how far it was read."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, cast

from ..errors import InvalidRequestError

COMPRESSED_SUFFIX = ".zst"

_MAGIC = b"\x28\xb5\x2f\xfd"
"""How a compressed file begins."""

_PIECE_BYTES = 1 << 18

Progress = Callable[[int, int], None]
"""Called with how many bytes of how many were read of a file; anew each time it is opened."""

_progress: ContextVar[Progress | None] = ContextVar("progress", default=None)


class CompressedError(InvalidRequestError):
    """A file is compressed, and no module that can decompress it is installed."""


@contextmanager
def reporting_progress(progress: Progress) -> Iterator[None]:
    """Call a function while the files that are opened in the block are read."""
    token = _progress.set(progress)
    try:
        yield
    finally:
        _progress.reset(token)


def open_file(path: Path) -> BinaryIO:
    """Open a regular file for reading, decompressed; InvalidRequestError if that is not possible."""
    try:
        path.stat()  # raises an error that says why the file cannot be read
        if not path.is_file() and not path.is_dir():
            raise InvalidRequestError(
                f"{path} is not a regular file: it cannot be read from its beginning twice",
                path=str(path),
            )
        progress = _progress.get()
        file = path.open("rb") if progress is None else _reported(path, progress)
        return _decompressed(file, path)
    except OSError as error:
        raise InvalidRequestError(f"{path}: {error.strerror}", path=str(path)) from error


def size_of(file: BinaryIO) -> int:
    """Return the bytes of a file that was just opened; ``sys.maxsize`` for a compressed one."""
    if isinstance(file, io.BufferedReader) and isinstance(file.raw, _Decompressed):
        return sys.maxsize  # it is never appended to
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    return size


def _decompressed(file: BinaryIO, path: Path) -> BinaryIO:
    try:
        beginning = file.read(len(_MAGIC))
        file.seek(0)
        if beginning != _MAGIC:
            return file
        return cast("BinaryIO", io.BufferedReader(_Decompressed(file, path), _PIECE_BYTES))
    except BaseException:
        file.close()
        raise


class _Decompressed(io.RawIOBase):
    """The content of a compressed file, in bounded memory; closing it closes the file.

    Raises InvalidRequestError where the file is damaged or ends too early.
    """

    def __init__(self, file: BinaryIO, path: Path) -> None:
        super().__init__()
        zstd = _zstd(path)
        self._file, self._path = file, path
        self._content = zstd.ZstdFile(file)
        self._damage = (EOFError, zstd.ZstdError)

    def readable(self) -> bool:
        """Return True, as buffers ask."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer as far as there is something at hand; 0: at the end."""
        try:
            return int(self._content.readinto(buffer))
        except self._damage as error:
            path = str(self._path)
            raise InvalidRequestError(
                f"{path}: the compressed data is damaged: {error}", path=path
            ) from error

    def close(self) -> None:
        """Close the file too."""
        self._file.close()
        super().close()


def _zstd(path: Path) -> Any:
    """Return a module with the interface of Python 3.14's ``compression.zstd``."""
    for name in ("compression.zstd", "backports.zstd"):
        try:
            return import_module(name)
        except ImportError:
            continue
    raise CompressedError(
        f"{path} is compressed with zstd: pip install 'sessionfs-store[cli]' to read it, "
        "or decompress it with zstd -d",
        path=str(path),
    )


def _reported(path: Path, progress: Progress) -> BinaryIO:
    return cast("BinaryIO", io.BufferedReader(_ReportedFile(path, progress), _PIECE_BYTES))


class _ReportedFile(io.FileIO):
    """A file that reports how far it was read."""

    def __init__(self, path: Path, progress: Progress) -> None:
        super().__init__(path)
        self._progress = progress
        self._size = self.seek(0, io.SEEK_END)
        self.seek(0)

    def readinto(self, buffer: Any) -> int:
        count = super().readinto(buffer) or 0
        self._progress(self.tell(), max(self._size, self.tell()))
        return count

    def readall(self) -> bytes:
        # A whole file at once would report nothing until all of it is read.
        pieces = []
        piece = bytearray(_PIECE_BYTES)
        while count := self.readinto(piece):
            pieces.append(bytes(piece[:count]))
        return b"".join(pieces)
