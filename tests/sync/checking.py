"""What holds after every sync: the same answers everywhere, nothing lost, not a byte changed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from uuid import UUID

from sessionfs import (
    FileStorage,
    ListCheckpointsQuery,
    ListSessionsQuery,
    NotFoundError,
    SearchQuery,
    StorageError,
)
from sessionfs.store.root import ROOT_FILES

from ..index.helpers import plain
from ..store.helpers import snapshot
from .machines import Kept, Machine, Machines, said

EVERYTHING = 1_000_000
TEXTS = ("turn", "renamed", "only on", "xx", "no such text")

AFTER_A_SYNC = frozenset({"active-refs-several"})
"""Findings of a store whose files all are as they were made: heads that met, each of them kept."""

FROM_GIT = frozenset({"modes-open"})
"""What git does not keep: it makes files readable for others, as its user's umask says."""

_OBJECT = re.compile(r"[0-9a-f]{64}\.json")
_RECORD = re.compile(r"(?:meta|purge)\.\d{8}T\d{12}Z-([0-9a-f]{12})\.json")
_ACTIVE = re.compile(r"active\.(\d{8}T\d{12}Z-[0-9a-f]{12})")


def answers(
    storage: FileStorage,
    *,
    detailed: Iterable[UUID] | None = None,
    texts: Iterable[str] = TEXTS,
) -> list[str]:
    """Return all that can be asked of a store, as texts without the path of its root.

    Args:
        storage: the store.
        detailed: the sessions to open; None: all of them.
        texts: what to search for.

    """
    listed = storage.list_sessions(ListSessionsQuery(limit=EVERYTHING))
    told: list[object] = [listed, storage.get_store_stats() if detailed is None else None]
    told += [storage.search(SearchQuery(text, limit=EVERYTHING)) for text in texts]
    for session in [each.id for each in listed.sessions] if detailed is None else detailed:
        query = ListCheckpointsQuery(limit=EVERYTHING).with_state()
        told.append(storage.list_checkpoints(session, query))
        for ask in (storage.get_session, storage.get_active_checkpoint, storage.get_session_stats):
            try:
                told.append(ask(session))
            except StorageError as error:
                told.append((type(error), error.message))
    root = storage.backend_info().store_path or ""
    return [repr(each).replace(root, "<root>") for each in told]


def assert_alike(*machines: Machine) -> None:
    """All answer the same: to a program that had the store open, to a new one, and without an index."""
    expected = answers(plain(machines[0].root))
    for machine in machines:
        for storage in (machine.storage, machine.opened(), plain(machine.root)):
            assert answers(storage) == expected, machine.name
        # What was compared was an index and no scan in its place.
        assert machine.storage.index_state().usable, machine.name


def assert_nothing_lost(kept: Kept, *machines: Machine, but: Iterable[UUID] = ()) -> None:
    """Each checkpoint that was acknowledged anywhere is here, with exactly its messages.

    Of what was purged, what is here has its messages too: work that the purger had not seen needs it.

    Args:
        kept: what was acknowledged.
        machines: where it must be.
        but: checkpoints that need not be there.

    """
    spared = kept.purged.union(but)
    for machine in machines:
        listed = machine.storage.list_sessions(ListSessionsQuery(limit=EVERYTHING))
        sessions = {each.id for each in listed.sessions}
        for checkpoint, (session, messages) in kept.items():
            try:
                found = machine.storage.get_checkpoint(checkpoint)
            except NotFoundError:
                assert checkpoint in spared, (machine.name, checkpoint, messages)
                continue
            assert (found.session_id, found.state.messages) == (session, messages), machine.name
            assert session in sessions, machine.name


def assert_never_wrong(kept: Kept, machine: Machine) -> int:
    """What can be read in the middle of a sync is as it was acknowledged; return how much that is."""
    read = 0
    storage = machine.opened()
    for each in storage.list_sessions(ListSessionsQuery(limit=EVERYTHING)).sessions:
        try:
            active = storage.get_active_checkpoint(each.id)
        except StorageError:
            continue
        assert (active.session_id, active.state.messages) == kept[active.id]
    for checkpoint, told in kept.items():
        try:
            found = storage.get_checkpoint(checkpoint)
        except StorageError:
            continue
        assert (found.session_id, found.state.messages) == told
        read += 1
    return read


def assert_no_changed_byte(*machines: Machine, also: frozenset[str] = frozenset()) -> None:
    """Every file holds what its name says, and the doctor finds nothing but what is documented.

    Args:
        machines: whose stores to read.
        also: kinds of findings that may be there beside heads that met.

    """
    for machine in machines:
        for name, data in ROOT_FILES.items():
            assert (machine.root / name).read_bytes() == data, (machine.name, name)
        for path in machine.root.glob("sessions/*/*/*"):
            data, hashed = path.read_bytes(), hashlib.sha256(path.read_bytes()).hexdigest()
            if _OBJECT.fullmatch(path.name):
                assert path.name == f"{hashed}.json", path
            elif record := _RECORD.fullmatch(path.name):
                assert record[1] == hashed[:12], path
            elif active := _ACTIVE.fullmatch(path.name):
                assert re.fullmatch(rf"{active[1]}[0-9a-f]{{52}}", data.decode()), path
        findings = machine.storage.verify(read_all=True).findings
        strange = [each for each in findings if each.kind not in AFTER_A_SYNC | also]
        assert strange == [], machine.name


def assert_revived_with_a_gap(
    machines: Machines, one: Machine, other: Machine, session: UUID, unseen: UUID
) -> None:
    """What a purge had not seen is kept on both sides, where a tool carried the removal of all else."""
    for machine in (one, other):
        (listed,) = machine.storage.list_sessions().sessions
        assert listed.id == session
        assert "was purged" in str(listed.problem)
        left = machine.storage.get_checkpoint(unseen, partial=True)
        assert left.state.messages == [said("turn that nobody had seen")]
        assert [(each.start, each.count) for each in left.gaps] == [(0, 1)]
    assert snapshot(one.root) == snapshot(other.root)
    assert_alike(one, other)
    assert_nothing_lost(machines.kept, one, other, but=[unseen])
