"""Which blocks of text can hold what is looked for, told by the words that stand in them.

The invariant: a block that is passed over has no match. What stands in a match between two bytes that
are no part of a word is a part of one of the block's words; so a part that stands in none of them rules
the block out. Which bytes make words changes how much is passed over, never what is found.
"""

from __future__ import annotations

from collections.abc import Callable

from .blocks import Buffer

_CHUNK = 1 << 16
"""As much text at once as fits the processor's cache with the words in it."""

_MOST = 0.4
"""Words that take more than this part of their text are not kept: they would rule out little."""

_WORD_BYTES = frozenset(b"0123456789abcdefghijklmnopqrstuvwxyz_") | frozenset(range(0x80, 0xF8))
_TO_WORDS = bytes(byte if byte in _WORD_BYTES else 0x20 for byte in range(256))
_SHORTEST = 2
_TELLING = 6


def words_of(text: bytes | bytearray) -> bytes:
    """Return the words of a text, each once, a space around each; empty: they are too many to keep."""
    spaced = text.translate(_TO_WORDS)
    found: set[bytes | bytearray] = set()
    begin = 0
    while begin < len(spaced):
        end = spaced.find(b" ", begin + _CHUNK)
        end = len(spaced) if end < 0 else end
        found |= set(bytes(spaced[begin:end]).split())
        begin = end
    words = b" ".join([b"", *found, b""])
    return words if len(words) <= _MOST * len(text) else b""


def parts_of(needle: bytes) -> list[bytes]:
    """Return what must stand among the words of a text that holds the needle, the longest first.

    A space at an end of a part says that the word ends there. Short parts but the longest are left
    out: they stand nearly everywhere.
    """
    spaced = needle.translate(_TO_WORDS)
    parts, at = [], 0
    for word in spaced.split():
        begin = spaced.index(word, at)
        at = begin + len(word)
        parts.append(spaced[max(begin - 1, 0) : at + 1])
    parts.sort(key=len, reverse=True)
    return [part for i, part in enumerate(parts) if len(part) >= (_TELLING if i else _SHORTEST)]


def ruled_out(needle: bytes) -> Callable[[Buffer, int, int], bool]:
    """Return a function that tells whether the words in [begin, end) of a buffer rule a block out."""
    parts = parts_of(needle)

    def told(words: Buffer, begin: int, end: int) -> bool:
        return any(words.find(part, begin, end) < 0 for part in parts)

    return told
