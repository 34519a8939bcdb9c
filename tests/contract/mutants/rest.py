"""Ids, closing, and what a storage is."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sessionfs import (
    Id,
    BackendInfo,
    BackendKind,
    Checkpoint,
    FileStorage,
    InvalidRequestError,
    ListSessionsQuery,
    ListSessionsResult,
    NotFoundError,
    Session,
)

from .register import caught_by


@caught_by("test_unknown_checkpoint", "test_unknown_session")
class NotFoundIsInvalid(FileStorage):
    def get_checkpoint(self, checkpoint_id: Id, *, partial: bool = False) -> Checkpoint:
        try:
            return super().get_checkpoint(checkpoint_id, partial=partial)
        except NotFoundError as error:
            raise InvalidRequestError("no such checkpoint") from error

    def get_session(self, session_id: Id) -> Session:
        try:
            return super().get_session(session_id)
        except NotFoundError as error:
            raise InvalidRequestError("no such session") from error


@caught_by("test_values_that_are_no_ids")
class TextsAreIds(FileStorage):
    def get_session(self, session_id: Id) -> Session:
        given: Any = session_id
        try:
            return super().get_session(UUID(str(given)))
        except ValueError as error:
            raise InvalidRequestError(f"no id: {given}") from error


@caught_by("test_close")
class ClosedIsClosed(FileStorage):
    def close(self) -> None:
        self._closed = True

    def list_sessions(self, query: ListSessionsQuery | None = None) -> ListSessionsResult:
        if getattr(self, "_closed", False):
            raise InvalidRequestError("closed")
        return super().list_sessions(query)


@caught_by("test_with_block")
class ExitHidesErrors(FileStorage):
    def __exit__(self, *error: object) -> bool:  # type: ignore[override]
        return True


@caught_by("test_backend_info")
class InfoIsOfTheMoment(FileStorage):
    def backend_info(self) -> BackendInfo:
        count = self.list_sessions().total
        return BackendInfo(BackendKind.LOCAL, endpoint=str(count))


@caught_by("test_storage_is_of_the_protocol")
class MethodMissing(FileStorage):
    restore_session: Any = None
