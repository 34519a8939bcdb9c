"""Ids that lead nowhere, and values that are no ids."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ..errors import NotFoundError
from ..models import CreateCheckpointRequest, UpdateSessionRequest
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

NO_IDS: list[Any] = [None, "", "x", str(NOBODY), 0, NOBODY.int, NOBODY.bytes, ["id"], ("id",)]


class UnknownIdsContract(Contract):
    """An id that is not there is NotFoundError, a value that is no id InvalidRequestError."""

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
        """Ids are ``uuid.UUID``: their texts, numbers and bytes are refused everywhere."""
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
