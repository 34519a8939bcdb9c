"""Reading JSON Lines: the record of each line, and what a decoded record does not say of its line.

A transcript may be written to while it is read: what counts is what was there when it was opened.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from operator import attrgetter
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import msgspec

from ..errors import InvalidRequestError
from ..messages.codec import MAX_DEPTH, encode_metadata
from .source_files import open_file, size_of

NOT_JSON = (msgspec.MsgspecError, ValueError, RecursionError)
"""What decoders raise; msgspec's own errors are ValueErrors from version 0.20 on alone."""

_BOM = b"\xef\xbb\xbf"
_BASE64 = "base64:"
_HEAD_BYTES = 16 << 20
_HELD_BYTES = 8 << 20
_DIGEST = 16
_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = attrgetter("number")
_WRAPPED = 4
"""Levels around a record that is kept: the metadata, ``source``, ``records`` and the record's entry."""


class Line(NamedTuple):
    """A record of a JSON Lines file, or a line that holds none.

    Attributes:
        number: of the line, from 1.
        record: the JSON value; where there is none, the line's text.
        damage: why there is no record.
        text: what the record does not say: its JSON as it was written, where that has a key twice or
            a number that would be written differently. None: nothing.
        part: which record of the line it is, from 0: two writers may have written onto one line.
        size: bytes of the line, told with its first part.
        tail: whether it is not settled yet: a last line without an end that is not a record, or what
            stands around the records of a file. A longer copy of the file has another one.

    """

    number: int
    record: Any
    damage: str | None = None
    text: str | None = None
    part: int = 0
    size: int = 0
    tail: bool = False


def first_bytes(path: Path) -> bytes:
    """Return the beginning of a file."""
    with open_file(path) as file:
        return file.read(1 << 12)


def first_objects(path: Path) -> Iterator[dict[str, Any]]:
    """Give the JSON objects among a file's first whole lines, 16 MB of them."""
    left = _HEAD_BYTES
    with open_file(path) as file:
        while left > 0:
            raw = file.readline(left)
            if not raw:
                return
            left -= len(raw)
            try:
                value = msgspec.json.decode(raw.removeprefix(_BOM))
            except NOT_JSON:
                continue
            if isinstance(value, dict):
                yield value


def from_text(text: str) -> bytes:
    """Return the bytes of which ``as_text`` made a text."""
    if text.startswith(_BASE64):
        with suppress(ValueError):
            return base64.b64decode(text.removeprefix(_BASE64), validate=True)
    return text.encode()


class Records:
    """The records of a file, which are read as often as they are asked for.

    Few are held in memory; those of a large file are read again each time.
    """

    def __init__(self) -> None:
        self._digests = bytearray()
        self._running = hashlib.sha256()

    def __iter__(self) -> Iterator[Line]:
        """Give all records."""
        return self.after(0)

    def after(self, number: int) -> Iterator[Line]:
        """Give the records after the line with this number."""
        raise NotImplementedError

    @property
    def settled(self) -> int:
        """The number of the last line that counts as written, once all records were asked for."""
        return len(self._digests) // _DIGEST

    def digest(self, number: int) -> str | None:
        """Return what tells whether another file begins with the same lines, up to this one."""
        end = number * _DIGEST
        return bytes(self._digests[end - _DIGEST : end]).hex() if 0 < number <= self.settled else None

    def _settle(self, number: int, raw: bytes) -> None:
        """Note a line that is written, the first time that it is read."""
        if number > self.settled:
            self._running.update(raw)
            self._running.update(b"\n")
            self._digests += self._running.copy().digest()[:_DIGEST]


class Lines(Records):
    """The records of a JSON Lines file, a line at a time; blank lines are none."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        with open_file(path) as file:
            self._end = size_of(file)
            self._held = list(self._lines(file, 0)) if self._end <= _HELD_BYTES else None

    def after(self, number: int) -> Iterator[Line]:
        """Give the records after the line with this number."""
        if self._held is None:
            return self._read(number)
        return iter(self._held[bisect_right(self._held, number, key=_NUMBER) :])

    def _read(self, after: int) -> Iterator[Line]:
        with open_file(self._path) as file:
            yield from self._lines(file, after)

    def _lines(self, file: BinaryIO, after: int) -> Iterator[Line]:
        position = 0
        for number, raw in enumerate(file, 1):
            raw = raw[: self._end - position]
            if not raw:
                break
            position += len(raw)
            line = raw.removeprefix(_BOM) if number == 1 else raw
            text = line.strip()
            found = list(_records(number, text)) if text and number > after else []
            if found:
                found[0] = found[0]._replace(size=len(raw))
                if found[0].damage is not None and not raw.endswith(b"\n"):
                    yield found[0]._replace(record=as_text(line), tail=True)
                    break
            self._settle(number, text)
            yield from found


def read_lines(path: Path) -> Iterator[Line]:
    """Give the records of a JSON Lines file as it is now."""
    return iter(Lines(path))


def as_text(raw: bytes) -> str:
    """Return bytes as a text: what they say, or how they can be had again."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return _BASE64 + base64.b64encode(raw).decode()


def record_of(number: int, raw: bytes) -> Line:
    """Return the record that these bytes are, or a line that holds none."""
    return next(_records(number, raw, several=False))


def _records(number: int, raw: bytes, *, several: bool = True) -> Iterator[Line]:
    try:
        found = [(msgspec.json.decode(raw), raw)]
    except NOT_JSON as error:
        found = _several(raw) if several else []
        if not found:
            yield Line(number, as_text(raw), f"not JSON: {error}")
            return
    lines = []
    for part, (record, written) in enumerate(found):
        try:
            exact = _is_exact(record, written)
        except InvalidRequestError as error:
            yield Line(number, as_text(raw), error.message)
            return
        lines.append(Line(number, record, None, None if exact else written.decode(), part))
    yield from lines


def _is_exact(record: Any, written: bytes) -> bool:
    """Tell whether a record says all that its JSON did; InvalidRequestError if it cannot be stored."""
    # Brackets are at least as many as levels.
    if written.count(b"{") + written.count(b"[") > MAX_DEPTH - _WRAPPED:
        encode_metadata({"source": {"records": [{"record": record}]}})
    # Most tools write as we do, which is quickly told.
    return msgspec.json.encode(record) == written or _decodes_exactly(written)


def _decodes_exactly(written: bytes) -> bool:
    exact = True

    def number(token: str) -> None:
        nonlocal exact
        exact = exact and _is_canonical(token)

    def pairs(items: list[tuple[str, Any]]) -> None:
        nonlocal exact
        exact = exact and len(items) == len(dict(items))

    json.loads(written, parse_int=number, parse_float=number, object_pairs_hook=pairs)
    return exact


@lru_cache(maxsize=1024)
def _is_canonical(token: str) -> bool:
    """Tell whether a number is written again as it was."""
    return msgspec.json.encode(msgspec.json.decode(token)) == token.encode()


def _several(raw: bytes) -> list[tuple[Any, bytes]]:
    """Return the records of a line that two writers have written onto, each with its JSON, or none."""
    decoder = json.JSONDecoder()
    found: list[tuple[Any, bytes]] = []
    try:
        text = raw.decode()
        position = 0
        while position < len(text):
            record, end = decoder.raw_decode(text, position)
            if not isinstance(record, dict):
                return []
            written = text[position:end].encode()
            found.append((msgspec.json.decode(written), written))
            space = _SPACE.match(text, end)
            position = space.end() if space else end
    except NOT_JSON:
        return []
    return found
