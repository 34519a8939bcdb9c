"""Whole states: what each adds to the checkpoint that it goes on from, and copies for who gave it.

A program that saves its whole state again and again passes the same messages each time. The state
that was stored last is held in memory, so that these are only compared, twice: packed, where every
number and every order of fields differs, and as values, where what merely packs alike differs. What
passes both is what was stored; whatever else is given is looked at message by message.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import repeat
from typing import Any
from uuid import UUID

import msgspec

from ..format.records import LARGE_MESSAGE
from ..fs import atfork
from ..messages.codec import ORIGIN, MessageCodec, decoder_of_lists, encode_alike, encode_state, list_of
from ..models import Message, Role
from . import chains
from .graph import Chain

_FEWEST = 64
"""Messages from which on a state is held; a shorter one is as fast without."""

_UNCHANGING = frozenset({str, int, float, bool, type(None), Role})
_pack_into = msgspec.msgpack.Encoder().encode_into
_copy_struct: Callable[[Any], Any] = msgspec.Struct.__copy__  # type: ignore[attr-defined]


class Continuation(msgspec.Struct, frozen=True):
    """How a state goes on from a checkpoint.

    Attributes:
        common: so many of the checkpoint's messages it begins with.
        added: the elements after these.
        large: the objects that large messages of the whole state need, by their hashes.

    """

    common: int
    added: list[bytes]
    large: dict[str, bytes]


class StateCache:
    """The whole states that were stored last, one a session, within a budget of bytes.

    Safe to share between threads, and with what interrupts one, without a lock to wait for: whoever
    uses a state takes it out and puts it back, each of which is one operation of a dict.
    """

    def __init__(self, codec: MessageCodec, budget: int) -> None:
        self._codec = codec
        self._budget = budget
        self.renew()
        atfork.renew_after_fork(self)

    def renew(self) -> None:
        """Begin anew, empty."""
        self._held: dict[int, _CachedState] = {}

    def clear(self) -> None:
        """Let go of everything; others may be using it."""
        self._held.clear()

    def given(self, session: UUID, messages: Sequence[Message]) -> NewState:
        """Return a state of a session that is about to be stored."""
        return NewState(self, self._codec, session, messages)

    def take(self, session: UUID) -> _CachedState | None:
        """Return what is held of a session, which from now on is the caller's."""
        return self._held.pop(session.int, None)

    def put(self, session: UUID, held: _CachedState) -> None:
        """Hold the state of a session, letting go of those that were used least recently."""
        self._held[session.int] = held  # at the end, for it was taken out
        for oldest in list(self._held):
            if sum(each.size for each in list(self._held.values())) <= self._budget:
                break
            self._held.pop(oldest, None)


class NewState:
    """A whole state that is being stored."""

    def __init__(
        self, states: StateCache, codec: MessageCodec, session: UUID, messages: Sequence[Message]
    ) -> None:
        self._states, self._codec, self._session = states, codec, session
        self._messages = messages
        self._held: _CachedState | None = None
        self._raws: list[bytes] = []
        self._decoded: list[Message] | None = None

    def going_on(self, onto: Chain | None) -> Continuation:
        """Return how it goes on from a checkpoint; InvalidRequestError for what cannot be stored."""
        held = self._states.take(self._session)
        if held is not None and onto is not None and held.sha == onto[0].sha:
            before = len(held)
            raws = held.go_on(self._messages)
            if raws is not None:
                self._held = held
                return Continuation(before, raws, {})
        known = chains.elements(onto) if onto else []
        self._raws, self._decoded = encode_state(self._messages, known)
        state = chains.prepare_state(str(self._session), self._raws)
        common = chains.common_prefix(known, state.elements)
        return Continuation(common, state.elements[common:], state.large)

    def stored(self, sha: str) -> list[Message]:
        """Return the messages as they would be read, now that they are stored as this checkpoint."""
        held, copies = self._held, self._decoded
        if held is None:
            if copies is None or type(copies[0]) is not self._codec.kind:
                copies = self._codec.decode_all(self._raws)
            if self._decoded is not None and len(copies) >= _FEWEST:
                held = _CachedState.of(self._messages, self._raws, self._codec)
        else:
            copies = held.copies()
        if held is not None:
            held.sha = sha
            self._states.put(self._session, held)
        return copies


