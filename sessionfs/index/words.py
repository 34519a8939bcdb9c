"""Which parts of a block of text can hold what is looked for, told by the words that stand in them.

The invariant: a part that is passed over has no match. What stands in a match between two bytes that
are no part of a word is a piece of a word there; so where no word has that piece, there is no match.
Which bytes make words changes how much is passed over, never what is found.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from struct import Struct
from typing import NamedTuple

from .blocks import Buffer

PARTS = 32
"""Of a block: as many as the bits that tell in which of them a word stands."""

ALL = (1 << PARTS) - 1

_MOST = 0.6
"""Words that take more than this much of their text are not kept: they would rule out little."""

_WORD_BYTES = frozenset(b"0123456789abcdefghijklmnopqrstuvwxyz_") | frozenset(range(0x80, 0xF8))
_TO_WORDS = bytes(byte if byte in _WORD_BYTES else 0x20 for byte in range(256))
_SHORTEST = 3
_MOST_WORDS = 64
"""A piece that stands in more words than that rules out nearly nothing."""

_FEW = 8
"""So few parts cost less to search than to rule out."""

_bits = Struct("=I")


class Words(NamedTuple):
    """The words of a block: each once, a space around each; and for each 32 bits, one a part."""

    text: bytes
    bits: bytes


def words_of(parts: Iterable[bytes | bytearray]) -> Words:
    """Return the words of a block, given the text of its parts; none: they are too many to keep."""
    found: dict[bytes, int] = {}
    length, before = 0, found.get
    for i, part in enumerate(parts):
        length += len(part)
        bit = 1 << i
        for word in set(bytes(part).translate(_TO_WORDS).split()):
            found[word] = before(word, 0) | bit
    text, bits = b" ".join([b"", *found, b""]), array("I", found.values()).tobytes()
    return Words(text, bits) if len(text) + len(bits) <= _MOST * length else Words(b"", b"")


def pieces_of(needle: bytes) -> list[bytes]:
    """Return what must stand among the words of a text that holds the needle, the longest first.

    A space at an end of a piece says that the word ends there.
    """
    spaced = needle.translate(_TO_WORDS)
    pieces, at = [], 0
    for word in spaced.split():
        begin = spaced.index(word, at)
        at = begin + len(word)
        pieces.append(spaced[max(begin - 1, 0) : at + 1])
    return sorted((piece for piece in pieces if len(piece) >= _SHORTEST), key=len, reverse=True)


def possible(pieces: list[bytes], buffer: Buffer, begin: int, length: int) -> int:
    """Return which parts of a block may hold all of these pieces, as bits.

    Args:
        pieces: what ``pieces_of`` gave.
        buffer: has the words of the block, with their bits behind them.
        begin: where they begin.
        length: of the words' text.

    """
    left, text = ALL, b""
    for piece in pieces:
        if buffer.find(piece, begin, begin + length) < 0:
            return 0
        text = text or bytes(buffer[begin : begin + length])
        left &= _parts_with(piece, text, buffer, begin + length)
        if left.bit_count() <= _FEW:
            break
    return left


def _parts_with(piece: bytes, text: bytes, buffer: Buffer, bits_at: int) -> int:
    parts = seen = counted = number = 0
    at = text.find(piece)
    while at >= 0:
        seen += 1
        if seen > _MOST_WORDS:
            return ALL
        # Where the piece begins with the space before the word, that one counts too.
        inside = at + 1
        number += text.count(b" ", counted, inside)
        counted = inside
        parts |= _bits.unpack_from(buffer, bits_at + (number - 1) * _bits.size)[0]
        at = text.find(piece, text.find(b" ", inside))
    return parts
