"""Merging another store while its system calls are recorded."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from uuid import UUID

from .workloads import LARGE, Doing, Made, Operation, facts_of, small


def merge(do: Doing) -> None:
    """Another store went on with a session that goes on here too, and has one of its own."""
    with tempfile.TemporaryDirectory() as directory:
        other = Doing(directory, "relaxed")
        shutil.copytree(do.root, other.root)
        other.states.update(do.states)
        do.append(do.subject, [small(3)])
        other.append(do.subject, [small(4), LARGE])
        other.append(do.subject, [small(5)])
        other.update(do.subject, "theirs")
        new = other.create("only theirs", [small(0), LARGE])
        other.append(new, [small(1)])
        known = frozenset(do.states)
        with do.noting("merge", do.subject) as one, do.noting("merge", new) as two:
            for operation in (one, two):
                _announce(operation, other, known)
            assert do.storage.merge_from(Path(other.root)).refused == []


def _announce(operation: Operation, other: Doing, known: frozenset[UUID]) -> None:
    """Note what a session of the other store brings."""
    assert operation.session is not None
    storage = other.open()
    session = storage.get_session(operation.session)
    assert session.active_checkpoint is not None
    operation.active, operation.facts = session.active_checkpoint.id, facts_of(session)
    made: dict[UUID, Made] = {}
    for each in storage.list_checkpoints(operation.session).checkpoints:
        if each.id not in known:
            made[each.id] = other.states[each.id]
    operation.made = made