class _MessageCopies:
    """Messages of one type that nobody else can change.

    Attributes:
        messages: for comparing; never to be given to anybody.

    """

    def __init__(self, kind: type[Any], decode: Callable[[bytes], list[Any]]) -> None:
        self.messages: list[Any] = []
        self._decode = decode
        self._copy: Callable[[Any], Any] = dict.copy if kind is dict else _copy_struct
        self._flat: list[Any] = []  # None for those that are decoded for each copy
        self._nested: list[bytes] = []

    def extend(self, messages: Sequence[Any], raws: list[bytes]) -> None:
        """Add copies of messages that encode to these bytes."""
        flat = [message if _is_flat(message) else None for message in messages]
        nested = [raw for raw, message in zip(raws, flat, strict=True) if message is None]
        own = self._copies(flat, nested)
        self.messages += own
        self._flat += [None if at is None else each for at, each in zip(flat, own, strict=True)]
        self._nested += nested

    def copies(self) -> list[Any]:
        """Return copies that share nothing with these that can change."""
        return self._copies(self._flat, self._nested)

    def _copies(self, flat: list[Any], nested: list[bytes]) -> list[Any]:
        copy, following = self._copy, iter(self._decode(list_of(nested)))
        return [next(following) if each is None else copy(each) for each in flat]


class _CachedState:
    """A state as it was given, and as it is read.

    Attributes:
        sha: of the checkpoint that stores it.

    """

    sha = ""

    def __init__(
        self, kind: type[Any], given: _MessageCopies, read: _MessageCopies, codec: MessageCodec
    ) -> None:
        self._kind, self._given, self._read, self._codec = kind, given, read, codec
        self._packed = bytearray()
        self._buffer = bytearray()

    @classmethod
    def of(
        cls, messages: Sequence[Message], raws: list[bytes], codec: MessageCodec
    ) -> _CachedState | None:
        """Return what is held of a state; None where that would not be faster."""
        kind = type(messages[0])
        decode = decoder_of_lists(kind)
        if decode is None or (kind is not dict and not issubclass(kind, msgspec.Struct)):
            return None
        given = _MessageCopies(kind, decode)
        held = cls(
            kind,
            given,
            given if kind is codec.kind else _MessageCopies(codec.kind, codec.decode_list),
            codec,
        )
        return held if held._add(messages, raws) and held._pack(messages) else None

    def __len__(self) -> int:
        return len(self._given.messages)

    @property
    def size(self) -> int:
        """Bytes of the packed messages, of which it takes a few times as much."""
        return len(self._packed)

    def go_on(self, messages: Sequence[Message]) -> list[bytes] | None:
        """Return the bytes of the messages that a state adds to this one, which then is that.

        None where it does not begin with this one, or adds what has to be looked at more closely.
        """
        before = len(self)
        if not isinstance(messages, list | tuple) or len(messages) < before:
            return None
        new = messages[before:]
        if set(map(type, messages)) != {self._kind}:
            return None
        if self._kind is not dict and any(map(getattr, messages, repeat(ORIGIN), repeat(None))):
            return None
        if not self._pack(messages) or list(messages[:before]) != self._given.messages:
            return None
        found = encode_alike(list(new)) if new else ([], [])
        if found is None or not self._add(new, found[0]):
            return None
        return found[0]

    def _pack(self, messages: Sequence[Message]) -> bool:
        """Pack messages; tell whether they begin with those that were packed before."""
        packed, buffer = self._packed, self._buffer
        try:
            _pack_into(messages, buffer)
        except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError):
            return False
        start = 3 if len(messages) < 1 << 16 else 5  # bytes that say how many; none has fewer than 16
        if not buffer.startswith(packed, start):
            return False
        packed += buffer[start + len(packed) :]
        return True

    def _add(self, messages: Sequence[Message], raws: list[bytes]) -> bool:
        if any(len(raw) >= LARGE_MESSAGE for raw in raws):
            return False
        if self._read is not self._given:
            read = self._codec.decode_all(raws)
            kind = self._codec.kind
            if any(type(each) is not kind or getattr(each, ORIGIN, None) for each in read):
                return False
            self._read.extend(read, raws)
        self._given.extend(messages, raws)
        return True

    def copies(self) -> list[Message]:
        """Return the messages as they are read, for the caller alone."""
        return self._read.copies()


def _is_flat(message: Any) -> bool:
    """Tell whether a copy of a message shares nothing with it that can change."""
    values = message.values() if isinstance(message, dict) else msgspec.structs.astuple(message)
    return _UNCHANGING.issuperset(map(type, values))
