"""Appending messages, and forking sessions."""

from __future__ import annotations

import pytest

from ..errors import ConflictError, NotFoundError
from ..models import ForkedFrom, SessionStatus, SessionVisibility, UpdateSessionRequest
from ..protocols import SessionStorage
from .base import (
    NOBODY,
    Contract,
    active_id,
    append,
    assistant,
    checkpoint,
    new_session,
    refused,
    said,
    user,
)


class AppendingContract(Contract):
    """What is appended follows the active state; a fork starts from a state and goes its own way."""

    def test_append(self, storage: SessionStorage) -> None:
        """Appending makes a child of the active checkpoint, with its messages and the new ones."""
        session, first = new_session(storage, user("1"))
        summary = storage.append_messages(session, [assistant("2"), user("3")], metadata={"n": 2})
        assert (summary.session_id, summary.parent_id) == (session, first)
        assert summary.message_count == 3
        found = storage.get_active_checkpoint(session)
        assert (found.id, found.created_at) == (summary.id, summary.created_at)
        assert said(found) == ["1", "2", "3"]
        assert found.state.metadata == {"n": 2}
        assert said(storage.get_checkpoint(first)) == ["1"]

    def test_append_many_times(self, storage: SessionStorage) -> None:
        """Appending one by one gives the same state as giving all at once."""
        session, last = new_session(storage)
        for i in range(50):
            summary = storage.append_messages(session, [user(str(i))])
            assert (summary.parent_id, summary.message_count) == (last, i + 1)
            last = summary.id
        assert said(storage.get_session(session)) == [str(i) for i in range(50)]

    def test_append_nothing(self, storage: SessionStorage) -> None:
        """Appending nothing makes a checkpoint with the same messages."""
        session, first = new_session(storage, user("1"))
        again = append(storage, session)
        found = storage.get_checkpoint(again)
        assert (found.parent_id, said(found)) == (first, ["1"])
        assert again != first
        assert active_id(storage, session) == again

    def test_append_follows_what_is_active(self, storage: SessionStorage) -> None:
        """After a rewind or a branch, what is appended follows that, not what is newest."""
        session, first = new_session(storage, user("1"))
        second = append(storage, session, user("2"))
        storage.set_active_checkpoint(session, first)
        sibling = append(storage, session, user("2b"))
        found = storage.get_checkpoint(sibling)
        assert (found.parent_id, said(found)) == (first, ["1", "2b"])
        storage.set_active_checkpoint(session, second)
        third = append(storage, session, user("3"))
        found = storage.get_checkpoint(third)
        assert (found.parent_id, said(found)) == (second, ["1", "2", "3"])
        alone = checkpoint(storage, session, user("x"))
        last = append(storage, session, user("y"))
        found = storage.get_checkpoint(last)
        assert (found.parent_id, said(found)) == (alone, ["x", "y"])

    def test_append_with_expectation(self, storage: SessionStorage) -> None:
        """With the right expectation messages are appended as without one."""
        session, first = new_session(storage, user("1"))
        second = append(storage, session, user("2"), expected_active=first)
        assert storage.get_checkpoint(second).parent_id == first
        append(storage, session, user("3"), expected_active=second)
        assert said(storage.get_session(session)) == ["1", "2", "3"]

    def test_append_with_stale_expectation(self, storage: SessionStorage) -> None:
        """With another checkpoint active, appending is a conflict, and nothing has changed."""
        session, first = new_session(storage, user("1"))
        second = append(storage, session, user("2"))
        for stale in (first, NOBODY):
            with refused(storage, ConflictError):
                append(storage, session, user("late"), expected_active=stale)
        storage.set_active_checkpoint(session, first)
        with refused(storage, ConflictError):
            append(storage, session, user("late"), expected_active=second)

    def test_fork(self, storage: SessionStorage) -> None:
        """A fork starts from the active state, with the facts of the session; that one stays."""
        public = SessionVisibility.PUBLIC
        session, first = new_session(storage, user("1"), title="t", visibility=public, cwd="/a")
        append(storage, session, user("2"), metadata={"n": 2})
        before = storage.get_session(session)
        checkpoints = storage.list_checkpoints(session)
        made = storage.fork_session(session)
        assert storage.get_session(session) == before
        assert storage.list_checkpoints(session) == checkpoints
        fork = storage.get_session(made.session_id)
        assert fork.id != session
        assert (fork.title, fork.visibility, fork.cwd) == ("t", public, "/a")
        assert fork.status is SessionStatus.ACTIVE
        assert fork.active_checkpoint == made.checkpoint
        origin = before.active_checkpoint
        assert origin is not None
        assert fork.forked_from == ForkedFrom(session, origin.id)
        assert before.forked_from is None
        assert made.checkpoint.session_id == made.session_id
        assert made.checkpoint.parent_id is None
        assert said(made.checkpoint) == ["1", "2"]
        assert made.checkpoint.state.metadata == {"n": 2}
        [listed] = storage.list_checkpoints(made.session_id).checkpoints
        assert listed.id == made.checkpoint.id
        assert listed.id not in (first, before.active_checkpoint)
        assert storage.list_sessions().total == 2

    def test_fork_of_an_older_checkpoint(self, storage: SessionStorage) -> None:
        """A fork may start from any checkpoint of the session, under a title of its own."""
        session, first = new_session(storage, user("1"))
        append(storage, session, user("2"))
        made = storage.fork_session(session, checkpoint_id=first, title="fork")
        fork = storage.get_session(made.session_id)
        assert (fork.title, said(fork)) == ("fork", ["1"])
        assert fork.forked_from == ForkedFrom(session, first)
        assert storage.get_session(storage.fork_session(session, title="").session_id).title == ""
        # Without an id it is the active one, not the newest.
        storage.set_active_checkpoint(session, first)
        assert said(storage.fork_session(session).checkpoint) == ["1"]

    def test_where_a_fork_starts_is_listed(self, storage: SessionStorage) -> None:
        """A list says of each fork where it starts, also of a fork's fork, and later too."""
        session, first = new_session(storage, user("1"))
        append(storage, session, user("2"))
        fork = storage.fork_session(session, checkpoint_id=first)
        again = storage.fork_session(fork.session_id)
        append(storage, fork.session_id, user("3"))
        storage.update_session(fork.session_id, UpdateSessionRequest(title="fork", cwd="/b"))
        storage.delete_session(session)
        listed = {each.id: each.forked_from for each in storage.list_sessions().sessions}
        assert listed == {
            session: None,
            fork.session_id: ForkedFrom(session, first),
            again.session_id: ForkedFrom(fork.session_id, fork.checkpoint.id),
        }

    def test_fork_is_independent(self, storage: SessionStorage) -> None:
        """What is done to a fork does not show in the session, nor the reverse."""
        session, _ = new_session(storage, user("1"), title="t")
        fork = storage.fork_session(session).session_id
        append(storage, fork, user("fork's"))
        storage.update_session(fork, UpdateSessionRequest(title="fork"))
        assert said(storage.get_session(session)) == ["1"]
        assert storage.get_session(session).title == "t"
        append(storage, session, user("session's"))
        storage.delete_session(session)
        found = storage.get_session(fork)
        assert (found.title, said(found)) == ("fork", ["1", "fork's"])
        assert found.status is SessionStatus.ACTIVE
        assert storage.list_checkpoints(fork).total == 2

    def test_fork_of_a_deleted_session(self, storage: SessionStorage) -> None:
        """A deleted session may be forked; the fork is not deleted."""
        session, _ = new_session(storage, user("1"))
        storage.delete_session(session)
        fork = storage.get_session(storage.fork_session(session).session_id)
        assert (fork.status, said(fork)) == (SessionStatus.ACTIVE, ["1"])
        assert storage.get_session(session).status is SessionStatus.DELETED

    @pytest.mark.parametrize("method", ["fork_session", "set_active_checkpoint"])
    def test_checkpoint_of_another_session(self, storage: SessionStorage, method: str) -> None:
        """Forking from, or making active, a checkpoint that is not the session's: not found."""
        session, _ = new_session(storage, user("1"))
        _, foreign = new_session(storage, user("1"))
        for id_ in (foreign, NOBODY, session):
            with refused(storage, NotFoundError):
                getattr(storage, method)(session, checkpoint_id=id_)
