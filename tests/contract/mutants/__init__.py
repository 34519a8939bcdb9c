"""Storages that are each wrong in one way, and the contract tests that must say so.

A mutant is FileStorage with a method made worse.
"""

from . import (  # noqa: F401 - to enter them
    appending,
    branching,
    checkpoints,
    filters,
    listing,
    narrowing,
    reading,
    rest,
    searching,
    sessions,
    sharing,
    stats,
    typed,
)
from .listing import Listing
from .register import CAUGHT_BY
from .searching import Searching

__all__ = ["CAUGHT_BY", "Listing", "Searching"]
