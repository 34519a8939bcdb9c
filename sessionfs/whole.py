"""A checkpoint record and its messages, decoded at once.

What is, byte for byte, what this program would write needs no looking at each message.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec

from . import decoders
from .records import NOT_JSON, CheckpointHeader, CheckpointObject, InvalidRecordError, checked

_Message = TypeVar("_Message")
_encode_into = msgspec.json.Encoder().encode_into


class _WholeRecord(CheckpointHeader, Generic[_Message], tag="checkpoint", kw_only=True):
    messages: list[_Message | str]


WholeDecoder = Callable[[bytes], _WholeRecord[Any]]
"""Decodes a checkpoint record and its messages, large ones as their hashes."""


def decoder(message_type: type[Any]) -> WholeDecoder:
    """Return what decodes checkpoint records with messages of a type."""
    shape: Any = dict[str, Any] if message_type is dict else message_type
    return decoders.decoder(_WholeRecord[shape])


def decode(
    data: bytes, session: str, with_: WholeDecoder, buffer: bytearray
) -> tuple[CheckpointObject, list[Any]] | None:
    """Return a checkpoint's object and its own messages, large ones as their hashes.

    None where it is not, byte for byte, what this program would write: what is wrong, unusual or more
    than the type of the messages knows is for ``records.decode_object`` to tell. The buffer is for
    comparing: one for many records is faster than new memory for each.
    """
    try:
        record = with_(data)
        _encode_into(record, buffer)
        if buffer != data or record.session != session:
            return None
        messages = record.messages
        large: list[tuple[int, str]] = []
        if str in set(map(type, messages)):
            large = [(i, each) for i, each in enumerate(messages) if isinstance(each, str)]
        return checked(record, data, large, len(messages)), messages
    except (*NOT_JSON, InvalidRecordError):
        return None
