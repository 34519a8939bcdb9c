"""Working directories that moved: of all sessions at or below one, by the names in the path.

The invariant: a session at the new place already stays as it is, so that what was interrupted can be
done again.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import InvalidRequestError, StorageError
from ..models import Relocated, RelocateResult
from ..queries.listing import is_below
from ..store.root import Root
from ..store.session import SessionDirectory


class Move:
    """A directory that has another path now; slashes at the end of either do not matter."""

    def __init__(self, old: str, new: str) -> None:
        for name, path in (("old", old), ("new", new)):
            if not path:
                raise InvalidRequestError(f"{name} must be the path of a directory, not an empty text")
        self._old = old
        self._above = old.rstrip("/")
        self._new = new.rstrip("/")
        self._goes_down = is_below(new, old)

    def of(self, cwd: str | None) -> str | None:
        """Return what a working directory is now; None: it stays as it is."""
        if not cwd or not is_below(cwd, self._old):
            return None
        if self._goes_down and is_below(cwd, self._new or "/"):
            return None  # it has been moved before, or was made there
        return self._new + cwd[len(self._above) :].rstrip("/") or "/"


def relocate(
    root: Root, directories: Iterable[SessionDirectory], move: Move, *, dry_run: bool
) -> RelocateResult:
    """Set the working directory of each session that is at or below a directory that moved.

    One that cannot be changed is reported, and the others are changed all the same.

    Args:
        root: of the store, whose format was checked.
        directories: of the sessions.
        move: from where to where.
        dry_run: only tell what would be done.

    """
    result = RelocateResult([], [])
    for directory in directories:
        try:
            _relocate(root, directory, move, result, dry_run=dry_run)
        except StorageError as error:
            result.problems.append(f"session {directory.id}: {error.message}")
    return result


def _relocate(
    root: Root, directory: SessionDirectory, move: Move, result: RelocateResult, *, dry_run: bool
) -> None:
    view = directory.look()
    facts = view.facts()
    if facts.damage is not None:
        result.problems.append(f"session {directory.id}: {facts.damage.message}")
    after = move.of(facts.cwd)
    if facts.cwd is None or after is None:
        return
    root.writing(directory.id)
    if not dry_run:
        directory.set_facts_at(directory.next_at(view), {"cwd": after})
    result.relocated.append(Relocated(directory.id, facts.title, facts.cwd, after))
