"""Sessions: creating, reading, updating, deleting; and what a storage is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ..models import (
    CreateSessionRequest,
    ListCheckpointsQuery,
    ListSessionsQuery,
    Session,
    SessionStatus,
    SessionVisibility,
    UpdateSessionRequest,
)
from ..protocols import SessionStorage
from .base import Contract, active_id, append, assistant, checkpoint, new_session, said, user

TITLES = [
    "plain",
    "",
    " spaces kept ",
    "100% sure",
    "snake_case_title",
    "back\\slash",
    'it\'s "quoted" `so`',
    "'; DROP TABLE sessions; --",
    "two\nlines\r\n\tand a tab",
    "a/../../b",
    "nul \x00 inside",
    "line\u2028separator",
    "👩‍💻 🎉 emoji",
    "שלום עולם",
    "مرحبا بالعالم",
    "e\u0301 is not \u00e9",
    "漢字かな",
    "t" * 10_000,
]

UPDATES = [
    pytest.param(UpdateSessionRequest(title="new"), {"title": "new"}, id="title"),
    pytest.param(UpdateSessionRequest(title=""), {"title": ""}, id="empty title"),
    pytest.param(
        UpdateSessionRequest(visibility=SessionVisibility.PRIVATE),
        {"visibility": SessionVisibility.PRIVATE},
        id="visibility",
    ),
    pytest.param(UpdateSessionRequest(cwd="/new"), {"cwd": "/new"}, id="cwd"),
    pytest.param(
        UpdateSessionRequest()
        .with_title("all")
        .with_visibility(SessionVisibility.PRIVATE)
        .with_cwd("/"),
        {"title": "all", "visibility": SessionVisibility.PRIVATE, "cwd": "/"},
        id="all",
    ),
]


class SessionsContract(Contract):
    """A session keeps what it was given, and changes in what it was told to."""

    def test_create_returns_the_first_checkpoint(self, storage: SessionStorage) -> None:
        """Creating a session creates one checkpoint, without a parent, which is active."""
        created = storage.create_session(CreateSessionRequest("t", [user("hi"), assistant("yes?")]))
        first = created.checkpoint
        assert (first.session_id, first.parent_id) == (created.session_id, None)
        assert said(first) == ["hi", "yes?"]
        assert storage.get_active_checkpoint(created.session_id) == first
        listed = storage.list_checkpoints(created.session_id)
        assert ([each.id for each in listed.checkpoints], listed.total) == ([first.id], 1)

    def test_get_session(self, storage: SessionStorage) -> None:
        """A session is read with its facts, its active checkpoint and that one's state."""
        request = CreateSessionRequest("the title", [user("hi")])
        request = request.with_visibility(SessionVisibility.PUBLIC).with_cwd("/home/me")
        created = storage.create_session(request.with_metadata({"step": [1, None]}))
        session = storage.get_session(created.session_id)
        assert session.id == created.session_id
        assert _facts(session) == {
            "title": "the title",
            "visibility": SessionVisibility.PUBLIC,
            "status": SessionStatus.ACTIVE,
            "cwd": "/home/me",
        }
        assert session.active_checkpoint == created.checkpoint
        assert said(session) == ["hi"]
        assert created.checkpoint.state.metadata == {"step": [1, None]}

    def test_defaults(self, storage: SessionStorage) -> None:
        """Nothing but a title is needed."""
        created = storage.create_session(CreateSessionRequest("bare"))
        session = storage.get_session(created.session_id)
        assert _facts(session) == {
            "title": "bare",
            "visibility": SessionVisibility.PRIVATE,
            "status": SessionStatus.ACTIVE,
            "cwd": None,
        }
        assert created.checkpoint.state.messages == []
        assert created.checkpoint.state.metadata is None
        assert said(session) == []

    def test_values_of_enumerations_are_taken_as_texts(self, storage: SessionStorage) -> None:
        """The plain text of a visibility or status is as good as the member."""
        text: Any = "PUBLIC"
        session, _ = new_session(storage, visibility=text)
        assert storage.get_session(session).visibility is SessionVisibility.PUBLIC
        deleted: Any = "DELETED"
        assert storage.list_sessions(ListSessionsQuery(status=deleted)).total == 0
        assert storage.list_sessions(ListSessionsQuery(visibility=text)).total == 1

    @pytest.mark.parametrize("title", TITLES, ids=ascii)
    def test_titles_and_directories_are_any_text(self, storage: SessionStorage, title: str) -> None:
        """What a title or a working directory is made of does not matter."""
        session, _ = new_session(storage, title=title, cwd=title)
        found = storage.get_session(session)
        assert (found.title, found.cwd) == (title, title)
        [listed] = storage.list_sessions().sessions
        assert (listed.title, listed.cwd) == (title, title)
        other, _ = new_session(storage)
        updated = storage.update_session(other, UpdateSessionRequest(title=title, cwd=title))
        assert (updated.title, updated.cwd) == (title, title)

    def test_ids_differ(self, storage: SessionStorage) -> None:
        """The same request twice makes two sessions with two checkpoints."""
        made = [new_session(storage, user("hi")) for _ in range(10)]
        assert len({id_ for pair in made for id_ in pair}) == 20

    @pytest.mark.parametrize(("request_", "changed"), UPDATES)
    def test_update_sets_what_is_named(
        self, storage: SessionStorage, request_: UpdateSessionRequest, changed: dict[str, Any]
    ) -> None:
        """Update sets the fields that are named, leaves the rest, and returns the session."""
        public = SessionVisibility.PUBLIC
        session, _ = new_session(storage, user("hi"), title="old", visibility=public, cwd="/old")
        before = storage.get_session(session)
        updated = storage.update_session(session, request_)
        assert _facts(updated) == {**_facts(before), **changed}
        assert updated.active_checkpoint == before.active_checkpoint
        assert updated.created_at == before.created_at
        assert updated.updated_at > before.updated_at
        assert storage.get_session(session) == updated

    def test_updates_add_up(self, storage: SessionStorage) -> None:
        """A later update wins over an earlier one of its own field, and undoes none of another."""
        session, _ = new_session(storage, title="0", cwd="/0")
        storage.update_session(session, UpdateSessionRequest(title="1"))
        storage.update_session(session, UpdateSessionRequest(cwd="/1"))
        storage.update_session(session, UpdateSessionRequest(title="2"))
        found = storage.get_session(session)
        assert (found.title, found.cwd) == ("2", "/1")

    def test_update_of_nothing(self, storage: SessionStorage) -> None:
        """An update that names nothing returns the session, with the same facts."""
        session, _ = new_session(storage, user("hi"))
        before = _facts(storage.get_session(session))
        assert _facts(storage.update_session(session, UpdateSessionRequest())) == before

    def test_update_of_a_deleted_session(self, storage: SessionStorage) -> None:
        """An update does not restore a deleted session."""
        session, _ = new_session(storage)
        storage.delete_session(session)
        updated = storage.update_session(session, UpdateSessionRequest(title="new"))
        assert (updated.title, updated.status) == ("new", SessionStatus.DELETED)

    def test_deleted_sessions_stay_readable(self, storage: SessionStorage) -> None:
        """Deleting sets the status, and nothing else changes for a reader."""
        session, first = new_session(storage, user("hi"))
        append(storage, session, assistant("yes?"))
        with_states = ListCheckpointsQuery(include_state=True)
        before = storage.get_session(session)
        checkpoints = storage.list_checkpoints(session, with_states)
        stats = storage.get_session_stats(session)
        storage.delete_session(session)
        after = storage.get_session(session)
        assert _facts(after) == {**_facts(before), "status": SessionStatus.DELETED}
        assert after.active_checkpoint == before.active_checkpoint
        assert storage.get_active_checkpoint(session) == before.active_checkpoint
        assert storage.list_checkpoints(session, with_states) == checkpoints
        assert said(storage.get_checkpoint(first)) == ["hi"]
        assert storage.get_session_stats(session) == stats
        [listed] = storage.list_sessions().sessions
        assert (listed.id, listed.status) == (session, SessionStatus.DELETED)

    def test_delete_and_restore_may_be_repeated(self, storage: SessionStorage) -> None:
        """Deleting and restoring set a status, whatever it was; the rest stays."""
        session, _ = new_session(storage, user("hi"), title="kept", cwd="/kept")
        facts = _facts(storage.get_session(session))
        storage.restore_session(session)
        assert _facts(storage.get_session(session)) == facts
        for _ in range(2):
            for _ in range(2):
                storage.delete_session(session)
                assert storage.get_session(session).status is SessionStatus.DELETED
            for _ in range(2):
                storage.restore_session(session)
                assert _facts(storage.get_session(session)) == facts
        assert said(storage.get_session(session)) == ["hi"]

    def test_sessions_are_isolated(self, storage: SessionStorage) -> None:
        """Nothing that is done to one session shows in another."""
        mine, first = new_session(storage, user("mine"), title="mine")
        other, start = new_session(storage, user("mine"), title="mine")
        summary = _summary(storage, other)
        session = storage.get_session(other)
        checkpoints = storage.list_checkpoints(other)
        append(storage, mine, user("more"))
        checkpoint(storage, mine, user("else"), parent=first)
        storage.set_active_checkpoint(mine, first)
        storage.update_session(mine, UpdateSessionRequest(title="changed", cwd="/changed"))
        storage.delete_session(mine)
        assert storage.get_session(other) == session
        assert storage.list_checkpoints(other) == checkpoints
        assert _summary(storage, other) == summary
        assert active_id(storage, other) == start

    def test_times_are_aware_utc_and_do_not_fall(self, storage: SessionStorage) -> None:
        """Every time is an aware UTC datetime; ``created_at`` stays, ``updated_at`` rises."""
        session, _ = new_session(storage, user("hi"))
        created = storage.get_session(session)
        append(storage, session, user("more"))
        found, listed, active = _three(storage, session)
        for each in (created, found, listed, active):
            for moment in (each.created_at, each.updated_at):
                assert moment.utcoffset() == timedelta(0)
            assert each.created_at <= each.updated_at
        assert listed.last_message_at is not None
        assert listed.last_message_at.utcoffset() == timedelta(0)
        assert found.created_at == listed.created_at == created.created_at
        assert found.updated_at == listed.updated_at > created.updated_at
        assert active.created_at == active.updated_at >= created.created_at


def _facts(session: Session) -> dict[str, Any]:
    return {name: getattr(session, name) for name in ("title", "visibility", "status", "cwd")}


def _summary(storage: SessionStorage, session: Any) -> Any:
    return next(each for each in storage.list_sessions().sessions if each.id == session)


def _three(storage: SessionStorage, session: Any) -> tuple[Session, Any, Any]:
    return (
        storage.get_session(session),
        _summary(storage, session),
        storage.get_active_checkpoint(session),
    )
