"""Checkpoints to messages and back: chains of bases, and which base a new checkpoint gets.

The invariant: opening a checkpoint reads few objects and writing one stores little more than what is
new, both independent of how long the session is. The bases follow the ruler sequence, as the tape
levels of a Tower-of-Hanoi backup rotation do: most checkpoints build on the one before, every 16th
on the one 16 steps back, every 256th on the one 256 steps back.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import dropwhile, takewhile
from typing import Any

import msgspec

from ..errors import CorruptObjectError, StorageError
from ..format.records import (
    LARGE_MESSAGE,
    CheckpointObject,
    TypedDecoder,
    element_hash,
    encode_message_object,
    hash_element,
    large_elements,
    sha256,
)
from . import graph
from .objects import Objects

_HEADER_BYTES = 1024
"""More than a checkpoint object has besides its messages and metadata."""

RADIX = 16
"""Steps between bases grow by this factor: a writer's policy, not part of the format."""


MOST_DEPTH = (1 << 53) - 1
"""No writer counts this far; what a hostile record says may be a number that nothing can add to."""


class Link(msgspec.Struct, frozen=True):
    """One object of a chain.

    Attributes:
        shared: how many of its messages the opened checkpoint begins with.
        messages: its own messages, decoded while it was read, with large ones as their hashes. None
            where nobody asked for them, or where they have to be decoded one by one.

    """

    sha: str
    checkpoint: CheckpointObject
    shared: int
    messages: list[Any] | None = None


Chain = list[Link]
"""A checkpoint, its base, the base of that, until there is none."""


class State(msgspec.Struct, frozen=True):
    """Messages ready to be stored: an element each, and the objects that large ones need."""

    elements: list[bytes]
    large: dict[str, bytes]


def open_chain(objects: Objects, sha: str, typed: TypedDecoder | None = None) -> Chain:
    """Return a checkpoint's whole chain.

    Raises IncompleteError or CorruptObjectError, which name the file that is missing or damaged.

    Args:
        objects: those of the session.
        sha: the checkpoint's hash.
        typed: decodes the messages of each object as it is read; None: they stay bytes.

    """
    chain: Chain = []
    _follow(objects, sha, chain, typed=typed)
    return chain


def open_partly(objects: Objects, sha: str) -> tuple[Chain, StorageError | None]:
    """Return a checkpoint's chain as far as it can be followed, and what ends it too early.

    The same errors as ``open_chain`` for the checkpoint's own object, without which there is nothing.
    """
    chain: Chain = []
    try:
        _follow(objects, sha, chain)
    except StorageError as error:
        if not chain:
            raise
        return chain, error
    return chain, None


def outline(objects: Objects, sha: str) -> Chain:
    """Return a checkpoint's whole chain without its messages, of which few are in memory at a time.

    The same errors as ``open_chain``, and IncompleteError if a large message has not arrived.
    """
    chain: Chain = []
    _follow(objects, sha, chain, outlined=True)
    return chain


def appended(
    objects: Objects,
    onto: Chain,
    *,
    at: str,
    added: list[bytes],
    metadata: bytes | None,
    limit: int,
) -> CheckpointObject:
    """Return the object of a checkpoint that adds messages to its parent, of which an outline is known.

    Only the messages that it repeats are read, and one that would have more bytes than the limit
    repeats none.
    """
    parent = onto[0]
    base = _choose_base(onto, parent.checkpoint.depth + 1)
    newer = list(takewhile(lambda link: link is not base, onto))
    room = limit - _HEADER_BYTES - sum(map(len, added))
    read: Chain = []
    for link in newer:
        full = objects.checkpoint(link.sha)
        room -= sum(map(len, full.elements))
        if room < 0:
            break
        read.append(Link(link.sha, full, link.shared))
    near = room < 0
    whole = [parent] if near else [*read, *onto[len(read) :]]
    if parent.checkpoint.depth >= MOST_DEPTH:  # which has no base to build upon
        whole, near = open_chain(objects, parent.sha), False
    return build(
        onto=whole,
        parent=parent.sha,
        at=at,
        added=added,
        common=parent.checkpoint.count,
        metadata=metadata,
        limit=0 if near else limit,
    )


def after(onto: Chain, sha: str, checkpoint: CheckpointObject) -> Chain:
    """Return the outline of a checkpoint that was built upon this one's."""
    chain = [Link(sha, _outlined(checkpoint), checkpoint.count)]
    for link in dropwhile(lambda link: link.sha != checkpoint.base, onto):
        before = chain[-1]
        shared = min(before.shared, before.checkpoint.keep)
        chain.append(Link(link.sha, link.checkpoint, shared))
    return chain


def _outlined(checkpoint: CheckpointObject) -> CheckpointObject:
    return msgspec.structs.replace(checkpoint, stored=[], large=[], metadata=None)


