"""What is done to a store while its system calls are recorded, and what each operation promises."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sessionfs import (
    ConflictError,
    CreateCheckpointRequest,
    CreateSessionRequest,
    FileStorage,
    ImportedCheckpoint,
    ImportSessionRequest,
    ListCheckpointsQuery,
    UpdateSessionRequest,
)
from sessionfs.fs.files import Durability

from .recording import Call, RecordingOs, Tree, read_tree, recording

Messages = list[dict[str, Any]]
Metadata = dict[str, Any] | None
Made = tuple[Messages, Metadata]

STORE = "store"
NO_INDEX = "/dev/null/none"
"""Where no index can be: answers come from the files alone, as they do faster from few files."""
LARGE = {"role": "user", "content": "x" * 66_000}
IMAGE = {"role": "user", "content": [{"type": "image", "data": "y" * 66_000}]}


def small(n: int) -> dict[str, Any]:
    return {"role": "user", "content": f"message {n}"}


class Seen(NamedTuple):
    """What is told of a session."""

    active: UUID
    facts: dict[str, Any]


@dataclass(eq=False)
class Operation:
    """One call of the storage.

    Attributes:
        begin: how many system calls had been made when it began.
        end: how many when it returned, which is to acknowledge it, unless it failed.
        failed: whether it raised ConflictError; what it stored stays listed.
        made: the checkpoints that it made.
        active: the checkpoint that it made active.
        facts: what it set about the session.
        seen: what was told of the session afterwards, when it was acknowledged.

    """

    what: str
    begin: int
    end: int = -1
    session: UUID | None = None
    failed: bool = False
    made: dict[UUID, Made] = field(default_factory=dict)
    active: UUID | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    seen: Seen | None = None


class Record(NamedTuple):
    """A workload that was carried out: what was there before and after, the calls, what they did."""

    before: Tree
    after: Tree
    calls: list[Call]
    operations: list[Operation]
    damaged: frozenset[str]


class Doing:
    """Does things to a store and keeps account of them."""

    def __init__(self, top: str, durability: Durability) -> None:
        self.top = top
        self._durability = durability
        self.root = os.path.join(top, STORE)
        self.operations: list[Operation] = []
        self.states: dict[UUID, Made] = {}
        self.damaged: set[str] = set()
        self.recorder: RecordingOs | None = None
        self.neighbour = self.subject = self.first = self.middle = UUID(int=0)
        self.storage = self.open()

    def open(self, durability: Durability | None = None) -> FileStorage:
        """Return another process's view: a storage that has nothing in memory."""
        durability = durability or self._durability
        return FileStorage(self.root, durability=durability, index_dir=NO_INDEX, message_type=dict)

    def prepare(self, *, image: bool) -> None:
        """Make a store with a session to work on and another one that is to stay as it is."""
        self.storage = self.open("relaxed")
        self.neighbour = self.create("neighbour", [small(0)])
        self.append(self.neighbour, [small(1)])
        self.subject = self.create("subject", [small(0), small(1)])
        self.first = self.active(self.subject)
        self.middle = self.append(self.subject, [IMAGE] if image else [])
        self.append(self.subject, [small(2)])
        self.storage = self.open()

    @contextmanager
    def noting(self, what: str, session: UUID | None = None) -> Iterator[Operation]:
        """Note an operation, whatever comes of it, and what is told of its session afterwards."""
        operation = Operation(what, self._now(), session=session)
        self.operations.append(operation)
        try:
            yield operation
            assert operation.session is not None
            operation.seen = self.seen(operation.session)
        except ConflictError:
            operation.failed = True
            raise
        finally:
            operation.end = self._now()
            for checkpoint, made in operation.made.items():
                assert self.states.setdefault(checkpoint, made) == made

    def _now(self) -> int:
        return len(self.recorder.calls) if self.recorder else 0

    def seen(self, session: UUID) -> Seen:
        listed = self.open("relaxed").list_sessions().sessions
        (found,) = [each for each in listed if each.id == session]
        assert found.active_checkpoint_id is not None
        return Seen(found.active_checkpoint_id, facts_of(found))

    def active(self, session: UUID) -> UUID:
        return self.seen(session).active

    def state(self, checkpoint: UUID) -> Messages:
        if checkpoint not in self.states:
            # One in flight, of another writer: compared with what that one meant when it is done.
            found = self.open("relaxed").get_checkpoint(checkpoint).state
            self.states[checkpoint] = (_dicts(found.messages), found.metadata)
        return self.states[checkpoint][0]

    # Operations

    def create(self, title: str, messages: Messages, metadata: Metadata = None) -> UUID:
        request = CreateSessionRequest(title, messages, cwd="/work", metadata=metadata)
        with self.noting("create") as operation:
            created = self.storage.create_session(request)
            self._began(operation, created.session_id, created.checkpoint.id, (messages, metadata))
        return created.session_id

    def fork(self, session: UUID, checkpoint: UUID, title: str) -> UUID:
        with self.noting("fork") as operation:
            created = self.storage.fork_session(session, checkpoint_id=checkpoint, title=title)
            made = self.states[checkpoint]
            self._began(operation, created.session_id, created.checkpoint.id, made)
        return created.session_id

    def _began(self, operation: Operation, session: UUID, checkpoint: UUID, made: Made) -> None:
        operation.session, operation.active = session, checkpoint
        operation.made[checkpoint] = made
        operation.facts = self.seen(session).facts

    def append(
        self,
        session: UUID,
        messages: Messages,
        metadata: Metadata = None,
        expected: UUID | None = None,
    ) -> UUID:
        with self.noting("append", session) as operation:
            try:
                made = self.storage.append_messages(
                    session, messages, metadata=metadata, expected_active=expected
                )
            except ConflictError:
                # What it stored stays listed.
                for each in self.open("relaxed").list_checkpoints(session).checkpoints:
                    if each.id not in self.states:
                        assert each.parent_id is not None
                        state = self.state(each.parent_id) + messages
                        operation.active, operation.made[each.id] = each.id, (state, metadata)
                raise
            # The parent tells which one was active then: another writer may be at work.
            assert made.parent_id is not None
            state = self.state(made.parent_id) + messages
            operation.active, operation.made[made.id] = made.id, (state, metadata)
        return made.id

    def put(
        self, session: UUID, state: Messages, parent: UUID | None = None, metadata: Metadata = None
    ) -> UUID:
        request = CreateCheckpointRequest(state, parent_id=parent, metadata=metadata)
        with self.noting("put", session) as operation:
            made = self.storage.create_checkpoint(session, request)
            operation.active = made.id
            operation.made[made.id] = (state, metadata)
        return made.id

    def rewind(self, session: UUID, checkpoint: UUID) -> None:
        with self.noting("rewind", session) as operation:
            operation.active = checkpoint
            self.storage.set_active_checkpoint(session, checkpoint)

    def update(self, session: UUID, title: str) -> None:
        with self.noting("update", session) as operation:
            operation.facts = {"title": title, "cwd": f"/{title}"}
            request = UpdateSessionRequest(title=title, cwd=f"/{title}")
            self.storage.update_session(session, request)

    def delete(self, session: UUID) -> None:
        with self.noting("delete", session) as operation:
            operation.facts = {"status": "DELETED"}
            self.storage.delete_session(session)

    def restore(self, session: UUID) -> None:
        with self.noting("restore", session) as operation:
            operation.facts = {"status": "ACTIVE"}
            self.storage.restore_session(session)

    def bring_in(self, session: UUID, length: int) -> None:
        """Import a history of so many checkpoints, the third of which goes back to the first."""
        start = datetime(2024, 5, 6, tzinfo=UTC)
        states = [[small(n) for n in range(i + 1)] for i in range(length)]
        states[2] = [small(0), small(7)]
        checkpoints = [
            ImportedCheckpoint(
                messages=state,
                created_at=start + timedelta(seconds=i),
                parent=None if i == 0 else 0 if i == 2 else i - 1,
            )
            for i, state in enumerate(states)
        ]
        request = ImportSessionRequest(
            session_id=session, title="imported", checkpoints=checkpoints, created_at=start
        )
        with self.noting("import", session) as operation:
            operation.facts = {
                "title": "imported", "visibility": "PRIVATE", "status": "ACTIVE", "cwd": None
            }  # fmt: skip
            self.storage.import_session(request)
            query = ListCheckpointsQuery()
            listed = self.open("relaxed").list_checkpoints(session, query).checkpoints
            assert len(listed) == length
            for each, state in zip(listed, states, strict=True):
                operation.made[each.id] = (state, None)
            operation.active = listed[-1].id


