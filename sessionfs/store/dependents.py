"""Which checkpoints need a file: those that cannot be read while it is damaged or missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from uuid import UUID

from ..errors import CorruptObjectError, IncompleteError, StorageError
from ..format.ids import checkpoint_id
from ..format.records import CheckpointObject
from . import graph
from .view import SessionView

Known = Mapping[str, CheckpointObject]
"""The checkpoint objects of a session whose own bytes are sound, by their hashes."""

_SHOWN = 5


@contextmanager
def naming_dependents(view: SessionView) -> Iterator[None]:
    """Let what cannot be read say also which checkpoints of the session need the file."""
    try:
        yield
    except (CorruptObjectError, IncompleteError) as error:
        sha = view.objects.sha_of(error.path or "")
        if sha is not None:
            error.checkpoints = _dependents_in(view, sha)
            error.message += describe(error.checkpoints)
        raise


def needed_objects(known: Known, sha: str) -> Iterator[str]:
    """Give the hashes of all objects that a checkpoint needs, itself the first, as far as is known."""
    shared: int | None = None

    def base(each: str) -> str | None:
        return known[each].base if each in known else None

    for each in graph.walk(sha, base):
        yield each
        link = known.get(each)
        if link is None:
            return
        shared = link.count if shared is None else min(shared, link.count)
        for i, large in link.large:
            if link.keep + i < shared:
                yield large
        shared = min(shared, link.keep)


def dependents_of(known: Known, sha: str) -> list[UUID]:
    """Return the ids of the checkpoints that need an object, oldest first."""
    found = [(each.at, name) for name, each in known.items() if sha in needed_objects(known, name)]
    return [checkpoint_id(name) for _, name in sorted(found)]


def describe(checkpoints: tuple[UUID, ...]) -> str:
    """Return the end of a sentence about a file that these checkpoints need."""
    if not checkpoints:
        return ""
    more = f" and {len(checkpoints) - _SHOWN} more" if len(checkpoints) > _SHOWN else ""
    return f"; needed by checkpoint {', '.join(map(str, checkpoints[:_SHOWN]))}{more}"


def _dependents_in(view: SessionView, sha: str) -> tuple[UUID, ...]:
    try:
        known = {
            name: checkpoint
            for name, checkpoint in view.checkpoints()
            if not isinstance(checkpoint, CorruptObjectError)
        }
    except StorageError:  # it cannot be told, and the first error is the one that counts
        return ()
    return tuple(dependents_of(known, sha))
