"""What a child process has to forget after a fork.

It has the memory of its parent but none of the other threads: a lock that one of them held is never
released, and what one of them was changing stays half changed.
"""

from __future__ import annotations

import os
from contextlib import suppress
from threading import RLock
from typing import Protocol
from weakref import WeakSet


class Renewable(Protocol):
    """Holds what threads share; compared by identity."""

    def renew(self) -> None:
        """Begin anew, with new locks, and without closing what belongs to the parent."""
        ...


_renewables: WeakSet[Renewable] = WeakSet()


def renew_after_fork(each: Renewable) -> None:
    """Renew this in child processes, before anything else is done there."""
    _renewables.add(each)


def hold_while_forking(lock: RLock) -> None:
    """Fork only when no other thread holds a lock: what it guards is whole in child processes."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release
        )


def leak(thing: object) -> None:
    """Never free a thing, not even when the process ends: freeing would touch what is the parent's."""
    with suppress(Exception):  # where there is no such interpreter
        import ctypes

        ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))


def _renew() -> None:
    for each in list(_renewables):
        each.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