def _dicts(messages: Sequence[Any]) -> Messages:
    assert all(isinstance(message, dict) for message in messages)
    return list(messages)


def facts_of(found: Any) -> dict[str, Any]:
    """Return what a session or its summary says about it."""
    return {name: getattr(found, name) for name in ("title", "visibility", "status", "cwd")}


IMPORTED = UUID("00000000-0000-4000-8000-00000000000a")
Workload = Callable[[Doing], object]


def first_session(do: Doing) -> None:
    do.create("first", [small(0), LARGE], {"m": 1})


def further_session(do: Doing) -> None:
    do.create("further", [small(0), LARGE])


def append(do: Doing) -> None:
    do.append(do.subject, [small(3)], {"m": 1})
    do.append(do.subject, [])


def large_messages(do: Doing) -> None:
    do.append(do.subject, [IMAGE, small(3), LARGE])


def branch(do: Doing) -> None:
    do.put(do.subject, [small(0), small(8)], parent=do.first)
    do.put(do.subject, [small(9)], metadata={"m": 2})


def rewind(do: Doing) -> None:
    last = do.active(do.subject)
    do.rewind(do.subject, do.first)
    do.rewind(do.subject, do.middle)
    do.rewind(do.subject, last)


def update(do: Doing) -> None:
    do.update(do.subject, "renamed")
    do.update(do.subject, "again")


