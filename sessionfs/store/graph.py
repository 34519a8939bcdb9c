"""Following checkpoints from one to the next: the one walk over parents, bases and what is needed.

The invariant: a walk ends, and gives nothing twice. Hashes cannot make a cycle, but records of a
hostile store, or ids that a caller made up, may claim one.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import TypeVar

_Node = TypeVar("_Node", bound=Hashable)


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
