"""Reading what a tool compressed with zstd, in bounded memory, with whichever decompressor is here."""

from __future__ import annotations

import io
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import InvalidRequestError

MAGIC = b"\x28\xb5\x2f\xfd"
"""How a compressed file begins."""

SUFFIX = ".zst"

_CHUNK = 2 << 10
"""Compressed bytes at a time: the most that they can become is 64 MB, as a block takes 4 at least."""


class CompressedError(InvalidRequestError):
    """A file is compressed, and nothing here can read it."""


class Decompressed(io.RawIOBase):
    """What a compressed file holds; closing it closes the file.

    Raises InvalidRequestError where it is damaged or ends too early.
    """

    def __init__(self, file: BinaryIO, path: Path) -> None:
        super().__init__()
        self._file, self._path = file, path
        self._zstd = _decompressors(path)
        self._frame: Any = None
        self._left = self._made = b""

    def readable(self) -> bool:
        """Tell that it can be read, as buffers ask."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer as far as there is something at hand; 0: at the end."""
        self._made = self._made or self._more()
        count = min(len(buffer), len(self._made))
        buffer[:count], self._made = self._made[:count], self._made[count:]
        return count

    def close(self) -> None:
        """Close the file too."""
        self._file.close()
        super().close()

    def _more(self) -> bytes:
        """Return the next bytes; none at the end."""
        made = b""
        while not made:
            chunk = self._left or self._file.read(_CHUNK)
            if not chunk:
                if self._frame is not None:
                    raise self._damaged("it ends too early")
                break
            try:
                self._frame = self._frame or self._zstd.new()
                made = self._frame.decompress(chunk)
            except self._zstd.error as error:
                raise self._damaged(str(error)) from error
            # One frame may follow another.
            self._left = self._frame.unused_data if self._frame.eof else b""
            self._frame = None if self._frame.eof else self._frame
        return made

    def _damaged(self, why: str) -> InvalidRequestError:
        path = str(self._path)
        return InvalidRequestError(f"{path}: what is compressed is damaged: {why}", path=path)


class _Zstd:
    """A module that decompresses: Python's own from 3.14 on, or the package ``zstandard``."""

    def __init__(self, module: Any) -> None:
        self._module = module
        self.error: type[Exception] = module.ZstdError

    def new(self) -> Any:
        """Return what decompresses one frame."""
        made = self._module.ZstdDecompressor()
        return made.decompressobj() if hasattr(made, "decompressobj") else made


def _decompressors(path: Path) -> _Zstd:
    for name in ("compression.zstd", "zstandard"):
        try:
            return _Zstd(import_module(name))
        except ImportError:
            continue
    raise CompressedError(
        f"{path} is compressed, and nothing here can read it: pip install zstandard, or zstd -d it",
        path=str(path),
    )