def _follow(
    objects: Objects,
    sha: str,
    chain: Chain,
    *,
    typed: TypedDecoder | None = None,
    outlined: bool = False,
) -> None:
    """Add a checkpoint and its bases to a chain, link by link."""
    messages: list[Any] | None = None
    for each in graph.walk(sha, lambda _: chain[-1].checkpoint.base):
        if typed is None:
            checkpoint = objects.checkpoint(each)
        else:
            checkpoint, messages = objects.checkpoint_with_messages(each, typed)
        shared = checkpoint.count
        if chain:
            last = chain[-1]
            if last.checkpoint.keep > checkpoint.count:
                path = objects.path(last.sha)
                raise CorruptObjectError(
                    f"{path} keeps more messages than its base has", path=path, finding="chain-broken"
                )
            shared = min(last.shared, last.checkpoint.keep)
        link = Link(each, checkpoint, shared, messages)
        if outlined:
            require_large(objects, [link])
            link = Link(each, _outlined(checkpoint), shared)
        chain.append(link)
    closing = chain[-1].checkpoint.base
    if closing is not None:
        path = objects.path(closing)
        raise CorruptObjectError(
            f"{path}: the chain of bases closes on itself", path=path, finding="chain-broken"
        )


def elements(chain: Chain, start: int = 0) -> list[bytes]:
    """Return the elements of a checkpoint's messages, from the one with this index on."""
    parts: list[list[bytes]] = []
    for link in chain:
        first = link.checkpoint.keep
        part = link.checkpoint.elements[max(start - first, 0) : max(link.shared - first, 0)]
        if part:
            parts.append(part)
        if first <= start:
            break
    return [element for part in reversed(parts) for element in part]


def require_large(objects: Objects, chain: Chain) -> None:
    """Raise IncompleteError if a large message of a checkpoint has not arrived."""
    for link in chain:
        for i, sha in link.checkpoint.large:
            if link.checkpoint.keep + i < link.shared:
                objects.require(sha)


def messages(objects: Objects, chain: Chain) -> list[bytes]:
    """Return a checkpoint's messages, large ones read from their objects."""
    if not any(link.checkpoint.large for link in chain):
        return elements(chain)
    return [message(objects, element) for element in elements(chain)]


def message(objects: Objects, element: bytes) -> bytes:
    """Return the message that an element of a checkpoint is or names."""
    sha = element_hash(element)
    return element if sha is None else objects.message(sha)


def prepare(session: str, encoded: Sequence[bytes]) -> State:
    """Return messages as elements; large ones become objects of their own."""
    large: dict[str, bytes] = {}
    prepared: list[bytes] = []
    for message in encoded:
        if len(message) >= LARGE_MESSAGE:
            data = encode_message_object(session, message)
            sha = sha256(data)
            large[sha] = data
            message = hash_element(sha)
        prepared.append(message)
    return State(prepared, large)


def build(
    *,
    onto: Chain | None,
    parent: str | None,
    after: str | None = None,
    at: str,
    added: list[bytes],
    common: int,
    metadata: bytes | None,
    limit: int,
) -> CheckpointObject:
    """Return the object of a new checkpoint.

    Its state is the first ``common`` messages of the checkpoint ``onto``, then ``added``. With its base
    so far back that it would have more bytes than the limit, it takes the nearest one.
    """
    depth = onto[0].checkpoint.depth + 1 if onto else 0
    if depth > MOST_DEPTH:
        depth = 0  # as one that builds upon none
    link = _choose_base(onto, depth) if onto and depth else None
    keep = min(common, link.shared) if link else 0
    stored = (elements(onto, keep)[: common - keep] if onto else []) + added
    if onto and sum(map(len, stored)) + _HEADER_BYTES > limit:
        link, keep, stored = onto[0], common, added
    base = link.sha if link and keep else None
    return CheckpointObject(
        parent=parent,
        after=None if after == base else after,
        base=base,
        keep=keep,
        depth=depth,
        count=common + len(added),
        at=at,
        metadata=metadata,
        stored=stored,
        large=large_elements(stored),
    )


def common_prefix(known: list[bytes], state: list[bytes]) -> int:
    """Return how many leading elements of a state stand at the start of a checkpoint's too."""
    if known == state[: len(known)]:
        return len(known)
    same = 0
    for before, after in zip(known, state, strict=False):
        if before != after:
            break
        same += 1
    return same


def _choose_base(onto: Chain, depth: int) -> Link:
    """Return the deepest link whose depth is at least ``depth`` - the power that divides it."""
    step = 1
    while depth % (step * RADIX) == 0:
        step *= RADIX
    chosen = onto[0]
    for link in onto:
        if link.checkpoint.depth < depth - step:
            break
        chosen = link
    return chosen
