"""Checkpoints to messages and back: chains of bases, and which base a new checkpoint gets.

The invariant: opening a checkpoint reads few objects and writing one stores little more than what is
new, both independent of how long the session is. The bases follow the ruler sequence, as the tape
levels of a Tower-of-Hanoi backup rotation do: most checkpoints build on the one before, every 16th
on the one 16 steps back, every 256th on the one 256 steps back.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import dropwhile, takewhile

import msgspec

from ..format.records import (
    LARGE_MESSAGE,
    CheckpointObject,
    encode_message_object,
    hash_element,
    large_elements,
    sha256,
)
from .graph import Chain, Link, open_chain, outlined
from .objects import Objects

_HEADER_BYTES = 1024
"""More than a checkpoint object has besides its messages and metadata."""

RADIX = 16
"""Steps between bases grow by this factor: a writer's policy, not part of the format."""


MOST_DEPTH = (1 << 53) - 1
"""No writer counts this far; what a hostile record says may be a number that nothing can add to."""


class PreparedState(msgspec.Struct, frozen=True):
    """Messages ready to be stored: an element each, and the objects that large ones need."""

    elements: list[bytes]
    large: dict[str, bytes]


def build_appended(
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


def outline_after(onto: Chain, sha: str, checkpoint: CheckpointObject) -> Chain:
    """Return the outline of a checkpoint that was built upon this one's."""
    chain = [Link(sha, outlined(checkpoint), checkpoint.count)]
    for link in dropwhile(lambda link: link.sha != checkpoint.base, onto):
        before = chain[-1]
        shared = min(before.shared, before.checkpoint.keep)
        chain.append(Link(link.sha, link.checkpoint, shared))
    return chain


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


def read_messages(objects: Objects, chain: Chain) -> list[bytes]:
    """Return a checkpoint's messages, large ones read from their objects."""
    if not any(link.checkpoint.large for link in chain):
        return elements(chain)
    return [objects.resolve(element) for element in elements(chain)]


def prepare_state(session: str, encoded: Sequence[bytes]) -> PreparedState:
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
    return PreparedState(prepared, large)


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
