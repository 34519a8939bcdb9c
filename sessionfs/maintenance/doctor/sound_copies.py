"""Bytes that prove what they are, for a name whose file is damaged or missing.

They prove it by their hash: wherever they were found, they are what was written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import NamedTuple
from uuid import UUID

import msgspec

from ...errors import CorruptObjectError, StorageError
from ...format.decoders import decoder
from ...format.ids import HASH12, parse_session_id
from ...format.records import sha256
from ...fs import files

_DIGITS = re.compile(r"(?<![0-9a-f])[0-9a-f]{12}", re.ASCII)
_BOM = b"\xef\xbb\xbf"


class _SessionField(msgspec.Struct):
    session: str


_decode_named = decoder(_SessionField)


class Proof(NamedTuple):
    """A file that has the bytes of a hash, whose first digits these are.

    The bytes are read again when they are needed: many proofs are much to hold.
    """

    path: str
    hash_start: str
    limit: int

    def data(self) -> bytes:
        """Return the bytes; CorruptObjectError if the file does not have them any more."""
        found = readable(self.path, self.limit)
        sound = None if found is None else proven(found, self.hash_start)
        if sound is None:
            raise CorruptObjectError(f"{self.path} changed meanwhile", path=self.path)
        return sound


class Evidence:
    """Files of one session that may have the bytes of others, and the same session in other stores.

    Args:
        paths: the foreign files, and those that do not hold what their names promise.
        elsewhere: the directories of the session in other stores.
        limit: larger files are not looked at.

    Attributes:
        used: the paths that were found to have the bytes of something; until they are there too,
            nothing may happen to these files.

    """

    def __init__(self, paths: Iterable[str], elsewhere: Iterable[str], limit: int) -> None:
        self.used: set[str] = set()
        self._paths = list(paths)
        self._elsewhere = list(elsewhere)
        self._limit = limit

    def find(self, path: str, hash_start: str) -> Proof | None:
        """Return a file with the bytes that a path of the session promises.

        That is the file itself, if a tool touched no more than its line ends; one of the session, of
        whatever name; or the one of this name in another store.
        """
        inside = files.name_of(files.parent_of(path)), files.name_of(path)
        there = (files.join(session, *inside) for session in self._elsewhere)
        for each in (path, *self._like(path, hash_start[:HASH12]), *there):
            if found := self.proves(each, hash_start):
                self.used.add(each)
                return found
        return None

    def proves(self, path: str, hash_start: str) -> Proof | None:
        """Return a file as a proof, if it has bytes whose hash starts like this."""
        data = readable(path, self._limit)
        if data is None or proven(data, hash_start) is None:
            return None
        return Proof(path, hash_start, self._limit)

    def elsewhere(self, inside: str) -> Iterator[str]:
        """Give the paths of what lies in this directory of the session in other stores."""
        for session in self._elsewhere:
            directory = files.join(session, inside)
            for name in sorted(files.names(directory)):
                yield files.join(directory, name)

    def _like(self, path: str, hash12: str) -> Iterator[str]:
        """Give the files whose bytes may have the hash, and those that are named after this one."""
        stem = files.name_of(path).removesuffix(".json")
        yield from self._by_bytes.get(hash12, ())
        yield from (each for each in self._by_name.get(hash12, ()) if stem in files.name_of(each))

    @cached_property
    def _by_bytes(self) -> dict[str, list[str]]:
        """The paths by the first digits of the hashes of their bytes; read when first asked for."""
        found: dict[str, list[str]] = {}
        for path in self._paths:
            if (data := readable(path, self._limit)) is not None:
                found.setdefault(sha256(data)[:HASH12], []).append(path)
        return found

    @cached_property
    def _by_name(self) -> dict[str, list[str]]:
        """The paths by what may be the first digits of a hash in their names."""
        found: dict[str, list[str]] = {}
        for path in self._paths:
            for digits in _DIGITS.findall(files.name_of(path)):
                found.setdefault(digits, []).append(path)
        return found


def readable(path: str, limit: int) -> bytes | None:
    """Return a file's bytes; None for whatever cannot be had."""
    try:
        return files.read_file(path, limit)
    except StorageError:
        return None


def owner(data: bytes) -> UUID | None:
    """Return the session that a record says it is of; None if it says none."""
    try:
        return parse_session_id(_decode_named(data).session)
    except (msgspec.MsgspecError, RecursionError):
        return None


def proven(data: bytes, hash_start: str) -> bytes | None:
    """Return the bytes that these are, or were before a tool touched line ends, if a hash proves it.

    Editors and converters add a byte order mark or a line end, or turn each end of a line into another.
    """
    if sha256(data).startswith(hash_start):
        return data
    body = data.removeprefix(_BOM)
    for text in (body, body.replace(b"\r\n", b"\n"), body.replace(b"\n", b"\r\n")):
        for candidate in (text, text.rstrip(b"\r\n"), text + b"\n", text + b"\r\n"):
            if sha256(candidate).startswith(hash_start):
                return candidate
    return None
