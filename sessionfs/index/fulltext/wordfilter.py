"""Which parts of a block of text can hold what is looked for, told by the words that stand in them.

The invariant: a part that is passed over has no match. What stands in a match between two bytes that
are no part of a word is a piece of a word there; so where no word has that piece, there is no match.
Which bytes make words changes how much is passed over, never what is found.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate, islice
from struct import Struct
from typing import NamedTuple

from ...fs.appendfile import Buffer

PARTS = 32
"""Of a block: as many as the bits that tell in which of them a word stands."""

ALL = (1 << PARTS) - 1

_MOST = 0.6
"""Words that take more than this much of their text are not kept: they would rule out little."""

_WORD_BYTES = frozenset(b"0123456789abcdefghijklmnopqrstuvwxyz_") | frozenset(range(0x80, 0xF8))
_LETTERS = b" abcdefghijklmnopqrstuvwxyz"
_TO_WORDS = bytes(byte if byte in _WORD_BYTES else 0x20 for byte in range(256))
_SHORTEST = 3
_MOST_WORDS = 64
"""A piece that stands in more words than that rules out nearly nothing."""

_FEW = 8
"""So few parts cost less to search than to rule out."""

_MOST_PIECES = 2
"""So many pieces at most are looked for: each costs a walk through all words."""

_STEP = 64
BITS_BYTES = PARTS // 8
_bits = Struct("=I")


class Words(NamedTuple):
    """The words of a block: each once, a space around each; empty: they are too many to keep.

    Attributes:
        bits: for each word 32, one a part.
        marks: for every 64th word where the space before it is, so that words need not be counted.

    """

    text: bytes
    bits: bytes
    marks: bytes


NONE = Words(b"", b"", b"")


def words_of(parts: Iterable[bytes | bytearray]) -> Words:
    """Return the words of a block, given the text of its parts."""
    found: dict[bytes, int] = {}
    length, before = 0, found.get
    for i, part in enumerate(parts):
        length += len(part)
        bit = 1 << i
        for word in set(bytes(part).translate(_TO_WORDS).split()):
            found[word] = before(word, 0) | bit
    text, bits = b" ".join([b"", *found, b""]), array("I", found.values()).tobytes()
    if len(text) + len(bits) > _MOST * length:
        return NONE
    spaces = accumulate((len(word) + 1 for word in found), initial=0)
    return Words(text, bits, array("I", islice(spaces, 0, len(found), _STEP)).tobytes())


def pieces_of(needle: bytes) -> list[bytes]:
    """Return what must stand among the words of a text that holds the needle, what tells most first.

    A space at an end of a piece says that the word ends there. Numbers and names are rarer than words
    of letters alone, and long pieces rarer than short ones.
    """
    spaced = needle.translate(_TO_WORDS)
    pieces, at = [], 0
    for word in spaced.split():
        begin = spaced.index(word, at)
        at = begin + len(word)
        pieces.append(spaced[max(begin - 1, 0) : at + 1])
    telling = [piece for piece in pieces if len(piece) >= _SHORTEST]
    telling.sort(key=lambda piece: (len(piece) > _SHORTEST and _has_rare(piece), len(piece)))
    return telling[: -_MOST_PIECES - 1 : -1]


def _has_rare(piece: bytes) -> bool:
    return bool(piece.translate(None, _LETTERS))


def possible(pieces: list[bytes], buffer: Buffer, begin: int, length: int, number: int) -> int:
    """Return which parts of a block may hold all of these pieces, as bits.

    Args:
        pieces: what ``pieces_of`` gave.
        buffer: has the words of the block, with their bits and then their marks behind them.
        begin: where they begin.
        length: of the words' text.
        number: how many words there are.

    """
    left = ALL
    for piece in pieces:
        left &= _parts_with(piece, buffer, begin, length, number)
        if left.bit_count() <= _FEW:
            break
    return left


def _parts_with(piece: bytes, buffer: Buffer, begin: int, length: int, number: int) -> int:
    end = begin + length
    at = buffer.find(piece, begin, end)
    if at < 0:
        return 0
    marks, parts = array("I"), 0
    bits: int
    bits_end = end + number * _bits.size
    marks.frombytes(buffer[bits_end : bits_end + -(-number // _STEP) * marks.itemsize])
    for _ in range(_MOST_WORDS):
        # Where the piece begins with the space before the word, that one counts too.
        inside = at + 1
        mark = bisect_right(marks, at - begin) - 1
        word = mark * _STEP + bytes(buffer[begin + marks[mark] : inside]).count(b" ") - 1
        (bits,) = _bits.unpack_from(buffer, end + word * _bits.size)
        parts |= bits
        at = buffer.find(piece, buffer.find(b" ", inside, end), end)
        if at < 0:
            return parts
    return ALL
