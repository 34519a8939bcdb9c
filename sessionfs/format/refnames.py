"""The names of refs: what a file in ``refs/`` says before it is opened.

The invariant: names sort as the times they carry, and a name that is not exactly one of these is
foreign.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from .timestamps import is_timestamp

_NAME = re.compile(r"(active|meta|purge)\.(\d{8}T\d{12}Z)-([0-9a-f]{12})(\.json)?", re.ASCII)


class ActiveRef(NamedTuple):
    """An active ref as its name tells; the order is that of the names."""

    at: str
    hash12: str

    @property
    def name(self) -> str:
        """The file's name."""
        return f"active.{self.at}-{self.hash12}"


class MetaRef(NamedTuple):
    """A meta record as its name tells; the order is that in which the records are folded."""

    at: str
    hash12: str

    @property
    def name(self) -> str:
        """The file's name."""
        return f"meta.{self.at}-{self.hash12}.json"


class PurgeRef(NamedTuple):
    """A purge record as its name tells."""

    at: str
    hash12: str

    @property
    def name(self) -> str:
        """The file's name."""
        return f"purge.{self.at}-{self.hash12}.json"


@lru_cache(maxsize=4096)
def parse(name: str) -> ActiveRef | MetaRef | PurgeRef | None:
    """Return the ref that a file's name is; None: it is foreign."""
    match = _NAME.fullmatch(name)
    if match is None or not is_timestamp(match[2]):
        return None
    if match[1] == "active":
        return ActiveRef(match[2], match[3]) if match[4] is None else None
    if match[4] is None:
        return None
    return (MetaRef if match[1] == "meta" else PurgeRef)(match[2], match[3])


class RefNames(NamedTuple):
    """What one look at the directory showed, each list in ascending order."""

    active: list[ActiveRef]
    meta: list[MetaRef]
    purges: list[PurgeRef]

    @property
    def highest_at(self) -> str | None:
        """The highest timestamp of any ref."""
        return max((refs[-1].at for refs in self if refs), default=None)

    @property
    def lowest_at(self) -> str | None:
        """The lowest timestamp of any ref."""
        return min((refs[0].at for refs in self if refs), default=None)
