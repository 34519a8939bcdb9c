"""Bytes that prove what they are, for a name whose file is damaged or missing.

They prove it by their hash: wherever they were found, they are what was written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from .. import files
from ..errors import StorageError
from ..records import sha256

_BOM = b"\xef\xbb\xbf"


class Proof(NamedTuple):
    """Bytes with the hash that was asked for, and where they were found."""

    data: bytes
    path: str


class Evidence:
    """The foreign files of one session, and the same session in other stores."""

    def __init__(self, foreign: Iterable[str], elsewhere: Iterable[str], limit: int) -> None:
        self._limit = limit
        self._elsewhere = list(elsewhere)
        self._paths = {
            sha256(data): path for path in foreign if (data := self.readable(path)) is not None
        }

    def foreign(self) -> Iterator[tuple[str, str]]:
        """Give the hash and path of every foreign file that can be read."""
        yield from self._paths.items()

    def find(self, directory: str, name: str, hash_start: str) -> Proof | None:
        """Return bytes whose hash starts like this, for the file of a name in a directory.

        The directory is ``objects`` or ``refs``; the bytes may be in a foreign file of any name, or
        under this name in another store.
        """
        for sha, path in self._paths.items():
            if sha.startswith(hash_start):
                data = self.readable(path)
                if data is not None and sha256(data) == sha:
                    return Proof(data, path)
        for session in self._elsewhere:
            path = files.join(session, directory, name)
            data = self.readable(path)
            if data is not None and sha256(data).startswith(hash_start):
                return Proof(data, path)
        return None

    def readable(self, path: str) -> bytes | None:
        """Return a file's bytes; None for whatever cannot be had."""
        try:
            return files.read_file(path, self._limit)
        except StorageError:
            return None


def restored(data: bytes, hash_start: str) -> bytes | None:
    """Return the bytes that these were before a tool touched their line ends, if the hash proves it.

    Editors and converters add a byte order mark or a line end, or turn each end of a line into another.
    """
    body = data.removeprefix(_BOM)
    for text in (body, body.replace(b"\r\n", b"\n"), body.replace(b"\n", b"\r\n")):
        for candidate in (text, text.rstrip(b"\r\n"), text + b"\n", text + b"\r\n"):
            if candidate != data and sha256(candidate).startswith(hash_start):
                return candidate
    return None
