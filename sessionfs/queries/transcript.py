"""The messages of a session, each once, wherever it is stored first.

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
from ..messages.parts import CallPart, role_of, searchable_text, sent_ms, tool_parts
from ..store.objects import Objects
from ..store.session import SessionDirectory
from . import listing

KEY_BYTES = 16
"""How many bytes of a hash stand for a message."""

_decode = msgspec.json.Decoder().decode


class SearchableMessage(msgspec.Struct, frozen=True, gc=False):
    """A message as search sees it.

    Attributes:
        sha: of the checkpoint object that holds it.
        index: its place in that checkpoint's state.
        time_us: when it was sent, in microseconds since 1970.
        tools: what it calls, or is the result of; each name once.

    """

    sha: str
    index: int
    time_us: int
    role: str
    tools: tuple[str, ...]
    text: str


class Transcript(NamedTuple):
    """All messages of a session, oldest checkpoint first, and what is damaged."""

    messages: list[SearchableMessage]
    problems: list[str]


def read_transcript(directory: SessionDirectory) -> Transcript:
    """Read all of a session; ``problems`` says what cannot be read."""
    try:
        view = directory.look()
        found, damage = listing.checkpoints(view)
        reader = TranscriptReader()
        messages = [each for item in found for each in reader.read(view.objects, *item)]
    except StorageError as error:
        return Transcript([], [error.message])
    return Transcript(messages, unique([error.message for error in damage] + reader.problems))


class TranscriptReader:
    """Reads a session's checkpoints, oldest first, and gives the messages that each adds.

    Args:
        seen: keys of messages that were read before.
        tools: which tool was called, by the id of the call, as far as was read before.

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

    def read(self, objects: Objects, sha: str, checkpoint: CheckpointObject) -> list[SearchableMessage]:
        """Return the messages of a checkpoint's own object that were not read before."""
        messages: list[SearchableMessage] = []
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
            sent = sent_ms(message)
            messages.append(
                SearchableMessage(
                    sha,
                    index,
                    made_us if sent is None else sent * 1000,
                    role_of(message),
                    self._tools(message),
                    searchable_text(message),
                )
            )
        return messages

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
        found = tool_parts(message)
        if not found:
            return ()
        names: list[str] = []
        for part in found:
            if isinstance(part, CallPart):
                names.append(part.tool)
                if part.id is not None:
                    self.tools[part.id] = part.tool
            else:
                called = None if part.call_id is None else self.tools.get(part.call_id)
                tool = called or part.tool
                names += [] if tool is None else [tool]
        return tuple(dict.fromkeys(names))


def _key(element: bytes) -> bytes:
    return blake2b(element, digest_size=KEY_BYTES).digest()


def unique(sentences: Iterable[str]) -> list[str]:
    """Return sentences in their order, each once."""
    return list(dict.fromkeys(sentences))
