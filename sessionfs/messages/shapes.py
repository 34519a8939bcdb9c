"""Messages of any shape, as plain JSON objects: what people read of them, and which tools they call.

Nothing here fails on a message that is shaped in another way than expected: what cannot be understood
is not there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

_BESIDE_TEXT = frozenset({"role", "metadata", "usage", "model", "finish_reason"})
"""Fields of a message without content that are no text of it."""

_IDS = frozenset({"id", "tool_use_id", "tool_call_id", "call_id", "signature"})
"""Fields that are for machines, of a message as of its parts."""

_IN_PARTS = _IDS | {"type", "data", "input_audio", "encrypted_content"}
"""Fields of a part of the content, or of a tool call, that are for machines."""

_ARGUMENTS = frozenset({"arguments", "input"})
"""Fields in which a call has what its tool is given, all of which people read."""

_decode = msgspec.json.Decoder().decode


class Call(msgspec.Struct, frozen=True):
    """A call of a tool; ``id`` is what the result names."""

    id: str | None
    tool: str


def calls(message: dict[str, Any]) -> Iterator[Call]:
    """Give the tool calls that a message makes."""
    listed = message.get("tool_calls")
    for call in listed if isinstance(listed, list) else ():
        function = call.get("function") if isinstance(call, dict) else None
        name = function.get("name") if isinstance(function, dict) else None
        if isinstance(name, str):
            id_ = call.get("id")
            yield Call(id_ if isinstance(id_, str) else None, name)


def answered(message: dict[str, Any]) -> str | None:
    """Return the id of the call whose result a message is, or None."""
    found = message.get("tool_call_id")
    return found if isinstance(found, str) else None


def role(message: dict[str, Any]) -> str:
    """Return who speaks, "" where the message does not say."""
    found = message.get("role")
    return found if isinstance(found, str) else ""


def text(message: dict[str, Any]) -> str:
    """Return what people read of a message, a line feed between the pieces.

    That is its content, of parts of any shape, and the names and arguments of its tool calls; of a
    message that has neither, every text in it. What is for machines is left out: ids, signatures,
    images and other data in base64. Arguments with escapes stand there twice, as they are written and
    as they are meant, so that ``echo "hi"`` is found.
    """
    pieces: list[str] = []
    content, tool_calls = message.get("content"), message.get("tool_calls")
    if content is None and tool_calls is None:
        _collect(_fields(message, _BESIDE_TEXT | _IDS), pieces)
    elif isinstance(content, str) and tool_calls is None:
        return content
    else:
        _collect([(content, False), (tool_calls, False)], pieces)
    return "\n".join(pieces)


_Values = list[tuple[object, bool]]
"""Values, each with whether it counts as a whole: then none of its fields is for machines."""


def _collect(values: _Values, pieces: list[str]) -> None:
    """Add the texts in values to the pieces, in their order."""
    # No recursion: a record of another writer may be nested as deep as a decoder can follow.
    left = values[::-1]
    while left:
        item, whole = left.pop()
        if isinstance(item, str):
            if not (item.startswith("data:") and ";base64," in item[:200]):
                pieces.append(item)
        elif isinstance(item, list):
            left.extend((each, whole) for each in reversed(item))
        elif isinstance(item, dict):
            is_part = not whole and ("type" in item or "function" in item)
            left.extend(reversed(_fields(item, _IN_PARTS if is_part else frozenset(), whole=whole)))


def _fields(fields: dict[str, Any], passed_over: frozenset[str], *, whole: bool = False) -> _Values:
    """Return the values of fields that people read."""
    found: _Values = []
    for name, item in fields.items():
        if name not in passed_over:
            found.append((item, whole or name in _ARGUMENTS))
            if name == "arguments" and isinstance(item, str) and "\\" in item:
                found.append((_meant(item), True))
    return found


def _meant(arguments: str) -> object:
    try:
        return _decode(arguments)
    except (msgspec.MsgspecError, RecursionError):
        return None  # no JSON: it stands there as it is