def delete_and_restore(do: Doing) -> None:
    do.delete(do.subject)
    do.restore(do.subject)


def fork(do: Doing) -> None:
    do.fork(do.subject, do.middle, "forked")


def import_history(do: Doing) -> None:
    do.bring_in(IMPORTED, 3)
    do.bring_in(IMPORTED, 5)
    do.bring_in(IMPORTED, 5)


def expected_active(do: Doing) -> None:
    do.append(do.subject, [small(3)], expected=do.active(do.subject))


def series(do: Doing) -> None:
    last = do.append(do.subject, [small(3)])
    do.update(do.subject, "renamed")
    do.rewind(do.subject, do.first)
    do.append(do.subject, [LARGE], expected=do.first)
    session = do.create("other", [small(0)])
    do.append(session, [small(1)])
    do.put(do.subject, [*do.states[last][0][:2], small(5)], parent=last)
    do.delete(session)


def heal(do: Doing) -> None:
    """A large message that is damaged is in hand once more: it is put aside and written anew."""
    active = do.active(do.subject)
    do.put(do.subject, [*do.state(active), small(4)], parent=active)


def damage_the_image(do: Doing) -> None:
    """Damage the message object that checkpoints of the session need."""
    objects = os.path.join(do.root, "sessions", str(do.subject), "objects")
    for name in os.listdir(objects):
        path = os.path.join(objects, name)
        if os.path.getsize(path) > 66_000:
            os.chmod(path, 0o600)
            with open(path, "r+b") as file:
                file.write(b"damage")
            do.damaged.add(os.path.relpath(path, do.top))


WORKLOADS: list[Workload] = [
    first_session, further_session, append, large_messages, branch, rewind, update, delete_and_restore,
    fork, import_history, expected_active, series, heal,
]  # fmt: skip


def carry_out(
    top: str,
    workload: Workload,
    durability: Durability,
    *,
    between: tuple[int, Workload] | None = None,
) -> Record:
    """Carry out a workload in a new store, and return the record of it.

    Args:
        top: an empty directory, which gets the store.
        workload: what to do.
        durability: of the storage.
        between: before this system call of the workload, do this, as another process would.

    """
    do = Doing(top, durability)
    if workload is not first_session:
        do.prepare(image=workload is heal)
    if workload is heal:
        damage_the_image(do)
    with recording(top) as do.recorder:
        if between is not None:
            at, other = between
            do.recorder.interrupt(at, lambda: _as_another(do, other))
        with suppress(ConflictError):
            workload(do)
    return Record(
        do.recorder.before, read_tree(top), do.recorder.calls, do.operations, frozenset(do.damaged)
    )


def _as_another(do: Doing, workload: Workload) -> None:
    mine, do.storage = do.storage, do.open()
    with suppress(ConflictError):
        workload(do)
    do.storage = mine
