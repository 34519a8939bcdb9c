"""How much the tests try, and the counts of what they tried."""

from __future__ import annotations

import os
from collections.abc import Callable

Counted = Callable[[str, int], None]
"""Adds to a count that the run prints when it ends, as in ``counted("states opened", 12_000)``."""

LEVEL = os.environ.get("SESSIONFS_EFFORT", "usual")
"""``few`` where other runs try the same, ``usual``, or ``all`` where time does not matter."""


def chosen(*, few: int, usual: int, everything: int) -> int:
    """Return how many of something this run tries."""
    return {"few": few, "usual": usual, "all": everything}[LEVEL]
