from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from sessionfs import FileStorage, ImportedCheckpoint, ImportSessionRequest, ListSessionsQuery
from sessionfs.testing import (
    ActiveContract,
    AppendingContract,
    CheckpointsContract,
    OpeningContract,
    PlainSessionStorageContract,
    SessionsContract,
    SessionStorageContract,
)


class TestFileStorage(SessionStorageContract):
    def make_storage(self, place: Path, message_type: type[Any]) -> FileStorage:
        return FileStorage(place / "store", durability="relaxed", message_type=message_type)


@pytest.mark.slow
class TestFileStorageOfDicts(PlainSessionStorageContract):
    def make_storage(self, place: Path, message_type: type[Any]) -> FileStorage:
        return FileStorage(place / "store", durability="relaxed", message_type=message_type)


class TestDurableFileStorage(
    OpeningContract, SessionsContract, CheckpointsContract, AppendingContract, ActiveContract
):
    """Durability changes when a write returns, and nothing else."""

    def make_storage(self, place: Path, message_type: type[Any]) -> FileStorage:
        return FileStorage(place / "store", durability="full", message_type=message_type)


def test_ties_are_listed_by_id(tmp_path: Path) -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 6, UTC)
    ids = [UUID(int=n << 96 | 7 << 76 | 2 << 62) for n in (5, 2**31, 1, 3, 2**32 - 1)]
    with FileStorage(tmp_path, durability="relaxed") as storage:
        for id_ in ids:
            storage.import_session(
                ImportSessionRequest(
                    session_id=id_,
                    title=str(id_),
                    checkpoints=[ImportedCheckpoint(messages=[], created_at=moment)],
                    created_at=moment,
                )
            )
        listed = storage.list_sessions()
        assert {each.updated_at for each in listed.sessions} == {moment}
        assert [each.id for each in listed.sessions] == sorted(ids)
        pages = [storage.list_sessions(ListSessionsQuery(limit=1, offset=i)) for i in range(len(ids))]
        assert [page.sessions[0].id for page in pages] == sorted(ids)
