"""What a storage is: its protocol, its backend, opening and closing."""

from __future__ import annotations

from typing import Any

import pytest

from ..models import BackendInfo, BackendKind, UpdateSessionRequest
from ..protocols import AsyncSessionStorage, SessionStorage
from .base import AsyncAdapter, Contract, OpenStorage, append, everything, new_session, said, user


class OpeningContract(Contract):
    """A storage says what it is, can be closed, and shares its sessions with others of its place."""

    def test_storage_is_of_the_protocol(self, storage: SessionStorage) -> None:
        """The methods of the protocols are there by name."""
        if isinstance(storage, AsyncAdapter):
            assert isinstance(storage.wrapped, AsyncSessionStorage)
        else:
            assert isinstance(storage, SessionStorage)

    def test_backend_info(self, storage: SessionStorage) -> None:
        """A storage says which backend it is, before and after it was written to."""
        info = storage.backend_info()
        assert isinstance(info, BackendInfo)
        assert isinstance(info.kind, BackendKind)
        new_session(storage)
        assert storage.backend_info() == info

    def test_with_block(self, storage: SessionStorage) -> None:
        """``with`` (``async with``) gives the storage itself, and lets errors pass."""
        manager: Any = storage
        with manager as entered:
            assert entered is manager
            session, _ = new_session(entered, user("hi"))
        assert said(storage.get_session(session)) == ["hi"]
        with pytest.raises(ZeroDivisionError), manager:
            _ = 1 / 0

    def test_close(self, storage: SessionStorage) -> None:
        """A closed storage has lost nothing, may be used, and may be closed again."""
        session, _ = new_session(storage, user("hi"))
        before = everything(storage)
        storage.close()
        storage.close()
        assert everything(storage) == before
        append(storage, session, user("more"))
        assert said(storage.get_session(session)) == ["hi", "more"]

    def test_another_storage_sees_the_same(
        self, storage: SessionStorage, open_storage: OpenStorage
    ) -> None:
        """What one storage has written, another of the same place reads at once, and the reverse."""
        other = open_storage(self.message_type)
        session, first = new_session(storage, user("hi"), title="shared")
        assert everything(other) == everything(storage)
        append(other, session, user("more"))
        assert said(storage.get_active_checkpoint(session)) == ["hi", "more"]
        storage.set_active_checkpoint(session, first)
        other.update_session(session, UpdateSessionRequest(title="renamed"))
        listed, [found], _ = everything(storage)
        assert found.title == listed.sessions[0].title == "renamed"
        assert everything(other) == everything(storage)
