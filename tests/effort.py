"""How much the tests try, and the counts of what they tried."""

from __future__ import annotations

import os
from collections.abc import Callable

Counted = Callable[[str, int], None]
"""Adds to a count that the run prints when it ends, as in ``counted("states opened", 12_000)``."""

LEVEL = os.environ.get("SESSIONFS_EFFORT", "few")
"""``few`` for an answer within minutes, ``usual`` in CI, or ``all`` where time does not matter."""


def chosen(*, few: int, usual: int, everything: int) -> int:
    """Return how many of something this run tries.

    All tests of a module that imports this function get the marker ``sweep``.
    """
    return {"few": few, "usual": usual, "all": everything}[LEVEL]
