"""A process with many threads that write to shared sessions and note what was acknowledged.

``python -m tests.faults.writers PLAN``: each thread appends notes to a file of its own, one after each
call that returned or was refused.
"""

from __future__ import annotations

import os
import random
import sys
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import msgspec

from sessionfs import ConflictError, CreateCheckpointRequest, FileStorage, UpdateSessionRequest
from sessionfs.format.ids import checkpoint_id
from sessionfs.format.timestamps import wall_clock

from ..internals import open_with, session_directory

Manner = Literal["blind", "comparing", "mixed"]

CLOCKS_APART_US = 100_000


class Plan(msgspec.Struct):
    """What one process does, one manner after the other; its thread t is the writer ``process.t``."""

    root: str
    notes: str
    sessions: dict[Manner, list[UUID]]
    process: int
    threads: int
    appends: dict[Manner, int]


class Note(msgspec.Struct):
    """A call that returned, or a conflict that was reported.

    Attributes:
        made: the checkpoint that it made active; None: it was refused, or it was a rename.
        own: the number of the message that was appended; None: none was.
        begun: before the call, on a clock that all processes share, in nanoseconds.
        at: the time that the new checkpoint carries.

    """

    session: UUID
    writer: str
    begun: int
    ended: int
    made: UUID | None = None
    expected: UUID | None = None
    own: int | None = None
    title: str | None = None
    at: datetime | None = None

    @property
    def is_conflict(self) -> bool:
        return self.made is None and self.expected is not None


def said(session: UUID, writer: str, number: int) -> dict[str, Any]:
    return {"writer": writer, "number": number, "said": f"word {writer} in {session}"}


def active_id(storage: FileStorage, session: UUID) -> UUID:
    """Tell what is active without reading its messages, of which there are thousands here."""
    root = storage.backend_info().store_path or ""
    return checkpoint_id(session_directory(root, session).look().active()[0].sha)


def append_comparing(storage: FileStorage, session: UUID, message: dict[str, Any]) -> tuple[UUID, UUID]:
    """Append as soon as nobody came in between; return the new checkpoint and the one before."""
    while True:
        active = active_id(storage, session)
        try:
            return storage.append_messages(session, [message], expected_active=active).id, active
        except ConflictError:
            continue


class Writer:
    """One thread's calls, each noted."""

    def __init__(self, storage: FileStorage, plan: Plan, thread: int) -> None:
        self.storage, self.plan = storage, plan
        self.name = f"{plan.process}.{thread}"
        path = os.path.join(plan.notes, self.name)
        self._notes = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._random = random.Random(self.name)
        self._made: dict[UUID, list[UUID]] = {}

    def run(self) -> None:
        for manner, sessions in self.plan.sessions.items():
            self._made = {session: [] for session in sessions}
            first = self._random.randrange(len(sessions))
            for number in range(self.plan.appends[manner]):
                self.write(sessions[(first + number) % len(sessions)], number, manner)
        os.close(self._notes)

    def write(self, session: UUID, number: int, manner: Manner) -> None:
        if manner == "mixed":
            manner = self._random.choice(["blind", "comparing"])
            self._anything(session)
        message = said(session, self.name, number)
        while True:
            expected = None
            if manner == "comparing":
                expected = active_id(self.storage, session)
            note = self._begin(session, expected)
            try:
                made = self.storage.append_messages(session, [message], expected_active=expected)
            except ConflictError:
                self._end(note)
                continue
            note.made, note.own, note.at = made.id, number, made.created_at
            self._made[session].append(made.id)
            return self._end(note)

    def _anything(self, session: UUID) -> None:
        """Rewind, rename, or follow an older checkpoint with a whole state."""
        kind, mine = self._random.randrange(6), self._made[session]
        note = self._begin(session, None)
        if kind == 0 and mine:
            note.made = self.storage.set_active_checkpoint(session, self._random.choice(mine)).id
        elif kind == 1:
            note.title = f"by {self.name}"
            self.storage.update_session(session, UpdateSessionRequest(title=note.title))
        elif kind == 2 and mine:
            older = self.storage.get_checkpoint(self._random.choice(mine))
            request = CreateCheckpointRequest(older.state.messages).with_parent(older.id)
            request = request.with_metadata({"by": f"{self.name} {note.begun}"})
            note.made = self.storage.create_checkpoint(session, request).id
        else:
            return
        self._end(note)

    def _begin(self, session: UUID, expected: UUID | None) -> Note:
        return Note(session, self.name, time.monotonic_ns(), 0, expected=expected)

    def _end(self, note: Note) -> None:
        note.ended = time.monotonic_ns()
        os.write(self._notes, msgspec.json.encode(note) + b"\n")


def read_notes(directory: Path) -> list[Note]:
    lines = [line for each in directory.iterdir() for line in each.read_bytes().split(b"\n")[:-1]]
    return [msgspec.json.decode(line, type=Note) for line in lines]


def main(plan: Plan) -> None:
    # Each process has another time of day, as machines have that share a root.
    behind = plan.process * CLOCKS_APART_US
    storage = open_with(plan.root, clock=lambda: wall_clock() - behind)
    failed: list[BaseException] = []

    def work(thread: int) -> None:
        try:
            Writer(storage, plan, thread).run()
        except BaseException as error:
            failed.append(error)
            raise

    threads = [threading.Thread(target=work, args=(n,)) for n in range(plan.threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    storage.close()
    sys.exit(bool(failed))


if __name__ == "__main__":
    main(msgspec.json.decode(sys.argv[1], type=Plan))
