"""What was purged of a session: objects that are hidden wherever they come back from.

The invariant: an object is hidden only if a purge record names it, and nothing that no record names
needs it, so that work which a purger had not seen stays whole.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import StorageError
from . import graph
from .objects import Objects


def hidden_hashes(places: Sequence[Objects], purged: set[str]) -> frozenset[str]:
    """Return the hashes, of those that were purged, that count as not here.

    Args:
        places: the objects of the session, in one store or in several together; none of them hidden.
        purged: the hashes that purge records name.

    """
    shown = [sha for objects in places for sha in objects.hashes() if sha not in purged]
    needed = graph.reachable(shown, lambda sha: [each for at in places for each in _needed(at, sha)])
    return frozenset(purged - needed)


def _needed(objects: Objects, sha: str) -> list[str]:
    """Return what a checkpoint needs directly; nothing where that cannot be told here."""
    try:
        checkpoint = objects.load(sha)
    except StorageError:
        return []
    if checkpoint is None:
        return []
    needed = (checkpoint.follows, checkpoint.base, *(large for _, large in checkpoint.large))
    return [each for each in needed if each is not None]
