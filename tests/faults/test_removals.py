"""Whatever is removed while others write: what was acknowledged, and not purged, can be read."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from sessionfs import (
    ConflictError,
    CreateCheckpointRequest,
    CreateSessionRequest,
    FileStorage,
    ListCheckpointsQuery,
    NotFoundError,
    StorageError,
)
from sessionfs.fs import files, locks

from ..effort import Counted, chosen
from .crashing import calls_of, cuts, scratch
from .disk import Builder, untouched_sessions
from .interleaving import taking_turns
from .removing import open_store, purged
from .workloads import NO_INDEX, STORE, Doing, Operation, Record, Workload, carry_out

pytestmark = [pytest.mark.once]

REPOSITORY = Path(__file__).parents[2]

BEFORE = 20
LARGE = {"role": "user", "content": "x" * 66_000}
SCHEDULES = chosen(few=12, usual=150, everything=10_000)
APPENDS = chosen(few=0, usual=2_000, everything=1_000_000)

Messages = list[dict[str, Any]]


def small(text: object) -> dict[str, Any]:
    return {"role": "user", "content": f"{text}"}


class Peer:
    """A process that works on a session, and what it was told."""

    def __init__(self, root: Path, session: UUID) -> None:
        self.root, self.session = root, session
        self.storage = open_store(root)
        self.acknowledged: dict[UUID, Messages | None] = {}
        self.conflicts = 0

    def append(self) -> None:
        with suppress(NotFoundError):
            made = self.storage.append_messages(self.session, [small("new"), LARGE])
            self.acknowledged[made.id] = None

    def append_comparing(self) -> None:
        try:
            active = self.storage.get_active_checkpoint(self.session).id
            made = self.storage.append_messages(self.session, [small("new")], expected_active=active)
            self.acknowledged[made.id] = None
        except ConflictError:
            self.conflicts += 1
        except NotFoundError:
            pass

    def put_state(self) -> None:
        state = [small(i) for i in range(BEFORE)] + [LARGE, small("whole")]
        with suppress(NotFoundError):
            made = self.storage.create_checkpoint(self.session, CreateCheckpointRequest(state))
            self.acknowledged[made.id] = state

    def rewind(self) -> None:
        with suppress(StorageError):
            listed = self.storage.list_checkpoints(self.session, ListCheckpointsQuery(limit=2))
            for each in listed.checkpoints:
                self.storage.set_active_checkpoint(self.session, each.id)

    def purge(self) -> None:
        with suppress(NotFoundError):
            self.storage.delete_session(self.session)
            with suppress(StorageError):  # restored meanwhile
                self.storage.purge_session(self.session)

    def repair(self) -> None:
        self.storage.repair()


def make(root: Path) -> UUID:
    storage = open_store(root)
    session = storage.create_session(CreateSessionRequest("t", [small(0)])).session_id
    for i in range(1, BEFORE):
        storage.append_messages(session, [LARGE if i == 5 else small(i)])
    return session


def check(root: Path, session: UUID, peers: list[Peer], *, locked: bool) -> tuple[int, int]:
    """Assert that what was acknowledged can be read; return how much that was, and was purged.

    With locks, nothing is left either of what was refused.
    """
    fresh = open_store(root)
    gone = purged(root, session)
    acknowledged = {id_: state for peer in peers for id_, state in peer.acknowledged.items()}
    standing = {id_: state for id_, state in acknowledged.items() if id_ not in gone}
    for id_, state in standing.items():
        found = fresh.get_checkpoint(id_).state.messages
        assert found[-1] == (state[-1] if state else found[-1])
        assert state is None or found == state
        listed = fresh.list_checkpoints(session, ListCheckpointsQuery(limit=1000)).checkpoints
        assert id_ in {each.id for each in listed}
        if locked:
            assert {each.problem for each in listed} == {None}
    if not locked:
        return len(standing), len(acknowledged) - len(standing)
    # What a conflict left in the session is not purged, where that had not seen it.
    if gone and not standing and not any(peer.conflicts for peer in peers):
        fresh.repair()
        with pytest.raises(NotFoundError):
            fresh.get_session(session)
    errors = [each for each in fresh.verify(read_all=True).findings if each.severity == "error"]
    assert not errors
    return len(standing), len(acknowledged) - len(standing)


WRITERS: list[Callable[[Peer], None]] = [
    Peer.append,
    Peer.append_comparing,
    Peer.put_state,
    Peer.rewind,
]
REMOVERS: list[Callable[[Peer], None]] = [Peer.purge, Peer.repair]


@pytest.mark.parametrize("locked", [True, False], ids=["locks", "no locks"])
@pytest.mark.parametrize("part", range(2))
def test_what_is_acknowledged_beside_removals_can_be_read(
    tmp_path: Path, counted: Counted, *, locked: bool, part: int
) -> None:
    for seed in range(part, SCHEDULES, 2):
        chance = random.Random(seed)
        root = tmp_path / str(seed) / "store"
        session = make(root)
        doing = [Peer.purge, *chance.choices(WRITERS, k=2), *chance.choices(WRITERS + REMOVERS, k=1)]
        peers = [Peer(root, session) for _ in doing]
        with taking_turns(seed, locked=locked) as turns:
            turns.run([partial(act, peer) for act, peer in zip(doing, peers, strict=True)])
        try:
            standing, gone = check(root, session, peers, locked=locked)
        except BaseException as error:
            error.add_note(f"seed {seed}: {[each.__name__ for each in doing]}")
            raise
        counted("schedules of writers and removals", 1)
        counted("appends that were acknowledged in these, and not purged", standing)
        counted("appends that were acknowledged in these, and purged", gone)


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 2])
def test_processes_that_append_beside_purges_repairs_and_merges(
    tmp_path: Path, counted: Counted, number: int
) -> None:
    """Two processes append while one purges, repairs and merges; new sessions come all the time."""
    root = tmp_path / "store"
    FileStorage(root, index_dir=NO_INDEX)
    done = tmp_path / "done"
    command = [sys.executable, "-W", "error", "-m", "tests.faults.removing", str(root), str(done)]
    remover = subprocess.Popen(
        [*command, "remove", str(number)], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )
    writers = [
        subprocess.Popen(
            [*command, "append", f"{number}.{n}", str(APPENDS // 4)],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
        )
        for n in range(2)
    ]
    told = [each.communicate()[0].split() for each in writers]
    done.touch()
    removed = remover.communicate()[0].split()
    assert [each.returncode for each in (*writers, remover)] == [0, 0, 0]
    acknowledged = sum(int(each[0]) for each in told)
    assert sum(int(each[1]) for each in told) == 0
    counted("appends of processes beside removals", acknowledged)
    counted("purges, repairs and merges beside these", int(removed[0]))


# A power cut while one writes and another purges


def _noted(do: Doing, what: str, act: Callable[[], UUID | None]) -> None:
    """Note what an act made, unless the session was purged before."""
    operation = Operation(what, len(do.recorder.calls) if do.recorder else 0, session=do.subject)
    with suppress(NotFoundError):
        made = act()
        operation.end = len(do.recorder.calls) if do.recorder else 0
        operation.made = {} if made is None else {made: ([], None)}
        do.operations.append(operation)


def append_one(do: Doing) -> None:
    _noted(do, "append", lambda: do.storage.append_messages(do.subject, [small("new"), LARGE]).id)


def put_one(do: Doing) -> None:
    request = CreateCheckpointRequest([small("new"), LARGE])
    _noted(do, "put", lambda: do.storage.create_checkpoint(do.subject, request).id)


def append_as_expected(do: Doing) -> None:
    def act() -> UUID:
        active = do.storage.get_active_checkpoint(do.subject).id
        return do.storage.append_messages(do.subject, [small("new")], expected_active=active).id

    with suppress(ConflictError):
        _noted(do, "append", act)


def purge_it(do: Doing) -> None:
    def act() -> None:
        do.storage.delete_session(do.subject)
        do.storage.purge_session(do.subject)

    _noted(do, "purge", act)


PAIRS: list[tuple[Workload, Workload]] = [
    (append_one, purge_it),
    (put_one, purge_it),
    (append_as_expected, purge_it),
    (purge_it, append_one),
    (purge_it, put_one),
    (purge_it, purge_it),
]


def _after_the_cut(root: Path, session: UUID, record: Record, position: int) -> None:
    """Assert that what was acknowledged before a power cut is readable, or purged, and purges last."""
    storage = open_store(root)
    gone = purged(root, session)
    acknowledged = [one for one in record.operations if 0 < one.end <= position]
    made = {id_ for one in acknowledged for id_ in one.made}
    for id_ in made - gone:
        assert storage.get_checkpoint(id_).state.messages[-1] in (LARGE, small("new"))
    if any(one.what == "purge" for one in acknowledged):
        assert gone
        listed: set[UUID] = set()
        with suppress(NotFoundError):
            listed = {each.id for each in storage.list_checkpoints(session).checkpoints}
        assert not listed or listed - gone  # what the purge had not seen
    storage.repair()
    for id_ in made - gone:
        storage.get_checkpoint(id_)
    other = storage.create_session(CreateSessionRequest("after", [small("after")]))
    assert storage.get_session(other.session_id).title == "after"


@pytest.mark.slow
@pytest.mark.parametrize(("one", "other"), PAIRS, ids=lambda value: value.__name__)
def test_a_power_cut_beside_a_purge(one: Workload, other: Workload, counted: Counted) -> None:
    states = chosen(few=4, usual=20, everything=400)
    random_ = random.Random(1)
    with scratch() as directory, pytest.MonkeyPatch.context() as patch:
        patch.setattr(locks, "_LOCK_SECONDS", -1.0)
        patch.setattr(files, "_SETTLE_SECONDS", 0)
        moments = range(calls_of(one, "full"))
        for at in moments:
            place = Path(directory, str(at))
            top = place / "original"
            top.mkdir(parents=True)
            record = carry_out(str(top), one, "full", between=(at, other))
            (session,) = {each.session for each in record.operations if each.what == "purge"}
            assert session is not None
            found = cuts(record, random_, 16, at)
            place.joinpath("pool").mkdir()
            same = untouched_sessions(record.before, record.calls)
            builder = Builder(str(place / "pool"), str(top), same)
            for cut in random_.sample(found, min(states, len(found))):
                builder.build(cut.state, str(place / "state"))
                try:
                    _after_the_cut(place / "state" / STORE, session, record, cut.position)
                except BaseException as error:
                    error.add_note(f"before call {at}, cut after {cut.position}: {record.calls}")
                    raise
                shutil.rmtree(place / "state")
            counted("crash states beside a purge", min(states, len(found)))
            shutil.rmtree(place)
