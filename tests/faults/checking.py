"""What a store must tell after a power cut, and what the next write must find."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest

from sessionfs import (
    CorruptObjectError,
    CreateCheckpointRequest,
    CreateSessionRequest,
    FileStorage,
    IncompleteError,
    ListCheckpointsQuery,
    NotFoundError,
    UpdateSessionRequest,
)
from sessionfs.models import Checkpoint, CheckpointSummary, SessionSummary

from .disk import State
from .workloads import Made, Operation, Record, facts_of, small

_NAME = re.compile(r"(objects|refs)/(?:active\.(\w{22})-|meta\.\w{22}-)?([0-9a-f]{12,64})(?:\.json)?")


@dataclass
class SessionPromise:
    """What must and what may be told of one session.

    Attributes:
        exists: whether the session was acknowledged.
        touched: whether the workload worked on it; the others are to stay as they are.
        must: the checkpoints that were acknowledged.
        new: those of them that the workload made.
        may: those that were not, which are there as a whole or not at all.
        active: which checkpoint may be active.
        facts: the values that each fact may have.
        ever: the values that each fact ever had.

    """

    exists: bool = False
    touched: bool = False
    must: dict[UUID, Made] = field(default_factory=dict)
    may: dict[UUID, Made] = field(default_factory=dict)
    new: set[UUID] = field(default_factory=set)
    active: set[UUID] = field(default_factory=set)
    facts: dict[str, set[Any]] = field(default_factory=dict)
    ever: dict[str, set[Any]] = field(default_factory=dict)

    def add(self, operation: Operation, position: int) -> None:
        """Take in an operation that began before this position."""
        told = {**operation.facts, **(operation.seen.facts if operation.seen else {})}
        for name, value in told.items():
            self.ever.setdefault(name, set()).add(value)
        acknowledged = operation.end <= position and not operation.failed
        (self.must if acknowledged else self.may).update(operation.made)
        if acknowledged and operation.end:
            self.new |= operation.made.keys()
        if acknowledged and operation.seen is not None:
            self.exists = True
            # What another one has made active, and has not been told of yet, may be lost all the same.
            sure = operation.seen.active in self.must
            self.active = {operation.seen.active} | (set() if sure else self.active)
            self.facts = {name: {value} for name, value in operation.seen.facts.items()}
        elif position < operation.end:
            self.active |= {operation.active} if operation.active else set()
            for name, value in operation.facts.items():
                self.facts.setdefault(name, set()).add(value)


Promise = dict[UUID, SessionPromise]


def promise(record: Record, position: int) -> Promise:
    """Return what is promised after so many calls of a record."""
    begun = [one for one in record.operations if one.begin < position or one.end <= position]
    # What is in flight comes last: it adds to what the acknowledged ones leave.
    begun.sort(key=lambda operation: (operation.end > position, operation.end))
    found: Promise = {}
    for operation in begun:
        assert operation.session is not None
        if operation.session not in found:
            touched = any(one.end for one in record.operations if one.session == operation.session)
            found[operation.session] = SessionPromise(touched=touched)
        found[operation.session].add(operation, position)
    return found


@lru_cache(maxsize=4096)
def keeps_its_name(path: str, data: bytes) -> bool:
    """Tell whether a file holds what its name promises; a name of no meaning promises nothing.

    Nor does that of an active ref: it says all by itself, and the content may be torn.
    """
    match = _NAME.fullmatch("/".join(path.split("/")[-2:]))
    if match is None or match[2] is not None:
        return True
    return sha256(data).hexdigest().startswith(match[3])


def check(record: Record, position: int, state: State, open_: Callable[[], FileStorage]) -> None:
    """Raise an error if a state breaks what was promised after so many calls with durability "full".

    Args:
        record: of the workload.
        position: how many of its calls were made before the power cut.
        state: what the disk holds.
        open_: opens the store that was built from the state, with nothing in memory.

    """
    for path, data in state.items():
        assert data is None or path in record.damaged or keeps_its_name(path, data), path
    # Until it is healed, a message that was damaged before may keep states from being read.
    healed = any(0 < one.end <= position for one in record.operations)
    lenient = bool(record.damaged) and not healed
    promised = promise(record, position)
    storage = open_()
    _look(storage, promised, lenient=lenient)
    written = _write(storage, promised, whole=lenient)
    _look_again(open_(), written)


def _look(storage: FileStorage, promised: Promise, *, lenient: bool) -> None:
    listed = {each.id: each for each in storage.list_sessions().sessions}
    for id_, expected in promised.items():
        summary = listed.pop(id_, None)
        if summary is None:
            assert not expected.exists, f"session {id_} is lost"
            with pytest.raises(NotFoundError) as caught:
                storage.get_session(id_)
            assert caught.type is NotFoundError
            continue
        assert summary.problem is None, summary.problem
        assert summary.active_checkpoint_id in expected.active, "another checkpoint is active"
        for name, value in facts_of(summary).items():
            assert value in expected.facts[name], f"{name} is {value}"
        known = expected.must | expected.may
        try:
            session = storage.get_session(id_)
        except CorruptObjectError:
            assert lenient
        else:
            assert facts_of(session) == facts_of(summary)
            assert session.problem is None
            assert session.active_checkpoint is not None
            assert session.active_checkpoint.id == summary.active_checkpoint_id
            _compare(session.active_checkpoint, known)
        if expected.touched:
            _look_at_checkpoints(storage, summary, expected, lenient=lenient)
    assert not listed, "there are sessions that nobody made"


def _look_again(storage: FileStorage, written: Promise) -> None:
    """Look at what was written after the cut; what was there before cannot have changed unseen."""
    listed = {each.id: each for each in storage.list_sessions().sessions}
    assert listed.keys() == written.keys()
    for id_, expected in written.items():
        session = storage.get_session(id_)
        assert session.active_checkpoint is not None
        assert {session.active_checkpoint.id} == expected.active == {listed[id_].active_checkpoint_id}
        _compare(session.active_checkpoint, expected.must)
        for name, value in facts_of(session).items():
            assert value in expected.facts[name], f"{name} is {value}"
        if expected.touched:
            found = storage.list_checkpoints(id_).checkpoints
            unreadable = {each.id for each in found if each.problem is not None}
            assert {each.id for each in found} == expected.must.keys() | expected.may.keys()
            assert unreadable <= expected.may.keys(), "a checkpoint cannot be read any more"


def _look_at_checkpoints(
    storage: FileStorage, summary: SessionSummary, expected: SessionPromise, *, lenient: bool
) -> None:
    known = expected.must | expected.may
    page = storage.list_checkpoints(summary.id, ListCheckpointsQuery(include_state=True))
    assert lenient or not page.problems, page.problems
    found = {each.id for each in page.checkpoints}
    assert expected.must.keys() <= found, "an acknowledged checkpoint is lost"
    assert found <= known.keys(), "there is a checkpoint that nobody made"
    for each in page.checkpoints:
        if each.problem is None:
            _compare(each, known)
        elif not lenient:
            # The name of something that it needs has not reached the disk, which nobody was told.
            assert each.id not in {*expected.must, summary.active_checkpoint_id}, each.problem
            with pytest.raises(IncompleteError):
                storage.get_checkpoint(each.id)
    for checkpoint in expected.new:
        if not lenient:
            _compare(storage.get_checkpoint(checkpoint), known)


def _compare(found: Checkpoint | CheckpointSummary, known: dict[UUID, Made]) -> None:
    assert found.state is not None, "a checkpoint cannot be read"
    assert (found.state.messages, found.state.metadata) == known[found.id], "a state is another one"


def _write(storage: FileStorage, promised: Promise, *, whole: bool) -> Promise:
    """Do what comes next to sessions that were worked on, and return what is promised then."""
    result: Promise = {}
    here = {each.id: each for each in storage.list_sessions().sessions}
    for id_, before in promised.items():
        summary = here.get(id_)
        if summary is None:
            continue
        if not before.touched:
            result[id_] = before
            continue
        known = before.must | before.may
        active = summary.active_checkpoint_id
        assert active is not None
        listed = storage.list_checkpoints(id_, ListCheckpointsQuery(include_state=True)).checkpoints
        must = {each.id: known[each.id] for each in listed if whole or each.problem is None}
        may = {each.id: known[each.id] for each in listed if each.id not in must}
        state = [*known[active][0], small(99)]
        if whole:
            made = storage.create_checkpoint(id_, CreateCheckpointRequest(state)).id
        else:
            appended = storage.append_messages(id_, [small(99)], expected_active=active)
            assert appended.parent_id == active
            made = appended.id
        storage.update_session(id_, UpdateSessionRequest(title="after the cut"))
        facts = {**facts_of(summary), "title": "after the cut"}
        result[id_] = SessionPromise(
            exists=True,
            touched=True,
            must={**must, made: (state, None)},
            may=may,
            active={made},
            facts={name: {value} for name, value in facts.items()},
        )
    return result | create(storage)


def create(storage: FileStorage) -> Promise:
    """Create a session, and return what is promised of it."""
    request = CreateSessionRequest("new", [small(100)])
    created = storage.create_session(request)
    told = {"title": "new", "visibility": "PRIVATE", "status": "ACTIVE", "cwd": None}
    facts: dict[str, set[Any]] = {name: {value} for name, value in told.items()}
    made = created.checkpoint.id
    new = SessionPromise(exists=True, must={made: ([small(100)], None)}, active={made}, facts=facts)
    return {created.session_id: new}
