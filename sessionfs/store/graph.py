"""Following checkpoints from one to the next, along parents or along bases.

A checkpoint, its base, the base of that and so on make its chain, from which its state is read.

The invariant: a walk ends, and yields nothing twice. Hashes cannot make a cycle, but records of a
hostile store, or ids that a caller made up, may claim one.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any, TypeVar

import msgspec

from ..errors import CorruptObjectError, StorageError
from ..format.records import CheckpointObject, TypedDecoder
from .objects import Objects

_Node = TypeVar("_Node", bound=Hashable)


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


def walk(start: _Node | None, following: Callable[[_Node], _Node | None]) -> Iterator[_Node]:
    """Yield a node, the one that follows it, and so on until none does, or one came before.

    ``following`` is called for a node only after the node was yielded and the next one is asked for.
    """
    passed: set[_Node] = set()
    node = start
    while node is not None and node not in passed:
        passed.add(node)
        yield node
        node = following(node)


def reachable(starts: Iterable[_Node], needed: Callable[[_Node], Iterable[_Node]]) -> set[_Node]:
    """Return the nodes from which a walk starts, and all that they need, directly or not."""
    found: set[_Node] = set()
    waiting = list(starts)
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting.extend(needed(node))
    return found


def open_chain(
    objects: Objects, sha: str, typed: TypedDecoder | None = None, *, complete: bool = False
) -> Chain:
    """Return a checkpoint's whole chain.

    Raises IncompleteError or CorruptObjectError, which name the file that is missing or damaged.

    Args:
        objects: those of the session.
        sha: the checkpoint's hash.
        typed: decodes the messages of each object as it is read; None: they stay bytes.
        complete: raise IncompleteError also if a large message has not arrived.

    """
    chain: Chain = []
    _follow(objects, sha, chain, typed=typed)
    if complete:
        require_large(objects, chain)
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


def open_outline(objects: Objects, sha: str) -> Chain:
    """Return a checkpoint's whole chain without its messages, of which few are in memory at a time.

    The same errors as ``open_chain``, and IncompleteError if a large message has not arrived.
    """
    chain: Chain = []
    _follow(objects, sha, chain, outline=True)
    return chain


def _follow(
    objects: Objects,
    sha: str,
    chain: Chain,
    *,
    typed: TypedDecoder | None = None,
    outline: bool = False,
) -> None:
    """Add a checkpoint and its bases to a chain, link by link."""
    messages: list[Any] | None = None
    held = objects.held(sha) if typed is None else {}
    for each in walk(sha, lambda _: chain[-1].checkpoint.base):
        if typed is None:
            checkpoint = held.get(each) or objects.checkpoint(each)
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
        if outline:
            require_large(objects, [link])
            link = Link(each, outlined(checkpoint), shared)
        chain.append(link)
    closing = chain[-1].checkpoint.base
    if closing is not None:
        path = objects.path(closing)
        raise CorruptObjectError(
            f"{path}: the chain of bases closes on itself", path=path, finding="chain-broken"
        )


def outlined(checkpoint: CheckpointObject) -> CheckpointObject:
    """Return a checkpoint object without its messages and metadata."""
    return msgspec.structs.replace(checkpoint, stored=[], large=[], metadata=None)


def require_large(objects: Objects, chain: Chain) -> None:
    """Raise IncompleteError if a large message of a checkpoint has not arrived."""
    for link in chain:
        for i, sha in link.checkpoint.large:
            if link.checkpoint.keep + i < link.shared:
                objects.require(sha)
