"""The contract: what every storage of sessions does, whatever it keeps them in.

Names and meanings are those of Stakpak's Rust trait ``SessionStorage``, and beyond it
``restore_session``, ``fork_session``, ``append_messages``, ``set_active_checkpoint`` and ``search``.
The suite in ``sessionfs.testing`` checks an implementation against every sentence here.

What holds for all methods: failures are of the tree in ``sessionfs.errors``, and a request that is
refused has changed nothing. An id is a UUID or its text; unknown ids are NotFoundError. Limits and
offsets below 0 are InvalidRequestError; past the end they give an empty page with the exact ``total``.
Returned objects belong to the caller: changing them changes nothing that is stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Protocol, Self, runtime_checkable

from .models import (
    BackendInfo,
    Checkpoint,
    CheckpointSummary,
    CreateCheckpointRequest,
    CreateSessionRequest,
    CreateSessionResult,
    Id,
    ListCheckpointsQuery,
    ListCheckpointsResult,
    ListSessionsQuery,
    ListSessionsResult,
    Message,
    MessageT,
    SearchQuery,
    SearchResult,
    Session,
    SessionStats,
    UpdateSessionRequest,
)


@runtime_checkable
class SessionStorage(Protocol[MessageT]):
    """Keeps sessions and their checkpoints."""

    def __enter__(self) -> Self:
        """Return the storage, which is closed at the end of the block."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the storage."""
        ...

    def backend_info(self) -> BackendInfo:
        """Return which backend this is, and where."""
        ...

    def list_sessions(self, query: ListSessionsQuery | None = None) -> ListSessionsResult:
        """Return a page of the sessions that match, newest ``updated_at`` first, ties by id.

        Deleted sessions are listed unless ``status`` says otherwise. ``total`` counts all that match.
        """
        ...

    def get_session(self, session_id: Id) -> Session[MessageT]:
        """Return a session, deleted ones too, with its active checkpoint and that one's state.

        NotFoundError if there is no such session. A session that cannot be read is an error.
        """
        ...

    def create_session(self, request: CreateSessionRequest) -> CreateSessionResult[MessageT]:
        """Create a session with its first checkpoint, all of it or nothing."""
        ...

    def update_session(self, session_id: Id, request: UpdateSessionRequest) -> Session[MessageT]:
        """Set what the request names, leave the rest, and return the session."""
        ...

    def delete_session(self, session_id: Id) -> None:
        """Give a session the status DELETED; everything stays readable."""
        ...

    def restore_session(self, session_id: Id) -> None:
        """Give a session the status ACTIVE again."""
        ...

    def fork_session(
        self, session_id: Id, *, checkpoint_id: Id | None = None, title: str | None = None
    ) -> CreateSessionResult[MessageT]:
        """Create a session whose first state is that of a checkpoint, None: the active one.

        Visibility and working directory are those of the session, and so is the title where it is
        None. The session itself stays as it is.
        """
        ...

    def list_checkpoints(
        self, session_id: Id, query: ListCheckpointsQuery | None = None
    ) -> ListCheckpointsResult[MessageT]:
        """Return a page of a session's checkpoints, oldest first, with states if the query asks."""
        ...

    def get_checkpoint(self, checkpoint_id: Id, *, partial: bool = False) -> Checkpoint[MessageT]:
        """Return a checkpoint by its id alone, whichever session it is of.

        With ``partial`` also one that cannot be read as a whole: what can, with ``gaps``.
        """
        ...

    def create_checkpoint(
        self,
        session_id: Id,
        request: CreateCheckpointRequest,
        *,
        expected_active: Id | None = None,
    ) -> Checkpoint[MessageT]:
        """Store a whole state and make it active.

        The parent must be a checkpoint of the same session (InvalidRequestError). ConflictError, and
        nothing changed, if ``expected_active`` is given and another checkpoint is active.
        """
        ...

    def append_messages(
        self,
        session_id: Id,
        messages: Sequence[Message],
        *,
        metadata: dict[str, Any] | None = None,
        expected_active: Id | None = None,
    ) -> CheckpointSummary[MessageT]:
        """Store the active checkpoint's messages followed by these, as its child, and make it active.

        ``expected_active`` as for ``create_checkpoint``.
        """
        ...

    def get_active_checkpoint(self, session_id: Id) -> Checkpoint[MessageT]:
        """Return the checkpoint that was made active last."""
        ...

    def set_active_checkpoint(self, session_id: Id, checkpoint_id: Id) -> CheckpointSummary[MessageT]:
        """Make a checkpoint of the session active; NotFoundError if it is not one."""
        ...

    def get_session_stats(self, session_id: Id) -> SessionStats:
        """Return figures counted from the messages of the active checkpoint."""
        ...

    def get_store_stats(self, query: ListSessionsQuery | None = None) -> SessionStats:
        """Return the figures of all sessions together, or of those that a query's filters match."""
        ...

    def search(self, query: SearchQuery) -> SearchResult:
        """Return a page of the messages and titles that contain a text; case-insensitive.

        A hit is what contains the text, and nothing else is: parts of words, punctuation and code too.
        Titles first, the session that changed last first; then messages, newest first. ``total``
        counts all hits; a message counts once in a session.
        """
        ...

    def close(self) -> None:
        """Release what is held. Using the storage afterwards is allowed but gains nothing."""
        ...


@runtime_checkable
class AsyncSessionStorage(Protocol[MessageT]):
    """``SessionStorage`` with coroutines: what each method does is said there.

    ``backend_info`` alone is not a coroutine.
    """

    async def __aenter__(self) -> Self:
        """Return the storage, which is closed at the end of the block."""
        ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the storage."""
        ...

    def backend_info(self) -> BackendInfo: ...

    async def list_sessions(self, query: ListSessionsQuery | None = None) -> ListSessionsResult: ...

    async def get_session(self, session_id: Id) -> Session[MessageT]: ...

    async def create_session(self, request: CreateSessionRequest) -> CreateSessionResult[MessageT]: ...

    async def update_session(
        self, session_id: Id, request: UpdateSessionRequest
    ) -> Session[MessageT]: ...

    async def delete_session(self, session_id: Id) -> None: ...

    async def restore_session(self, session_id: Id) -> None: ...

    async def fork_session(
        self, session_id: Id, *, checkpoint_id: Id | None = None, title: str | None = None
    ) -> CreateSessionResult[MessageT]: ...

    async def list_checkpoints(
        self, session_id: Id, query: ListCheckpointsQuery | None = None
    ) -> ListCheckpointsResult[MessageT]: ...

    async def get_checkpoint(
        self, checkpoint_id: Id, *, partial: bool = False
    ) -> Checkpoint[MessageT]: ...

    async def create_checkpoint(
        self,
        session_id: Id,
        request: CreateCheckpointRequest,
        *,
        expected_active: Id | None = None,
    ) -> Checkpoint[MessageT]: ...

    async def append_messages(
        self,
        session_id: Id,
        messages: Sequence[Message],
        *,
        metadata: dict[str, Any] | None = None,
        expected_active: Id | None = None,
    ) -> CheckpointSummary[MessageT]: ...

    async def get_active_checkpoint(self, session_id: Id) -> Checkpoint[MessageT]: ...

    async def set_active_checkpoint(
        self, session_id: Id, checkpoint_id: Id
    ) -> CheckpointSummary[MessageT]: ...

    async def get_session_stats(self, session_id: Id) -> SessionStats: ...

    async def get_store_stats(self, query: ListSessionsQuery | None = None) -> SessionStats: ...

    async def search(self, query: SearchQuery) -> SearchResult: ...

    async def close(self) -> None: ...
