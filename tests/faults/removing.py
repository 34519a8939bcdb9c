"""Processes that append, and one that removes, in one store.

``python -m tests.faults.removing ROOT DONE append NAME NUMBER``: append so often, to sessions that are
begun anew whenever they were purged, and print how many appends were acknowledged, and how many of
these cannot be read although no purge record names them.

``python -m tests.faults.removing ROOT DONE remove SEED``: delete and purge sessions, repair the store,
and merge it with a copy, until there is a file DONE; print how often.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from contextlib import suppress
from pathlib import Path
from random import Random
from uuid import UUID

from sessionfs import (
    CreateSessionRequest,
    FileStorage,
    ListCheckpointsQuery,
    ListSessionsQuery,
    NotFoundError,
    StorageError,
)
from sessionfs.format.ids import checkpoint_id

from ..internals import session_directory
from .workloads import NO_INDEX

_IN_A_ROW = 10

SHARED = 4
"""So many sessions are there at a time, that all writers append to."""

LONGEST = 60
"""A session of so many checkpoints is left to be purged, and another one is begun."""

_LONGEST_PAUSE = 0.02
"""Seconds between two purges: writers are to get somewhere."""

EVERY = ListCheckpointsQuery(limit=1 << 60)


def open_store(root: Path) -> FileStorage:
    return FileStorage(root, durability="relaxed", index_dir=NO_INDEX, message_type=dict)


def append(root: Path, name: str, number: int) -> tuple[int, int]:
    storage, chance = open_store(root), Random(name)
    acknowledged: dict[UUID, set[UUID]] = {}
    total = lost = 0
    while total < number:
        session = _choose(storage, chance)
        try:
            for _ in range(_IN_A_ROW):
                message = {"role": "user", "content": f"{name} {total}"}
                made = storage.append_messages(session, [message])
                acknowledged.setdefault(session, set()).add(made.id)
                total += 1
        except NotFoundError:
            lost += _lost(root, session, acknowledged.pop(session, set()))
    for session, ids in acknowledged.items():
        lost += _lost(root, session, ids)
    return total, lost


def _choose(storage: FileStorage, chance: Random) -> UUID:
    """Return one of the newest sessions, or a new one where there are too few, or some are long."""
    while True:
        ids = storage.session_ids()[-SHARED:]
        if len(ids) < SHARED or chance.random() < _IN_A_ROW / (SHARED * LONGEST):
            request = CreateSessionRequest("shared", [{"role": "user", "content": "begun"}])
            with suppress(StorageError):  # purged before it was returned
                return storage.create_session(request).session_id
        else:
            return chance.choice(ids)


def _lost(root: Path, session: UUID, acknowledged: set[UUID]) -> int:
    """Return how many of these checkpoints cannot be read, although they were not purged."""
    if not acknowledged or not root.joinpath("sessions", str(session)).exists():
        return 0
    readable: set[UUID] = set()
    with session_directory(root, session).exclusive():  # no removal is halfway
        with suppress(NotFoundError):
            listed = open_store(root).list_checkpoints(session, EVERY.with_state()).checkpoints
            readable = {each.id for each in listed if each.problem is None}
        lost = acknowledged - readable - purged(root, session)
        known = any(root.joinpath("sessions", str(session), "refs").glob("meta.*"))
    if not lost or not known:  # forgotten meanwhile
        return 0
    print(f"session {session} has lost {len(lost)} of {len(acknowledged)}", file=sys.stderr)
    return len(lost)


def purged(root: Path, session: UUID) -> set[UUID]:
    """Return the checkpoints that purge records of a session name, and objects beside them."""
    records = root.joinpath("sessions", str(session), "refs").glob("purge.*")
    return {checkpoint_id(sha) for path in records for sha in json.loads(path.read_bytes())["objects"]}


def remove(root: Path, done: Path, seed: str) -> int:
    storage, chance = open_store(root), Random(seed)
    copy = root.with_name(f"copy-{seed}")
    number = 0
    while not done.exists():
        time.sleep(chance.random() * _LONGEST_PAUSE)
        ids = storage.session_ids()[-SHARED:]
        for session in chance.sample(ids, min(1, len(ids))):
            with suppress(StorageError):
                storage.delete_session(session)
                storage.purge_session(session)
            number += 1
        kind = chance.randrange(100)
        if kind < 5:
            storage.repair()
        elif kind < 7:
            shutil.rmtree(copy, ignore_errors=True)
            other = open_store(copy)
            other.merge_from(root)
            storage.merge_from(copy)
        number += 1
        if kind < 20:
            _forget(root, storage)
    return number


def _forget(root: Path, storage: FileStorage) -> None:
    """Remove the directories of sessions that were purged a while ago, so that none takes long."""
    shown = {each.id for each in storage.list_sessions(ListSessionsQuery(limit=1000)).sessions}
    for session in storage.session_ids()[: -SHARED * 10]:
        if session not in shown:
            forgotten = root.with_name(f"forgotten-{session}")
            root.joinpath("sessions", str(session)).rename(forgotten)  # all of it at once
            shutil.rmtree(forgotten)


if __name__ == "__main__":
    where, until, what, *rest = sys.argv[1:]
    if what == "append":
        print(*append(Path(where), rest[0], int(rest[1])))
    else:
        print(remove(Path(where), Path(until), rest[0]))
