"""Messages to bytes and back, losing nothing.

Two promises are kept here. What JSON cannot carry exactly is refused before anything is written,
instead of being turned into something else (msgspec writes NaN as null, bytes as base64 and integer
keys as texts). And a message that was read remembers its bytes, its *origin*: passed back unchanged
it is stored as those bytes; changed in place, the change is laid over them, so that fields which the
type does not know stay.
"""

from __future__ import annotations

import enum
import math
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from types import GenericAlias
from typing import Any

import msgspec

from ..errors import InvalidRequestError
from ..format.decoders import decoder
from ..models import ChatMessage, Message

MAX_DEPTH = 200
"""Deepest nesting of a message or of metadata, counting its own braces."""

ORIGIN = "_origin"
"""Where a message has the bytes that it was read from."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
_decode_objects = decoder(list[dict[str, Any]])
_INEXACT = (TypeError, NameError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError)
_BLOCK = 64
"""So many messages are looked at together: few enough for one that is odd to be found soon."""


class MessageDict(dict[str, Any]):
    """A dict that remembers the bytes that it was read from."""

    __slots__ = ("_origin",)
    _origin: bytes


class MessageCodec:
    """Encodes messages of any shape, and decodes them as one type.

    Attributes:
        kind: that type.

    """

    def __init__(self, message_type: type[Any] = ChatMessage) -> None:
        self.kind = message_type
        self._typed: Callable[[bytes], Any] | None = None
        self._typed_list: Callable[[bytes], Any] | None = None
        is_type = isinstance(message_type, type)
        if is_type and issubclass(message_type, msgspec.Struct) and message_type.__struct_config__.dict:
            self._typed = decoder(message_type)
            self._typed_list = decoder_of_lists(message_type)
        elif message_type is not dict:
            raise InvalidRequestError(
                "message_type must be dict or a msgspec.Struct declared with dict=True, "
                f"not {message_type!r}"
            )

    def decode(self, raw: bytes) -> Message:
        """Return the message of these bytes: typed, or a dict where it has another shape.

        Raises msgspec.DecodeError, RecursionError or UnicodeDecodeError for bytes that are no JSON
        object.
        """
        if self._typed is not None:
            try:
                message = self._typed(raw)
            except msgspec.ValidationError:
                pass  # another shape: kept as it is
            else:
                message.__dict__[ORIGIN] = raw
                return message  # type: ignore[no-any-return]
        return _plain(_decode_object(raw), raw)

    def decode_list(self, raw: bytes) -> list[Any]:
        """Return the messages of a JSON list, all of the type, which remember nothing of their bytes.

        The same errors as for ``decode``, and msgspec.ValidationError for a message of another shape.
        """
        decode: Callable[[bytes], Any] = self._typed_list or _decode_objects
        decoded: list[Any] = decode(raw)
        return decoded

    def decode_all(self, raws: list[bytes]) -> list[Message]:
        """Return what ``decode`` does for each, all at once where they have the shape of the type."""
        together = list_of(raws)
        try:
            decoded = self.decode_list(together)
            if _encode(decoded) == together:
                return list(decoded)  # each is its bytes, and need not remember them
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            return list(map(self.decode, raws))
        if self._typed_list is None:
            return list(map(_plain, decoded, raws))
        for message, raw in zip(decoded, raws, strict=True):
            message.__dict__[ORIGIN] = raw
        return list(decoded)


def _plain(fields: dict[str, Any], raw: bytes) -> MessageDict:
    plain = MessageDict(fields)
    plain._origin = raw
    return plain


def list_of(raws: list[bytes]) -> bytes:
    """Return the JSON list of messages of these bytes."""
    return b"[" + b",".join(raws) + b"]"


def encode_messages(messages: Sequence[Message]) -> list[bytes]:
    """Return the bytes of each message; InvalidRequestError names the first that has none."""
    if not isinstance(messages, list | tuple):
        raise InvalidRequestError(f"messages must be a list, not {type(messages).__name__}")
    encoded: list[bytes] = []
    for start in range(0, len(messages), _BLOCK):
        block = list(messages[start : start + _BLOCK])
        found = encode_alike(block)
        if found is not None:
            encoded += found[0]
            continue
        for i, message in enumerate(block, start):
            encoded.append(_encode_message(message, f"messages[{i}]"))
    return encoded


def encode_state(
    messages: Sequence[Message], known: list[bytes]
) -> tuple[list[bytes], list[Message] | None]:
    """Return the bytes of the messages of a whole state, and copies of them.

    Args:
        messages: those of the state; the same errors as for ``encode_messages``.
        known: the elements of a checkpoint that the state may begin with.

    Returns:
        The bytes, and copies of the messages that share nothing with them that can change; None
        where they are not of one type.

    """
    block = list(messages) if isinstance(messages, list | tuple) else []
    found = encode_alike(block, known) if block else None
    return found if found is not None else (encode_messages(messages), None)


def encode_alike(
    block: list[Message], known: Sequence[bytes] = ()
) -> tuple[list[bytes], list[Message]] | None:
    """Return the bytes of messages of one type, and what they decode to; None: look at each by itself.

    What is made sure of is the same: that they decode to what they were, and what they were read from.
    ``known`` is what may stand at the beginning, and whose depth was looked at when it was stored.
    """
    kind = type(block[0])
    decode = decoder_of_lists(kind)
    if decode is None or set(map(type, block)) != {kind}:
        return None
    try:
        raws = list(map(_encode, block))
        decoded = decode(list_of(raws))
        if decoded != block:
            return None
    except _INEXACT:
        return None
    new = len(known) if raws[: len(known)] == known else 0
    if any(raw.count(b"{") + raw.count(b"[") > MAX_DEPTH for raw in raws[new:]):
        return None
    if kind is MessageDict or kind.__dictoffset__:
        origins = [getattr(message, ORIGIN, None) for message in block]
        if any(origin is not None and origin != raw for origin, raw in zip(origins, raws, strict=True)):
            return None
    return raws, decoded


@lru_cache(maxsize=64)
def decoder_of_lists(kind: type[Any]) -> Callable[[bytes], Any] | None:
    """Return what decodes lists of messages of a type; None: for no type of messages."""
    if issubclass(kind, dict):
        return _decode
    if not issubclass(kind, msgspec.Struct) or kind.__struct_config__.array_like:
        return None
    try:
        return decoder(GenericAlias(list, (kind,)))
    except (TypeError, NameError):
        return None  # a type that cannot be read, which the error of one message tells


def encode_metadata(metadata: object) -> bytes | None:
    """Return the bytes of a metadata object, or None for None."""
    if metadata is None:
        return None
    if not isinstance(metadata, dict):
        raise InvalidRequestError(f"metadata must be a dict, not {type(metadata).__name__}")
    return _encode_exactly(metadata, "metadata")


def _encode_message(message: object, where: str) -> bytes:
    if isinstance(message, msgspec.Struct):
        origin: bytes | None = getattr(message, "__dict__", {}).get(ORIGIN)
    elif isinstance(message, dict):
        origin = getattr(message, ORIGIN, None) if isinstance(message, MessageDict) else None
    else:
        raise InvalidRequestError(
            f"{where} must be a ChatMessage (or another msgspec.Struct) or a dict, "
            f"not {type(message).__name__}"
        )
    after = _encode_exactly(message, where)
    if origin is None:
        return after
    before = _as_read(origin, type(message))
    if _encode(before) == after:
        return origin
    if isinstance(message, dict):
        return after  # a dict has every field
    merged = _merge(_decode(origin), _decode(_encode(before)), _decode(after))
    return _encode_exactly(merged, where)


def _as_read(raw: bytes, kind: Any) -> object:
    """Return what these bytes are when they are read as this type."""
    return _decode(raw) if issubclass(kind, dict) else decoder(kind)(raw)


def _merge(origin: Any, before: Any, after: Any) -> Any:
    """Return ``origin`` with the changes from ``before`` to ``after``, keeping what neither has."""
    if _encode(before) == _encode(after):
        return origin
    if isinstance(origin, dict) and isinstance(before, dict) and isinstance(after, dict):
        merged = {key: value for key, value in origin.items() if key not in before or key in after}
        for key, value in after.items():
            if key in before and key in origin:
                merged[key] = _merge(origin[key], before[key], value)
            elif key not in before or _encode(before[key]) != _encode(value):
                # Not a default that the type filled in when it was read.
                merged[key] = value
        return merged
    if isinstance(origin, list) and isinstance(before, list) and isinstance(after, list):
        return _merge_items(origin, before, after)
    return after


def _merge_items(origin: list[Any], before: list[Any], after: list[Any]) -> list[Any]:
    """Merge lists: each item is taken over from the one that it was, which is used once.

    An item is the one that was equal at the same place, else one that was equal elsewhere, else the
    changed one at the same place, else new.
    """
    old, new = [_encode(item) for item in before], [_encode(item) for item in after]
    came_from: dict[int, int] = {i: i for i in range(min(len(old), len(new))) if old[i] == new[i]}
    moved: defaultdict[bytes, deque[int]] = defaultdict(deque)
    for i, item in enumerate(old):
        if i not in came_from:
            moved[item].append(i)
    for i, item in enumerate(new):
        if i not in came_from and moved.get(item):
            came_from[i] = moved[item].popleft()
    for places in moved.values():
        for i in places:
            came_from.setdefault(i, i)
    return [
        _merge(origin[came_from[i]], before[came_from[i]], item) if i in came_from else item
        for i, item in enumerate(after)
    ]


def _encode_exactly(value: Any, where: str) -> bytes:
    """Return compact JSON that decodes to the same value, or say why there is none."""
    try:
        raw = _encode(value)
        exact = _as_read(raw, type(value)) == value
    except _INEXACT:
        exact = False
    if not exact:
        # Slow and exact: names the place of the first value that cannot be stored.
        _check(value, where)
        raw = _encode(value)
    # As deep as it has opening brackets, at most: few messages have to be looked at further.
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH:
        _check_depth(_decode(raw), where)
    if not raw.startswith(b"{"):
        raise InvalidRequestError(f"{where} must encode to a JSON object")
    return raw


def _check_depth(value: object, where: str) -> None:
    level, depth = [value], 0
    while level:
        nested = [item for item in level if isinstance(item, dict | list)]
        depth += bool(nested)
        if depth > MAX_DEPTH:
            raise InvalidRequestError(f"{where} is nested deeper than {MAX_DEPTH} levels")
        level = [
            child for item in nested for child in (item.values() if isinstance(item, dict) else item)
        ]


def _check(value: object, where: str) -> None:
    """Raise InvalidRequestError with the place of the first value that JSON cannot carry."""
    stack: list[tuple[object, str, int]] = [(value, where, 1)]
    while stack:
        item, place, depth = stack.pop()
        match item:
            case None | bool():
                continue
            case float():
                if not math.isfinite(item):
                    raise InvalidRequestError(f"{place} is {item}, which JSON cannot carry")
                _check_encodes(item, place)
            case int():
                _check_encodes(item, place)
            case str():
                _check_encodes(item, place)
            case enum.Enum():
                stack.append((item.value, place, depth))
            case dict() | list() | tuple() | msgspec.Struct():
                if depth > MAX_DEPTH:
                    raise InvalidRequestError(f"{where} is nested deeper than {MAX_DEPTH} levels")
                stack.extend((child, at, depth + 1) for child, at in _children(item, place))
            case _:
                raise InvalidRequestError(
                    f"{place} is of type {type(item).__name__}, which JSON cannot carry"
                )
    if isinstance(value, msgspec.Struct):
        _check_type(value, where)


def _children(
    item: dict[Any, Any] | list[Any] | tuple[Any, ...] | msgspec.Struct, place: str
) -> Iterator[tuple[object, str]]:
    if isinstance(item, dict):
        for key, child in item.items():
            if not isinstance(key, str):
                raise InvalidRequestError(f"{place} has the key {key!r}, which is not a text")
            _check_encodes(key, f"a key of {place}")
            yield child, f"{place}.{key}"
    elif isinstance(item, list | tuple):
        for i, child in enumerate(item):
            yield child, f"{place}[{i}]"
    else:
        for name in item.__struct_fields__:
            yield getattr(item, name), f"{place}.{name}"


def _check_encodes(item: str | int | float, place: str) -> None:
    try:
        _encode(item)
    except UnicodeEncodeError as error:
        reason = f"{place} contains an unpaired surrogate and can't be encoded as UTF-8"
        raise InvalidRequestError(reason) from error
    except (TypeError, ValueError) as error:  # a type of its own, or too many digits
        raise InvalidRequestError(f"{place}: {error}") from error


def _check_type(value: msgspec.Struct, where: str) -> None:
    """Refuse a typed message that its own type could not read."""
    try:
        _as_read(_encode(value), type(value))
    except (msgspec.MsgspecError, TypeError, NameError) as error:  # the latter: of the type itself
        raise InvalidRequestError(f"{where}: {error}") from error


def _decode_object(raw: bytes) -> dict[str, Any]:
    value = _decode(raw)
    if not isinstance(value, dict):
        raise msgspec.DecodeError("a message must be a JSON object")
    return value
