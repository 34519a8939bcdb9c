"""Many processes with many threads write to the same sessions while others read: nothing is lost.

Every acknowledged checkpoint is listed and holds its parent's messages and its own; a conflict is
reported where what was expected was not active any more, and nowhere else.
"""

from __future__ import annotations

import math
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any, TypeVar, get_args
from uuid import UUID

import msgspec
import pytest

from sessionfs import CreateSessionRequest, FileStorage
from tests.effort import Counted, chosen
from tests.store.helpers import opened_files

from .readers import EVERY, STOP, Seen, digest
from .writers import Manner, Note, Plan, read_notes, said

pytestmark = [pytest.mark.slow, pytest.mark.once]

REPOSITORY = Path(__file__).parents[2]
PROCESSES = chosen(few=2, usual=8, everything=8)
THREADS = chosen(few=2, usual=4, everything=4)
APPENDS: dict[Manner, int] = {
    "blind": chosen(few=5, usual=10, everything=500),
    "comparing": chosen(few=5, usual=10, everything=500),
    "mixed": chosen(
        few=5, usual=10, everything=100
    ),  # a third of its calls read and write whole states
}
READERS = chosen(few=1, usual=2, everything=2)
MOST_OPENED = chosen(few=400, usual=400, everything=40)
"""So many checkpoints with their parents are read whole; of the others it is what is listed."""

MOST_COMPARED = 1_000
"""Of so many calls the times are compared with those of all others."""

T = TypeVar("T")


def _some(many: list[T], number: int) -> list[T]:
    return random.Random(1).sample(many, min(len(many), number))


def open_store(root: Path) -> FileStorage:
    return FileStorage(root, durability="relaxed", message_type=dict)


