"""Where mutants are entered, each with the tests that are known to catch it."""

from __future__ import annotations

from collections.abc import Callable

from sessionfs import FileStorage

ALL = 100_000

CAUGHT_BY: dict[type[FileStorage], list[str]] = {}


def caught_by(*tests: str) -> Callable[[type[FileStorage]], type[FileStorage]]:
    """Register a mutant with the tests that catch it, with at least one of their parameters."""

    def register(mutant: type[FileStorage]) -> type[FileStorage]:
        CAUGHT_BY[mutant] = list(tests)
        return mutant

    return register
