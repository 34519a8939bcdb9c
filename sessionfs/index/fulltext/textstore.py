"""The text of messages in the index: two files that only grow, and a row for each block of them.

The invariant: what a committed row speaks of is never written again. The last block grows behind its
end; what a writer left behind the last committed end is overwritten by the next one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from ...fs import appendfile, fingerprints
from ...fs.appendfile import Buffer, MappedFile
from ...queries.transcript import SearchableMessage
from ..location import TEXT, WORDS, IndexLocation
from . import wordfilter
from .blocks import MOST_MESSAGES, SEPARATOR, Block, fold

if TYPE_CHECKING:
    from sqlite3 import Connection

SCHEMA = """
CREATE TABLE blocks(
    number INTEGER PRIMARY KEY, text_begin INTEGER, text_length INTEGER,
    words_begin INTEGER, words_length INTEGER, words INTEGER, words_end INTEGER, columns BLOB
);
CREATE TABLE dead(key INTEGER PRIMARY KEY, length INTEGER);
CREATE TABLE files(name TEXT PRIMARY KEY, inode INTEGER);
"""

BLOCK_BYTES = 8 << 20
"""A block is closed, and its words are recorded, when its text has reached this length."""

PART_BYTES = BLOCK_BYTES // 30
"""Of which of these stretches a word stands in is recorded."""

WORTH_COMPACTING = 4 << 20
MOST_DEAD = 0.25
_ENOUGH = 3
_MOST_LEFT = 0.75 * wordfilter.PARTS
_MOST_HELD = 32 << 20


class BlockRow(NamedTuple):
    """Where a block is, and its words; ``words_length`` is 0 where there are none to rule out by."""

    number: int
    text_begin: int
    text_length: int
    words_begin: int
    words_length: int
    words: int
    words_end: int


def rows(connection: Connection) -> list[BlockRow]:
    """Return where each block is."""
    found = connection.execute(
        "SELECT number, text_begin, text_length, words_begin, words_length, words, words_end"
        " FROM blocks ORDER BY number"
    )
    return [BlockRow(*row) for row in found]


def load(connection: Connection, row: BlockRow) -> Block:
    """Return what is known of a block's messages."""
    (columns,) = connection.execute(
        "SELECT columns FROM blocks WHERE number = ?", (row.number,)
    ).fetchone()
    return Block.decode(columns, row.text_length)


def possible(
    connection: Connection, place: IndexLocation, needle: bytes
) -> Iterator[tuple[BlockRow, Buffer, int]]:
    """Give the blocks that may hold the needle, the text in which they lie, and in which parts."""
    found, pieces = rows(connection), wordfilter.pieces_of(needle)
    text_length, words_length = _ends(found)
    with (
        _mapped(connection, place, TEXT, text_length) as text,
        _mapped(connection, place, WORDS, words_length) as listed,
    ):
        told = asked = 0
        for row in found:
            bits = wordfilter.ALL
            # Where the first blocks show that the words rule out little, the others' are not asked.
            if row.words_length and (asked < _ENOUGH or told < asked * _MOST_LEFT):
                begin, length, number = row.words_begin, row.words_length, row.words
                bits = wordfilter.possible(pieces, listed.buffer, begin, length, number)
                asked, told = asked + 1, told + bits.bit_count()
            if bits:
                yield row, text.buffer, bits


def take_back(connection: Connection, place: IndexLocation) -> bool:
    """Take away what was written and not recorded; False: what was recorded is not there any more."""
    for name, end in zip((TEXT, WORDS), _ends(rows(connection)), strict=True):
        row = connection.execute("SELECT inode FROM files WHERE name = ?", (name,)).fetchone()
        found = fingerprints.identity(place.path(name))
        if found is None or found[2] < end or (row is not None and found[1] != row[0]):
            return False
        appendfile.truncate(place.path(name), end)
    return True


def _ends(found: list[BlockRow]) -> tuple[int, int]:
    return (
        max((row.text_begin + row.text_length for row in found), default=0),
        max((row.words_end for row in found), default=0),
    )


def _mapped(connection: Connection, place: IndexLocation, name: str, length: int) -> MappedFile:
    found = connection.execute("SELECT inode FROM files WHERE name = ?", (name,)).fetchone()
    return MappedFile(place.path(name), length, found[0] if found else -1)


