"""Session ids, checkpoint ids and the texts that stand for them in names.

A checkpoint's id is made from its object's hash and nothing else, so every machine that holds the
object knows it by the same id, and the id's first twelve digits are the file's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from uuid import UUID, uuid4

HASH12 = 12
"""How many leading hexadecimal digits of a hash a ref's name carries."""

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_SHA256_IN_NAME = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])", re.ASCII)
_CANONICAL_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


def new_session_id(unix_ms: int) -> UUID:
    """Return a new UUID of version 7 (RFC 9562) for a time in milliseconds since 1970."""
    return _stamped((unix_ms & (1 << 48) - 1) << 80 | uuid4().int & (1 << 80) - 1, version=7)


def checkpoint_id(sha256: str) -> UUID:
    """Return the id of the checkpoint object with this hash: a UUID of version 8 (RFC 9562)."""
    return _stamped(int(sha256[:32], 16), version=8)


def hash12_of(checkpoint: UUID) -> str:
    """Return the twelve digits that a checkpoint's id shares with the name of its object."""
    return checkpoint.hex[:HASH12]


def session_time_ms(session: UUID) -> int | None:
    """Return the creation time that an id of version 7 carries, in ms since 1970; else None."""
    return session.int >> 80 if session.version == 7 else None


def is_sha256(text: str) -> bool:
    """Tell whether a text is a hash as file names carry it: 64 lower-case hexadecimal digits."""
    return _SHA256.fullmatch(text) is not None


def sha256_in(name: str) -> str | None:
    """Return the hash in a file's name, as the names of copies that tools make of an object have it."""
    match = _SHA256_IN_NAME.search(name)
    return None if match is None else match[0]


def is_session_name(name: str) -> bool:
    """Tell whether a directory's name is a session id: a UUID in canonical form, in lower case."""
    return _CANONICAL_UUID.fullmatch(name) is not None


def session_names(names: Iterable[str]) -> list[str]:
    """Return those of many names that are session ids."""
    is_canonical = _CANONICAL_UUID.fullmatch
    return [name for name in names if is_canonical(name)]


def parse_session_id(name: str) -> UUID | None:
    """Return the session id that a directory's name is, or None for any other name."""
    return UUID(name) if is_session_name(name) else None


def _stamped(bits: int, *, version: int) -> UUID:
    bits = bits & ~(0xF << 76) | version << 76
    return UUID(int=bits & ~(0x3 << 62) | 0x2 << 62)
