"""Reading JSON Lines: the record of each line, and what a decoded record does not say of its line."""

from __future__ import annotations

import base64
import json
import re
import stat
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import msgspec

from ..errors import InvalidRequestError
from ..messages import MAX_DEPTH, encode_metadata

NOT_JSON = (msgspec.MsgspecError, ValueError, RecursionError)
"""What decoders raise; msgspec's own errors are ValueErrors from version 0.20 on alone."""

_BOM = b"\xef\xbb\xbf"
_HEAD_BYTES = 16 << 20
_SPACE = re.compile(r"[ \t\n\r]*")
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

    """

    number: int
    record: Any
    damage: str | None = None
    text: str | None = None
    part: int = 0


def open_file(path: Path) -> BinaryIO:
    """Open a regular file; InvalidRequestError says why it cannot be."""
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            raise InvalidRequestError(
                f"{path} is not a regular file: it cannot be read from its beginning twice",
                path=str(path),
            )
        return path.open("rb")
    except OSError as error:
        raise InvalidRequestError(f"{path}: {error.strerror}", path=str(path)) from error


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


def read_lines(path: Path) -> Iterator[Line]:
    """Give the records of a JSON Lines file as it is read, a line at a time; blank lines are none."""
    with open_file(path) as file:
        for number, raw in enumerate(file, 1):
            line = raw.removeprefix(_BOM) if number == 1 else raw
            if line.strip():
                yield from _records(number, line.strip())


def as_text(raw: bytes) -> str:
    """Return bytes as a text: what they say, or how they can be had again."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return "base64:" + base64.b64encode(raw).decode()


def _records(number: int, raw: bytes) -> Iterator[Line]:
    try:
        found = [(msgspec.json.decode(raw), raw)]
    except NOT_JSON as error:
        found = _several(raw)
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