class TextWriter:
    """Adds messages in one transaction; nothing is recorded before ``finish``."""

    def __init__(self, connection: Connection, place: IndexLocation) -> None:
        self._connection, self._place = connection, place
        self._text, self._words = bytearray(), bytearray()
        self._number, self._block = 1, Block()
        self._begin = self._words_end = 0
        self._tail = bytearray()
        found = rows(connection)
        if found:
            self._words_end = _ends(found)[1]
            last = found[-1]
            if last.text_length < BLOCK_BYTES:
                self._number, self._begin = last.number, last.text_begin
                self._block = load(connection, last)
                if len(self._block) < MOST_MESSAGES and last.text_length:
                    end = self._begin + last.text_length
                    with _mapped(connection, place, TEXT, end) as text:
                        self._tail += text.buffer[self._begin :]
            if not self._tail:
                self._number, self._begin = last.number + 1, last.text_begin + last.text_length
                self._block = Block()
        self._text_end = self._begin + len(self._tail)
        self._words_begin = self._words_end

    def add(
        self, key: int, messages: Sequence[SearchableMessage], folded: Sequence[bytes] | None = None
    ) -> int:
        """Add messages of a session; return how many bytes their texts take.

        Args:
            key: stands for the session.
            messages: the messages.
            folded: their texts as ``fold`` gives them, where that has been done.

        """
        before = self._begin + len(self._tail)
        if folded is None:
            folded = [fold(each.text) for each in messages]
        spoken = [i for i, text in enumerate(folded) if text]
        self._add(key, [messages[i] for i in spoken], [folded[i] for i in spoken])
        return self._begin + len(self._tail) - before

    def finish(self) -> None:
        """Record what was added."""
        self._put(wordfilter.NONE)
        self._flush()

    def compact(self) -> None:
        """Write the text anew without what is dead, if that is much; called after ``finish``."""
        (dead,) = self._connection.execute("SELECT coalesce(sum(length), 0) FROM dead").fetchone()
        if dead < WORTH_COMPACTING or dead < MOST_DEAD * self._text_end:
            return
        keys = {key for (key,) in self._connection.execute("SELECT key FROM dead")}
        blocks = [(row, load(self._connection, row)) for row in rows(self._connection)]
        with _mapped(self._connection, self._place, TEXT, self._text_end) as text:
            self._place.begin_texts()
            self._connection.execute("DELETE FROM blocks")
            self._connection.execute("DELETE FROM dead")
            self._number, self._block, self._tail = 1, Block(), bytearray()
            self._begin = self._text_end = self._words_begin = self._words_end = 0
            for row, block in blocks:
                for key, run in groupby(range(len(block)), block.keys.__getitem__):
                    if key not in keys:
                        places = [*run]
                        begins = [(row.text_begin + block.starts[i], i) for i in places]
                        folded = [
                            bytes(text.buffer[at : row.text_begin + block.end(i)]) for at, i in begins
                        ]
                        self._add(key, [block.message(i) for i in places], folded)
        self.finish()

    def _flush(self) -> None:
        for name, end, data in (
            (TEXT, self._text_end, self._text),
            (WORDS, self._words_end, self._words),
        ):
            inode = appendfile.append(self._place.path(name), end, data)
            self._connection.execute("INSERT OR REPLACE INTO files VALUES (?,?)", (name, inode))
        self._text_end += len(self._text)
        self._words_end += len(self._words)
        self._text, self._words = bytearray(), bytearray()

    def _add(self, key: int, messages: Sequence[SearchableMessage], folded: Sequence[bytes]) -> None:
        begin = length = 0
        for end, text in enumerate(folded, 1):
            length += len(text) + 1
            full = len(self._tail) + length >= BLOCK_BYTES
            if full or end == len(folded) or len(self._block) + end - begin >= MOST_MESSAGES:
                self._block.add(key, messages[begin:end], folded[begin:end])
                data = SEPARATOR.join([*folded[begin:end], b""])
                self._tail += data
                self._text += data
                begin, length = end, 0
                if full or len(self._block) >= MOST_MESSAGES:
                    self._close()

    def _close(self) -> None:
        """End the last block, and begin another one."""
        firsts = self._block.parts(PART_BYTES)
        begins = [self._block.starts[first] for first in firsts[:-1] if first < len(self._block)]
        ends = [*begins[1:], len(self._tail)]
        pieces = [self._tail[begin:end] for begin, end in zip(begins, ends, strict=True)]
        # A message that reaches far beyond the end makes more parts than there are bits.
        fits = len(firsts) <= wordfilter.PARTS + 1
        self._put(wordfilter.words_of(pieces) if fits else wordfilter.NONE)
        self._number, self._begin = self._number + 1, self._begin + len(self._tail)
        self._block, self._tail = Block(), bytearray()
        if len(self._text) >= _MOST_HELD:
            self._flush()

    def _put(self, listed: wordfilter.Words) -> None:
        """Record the last block, with its words if it is closed."""
        if not len(self._block):
            return
        data = b"".join(listed)
        end = self._words_begin + len(data)
        self._connection.execute(
            "INSERT OR REPLACE INTO blocks VALUES (?,?,?,?,?,?,?,?)",
            (
                self._number,
                self._begin,
                len(self._tail),
                self._words_begin,
                len(listed.text),
                len(listed.bits) // wordfilter.BITS_BYTES,
                end,
                self._block.encode(),
            ),
        )
        self._words += data
        self._words_begin = end
