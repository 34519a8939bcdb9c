"""Which checkpoint is active: rewinding and going forward again."""

from __future__ import annotations

from uuid import UUID

from ..protocols import SessionStorage
from .base import Contract, active_id, append, checkpoint, new_session, said, user


class ActiveContract(Contract):
    """Active is the checkpoint that was created or set last."""

    def test_rewind_and_redo(self, storage: SessionStorage) -> None:
        """Any checkpoint of the session can be made active, back and forth; none is lost."""
        session, first = new_session(storage, user("1"))
        second = append(storage, session, user("2"))
        third = append(storage, session, user("3"))
        checkpoints = storage.list_checkpoints(session)
        texts = {first: ["1"], second: ["1", "2"], third: ["1", "2", "3"]}
        for id_ in (first, third, second, first, second, third):
            storage.set_active_checkpoint(session, id_)
            active = storage.get_active_checkpoint(session)
            assert (active.id, said(active)) == (id_, texts[id_])
            found = storage.get_session(session)
            assert found.active_checkpoint == active
            [listed] = storage.list_sessions().sessions
            assert listed.active_checkpoint_id == id_
            assert listed.message_count == len(texts[id_])
            assert storage.list_checkpoints(session) == checkpoints

    def test_set_active_returns_a_summary(self, storage: SessionStorage) -> None:
        """Setting the active checkpoint returns it as it is listed."""
        session, first = new_session(storage, user("1"), user("2"))
        append(storage, session, user("3"))
        summary = storage.set_active_checkpoint(session, first)
        assert summary == storage.list_checkpoints(session).checkpoints[0]
        assert (summary.id, summary.message_count, summary.state) == (first, 2, None)

    def test_set_what_is_active(self, storage: SessionStorage) -> None:
        """Setting the checkpoint that is active already is not an error and makes no other."""
        session, first = new_session(storage, user("1"))
        for _ in range(3):
            storage.set_active_checkpoint(session, first)
        assert active_id(storage, session) == first
        assert storage.list_checkpoints(session).total == 1

    def test_branch_then_append(self, storage: SessionStorage) -> None:
        """Rewinding and going on another way leaves the first way whole."""
        session, first = new_session(storage, user("1"))
        second = append(storage, session, user("2"))
        storage.set_active_checkpoint(session, first)
        branch = append(storage, session, user("b"))
        end = append(storage, session, user("c"))
        assert said(storage.get_session(session)) == ["1", "b", "c"]
        storage.set_active_checkpoint(session, second)
        assert said(storage.get_session(session)) == ["1", "2"]
        storage.set_active_checkpoint(session, end)
        assert said(storage.get_session(session)) == ["1", "b", "c"]
        assert storage.get_checkpoint(branch).parent_id == first

    def test_newest_checkpoint_is_active_after_a_rewind(self, storage: SessionStorage) -> None:
        """A checkpoint that is created becomes active, also where another had been set."""
        session, first = new_session(storage, user("1"))
        append(storage, session, user("2"))
        storage.set_active_checkpoint(session, first)
        other = checkpoint(storage, session, user("other"))
        assert active_id(storage, session) == other

    def test_one_line_of_work_has_one_head(self, storage: SessionStorage) -> None:
        """What only appends, replaces whole states or rewinds has one head: the active checkpoint."""
        session, first = new_session(storage, user("1"))
        assert _heads(storage, session) == [first]
        second = append(storage, session, user("2"))
        assert _heads(storage, session) == [second]
        third = checkpoint(storage, session, user("another state"))
        assert _heads(storage, session) == [third]
        for id_ in (first, third, second):
            storage.set_active_checkpoint(session, id_)
            assert _heads(storage, session) == [id_]
        fourth = append(storage, session, user("4"))
        assert _heads(storage, session) == [fourth]

    def test_heads_that_met_stay_until_it_is_settled(self, storage: SessionStorage) -> None:
        """Work on what was not the active checkpoint leaves two heads, until one is made active."""
        session, first = new_session(storage, user("1"))
        one = append(storage, session, user("one"))
        other = checkpoint(storage, session, user("1"), user("other"), parent=first)
        assert _heads(storage, session) == [other, one]
        after = append(storage, session, user("after"))
        assert _heads(storage, session) == [after, one]
        found = storage.get_session(session)
        listed = {each.id: each for each in storage.list_checkpoints(session).checkpoints}
        assert found.heads == [listed[after], listed[one]]
        storage.set_active_checkpoint(session, one)
        assert _heads(storage, session) == [one]
        assert len(storage.list_checkpoints(session).checkpoints) == 4


def _heads(storage: SessionStorage, session: UUID) -> list[UUID]:
    """Return the ids of a session's heads, of which a listing tells the number."""
    heads = [head.id for head in storage.get_session(session).heads]
    [listed] = storage.list_sessions().sessions
    assert listed.heads == len(heads)
    return heads
