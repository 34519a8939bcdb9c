"""Checkpoints: parents and branches, listing, and writing with an expectation."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from ..errors import ConflictError
from ..models import CreateCheckpointRequest, ListCheckpointsQuery
from ..protocols import SessionStorage
from .base import (
    EVERYTHING,
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


class CheckpointsContract(Contract):
    """A checkpoint is a whole state with a parent, and never changes."""

    def test_create_and_get(self, storage: SessionStorage) -> None:
        """A checkpoint is read by its id alone, as creating it returned it, and is active."""
        session, first = new_session(storage, user("1"))
        request = CreateCheckpointRequest([user("1"), assistant("2")]).with_parent(first)
        made = storage.create_checkpoint(session, request.with_metadata({"by": {"me": True}}))
        assert (made.session_id, made.parent_id) == (session, first)
        assert said(made) == ["1", "2"]
        assert made.state.metadata == {"by": {"me": True}}
        assert storage.get_checkpoint(made.id) == made
        assert made.gaps == []
        assert storage.get_checkpoint(made.id, partial=True) == made  # nothing is lacking
        assert storage.get_active_checkpoint(session) == made
        assert storage.get_session(session).active_checkpoint == made

    def test_checkpoints_of_many_sessions(self, storage: SessionStorage) -> None:
        """A checkpoint's id leads to its own session, whatever others hold."""
        made = [new_session(storage, user(str(i % 2))) for i in range(6)]
        for i, (session, first) in enumerate(made):
            found = storage.get_checkpoint(first)
            assert (found.id, found.session_id) == (first, session)
            assert said(found) == [str(i % 2)]

    def test_chain_of_parents(self, storage: SessionStorage) -> None:
        """Each checkpoint names the one that it follows."""
        session, first = new_session(storage, user("0"))
        chain = [first]
        for i in range(1, 40):
            messages = [user(str(n)) for n in range(i + 1)]
            chain.append(checkpoint(storage, session, *messages, parent=chain[-1]))
        assert storage.get_checkpoint(chain[0]).parent_id is None
        for i, (parent, id_) in enumerate(pairwise(chain), start=1):
            found = storage.get_checkpoint(id_)
            assert found.parent_id == parent
            assert said(found) == [str(n) for n in range(i + 1)]

    def test_no_parent(self, storage: SessionStorage) -> None:
        """A checkpoint without a parent starts a branch of its own, in a session that has others."""
        session, first = new_session(storage, user("old"))
        branch = checkpoint(storage, session, user("new"))
        found = storage.get_checkpoint(branch)
        assert (found.parent_id, said(found)) == (None, ["new"])
        assert active_id(storage, session) == branch
        assert said(storage.get_checkpoint(first)) == ["old"]
        listed = storage.list_checkpoints(session)
        assert [each.parent_id for each in listed.checkpoints] == [None, None]

    def test_branches_of_one_parent(self, storage: SessionStorage) -> None:
        """Several checkpoints may follow one; each keeps its own state, the newest is active."""
        session, first = new_session(storage, user("root"))
        made = [checkpoint(storage, session, user("root"), user(x), parent=first) for x in "abc"]
        for id_, text in zip(made, "abc", strict=True):
            found = storage.get_checkpoint(id_)
            assert (found.parent_id, said(found)) == (first, ["root", text])
        assert active_id(storage, session) == made[-1]

    @pytest.mark.parametrize("texts", [[], ["1"], ["2", "1"], ["1", "2", "3", "x"], ["x"] * 9])
    def test_state_is_whole(self, storage: SessionStorage, texts: list[str]) -> None:
        """A state is what was given, however it relates to the parent's: shorter, reordered, other."""
        session, first = new_session(storage, user("1"), user("2"), user("3"))
        child = checkpoint(storage, session, *map(user, texts), parent=first)
        assert said(storage.get_checkpoint(child)) == texts
        assert said(storage.get_session(session)) == texts
        assert said(storage.get_checkpoint(first)) == ["1", "2", "3"]

    def test_same_state_twice(self, storage: SessionStorage) -> None:
        """The same state stored again is another checkpoint."""
        session, first = new_session(storage, user("1"))
        made = [checkpoint(storage, session, user("1"), parent=first) for _ in range(3)]
        assert len({first, *made}) == 4
        assert storage.list_checkpoints(session).total == 4
        assert active_id(storage, session) == made[-1]

    def test_metadata_is_each_checkpoints_own(self, storage: SessionStorage) -> None:
        """Metadata belongs to one checkpoint and is not handed on; empty is not None."""
        session, first = new_session(storage, user("1"), metadata={"first": True})
        empty = storage.create_checkpoint(
            session, CreateCheckpointRequest([user("1")], parent_id=first, metadata={})
        )
        none = checkpoint(storage, session, user("1"), parent=first)
        appended = append(storage, session, user("2"))
        assert storage.get_checkpoint(first).state.metadata == {"first": True}
        assert storage.get_checkpoint(empty.id).state.metadata == {}
        assert storage.get_checkpoint(none).state.metadata is None
        assert storage.get_checkpoint(appended).state.metadata is None

    def test_list_oldest_first(self, storage: SessionStorage) -> None:
        """Checkpoints are listed in the order in which they were made, whatever their parents."""
        session, first = new_session(storage, user("1"))
        second = append(storage, session, user("2"))
        third = checkpoint(storage, session, user("x"), user("y"), user("z"))
        storage.set_active_checkpoint(session, first)
        fourth = append(storage, session, user("2b"))
        new_session(storage, user("another session's"))
        listed = storage.list_checkpoints(session)
        assert listed.total == 4
        assert [(each.id, each.parent_id, each.message_count) for each in listed.checkpoints] == [
            (first, None, 1),
            (second, first, 2),
            (third, None, 3),
            (fourth, first, 2),
        ]
        assert {each.session_id for each in listed.checkpoints} == {session}
        assert listed.problems == []

    def test_times_of_checkpoints(self, storage: SessionStorage) -> None:
        """Times are aware UTC, rise with each checkpoint, and agree wherever they are read."""
        session, _ = new_session(storage)
        for i in range(20):
            append(storage, session, user(str(i)))
        listed = storage.list_checkpoints(session).checkpoints
        for summary in listed:
            found = storage.get_checkpoint(summary.id)
            assert summary.created_at == summary.updated_at == found.created_at == found.updated_at
            assert summary.created_at.utcoffset() == timedelta(0)
        for older, newer in pairwise(listed):
            assert older.created_at < newer.created_at

    def test_include_state(self, storage: SessionStorage) -> None:
        """States are filled where the query asks, and only there."""
        session, _ = new_session(storage, user("1"), metadata={"n": 1})
        append(storage, session, user("2"))
        checkpoint(storage, session)
        for query in (None, ListCheckpointsQuery(), ListCheckpointsQuery(include_state=False)):
            bare = storage.list_checkpoints(session, query)
            assert [each.state for each in bare.checkpoints] == [None] * 3
        full = storage.list_checkpoints(session, ListCheckpointsQuery().with_state())
        assert full.total == 3
        for summary in full.checkpoints:
            assert summary.state == storage.get_checkpoint(summary.id).state
            assert summary.state is not None
            assert summary.message_count == len(summary.state.messages)
            assert summary.problem is None
        assert [said(each.state) for each in full.checkpoints] == [["1"], ["1", "2"], []]

    def test_pages_of_checkpoints(self, storage: SessionStorage) -> None:
        """Pages put together are the whole list; ``total`` is of all; without a limit 100."""
        session, _ = new_session(storage)
        for i in range(104):
            append(storage, session, user(str(i)))
        page = storage.list_checkpoints(session)
        assert (len(page.checkpoints), page.total) == (100, 105)
        whole = storage.list_checkpoints(session, ListCheckpointsQuery(limit=EVERYTHING)).checkpoints
        assert [each.message_count for each in whole] == list(range(105))
        for offset in (0, 50, 100, 150):
            query = ListCheckpointsQuery(include_state=True).with_limit(50).with_offset(offset)
            part = storage.list_checkpoints(session, query)
            assert part.total == 105
            assert [each.id for each in part.checkpoints] == [
                each.id for each in whole[offset : offset + 50]
            ]

    @pytest.mark.parametrize(
        "query",
        [
            ListCheckpointsQuery(limit=0),
            ListCheckpointsQuery(offset=2, include_state=True),
            ListCheckpointsQuery(offset=2**63),
            ListCheckpointsQuery(limit=1, offset=10**30),
        ],
    )
    def test_empty_pages_of_checkpoints(
        self, storage: SessionStorage, query: ListCheckpointsQuery
    ) -> None:
        """A limit of 0 and an offset past the end give an empty page and the exact total."""
        session, _ = new_session(storage)
        append(storage, session, user("1"))
        page = storage.list_checkpoints(session, query)
        assert (page.checkpoints, page.total) == ([], 2)

    @pytest.mark.parametrize("query", [ListCheckpointsQuery(limit=-1), ListCheckpointsQuery(offset=-1)])
    def test_negative_for_checkpoints(
        self, storage: SessionStorage, query: ListCheckpointsQuery
    ) -> None:
        """Limits and offsets below 0 are refused."""
        session, _ = new_session(storage)
        with refused(storage):
            storage.list_checkpoints(session, query)

    def test_parent_of_another_session(self, storage: SessionStorage) -> None:
        """The parent must be a checkpoint of the same session, and must exist."""
        session, first = new_session(storage, user("mine"))
        _, foreign = new_session(storage, user("mine"))
        for parent in (foreign, NOBODY, session):
            with refused(storage) as caught:
                checkpoint(storage, session, user("more"), parent=parent)
            assert not isinstance(caught.value, ConflictError)
        assert active_id(storage, session) == first

    def test_expected_active(self, storage: SessionStorage) -> None:
        """With the right expectation a checkpoint is created as without one."""
        session, first = new_session(storage, user("1"))
        request = CreateCheckpointRequest([user("1"), user("2")], parent_id=first)
        made = storage.create_checkpoint(session, request, expected_active=first)
        assert storage.get_active_checkpoint(session) == made
        # The expectation is of what is active, not of the parent.
        storage.set_active_checkpoint(session, first)
        branch = CreateCheckpointRequest([user("x")], parent_id=made.id)
        last = storage.create_checkpoint(session, branch, expected_active=first)
        assert (last.parent_id, active_id(storage, session)) == (made.id, last.id)

    def test_expected_active_is_stale(self, storage: SessionStorage) -> None:
        """With another checkpoint active, creating one is a conflict, and nothing has changed."""
        session, first = new_session(storage, user("1"))
        second = append(storage, session, user("2"))
        _, foreign = new_session(storage)
        for stale in (first, foreign, NOBODY):
            for parent in (None, first, second):
                request = CreateCheckpointRequest([user("late")], parent_id=parent)
                with refused(storage, ConflictError) as caught:
                    storage.create_checkpoint(session, request, expected_active=stale)
                assert caught.value.code == "conflict"
        # A rewind makes an expectation stale as well.
        storage.set_active_checkpoint(session, first)
        with refused(storage, ConflictError):
            storage.create_checkpoint(
                session, CreateCheckpointRequest([user("late")]), expected_active=second
            )

    def test_checkpoints_do_not_change(self, storage: SessionStorage) -> None:
        """Whatever is written later, a checkpoint reads as it did."""
        session, first = new_session(storage, user("1"))
        before = storage.get_checkpoint(first)
        for i in range(20):
            append(storage, session, user(str(i)))
        storage.set_active_checkpoint(session, first)
        checkpoint(storage, session, user("other"), parent=first)
        storage.delete_session(session)
        assert storage.get_checkpoint(first) == before
