"""A process that reads while others write, and is told all that was acknowledged before it asked.

``python -m tests.faults.readers PLAN NAME`` says a line once it has begun, and reads until there is a
file ``stop`` beside the notes of the plan.
"""

from __future__ import annotations

import os
import random
import sys
from collections import defaultdict
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from sessionfs import FileStorage, ListCheckpointsQuery, ListSessionsQuery, SearchQuery

from .writers import Manner, Note, Plan

EVERY = ListCheckpointsQuery(limit=1_000_000)
STOP = "stop"


class Seen(msgspec.Struct, frozen=True):
    """A state that was read, to be compared with what its checkpoint holds in the end."""

    checkpoint: UUID
    digest: str


def digest(messages: list[Any]) -> str:
    return sha256(msgspec.json.encode(messages)).hexdigest()


class Notes:
    """What writers have noted so far, read on from where the last look ended."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._read: dict[Path, int] = defaultdict(int)
        self.of: dict[UUID, list[Note]] = defaultdict(list)

    def look(self) -> None:
        for path in self._directory.iterdir():
            with path.open("rb") as file:
                file.seek(self._read[path])
                data = file.read()
            data = data[: data.rfind(b"\n") + 1]
            self._read[path] += len(data)
            for line in data.splitlines():
                note = msgspec.json.decode(line, type=Note)
                self.of[note.session].append(note)


class Reader:
    """Asks for everything that can be asked; each answer holds what was noted before."""

    def __init__(self, plan: Plan) -> None:
        self.storage = FileStorage(plan.root, message_type=dict)
        self.plan, self.notes = plan, Notes(Path(plan.notes))
        self.all = {session for each in plan.sessions.values() for session in each}

    def round(self, manner: Manner, session: UUID) -> Seen:
        self.notes.look()
        noted = list(self.notes.of[session])
        self.sessions()
        self.checkpoints(session, noted)
        self.search(session, noted)
        return self.active(manner, session, noted)

    def sessions(self) -> None:
        listed = self.storage.list_sessions(ListSessionsQuery(limit=len(self.all) + 1))
        assert {each.id for each in listed.sessions} == self.all
        assert listed.total == len(self.all)
        assert {each.problem for each in listed.sessions} == {None}

    def checkpoints(self, session: UUID, noted: list[Note]) -> None:
        listed = self.storage.list_checkpoints(session, EVERY)
        found = [each.id for each in listed.checkpoints]
        assert listed.problems == []
        assert {each.problem for each in listed.checkpoints} == {None}
        assert listed.total == len(found) == len(set(found))
        assert {note.made for note in noted if note.made} <= set(found)

    def search(self, session: UUID, noted: list[Note]) -> None:
        found = self.storage.search(SearchQuery(f"in {session}", session_id=session, limit=1))
        assert found.total >= sum(note.own is not None for note in noted)

    def active(self, manner: Manner, session: UUID, noted: list[Note]) -> Seen:
        told = self.storage.get_session(session)
        active = told.active_checkpoint
        assert active is not None
        assert told.problem is None
        assert told.title == manner or told.title.startswith("by ")
        assert told.title != manner or not any(note.title for note in noted)
        if manner == "comparing":  # one line, which only grows
            assert len(active.state.messages) >= sum(note.own is not None for note in noted)
        if manner == "blind":  # the highest time is active
            assert all(note.at is None or note.at <= active.created_at for note in noted)
        return Seen(active.id, digest(active.state.messages))


def main(plan: Plan, name: str) -> None:
    reader, rng = Reader(plan), random.Random(name)
    stop, path = Path(plan.notes).with_name(STOP), Path(plan.notes).with_name(f"seen.{name}")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    last, rounds = False, 0
    while not last:
        last = stop.exists()
        for manner, sessions in plan.sessions.items():
            seen = reader.round(manner, rng.choice(sessions))
            os.write(descriptor, msgspec.json.encode(seen) + b"\n")
        if not rounds:
            print("reading", flush=True)
        rounds += 1


if __name__ == "__main__":
    main(msgspec.json.decode(sys.argv[1], type=Plan), sys.argv[2])
