"""Blocks: a stretch of text in which many messages lie one after the other, and what is known of each.

The invariant: between two messages lies a byte that no text has, so a match never spans two of them;
and a block knows nothing of where its text is kept, on disk or in memory.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import accumulate, groupby, repeat
from typing import Self

import msgspec

from ...format.decoders import packed_decoder
from ...fs.appendfile import Buffer
from ...queries.transcript import SearchableMessage

SEPARATOR = b"\xff"
"""Ends each message: no UTF-8 has this byte."""

SHA_BYTES = 32
_SHORT = 3


class Columns(msgspec.Struct, array_like=True):
    """What a block knows of its messages, as it is recorded: arrays in the machine's own order.

    Attributes:
        starts: where each message begins, in bytes from the block's start; 32 bits, like what follows.
        keys: whose session it is, by ``contents.key``.
        checkpoints: which of ``shas`` holds it.
        indexes: its place in that checkpoint's state.
        times: when it was sent, in microseconds since 1970; 64 bits.
        roles: which of ``role_names`` it has; 16 bits, like the next one.
        tools: which of ``tool_names`` it has.

    """

    starts: bytes
    keys: bytes
    checkpoints: bytes
    indexes: bytes
    times: bytes
    roles: bytes
    tools: bytes
    shas: bytes
    role_names: list[str]
    tool_names: list[tuple[str, ...]]


_encode = msgspec.msgpack.Encoder().encode
_decode = packed_decoder(Columns)


Find = Callable[[int, int], int]
"""Returns where what is looked for stands first in [begin, end) of a text, or -1."""

MOST_MESSAGES = 1 << 15
"""In a block, so that 16 bits tell the roles and tools apart."""


class Block:
    """The messages of a block. Grows while it is the last one."""

    def __init__(self) -> None:
        self.length = 0
        self.starts = array("I")
        self.keys = array("I")
        self.times = array("q")
        self._checkpoints = array("I")
        self._indexes = array("I")
        self._roles = array("H")
        self._tools = array("H")
        self._shas = bytearray()
        self._role_names: dict[str, int] = {}
        self._tool_names: dict[tuple[str, ...], int] = {}

    def __len__(self) -> int:
        return len(self.starts)

    def add(self, key: int, messages: Sequence[SearchableMessage], folded: Sequence[bytes]) -> None:
        """Add messages of a session, whose texts follow in the block, a separator behind each."""
        ends = [*accumulate((len(text) + 1 for text in folded), initial=self.length)]
        self.length = ends.pop()
        self.starts.extend(ends)
        self.keys.extend(repeat(key, len(messages)))
        self.times.extend([each.time_us for each in messages])
        self._indexes.extend([each.index for each in messages])
        role, tools = self._role_names, self._tool_names
        self._roles.extend([role.setdefault(each.role, len(role)) for each in messages])
        self._tools.extend([tools.setdefault(each.tools, len(tools)) for each in messages])
        for sha, group in groupby(each.sha for each in messages):
            number = len(self._shas) // SHA_BYTES
            self._shas += bytes.fromhex(sha)
            self._checkpoints.extend(repeat(number, len([*group])))

    def end(self, message: int) -> int:
        """Return where a message's text ends, in bytes from the block's start."""
        following = message + 1
        after = self.starts[following] if following < len(self.starts) else self.length
        return after - len(SEPARATOR)

    def parts(self, size: int) -> list[int]:
        """Return with which message each stretch of so many bytes begins, and how many there are."""
        firsts = [bisect_left(self.starts, at) for at in range(0, self.length, size)]
        return [*firsts, len(self)]

    def runs(self, bits: int, size: int) -> Iterable[tuple[int, int]]:
        """Give which messages lie in the stretches whose bits are set, as [first, end)."""
        firsts = self.parts(size)
        begin = None
        for i, first in enumerate(firsts):
            if bits >> i & 1 and i + 1 < len(firsts):
                begin = first if begin is None else begin
            elif begin is not None:
                if begin < first:
                    yield begin, first
                begin = None

    def at(self, offset: int) -> int:
        """Return which message lies at an offset from the block's start."""
        return bisect_right(self.starts, offset) - 1

    def matching(self, find: Find, begin: int, runs: Iterable[tuple[int, int]]) -> list[int]:
        """Return which messages of some runs match, given where the block's text begins."""
        starts, found = self.starts, list[int]()
        for first, end in runs:
            stop = begin + (starts[end] if end < len(starts) else self.length)
            at = find(begin + starts[first], stop)
            while at >= 0:
                i = bisect_right(starts, at - begin) - 1
                found.append(i)
                if i + 1 == end:
                    break
                at = find(begin + starts[i + 1], stop)
        return found

    def of_sessions(self, keys: set[int]) -> list[int]:
        """Return the messages of these sessions."""
        return [i for i, key in enumerate(self.keys) if key in keys]

    def sent_between(
        self, messages: Iterable[int], since_us: int | None, until_us: int | None
    ) -> list[int]:
        """Return those of the messages that were sent from one time on, and before another."""
        times = self.times
        return [
            i
            for i in messages
            if (since_us is None or times[i] >= since_us) and (until_us is None or times[i] < until_us)
        ]

    def with_role(self, messages: Iterable[int], role: str) -> list[int]:
        """Return those of the messages that have a role."""
        wanted, roles = self._role_names.get(role), self._roles
        return [i for i in messages if roles[i] == wanted]

    def with_tool(self, messages: Iterable[int], tool: str) -> list[int]:
        """Return those of the messages that call a tool or are its result."""
        wanted = {i for names, i in self._tool_names.items() if tool in names}
        tools = self._tools
        return [i for i in messages if tools[i] in wanted]

    def message(self, message: int) -> SearchableMessage:
        """Return a message as it was added, without its text."""
        at = self._checkpoints[message] * SHA_BYTES
        return SearchableMessage(
            sha=self._shas[at : at + SHA_BYTES].hex(),
            index=self._indexes[message],
            time_us=self.times[message],
            role=list(self._role_names)[self._roles[message]],
            tools=list(self._tool_names)[self._tools[message]],
            text="",
        )

    def encode(self) -> bytes:
        """Return what is recorded of the block, without its text."""
        return _encode(
            Columns(
                self.starts.tobytes(),
                self.keys.tobytes(),
                self._checkpoints.tobytes(),
                self._indexes.tobytes(),
                self.times.tobytes(),
                self._roles.tobytes(),
                self._tools.tobytes(),
                bytes(self._shas),
                list(self._role_names),
                list(self._tool_names),
            )
        )

    @classmethod
    def decode(cls, data: bytes, length: int) -> Self:
        """Return the block of these bytes, whose text has this length."""
        columns, block = _decode(data), cls()
        block.length = length
        block.starts.frombytes(columns.starts)
        block.keys.frombytes(columns.keys)
        block._checkpoints.frombytes(columns.checkpoints)
        block._indexes.frombytes(columns.indexes)
        block.times.frombytes(columns.times)
        block._roles.frombytes(columns.roles)
        block._tools.frombytes(columns.tools)
        block._shas += columns.shas
        block._role_names = {name: i for i, name in enumerate(columns.role_names)}
        block._tool_names = {names: i for i, names in enumerate(columns.tool_names)}
        return block


def finder(needle: bytes, text: Buffer) -> Find:
    """Return what finds a needle in a text."""
    if not 1 < len(needle) <= _SHORT:
        return partial(text.find, needle)
    # Measured: from two to three bytes the engine of regular expressions is up to 3 times as fast.
    search = re.compile(re.escape(needle)).search

    def find(begin: int, end: int) -> int:
        found = search(text, begin, end)
        return -1 if found is None else found.start()

    return find


def consecutive(messages: Sequence[int]) -> Iterable[tuple[int, int]]:
    """Give messages, in ascending order, as runs [first, end)."""
    for _, run in groupby(enumerate(messages), lambda each: each[1] - each[0]):
        found = [i for _, i in run]
        yield found[0], found[-1] + 1


def fold(text: str) -> bytes:
    """Return a text's bytes with letter case put aside; a lone surrogate, which no query has, stays."""
    folded = text.lower() if text.isascii() else text.casefold()
    return folded.encode(errors="surrogatepass")
