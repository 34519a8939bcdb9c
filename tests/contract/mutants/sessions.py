"""Creating, updating and deleting sessions."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from sessionfs import (
    Id,
    CreateCheckpointRequest,
    CreateSessionRequest,
    CreateSessionResult,
    FileStorage,
    InvalidRequestError,
    ListSessionsQuery,
    NotFoundError,
    Session,
    SessionStatus,
    SessionVisibility,
    UpdateSessionRequest,
)

from .register import ALL, caught_by


@caught_by("test_deleted_sessions_stay_readable", "test_delete_and_restore_may_be_repeated")
class DeletedIsGone(FileStorage):
    def get_session(self, session_id: Id) -> Session:
        session = super().get_session(session_id)
        if session.status is SessionStatus.DELETED:
            raise NotFoundError("deleted")
        return session


@caught_by("test_ids_as_text")
class IdsAreNoTexts(FileStorage):
    def get_session(self, session_id: Id) -> Session:
        if isinstance(session_id, str):
            raise InvalidRequestError("session_id must be a UUID")
        return super().get_session(session_id)


@caught_by("test_delete_and_restore_may_be_repeated", "test_unknown_session")
class RestoreDoesNothing(FileStorage):
    def restore_session(self, session_id: Id) -> None:
        pass


@caught_by("test_unknown_session")
class DeleteOfNothing(FileStorage):
    def delete_session(self, session_id: Id) -> None:
        try:
            super().delete_session(session_id)
        except NotFoundError:
            return


@caught_by("test_update_sets_what_is_named", "test_updates_add_up")
class UpdateSetsAll(FileStorage):
    def update_session(self, session_id: Id, request: UpdateSessionRequest) -> Session:
        request = msgspec.structs.replace(
            request,
            visibility=request.visibility or SessionVisibility.PRIVATE,
            cwd=request.cwd or "",
        )
        return super().update_session(session_id, request)


@caught_by("test_update_sets_what_is_named")
class EmptyTitleIsNone(FileStorage):
    def update_session(self, session_id: Id, request: UpdateSessionRequest) -> Session:
        return super().update_session(
            session_id, msgspec.structs.replace(request, title=request.title or None)
        )


@caught_by("test_update_of_a_deleted_session")
class UpdateRestores(FileStorage):
    def update_session(self, session_id: Id, request: UpdateSessionRequest) -> Session:
        self.restore_session(session_id)
        return super().update_session(session_id, request)


@caught_by("test_titles_and_directories_are_any_text")
class TitlesStripped(FileStorage):
    def create_session(self, request: CreateSessionRequest) -> CreateSessionResult:
        if isinstance(request.title, str):
            request = msgspec.structs.replace(request, title=request.title.strip())
        return super().create_session(request)


@caught_by("test_bad_facts")
class TitlesConverted(FileStorage):
    def create_session(self, request: CreateSessionRequest) -> CreateSessionResult:
        return super().create_session(msgspec.structs.replace(request, title=str(request.title)))


@caught_by("test_bad_facts", "test_unstorable_values")
class WrittenBeforeChecked(FileStorage):
    def create_session(self, request: CreateSessionRequest) -> CreateSessionResult:
        try:
            return super().create_session(request)
        except InvalidRequestError:
            super().create_session(CreateSessionRequest("half"))
            raise


@caught_by("test_bad_updates")
class UpdateInParts(FileStorage):
    def update_session(self, session_id: Id, request: UpdateSessionRequest) -> Session:
        super().update_session(session_id, UpdateSessionRequest(title=request.title))
        return super().update_session(session_id, request)


@caught_by("test_defaults")
class NoCwdIsEmpty(FileStorage):
    def get_session(self, session_id: Id) -> Session:
        session = super().get_session(session_id)
        session.cwd = session.cwd or ""
        return session


@caught_by("test_create_returns_the_first_checkpoint", "test_fork", "test_set_what_is_active")
class TwoFirstCheckpoints(FileStorage):
    def create_session(self, request: CreateSessionRequest) -> CreateSessionResult:
        created = super().create_session(request)
        state = CreateCheckpointRequest(request.messages, metadata=request.metadata)
        made = self.create_checkpoint(created.session_id, state)
        return CreateSessionResult(created.session_id, made)

    def fork_session(
        self, session_id: Id, *, checkpoint_id: Id | None = None, title: str | None = None
    ) -> CreateSessionResult:
        made = super().fork_session(session_id, checkpoint_id=checkpoint_id, title=title)
        self.append_messages(made.session_id, [])
        return made


@caught_by("test_ids_differ", "test_sessions_are_isolated")
class SameRequestIsOneSession(FileStorage):
    def create_session(self, request: CreateSessionRequest) -> CreateSessionResult:
        made: list[Any] = self.__dict__.setdefault("made", [])
        for before, created in made:
            if (before.title, before.messages) == (request.title, request.messages):
                return created  # type: ignore[no-any-return]
        made.append((request, super().create_session(request)))
        return made[-1][1]  # type: ignore[no-any-return]


@caught_by("test_sessions_are_isolated")
class UpdateIsOfAll(FileStorage):
    def update_session(self, session_id: Id, request: UpdateSessionRequest) -> Session:
        for each in self.list_sessions(ListSessionsQuery(limit=ALL)).sessions:
            super().update_session(each.id, request)
        return super().update_session(session_id, request)


@caught_by("test_update_of_nothing", "test_results_are_the_callers_own")
class UpdateOfNothingIsRefused(FileStorage):
    def update_session(self, session_id: Id, request: UpdateSessionRequest) -> Session:
        if request == UpdateSessionRequest():
            raise InvalidRequestError("nothing to do")
        return super().update_session(session_id, request)


@caught_by("test_values_of_enumerations_are_taken_as_texts")
class OnlyMembers(FileStorage):
    def create_session(self, request: CreateSessionRequest) -> CreateSessionResult:
        if not isinstance(request.visibility, SessionVisibility):
            raise InvalidRequestError("visibility")
        return super().create_session(request)
