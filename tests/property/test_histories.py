"""Random histories: whatever was done, the store tells it as a simple model does."""

from __future__ import annotations

import tempfile
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from sessionfs import (
    CreateCheckpointRequest,
    CreateSessionRequest,
    FileStorage,
    ListCheckpointsQuery,
    ListSessionsQuery,
    SessionStatus,
    UpdateSessionRequest,
)

from ..effort import chosen

pytestmark = pytest.mark.once

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
JSON = st.recursive(
    SCALARS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
)
MESSAGES = st.dictionaries(TEXTS, JSON, max_size=4)
LARGE = st.builds(lambda n: {"large": "x" * 66_000, "n": n}, st.integers(0, 2))
STATES = st.lists(MESSAGES | LARGE, max_size=4)


class Histories(RuleBasedStateMachine):
    """Each rule does something to the store and to dicts that play its part."""

    sessions = Bundle("sessions")
    checkpoints = Bundle("checkpoints")

    @initialize()
    def begin(self) -> None:
        self.directory = tempfile.TemporaryDirectory()
        self.states: dict[UUID, tuple[UUID, UUID | None, list[Any]]] = {}
        self.active: dict[UUID, UUID] = {}
        self.facts: dict[UUID, tuple[str, SessionStatus]] = {}
        self.reopen()

    @rule()
    def reopen(self) -> None:
        """Forget everything that is held in memory."""
        self.storage = FileStorage(self.directory.name, durability="relaxed", message_type=dict)

    @rule(target=sessions, title=TEXTS, state=STATES)
    def create(self, title: str, state: list[Any]) -> UUID:
        created = self.storage.create_session(CreateSessionRequest(title, state))
        self._made(created.session_id, created.checkpoint.id, None, state)
        self.facts[created.session_id] = (title, SessionStatus.ACTIVE)
        return created.session_id

    @rule(session=sessions, messages=STATES)
    def append(self, session: UUID, messages: list[Any]) -> None:
        before = self.active[session]
        made = self.storage.append_messages(session, messages)
        self._made(session, made.id, before, self.states[before][2] + messages)

    @rule(session=sessions, messages=STATES, times=st.integers(1, 20))
    def append_many(self, session: UUID, messages: list[Any], times: int) -> None:
        for _ in range(times):
            self.append(session, messages)

    @rule(
        session=sessions, data=st.data(), keep=st.integers(0, 5), messages=STATES, named=st.booleans()
    )
    def branch(
        self, session: UUID, data: st.DataObject, keep: int, messages: list[Any], named: bool
    ) -> None:
        """Store a whole state that shares some messages with a checkpoint, its parent or not."""
        parent = data.draw(st.sampled_from(self._of(session)))
        state = self.states[parent][2][:keep] + messages
        request = CreateCheckpointRequest(state, parent_id=parent if named else None)
        made = self.storage.create_checkpoint(session, request)
        assert made.state.messages == state
        self._made(session, made.id, parent if named else None, state)

    @rule(session=sessions, data=st.data())
    def rewind(self, session: UUID, data: st.DataObject) -> None:
        chosen = data.draw(st.sampled_from(self._of(session)))
        self.storage.set_active_checkpoint(session, chosen)
        self.active[session] = chosen

    @rule(session=sessions, title=TEXTS)
    def rename(self, session: UUID, title: str) -> None:
        self.storage.update_session(session, UpdateSessionRequest(title=title))
        self.facts[session] = (title, self.facts[session][1])

    @rule(session=sessions, deleted=st.booleans())
    def delete_or_restore(self, session: UUID, deleted: bool) -> None:
        (self.storage.delete_session if deleted else self.storage.restore_session)(session)
        status = SessionStatus.DELETED if deleted else SessionStatus.ACTIVE
        self.facts[session] = (self.facts[session][0], status)

    @rule(target=sessions, session=sessions, data=st.data())
    def fork(self, session: UUID, data: st.DataObject) -> UUID:
        chosen = data.draw(st.sampled_from(self._of(session)))
        made = self.storage.fork_session(session, checkpoint_id=chosen)
        self._made(made.session_id, made.checkpoint.id, None, self.states[chosen][2])
        self.facts[made.session_id] = (self.facts[session][0], SessionStatus.ACTIVE)
        return made.session_id

    @invariant()
    def everything_is_told_as_it_was_done(self) -> None:
        listed = self.storage.list_sessions(ListSessionsQuery(limit=1000))
        assert {each.id: (each.title, each.status) for each in listed.sessions} == self.facts
        for each in listed.sessions:
            assert each.problem is None
            assert each.active_checkpoint_id == self.active[each.id]
            assert each.message_count == len(self.states[self.active[each.id]][2])
            query = ListCheckpointsQuery(limit=1000).with_state()
            page = self.storage.list_checkpoints(each.id, query)
            told = {
                made.id: (made.session_id, made.parent_id, made.state.messages if made.state else None)
                for made in page.checkpoints
            }
            assert told == {id_: state for id_, state in self.states.items() if state[0] == each.id}

    def teardown(self) -> None:
        self.directory.cleanup()

    def _of(self, session: UUID) -> list[UUID]:
        return [id_ for id_, state in self.states.items() if state[0] == session]

    def _made(self, session: UUID, made: UUID, parent: UUID | None, state: list[Any]) -> None:
        self.states[made] = (session, parent, state)
        self.active[session] = made


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=chosen(few=8, usual=20, everything=1_000),
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
