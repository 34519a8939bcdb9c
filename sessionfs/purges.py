"""What was purged of a session: objects that are hidden wherever they come back from.

The invariant: an object is hidden only if a purge record names it, and nothing needs it that none
names, so that work which a purger had not seen stays whole.
"""

from __future__ import annotations

from .errors import StorageError
from .objects import Objects


def hidden(objects: Objects, purged: set[str]) -> frozenset[str]:
    """Return the hashes, of those that were purged, that count as not here.

    Args:
        objects: of the session, none of them hidden.
        purged: the hashes that purge records name.

    """
    visible: set[str] = set()
    following = [sha for sha in objects.hashes() if sha not in purged]
    while following:
        sha = following.pop()
        if sha in visible:
            continue
        visible.add(sha)
        try:
            checkpoint = objects.load(sha)
        except StorageError:
            continue  # what it needs cannot be told
        if checkpoint is not None:
            needed = (checkpoint.follows, checkpoint.base, *(large for _, large in checkpoint.large))
            following += [each for each in needed if each is not None]
    return frozenset(purged - visible)
