"""What is said in a session: each message once, wherever it is stored first.

The invariant: the same objects give the same messages, in whatever order they arrived. A message is the
bytes that it consists of; its place is in the oldest checkpoint that holds it in its own object, so a
message is found even while what that checkpoint builds upon has not arrived.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from ..errors import CorruptObjectError, IncompleteError, StorageError
from ..format.records import CheckpointObject, element_hash
from ..format.timestamps import to_datetime, to_unix_us
from ..messages import shapes
from ..store.objects import Objects
from ..store.session import SessionDirectory
from . import listing

KEY_BYTES = 16
"""How many bytes of a hash stand for a message."""

_LAST_MS = 253_402_300_799_999
"""The last millisecond of the year 9999."""

_ABOUT_TOOLS = {"tool_calls", "tool_call_id"}

_decode = msgspec.json.Decoder().decode


class Said(msgspec.Struct, frozen=True, gc=False):
    """A message as search sees it.

    Attributes:
        sha: of the checkpoint object that holds it.
        index: its place in that checkpoint's state.
        time_us: when it was said, in microseconds since 1970.
        tools: what it calls, or is the result of; each name once.

    """

    sha: str
    index: int
    time_us: int
    role: str
    tools: tuple[str, ...]
    text: str


class Heard(NamedTuple):
    """All that is said in a session, oldest checkpoint first, and what is damaged."""

    said: list[Said]
    problems: list[str]


def hear(directory: SessionDirectory) -> Heard:
    """Read all of a session; what cannot be read is told in ``problems``."""
    try:
        view = directory.look()
        found, damage = listing.checkpoints(view)
        conversation = Conversation()
        said = [each for item in found for each in conversation.add(view.objects, *item)]
    except StorageError as error:
        return Heard([], [error.message])
    return Heard(said, unique([error.message for error in damage] + conversation.problems))


class Conversation:
    """Takes a session's checkpoints, oldest first, and tells what each adds.

    Args:
        seen: keys of messages that were told before.
        tools: which tool was called, by the id of the call, as far as was told before.

    Attributes:
        complete: whether all large messages were here and readable.
        problems: what was damaged, a sentence each.
        unsound: files of large messages that are damaged or still being written.

    """

    def __init__(
        self, seen: Iterable[bytes] = (), tools: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self.seen = set(seen)
        self.tools = dict(tools)
        self.complete = True
        self.problems: list[str] = []
        self.unsound: list[str] = []

    def add(self, objects: Objects, sha: str, checkpoint: CheckpointObject) -> list[Said]:
        """Return the messages of a checkpoint's own object that were not told before."""
        said: list[Said] = []
        seen, made_us = self.seen, to_unix_us(to_datetime(checkpoint.at))
        for index, element in enumerate(checkpoint.elements, checkpoint.keep):
            key = _key(element)
            if key in seen:
                continue
            raw = element
            if element[:1] == b'"':
                large = self._large(objects, element)
                if large is None:
                    continue
                raw = large
                # Another writer may have stored the same message without an object of its own.
                seen.add(key)
                key = _key(raw)
                if key in seen:
                    continue
            seen.add(key)
            try:
                message = _decode(raw)
            except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
                self.problems.append(f"{objects.path(sha)}: a message cannot be read: {error}")
                continue
            said.append(
                Said(
                    sha,
                    index,
                    time_us(message, made_us),
                    shapes.role(message),
                    self._tools(message) if message.keys() & _ABOUT_TOOLS else (),
                    shapes.text(message),
                )
            )
        return said

    def _large(self, objects: Objects, element: bytes) -> bytes | None:
        sha = element_hash(element) or ""
        complete, self.complete = self.complete, False
        try:
            raw = objects.message(sha)
        except IncompleteError:
            if objects.has(sha):
                self.unsound.append(objects.path(sha))
        except CorruptObjectError as error:
            self.problems.append(error.message)
            self.unsound.append(objects.path(sha))
        else:
            self.complete = complete
            return raw
        return None

    def _tools(self, message: dict[str, Any]) -> tuple[str, ...]:
        answered = shapes.answered(message)
        names: list[str] = []
        for call in shapes.calls(message):
            names.append(call.tool)
            if call.id is not None:
                self.tools[call.id] = call.tool
        if answered is not None:
            tool = self.tools.get(answered) or message.get("name")
            names += [tool] if isinstance(tool, str) else []
        return tuple(dict.fromkeys(names))


def _key(element: bytes) -> bytes:
    return blake2b(element, digest_size=KEY_BYTES).digest()


def time_us(message: dict[str, Any], made_us: int) -> int:
    """Return when a message was said, in microseconds since 1970, or else when it was stored."""
    said = message.get("created_at")
    if isinstance(said, int) and not isinstance(said, bool) and 0 <= said <= _LAST_MS:
        return said * 1000
    return made_us


def unique(sentences: Iterable[str]) -> list[str]:
    """Return sentences in their order, each once."""
    return list(dict.fromkeys(sentences))
