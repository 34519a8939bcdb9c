"""The simulator: three replicas with clocks of their own, written to and synced in every way."""

from __future__ import annotations

import random
import sys
import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, ClassVar
from unittest import mock
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from sessionfs import CreateCheckpointRequest, CreateSessionRequest, UpdateSessionRequest
from sessionfs.format.ids import checkpoint_id
from sessionfs.fs import files
from sessionfs.index import index
from sessionfs.store import chains, imports

from .causality import STATUS
from .observing import check, check_end
from .replicas import Backup, Replica, Source
from .transfers import COPYING, TRANSFERS, exchange, resurrect
from .world import Messages, World

MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Real files, and no disk that wears out."""

REPLICAS = st.integers(0, 2)
SEEDS = st.integers(0, 0xFFFF)
SECOND = 1_000_000
DAY = 86_400 * SECOND
SKEWS = [0, 0, 0, 1, -3 * SECOND, 40 * SECOND, -DAY, DAY, -365 * DAY, 365 * DAY]
PAUSES = [0, 0, 1, 1_000, SECOND, 3_600 * SECOND]
MOST_SESSIONS = 4
MOST_BACKUPS = 3


class Simulator(RuleBasedStateMachine):
    """Each rule is what a person, an agent or a tool does at one of the machines.

    Attributes:
        runs: how many were made.
        steps: in all of them together.
        names_have_one_content: see ``World``.

    """

    runs: ClassVar[int] = 0
    steps: ClassVar[int] = 0
    names_have_one_content: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__()
        type(self).runs += 1
        self.cleanup = ExitStack()
        directory = self.cleanup.enter_context(tempfile.TemporaryDirectory(dir=MEMORY))
        # Small limits, so that little work meets what much work does.
        for module, name, value in (
            (files, "_SETTLE_SECONDS", 0.0),
            (chains, "LARGE_MESSAGE", 200),
            (chains, "RADIX", 4),
            (index, "WORTH_WRITING", 3),
            (index, "WORTH_INDEXING", 12),
        ):
            self.cleanup.enter_context(mock.patch.object(module, name, value))
        ids = random.Random(1)

        def new_id(_: int) -> UUID:
            return UUID(int=ids.getrandbits(128), version=4)

        self.cleanup.enter_context(mock.patch.object(imports, "new_session_id", new_id))
        self.world = World(Path(directory), names_have_one_content=self.names_have_one_content)
        self.backups: list[Backup] = []
        self.counter = 0
        self.rng = random.Random(0)

    @initialize(skews=st.tuples(*[st.sampled_from(SKEWS)] * 3), cloned=st.integers(0, 7))
    def begin(self, skews: tuple[int, int, int], cloned: int) -> None:
        for replica, skew in zip(self.world.replicas, skews, strict=True):
            replica.skew_us = skew
        self.create(0, 1)
        for number in (1, 2):
            if cloned >> number & 1:
                self.world.replicas[number].become(self.world.replicas[cloned & 1 and number - 1])

    # What is done at one machine

    @rule(at=REPLICAS, seed=SEEDS)
    def create(self, at: int, seed: int) -> None:
        replica = self._turn(at, seed)
        if len(self.world.histories) < MOST_SESSIONS:
            state = self._messages()
            request = CreateSessionRequest(self._title(), state, cwd=self.rng.choice([None, "/home/a"]))
            self.world.write(
                replica, None, lambda: replica.storage.create_session(request), lambda _: state
            )
            check(self.world, replica)

    @rule(at=REPLICAS, seed=SEEDS)
    def append(self, at: int, seed: int) -> None:
        replica, session = self._chosen(at, seed)
        if session is None:
            return
        for _ in range(self.rng.choice([1, 1, 1, 1, 7])):
            self._append(replica, session)
        check(self.world, replica)

    @rule(at=REPLICAS, other=REPLICAS, seed=SEEDS)
    def append_at_the_same_time(self, at: int, other: int, seed: int) -> None:
        """Two machines with the same clock know nothing of each other."""
        replica, session = self._chosen(at, seed)
        twin = self.world.replicas[other]
        if session is None or at == other or not self._is_complete(twin, session):
            return
        twin.skew_us = replica.skew_us
        for each in (replica, twin):
            self._append(each, session)
        for each in (replica, twin):
            check(self.world, each)

    @rule(at=REPLICAS, seed=SEEDS)
    def branch(self, at: int, seed: int) -> None:
        """Store a whole state, which follows some checkpoint or none."""
        replica, session = self._chosen(at, seed)
        checkpoint = self._checkpoint(replica, session)
        if session is None or checkpoint is None:
            return
        before = self.world.histories[session].states[checkpoint]
        state = [*before[: self.rng.randrange(len(before) + 2)], *self._messages()]
        parent = self.rng.choice([None, checkpoint_id(checkpoint)])
        request = CreateCheckpointRequest(state, parent)
        self.world.write(
            replica,
            session,
            lambda: replica.storage.create_checkpoint(UUID(session), request),
            lambda _: state,
        )
        check(self.world, replica)

    @rule(at=REPLICAS, seed=SEEDS)
    def rewind(self, at: int, seed: int) -> None:
        replica, session = self._chosen(at, seed)
        checkpoint = self._checkpoint(replica, session)
        if session is None or checkpoint is None:
            return
        id_ = checkpoint_id(checkpoint)
        self.world.write(
            replica, session, lambda: replica.storage.set_active_checkpoint(UUID(session), id_)
        )
        check(self.world, replica)

    @rule(at=REPLICAS, seed=SEEDS)
    def rename(self, at: int, seed: int) -> None:
        replica, session = self._chosen(at, seed)
        if session is None:
            return
        request = UpdateSessionRequest(title=self._title())
        self.world.write(
            replica, session, lambda: replica.storage.update_session(UUID(session), request)
        )
        check(self.world, replica)

    @rule(at=REPLICAS, seed=SEEDS)
    def delete_or_restore(self, at: int, seed: int) -> None:
        replica, session = self._chosen(at, seed)
        if session is None:
            return
        storage = replica.storage
        change = self.rng.choice([storage.delete_session, storage.restore_session])
        self.world.write(replica, session, lambda: change(UUID(session)))
        check(self.world, replica)

    @rule(at=REPLICAS, seed=SEEDS)
    def fork(self, at: int, seed: int) -> None:
        replica, session = self._chosen(at, seed)
        checkpoint = self._checkpoint(replica, session)
        if session is None or checkpoint is None or len(self.world.histories) >= MOST_SESSIONS:
            return
        state = self.world.histories[session].states[checkpoint]
        id_, title = checkpoint_id(checkpoint), self._title()
        self.world.write(
            replica,
            session,
            lambda: replica.storage.fork_session(UUID(session), checkpoint_id=id_, title=title),
            lambda _: state,
        )
        check(self.world, replica)

    @rule(at=REPLICAS, seed=SEEDS)
    def purge(self, at: int, seed: int) -> None:
        """Delete a session and purge it; not while a tool has left the only whole copy here."""
        replica, session = self._chosen(at, seed)
        world = self.world
        if (
            session is None
            or seed % 3
            or any(world.view(each, session).torn for each in world.replicas)
        ):
            return
        world.write(replica, session, lambda: replica.storage.delete_session(UUID(session)))
        view = world.view(replica, session)
        newest = world.histories[session].newest(STATUS, view.edits)
        if {each.sets[STATUS] for each in newest} == {"DELETED"}:  # else somebody restored it meanwhile
            world.write(
                replica, session, lambda: replica.storage.purge_session(UUID(session), force=True)
            )
        check(world, replica)

    # What tools do

    @rule(at=REPLICAS, origin=REPLICAS, how=st.sampled_from(sorted(TRANSFERS)), seed=SEEDS)
    def sync(self, at: int, origin: int, how: str, seed: int) -> None:
        replica = self._turn(at, seed)
        if origin != at:
            self._transfer(self.world.replicas[origin], replica, how, self.rng)
            check(self.world, replica)

    @rule(at=REPLICAS, origin=REPLICAS, how=st.sampled_from(COPYING), seed=SEEDS)
    def sync_amid_the_next_write(self, at: int, origin: int, how: str, seed: int) -> None:
        replica, source = self._turn(at, seed), self.world.replicas[origin]
        if origin != at:
            replica.meanwhile = partial(self._transfer, source, replica, how, random.Random(seed))

    @rule(at=REPLICAS, seed=SEEDS)
    def back_up(self, at: int, seed: int) -> None:
        self.backups = [*self.backups[-MOST_BACKUPS:], self._turn(at, seed).backup()]

    @rule(at=REPLICAS, how=st.sampled_from(COPYING), seed=SEEDS)
    def copy_what_is_stale(self, at: int, how: str, seed: int) -> None:
        replica = self._turn(at, seed)
        if self.backups:
            self._transfer(self.rng.choice(self.backups), replica, how, self.rng)
            check(self.world, replica)

    @rule(at=REPLICAS, seed=SEEDS)
    def resurrect(self, at: int, seed: int) -> None:
        replica = self._turn(at, seed)
        resurrect(replica, self.rng)
        self.world.arrive(replica)
        check(self.world, replica)

    # What happens to machines

    @rule(at=REPLICAS, origin=REPLICAS, seed=SEEDS)
    def clone(self, at: int, origin: int, seed: int) -> None:
        """Set a machine up anew from another one, which got everything before."""
        replica, other = self._turn(at, seed), self.world.replicas[origin]
        if at != origin and seed % 3 == 0:
            exchange([replica, other])
            self.world.arrive(other)
            replica.become(other)
            check(self.world, replica)

    @rule(at=REPLICAS, skew=st.sampled_from(SKEWS), seed=SEEDS)
    def set_clock(self, at: int, skew: int, seed: int) -> None:
        self._turn(at, seed).skew_us = skew

    @rule(at=REPLICAS, seed=SEEDS)
    def reopen(self, at: int, seed: int) -> None:
        replica = self._turn(at, seed)
        replica.reopen()
        if seed % 4 == 0:
            replica.storage.update_index()

    def teardown(self) -> None:
        with self.cleanup:
            if sys.exc_info()[0] is None:  # else that is what is to be told
                check_end(self.world)

    # What rules share

    def _turn(self, at: int, seed: int) -> Replica:
        """Let time go on, and return the replica at which something happens."""
        type(self).steps += 1
        self.rng = random.Random(seed)
        self.world.time.now_us += self.rng.choice(PAUSES)
        return self.world.replicas[at]

    def _transfer(self, source: Source, target: Replica, how: str, rng: random.Random) -> None:
        TRANSFERS[how](source, target, rng)
        if how == "merge":
            self.world.absorb(target)
        self.world.arrive(target, forget=how == "removals")

    def _chosen(self, at: int, seed: int) -> tuple[Replica, str | None]:
        replica = self._turn(at, seed)
        sessions = self.world.sessions(replica)
        here = [session for session in sessions if self._is_complete(replica, session)]
        return replica, self.rng.choice(here) if here else None

    def _append(self, replica: Replica, session: str) -> None:
        states, added = self.world.histories[session].states, self._messages()
        self.world.write(
            replica,
            session,
            lambda: replica.storage.append_messages(UUID(session), added),
            lambda parent: [*states[parent or ""], *added],
        )

    def _is_complete(self, replica: Replica, session: str) -> bool:
        return session in self.world.sessions(replica) and bool(
            self.world.view(replica, session).complete
        )

    def _checkpoint(self, replica: Replica, session: str | None) -> str | None:
        if session is None:
            return None
        return self.rng.choice(sorted(self.world.view(replica, session).complete))

    def _title(self) -> str:
        self.counter += 1
        return f"title {self.counter}"

    def _messages(self) -> Messages:
        self.counter += 1
        texts = [f"turn {self.counter}", "same", f"turn {self.counter}" + "." * 300]
        chosen = self.rng.choices(texts, [6, 1, 3], k=self.rng.choice([0, 1, 1, 2]))
        return [{"role": "user", "content": text} for text in chosen]


def chosen_settings(runs: int, steps: int, **more: Any) -> settings:
    return settings(
        max_examples=runs,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        **more,
    )