def write_and_read(root: Path, sessions: dict[Manner, list[UUID]]) -> tuple[list[Note], list[Seen]]:
    """Let all write and others read, and return what was acknowledged and what was seen."""
    notes = root.with_name("notes")
    notes.mkdir()
    plans = [
        msgspec.json.encode(Plan(str(root), str(notes), sessions, n, THREADS, APPENDS)).decode()
        for n in range(PROCESSES)
    ]

    def start(module: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-W", "error", "-m", f"tests.faults.{module}", *arguments]
        return subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    readers = [start("readers", plans[0], str(n)) for n in range(READERS)]
    for each in readers:
        assert each.stdout is not None
        each.stdout.readline()
    writers = [start("writers", plan) for plan in plans]
    ended = [(each.communicate()[1].decode(), each.returncode) for each in writers]
    root.with_name(STOP).touch()
    ended += [(each.communicate()[1].decode(), each.returncode) for each in readers]
    assert ended == [("", 0)] * len(ended), "\n".join(errors for errors, _ in ended)
    paths = (root.with_name(f"seen.{n}") for n in range(READERS))
    lines = [line for path in paths for line in path.read_bytes().splitlines()]
    return read_notes(notes), [msgspec.json.decode(line, type=Seen) for line in lines]


@pytest.mark.parametrize("number", [20, 1])
def test_nothing_is_lost(tmp_path: Path, counted: Counted, number: int) -> None:
    root = tmp_path / "store"
    storage = open_store(root)
    sessions: dict[Manner, list[UUID]] = {
        manner: [
            storage.create_session(CreateSessionRequest(manner, [])).session_id for _ in range(number)
        ]
        for manner in get_args(Manner)
    }
    notes, seen = write_and_read(root, sessions)
    for manner, some in sessions.items():
        here = [note for note in notes if note.session in some]
        assert sum(note.own is not None for note in here) == PROCESSES * THREADS * APPENDS[manner]
        for session in some:
            history = History(root, session, [note for note in here if note.session == session])
            history.check_acknowledged()
            history.check_conflicts()
            history.check_chains()
            if manner == "blind":
                history.check_blind()
            if manner == "comparing":
                history.check_one_line()
        counted(f"appends acknowledged, {manner}", PROCESSES * THREADS * APPENDS[manner])
        counted(f"conflicts, {manner}", sum(note.is_conflict for note in here))
    check_seen(storage, seen)
    counted("states read meanwhile", len(seen))


def check_seen(storage: FileStorage, seen: list[Seen]) -> None:
    """Nobody was shown a state that its checkpoint does not hold."""
    for each in set(seen):
        assert digest(storage.get_checkpoint(each.checkpoint).state.messages) == each.digest


class History:
    """What a session holds in the end, and what its writers were told."""

    def __init__(self, root: Path, session: UUID, notes: list[Note]) -> None:
        self.root, self.session, self.notes = root, session, notes
        self.storage = open_store(root)
        listed = self.storage.list_checkpoints(session, EVERY)
        assert listed.problems == []
        self.order = [each.id for each in listed.checkpoints]
        self.listed = {each.id: each for each in listed.checkpoints}
        assert len(self.listed) == listed.total
        assert {each.problem for each in listed.checkpoints} == {None}
        self.appends = {note.made: note for note in notes if note.own is not None and note.made}
        self._states: dict[UUID, list[Any]] = {}
        self.active = self.storage.get_active_checkpoint(session)

    def check_acknowledged(self) -> None:
        """Each acknowledged checkpoint is listed, opens, and follows its parent."""
        acknowledged = [note.made for note in self.notes if note.made]
        assert set(acknowledged) <= self.listed.keys()
        assert len(self.appends) == sum(note.own is not None for note in self.notes)
        for made in self.appends:
            found = self.listed[made]
            assert found.parent_id is not None
            assert found.message_count == self.listed[found.parent_id].message_count + 1
        for made in _some(list(self.appends), MOST_OPENED):
            note, parent = self.appends[made], self.listed[made].parent_id
            assert parent is not None
            own = said(self.session, note.writer, note.own or 0)
            assert self._messages(made) == [*self._messages(parent), own]

    def check_conflicts(self) -> None:
        """An append took place on what it expected; it was refused where that was not active."""
        compared = [note for note in self.notes if note.expected is not None]
        for note in compared:
            if note.made is not None:
                assert self.listed[note.made].parent_id == note.expected, note
        activated = [note for note in self.notes if note.made]
        for note in _some(compared, MOST_COMPARED):
            same = [each for each in activated if each.made == note.expected]
            others = [each for each in activated if each.made not in (note.expected, note.made)]
            if note.is_conflict:
                # Since it was made active last, and before the answer, another one was. A rewind to it
                # that had not returned may come after that other one.
                known = [each for each in same if each.begun < note.begun]
                first = min((each.begun for each in known), default=0)
                after = max((each.begun for each in known if each.ended < note.begun), default=first)
                assert any(each.ended > after and each.begun < note.ended for each in others), note
            elif same or note.expected == self.order[0]:
                last = max((each.ended for each in same), default=0)
                assert not any(last < each.begun and each.ended < note.begun for each in others), note

    def check_blind(self) -> None:
        """Nothing but what was acknowledged is there, and the newest of it is active."""
        assert self.order[1:] == sorted(self.appends, key=self.order.index)
        assert self.active.id == self.order[-1]

    def check_one_line(self) -> None:
        """Writers that all compare make one line, with each message once and in its writer's order."""
        line: list[UUID] = []
        following: UUID | None = self.active.id
        while following is not None:
            line.append(following)
            following = self.listed[following].parent_id
        assert set(line[:-1]) == set(self.appends)
        expected = [note.expected for note in self.appends.values()]
        assert len(set(expected)) == len(expected)
        refused = {note.expected for note in self.notes if note.is_conflict}
        assert refused <= set(expected)  # what nobody has followed was never stale
        messages: list[Any] = self.active.state.messages
        assert len(messages) == len(self.appends)
        told = [(message["writer"], message["number"]) for message in messages]
        assert set(Counter(told).values()) <= {1}
        assert set(told) == {(note.writer, note.own) for note in self.appends.values()}
        for writer in {writer for writer, _ in told}:
            numbers = [number for name, number in told if name == writer]
            assert numbers == sorted(numbers)

    def check_chains(self) -> None:
        """To open a checkpoint costs no more files than where one writer appended all of it."""
        for made in _some(self.order, 3):
            depth = len(self.order)
            with opened_files() as opened:
                open_store(self.root).get_checkpoint(made)
            read = {path for path in opened if "/objects/" in path}
            assert len(read) <= 15 * math.ceil(math.log(depth + 1, 16)) + 1

    def _messages(self, checkpoint: UUID) -> list[Any]:
        if len(self.order) > MOST_OPENED:
            return self.storage.get_checkpoint(checkpoint).state.messages
        if not self._states:  # all at once, which is faster
            listed = self.storage.list_checkpoints(self.session, EVERY.with_state())
            self._states = {each.id: each.state.messages for each in listed.checkpoints if each.state}
        return self._states[checkpoint]
