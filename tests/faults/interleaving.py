"""Threads whose system calls take turns as a seed says: one runs at a time, up to its next call.

What two processes may do to each other by chance, once in many thousand runs, is thereby done on
purpose. Each thread has a priority, and the first of those that can go on does; at a few moments the
one that runs becomes the last (Burckhardt et al., "A Randomized Scheduler with Probabilistic Guarantees
of Finding Bugs", 2010): others get far while one is between two of its calls.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from random import Random
from typing import Any

import pytest

from sessionfs.fs import entries, files, fingerprints, locks, tempfiles

_CALLS = (
    *("open", "close", "read", "write", "fsync", "stat", "lstat", "fstat", "listdir", "mkdir", "rmdir"),
    *("link", "rename", "replace", "unlink"),
)


_MOST_CALLS = (150, 500, 2_000)
"""By so many calls all moments have come at which another goes on: within one writer's, or later."""

_SWITCHES = 6


class _TakingTurns:
    """Stands in for ``os`` in the modules that touch the disk."""

    def __init__(self, wait: Callable[[], None]) -> None:
        for name in _CALLS:
            setattr(self, name, self._waiting(getattr(os, name), wait))

    @staticmethod
    def _waiting(call: Callable[..., Any], wait: Callable[[], None]) -> Callable[..., Any]:
        def waiting(*arguments: Any, **options: Any) -> Any:
            wait()
            return call(*arguments, **options)

        return waiting

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)


class Turns:
    """Decides which of some threads goes on."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._changed = threading.Condition()
        self._left: list[int] = []
        self._running: int | None = None
        self._own = threading.local()
        self._calls = 0
        most = random.choice(_MOST_CALLS)
        self._switches = {random.randrange(most) for _ in range(random.randrange(1, _SWITCHES))}

    def wait(self, *, must: bool = False) -> None:
        """Let others go on if it is their turn; threads that take none are not held up."""
        number = getattr(self._own, "number", None)
        if number is None:
            return
        self._calls += 1
        if must or self._calls in self._switches:
            with self._changed:
                self._left.remove(number)
                self._left.append(number)
                self._choose()
                while self._running != number:
                    self._changed.wait()

    def run(self, actions: Sequence[Callable[[], None]]) -> None:
        """Run these, each in a thread, until all have ended; the first error is raised."""
        errors: list[BaseException] = []

        def act(number: int, action: Callable[[], None]) -> None:
            self._own.number = number
            try:
                with self._changed:
                    while self._running != number:
                        self._changed.wait()
                action()
            except BaseException as error:
                errors.append(error)
            finally:
                with self._changed:
                    self._left.remove(number)
                    self._choose()

        threads = [
            threading.Thread(target=act, args=(number, action)) for number, action in enumerate(actions)
        ]
        with self._changed:
            self._left = list(range(len(actions)))
            self._random.shuffle(self._left)
            for thread in threads:
                thread.start()
            self._choose()
        for thread in threads:
            thread.join()
        for error in errors:
            raise error

    def _choose(self) -> None:
        self._running = self._left[0] if self._left else None
        self._changed.notify_all()


@contextmanager
def taking_turns(seed: int, *, locked: bool = False) -> Iterator[Turns]:
    """Make the threads that ``Turns.run`` starts take turns at each system call of the package.

    Args:
        seed: chooses who goes on.
        locked: whether locks work; else nobody waits for one, as on a file system that has none.

    """
    turns = Turns(Random(seed))
    with pytest.MonkeyPatch.context() as patch:
        standing_in = _TakingTurns(turns.wait)
        for module in (entries, files, fingerprints, locks, tempfiles):
            patch.setattr(module, "os", standing_in)
        if locked:
            patch.setattr("sessionfs.fs.locks.time.sleep", lambda _: turns.wait(must=True))
        else:
            patch.setattr(locks, "_LOCK_SECONDS", -1.0)
        patch.setattr(files, "_SETTLE_SECONDS", 0)
        yield turns
