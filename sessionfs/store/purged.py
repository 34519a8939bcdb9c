"""What was purged of a session: objects that are hidden wherever they come back from.

The invariant: an object is hidden only if a purge record names it, and nothing needs it that none
names, so that work which a purger had not seen stays whole.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import StorageError
from .objects import Objects


def hidden(objects: Objects, purged: set[str]) -> frozenset[str]:
    """Return the hashes, of those that were purged, that count as not here.

    Args:
        objects: of the session, none of them hidden.
        purged: the hashes that purge records name.

    """
    return hidden_in([objects], purged)


def hidden_in(places: Sequence[Objects], purged: set[str]) -> frozenset[str]:
    """Return what ``hidden`` does for the objects of a session in several stores together."""
    visible: set[str] = set()
    following = [sha for objects in places for sha in objects.hashes() if sha not in purged]
    while following:
        sha = following.pop()
        if sha in visible:
            continue
        visible.add(sha)
        for objects in places:
            following += _needed(objects, sha)
    return frozenset(purged - visible)


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
