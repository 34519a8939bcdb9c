"""A process that works in a store all the while, and tells of each thing that was acknowledged."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import UUID

from sessionfs import CreateSessionRequest, FileStorage
from sessionfs.models import Message

from ..effort import chosen
from .machines import PATIENCE, Machine, Machines, said

REPOSITORY = Path(__file__).parents[2]
TURNS = 9
"""So many turns follow the first one of a session before the writer goes back to that."""

MOST = chosen(few=150, usual=300, everything=6_000)
"""So many turns a writer takes at most: where tools are slow, the rest of the test is not to be."""

PAUSE = 0.003
"""Seconds between turns: a user does not take hundreds of them while a tool looks once."""


class Writer:
    """Runs the process on a machine until it is told to stop, or has done enough."""

    def __init__(self, machines: Machines, machine: Machine, session: UUID) -> None:
        self._kept = machines.kept
        self._lines: list[str] = []
        self._wrote = threading.Condition()
        command = [sys.executable, "-m", __name__, machine.name, str(machine.root), str(session)]
        self._process = subprocess.Popen(
            command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._reading = threading.Thread(target=self._read)
        self._reading.start()

    def __enter__(self) -> Self:
        self.goes_on()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._reading.join(PATIENCE)
        assert self._process.wait(PATIENCE) == 0
        assert self._process.stdout is not None
        self._process.stdout.close()

    def goes_on(self) -> None:
        """Wait until something more has been acknowledged, if there is more to come."""
        with self._wrote:
            before = len(self._lines)
            assert self._wrote.wait_for(lambda: len(self._lines) > before or before == MOST, PATIENCE)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._wrote:
                self._lines.append(line)
                self._wrote.notify_all()

    def acknowledged(self) -> list[tuple[UUID, UUID, UUID | None, str]]:
        """Return each checkpoint that was made: its id, session and parent, and what it added."""
        found = []
        for line in self._lines:
            made, session, parent, text = json.loads(line)
            found.append((UUID(made), UUID(session), None if parent is None else UUID(parent), text))
        return found


def remember(machines: Machines, *writers: Writer) -> int:
    """Keep what all writers made, each perhaps upon what another one made; return how much it is."""
    made = {each[0]: each[1:] for writer in writers for each in writer.acknowledged()}

    def messages(checkpoint: UUID) -> list[Message]:
        if checkpoint not in machines.kept:
            session, parent, text = made[checkpoint]
            before = [] if parent is None else messages(parent)
            machines.kept[checkpoint] = session, [*before, said(text)]
        return machines.kept[checkpoint][1]

    for checkpoint in made:
        messages(checkpoint)
    return len(made)


def write(name: str, root: str, session: UUID, stop: threading.Event) -> None:
    """Take turns in a session, going back to its beginning at times, and in ones of its own."""
    storage = FileStorage(root, durability="relaxed", message_type=dict)
    first = storage.list_checkpoints(session).checkpoints[0].id
    own, number = session, 0
    while not stop.wait(PAUSE) and number < MOST:
        number += 1
        text = f"turn {number} of {name}"
        if number % TURNS == 0:
            storage.set_active_checkpoint(session, first)
            created = storage.create_session(CreateSessionRequest(text, [said(text)]))
            own, made, parent = created.session_id, created.checkpoint.id, None
            where = own
        else:
            where = own if number % 3 == 0 else session
            summary = storage.append_messages(where, [said(text)])
            made, parent = summary.id, summary.parent_id
        told = [str(made), str(where), None if parent is None else str(parent), text]
        print(json.dumps(told), flush=True)


def _main() -> None:
    stop = threading.Event()

    def wait() -> None:
        sys.stdin.read()
        stop.set()

    threading.Thread(target=wait, daemon=True).start()
    write(sys.argv[1], sys.argv[2], UUID(sys.argv[3]), stop)


if __name__ == "__main__":
    _main()
