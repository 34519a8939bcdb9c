"""Ids as text, ids that lead nowhere, and values that are not ids."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ..errors import NotFoundError
from ..models import CreateCheckpointRequest, SearchQuery, UpdateSessionRequest
from ..protocols import SessionStorage
from .base import NOBODY, Contract, new_session, refused, user

Method = Callable[[SessionStorage, Any], object]

BY_SESSION: dict[str, Method] = {
    "get_session": lambda storage, id_: storage.get_session(id_),
    "update_session": lambda storage, id_: storage.update_session(
        id_, UpdateSessionRequest(title="new")
    ),
    "delete_session": lambda storage, id_: storage.delete_session(id_),
    "restore_session": lambda storage, id_: storage.restore_session(id_),
    "fork_session": lambda storage, id_: storage.fork_session(id_),
    "list_checkpoints": lambda storage, id_: storage.list_checkpoints(id_),
    "create_checkpoint": lambda storage, id_: storage.create_checkpoint(
        id_, CreateCheckpointRequest([user("x")])
    ),
    "append_messages": lambda storage, id_: storage.append_messages(id_, [user("x")]),
    "get_active_checkpoint": lambda storage, id_: storage.get_active_checkpoint(id_),
    "set_active_checkpoint": lambda storage, id_: storage.set_active_checkpoint(id_, NOBODY),
    "get_session_stats": lambda storage, id_: storage.get_session_stats(id_),
}

NO_IDS: list[Any] = [
    None,
    "",
    "x",
    NOBODY.hex,
    f"{{{NOBODY}}}",
    NOBODY.urn,
    0,
    NOBODY.int,
    NOBODY.bytes,
    ["id"],
    ("id",),
]


class UnknownIdsContract(Contract):
    """An id is a UUID or its text; an unknown one is NotFoundError, anything else is refused."""

    @pytest.mark.parametrize("method", BY_SESSION)
    def test_unknown_session(self, storage: SessionStorage, method: str) -> None:
        """No method finds, or makes, a session that does not exist; in an empty storage neither."""
        with refused(storage, NotFoundError):
            BY_SESSION[method](storage, NOBODY)
        _, first = new_session(storage, user("1"))
        for id_ in (NOBODY, first):
            with refused(storage, NotFoundError) as caught:
                BY_SESSION[method](storage, id_)
            assert caught.value.code == "not_found"

    @pytest.mark.parametrize("method", [*BY_SESSION, "checkpoints", "search"])
    def test_ids_as_text(self, storage: SessionStorage, method: str) -> None:
        """Every method takes the text of an id, in either case, as it takes the id."""
        session, first = new_session(storage, user("tomato"))
        if method == "checkpoints":
            assert storage.get_checkpoint(str(first)).id == first
            request = CreateCheckpointRequest([user("x")], str(first))
            made = storage.create_checkpoint(str(session), request, expected_active=str(first))
            assert made.parent_id == first
            append = storage.append_messages
            last = append(str(session), [user("y")], expected_active=str(made.id).upper())
            assert storage.set_active_checkpoint(session, str(last.id)).id == last.id
            forked = storage.fork_session(str(session), checkpoint_id=str(first))
            assert len(forked.checkpoint.state.messages) == 1
        elif method == "search":
            query = SearchQuery("tomato", session_id=str(session))
            assert [hit.session_id for hit in storage.search(query).hits] == [session]
        elif method == "set_active_checkpoint":
            assert storage.set_active_checkpoint(str(session).upper(), first).id == first
        else:
            BY_SESSION[method](storage, str(session).upper())
            BY_SESSION[method](storage, str(session))

    def test_unknown_checkpoint(self, storage: SessionStorage) -> None:
        """No checkpoint is found by an id that is not there, or is a session's."""
        with refused(storage, NotFoundError):
            storage.get_checkpoint(NOBODY)
        session, _ = new_session(storage, user("1"))
        for id_ in (NOBODY, session):
            with refused(storage, NotFoundError):
                storage.get_checkpoint(id_)

    @pytest.mark.parametrize("value", NO_IDS, ids=repr)
    def test_values_that_are_no_ids(self, storage: SessionStorage, value: Any) -> None:
        """Other forms of an id than ``uuid.UUID`` and its canonical text are refused everywhere."""
        session, first = new_session(storage, user("1"))
        for method in BY_SESSION.values():
            with refused(storage):
                method(storage, value)
        with refused(storage):
            storage.get_checkpoint(value)
        with refused(storage):
            storage.set_active_checkpoint(session, value)
        if value is not None:
            request = CreateCheckpointRequest([user("x")])
            with refused(storage):
                storage.create_checkpoint(session, request.with_parent(value))
            with refused(storage):
                storage.create_checkpoint(session, request, expected_active=value)
            with refused(storage):
                storage.append_messages(session, [user("x")], expected_active=value)
            with refused(storage):
                storage.fork_session(session, checkpoint_id=value)
        assert storage.get_active_checkpoint(session).id == first
