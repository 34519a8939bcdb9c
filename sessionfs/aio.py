"""FileStorage for asyncio: each method handed to a thread, and nothing added.

A call that is cancelled goes on in its thread and is carried out or not as a whole; the caller only
stops waiting for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from .fs.files import MAX_BYTES, Durability, StrPath
from .models import (
    BackendInfo,
    ChatMessage,
    Checkpoint,
    CheckpointSummary,
    CreateCheckpointRequest,
    CreateSessionRequest,
    CreateSessionResult,
    ImportSessionRequest,
    ImportSessionResult,
    IndexState,
    ListCheckpointsQuery,
    ListCheckpointsResult,
    ListSessionsQuery,
    ListSessionsResult,
    MergeResult,
    Message,
    PurgeResult,
    RelocateResult,
    SearchQuery,
    SearchResult,
    Session,
    SessionStats,
    UpdateSessionRequest,
    VerifyResult,
)
from .models.events import RELIST_SECONDS
from .models.maintenance import Progress
from .storage import FileStorage
from .watch.aio import AsyncWatcher


class AsyncFileStorage:
    """``FileStorage`` with coroutines; arguments, results and errors are the same."""

    def __init__(
        self,
        root: StrPath,
        *,
        durability: Durability = "full",
        index_dir: StrPath | None = None,
        message_type: type[Any] = ChatMessage,
        max_object_bytes: int = MAX_BYTES,
    ) -> None:
        self._sync = FileStorage(
            root,
            durability=durability,
            index_dir=index_dir,
            message_type=message_type,
            max_object_bytes=max_object_bytes,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def backend_info(self) -> BackendInfo:
        """See ``FileStorage.backend_info``."""
        return self._sync.backend_info()

    async def session_path(self, session_id: UUID) -> str:
        """See ``FileStorage.session_path``."""
        return await asyncio.to_thread(self._sync.session_path, session_id)

    async def checkpoint_path(self, checkpoint_id: UUID) -> str:
        """See ``FileStorage.checkpoint_path``."""
        return await asyncio.to_thread(self._sync.checkpoint_path, checkpoint_id)

    async def session_ids(self) -> list[UUID]:
        """See ``FileStorage.session_ids``."""
        return await asyncio.to_thread(self._sync.session_ids)

    async def list_sessions(self, query: ListSessionsQuery | None = None) -> ListSessionsResult:
        """See ``FileStorage.list_sessions``."""
        return await asyncio.to_thread(self._sync.list_sessions, query)

    async def get_session(self, session_id: UUID) -> Session:
        """See ``FileStorage.get_session``."""
        return await asyncio.to_thread(self._sync.get_session, session_id)

    async def create_session(self, request: CreateSessionRequest) -> CreateSessionResult:
        """See ``FileStorage.create_session``."""
        return await asyncio.to_thread(self._sync.create_session, request)

    async def update_session(self, session_id: UUID, request: UpdateSessionRequest) -> Session:
        """See ``FileStorage.update_session``."""
        return await asyncio.to_thread(self._sync.update_session, session_id, request)

    async def delete_session(self, session_id: UUID) -> None:
        """See ``FileStorage.delete_session``."""
        await asyncio.to_thread(self._sync.delete_session, session_id)

    async def restore_session(self, session_id: UUID) -> None:
        """See ``FileStorage.restore_session``."""
        await asyncio.to_thread(self._sync.restore_session, session_id)

    async def fork_session(
        self, session_id: UUID, *, checkpoint_id: UUID | None = None, title: str | None = None
    ) -> CreateSessionResult:
        """See ``FileStorage.fork_session``."""
        return await asyncio.to_thread(
            self._sync.fork_session, session_id, checkpoint_id=checkpoint_id, title=title
        )

    async def import_session(self, request: ImportSessionRequest) -> ImportSessionResult:
        """See ``FileStorage.import_session``."""
        return await asyncio.to_thread(self._sync.import_session, request)

    async def list_checkpoints(
        self, session_id: UUID, query: ListCheckpointsQuery | None = None
    ) -> ListCheckpointsResult:
        """See ``FileStorage.list_checkpoints``."""
        return await asyncio.to_thread(self._sync.list_checkpoints, session_id, query)

    async def list_metadata(self, session_id: UUID) -> dict[UUID, dict[str, Any] | None]:
        """See ``FileStorage.list_metadata``."""
        return await asyncio.to_thread(self._sync.list_metadata, session_id)

    async def get_checkpoint(self, checkpoint_id: UUID, *, partial: bool = False) -> Checkpoint:
        """See ``FileStorage.get_checkpoint``."""
        return await asyncio.to_thread(self._sync.get_checkpoint, checkpoint_id, partial=partial)

    async def create_checkpoint(
        self,
        session_id: UUID,
        request: CreateCheckpointRequest,
        *,
        expected_active: UUID | None = None,
    ) -> Checkpoint:
        """See ``FileStorage.create_checkpoint``."""
        return await asyncio.to_thread(
            self._sync.create_checkpoint, session_id, request, expected_active=expected_active
        )

    async def append_messages(
        self,
        session_id: UUID,
        messages: Sequence[Message],
        *,
        metadata: dict[str, Any] | None = None,
        expected_active: UUID | None = None,
    ) -> CheckpointSummary:
        """See ``FileStorage.append_messages``."""
        return await asyncio.to_thread(
            self._sync.append_messages,
            session_id,
            messages,
            metadata=metadata,
            expected_active=expected_active,
        )

    async def get_active_checkpoint(self, session_id: UUID) -> Checkpoint:
        """See ``FileStorage.get_active_checkpoint``."""
        return await asyncio.to_thread(self._sync.get_active_checkpoint, session_id)

    async def set_active_checkpoint(self, session_id: UUID, checkpoint_id: UUID) -> CheckpointSummary:
        """See ``FileStorage.set_active_checkpoint``."""
        return await asyncio.to_thread(self._sync.set_active_checkpoint, session_id, checkpoint_id)

    async def get_session_stats(self, session_id: UUID) -> SessionStats:
        """See ``FileStorage.get_session_stats``."""
        return await asyncio.to_thread(self._sync.get_session_stats, session_id)

    async def get_store_stats(self, query: ListSessionsQuery | None = None) -> SessionStats:
        """See ``FileStorage.get_store_stats``."""
        return await asyncio.to_thread(self._sync.get_store_stats, query)

    async def search(self, query: SearchQuery) -> SearchResult:
        """See ``FileStorage.search``."""
        return await asyncio.to_thread(self._sync.search, query)

    def watch(self, *, relist_seconds: float = RELIST_SECONDS) -> AsyncWatcher:
        """See ``FileStorage.watch``; used with ``async with`` and ``async for``."""
        return self._sync._watching(AsyncWatcher, relist_seconds)

    async def update_index(self, on_session: Progress | None = None, *, workers: int = 1) -> bool:
        """See ``FileStorage.update_index``; ``on_session`` is called in the thread that does it."""
        return await asyncio.to_thread(self._sync.update_index, on_session, workers=workers)

    async def rebuild_index(self, on_session: Progress | None = None, *, workers: int = 1) -> bool:
        """See ``FileStorage.rebuild_index``; ``on_session`` is called in the thread that does it."""
        return await asyncio.to_thread(self._sync.rebuild_index, on_session, workers=workers)

    async def index_state(self) -> IndexState:
        """See ``FileStorage.index_state``."""
        return await asyncio.to_thread(self._sync.index_state)

    async def merge_from(
        self, other_root: StrPath, *, on_session: Progress | None = None
    ) -> MergeResult:
        """See ``FileStorage.merge_from``; ``on_session`` is called in the thread that does it."""
        return await asyncio.to_thread(self._sync.merge_from, other_root, on_session=on_session)

    async def purge_session(
        self, session_id: UUID, *, force: bool = False, dry_run: bool = False
    ) -> PurgeResult:
        """See ``FileStorage.purge_session``."""
        return await asyncio.to_thread(
            self._sync.purge_session, session_id, force=force, dry_run=dry_run
        )

    async def relocate(self, old: str, new: str, *, dry_run: bool = False) -> RelocateResult:
        """See ``FileStorage.relocate``."""
        return await asyncio.to_thread(self._sync.relocate, old, new, dry_run=dry_run)

    async def verify(
        self,
        *,
        session_ids: Sequence[UUID] | None = None,
        read_all: bool = False,
        sample: float = 1.0,
        on_session: Progress | None = None,
    ) -> VerifyResult:
        """See ``FileStorage.verify``; ``on_session`` is called in the thread that does it."""
        return await asyncio.to_thread(
            self._sync.verify,
            session_ids=session_ids,
            read_all=read_all,
            sample=sample,
            on_session=on_session,
        )

    async def repair(
        self,
        *,
        sources: Sequence[StrPath] = (),
        session_ids: Sequence[UUID] | None = None,
        read_all: bool = False,
        sample: float = 1.0,
        on_session: Progress | None = None,
    ) -> VerifyResult:
        """See ``FileStorage.repair``; ``on_session`` is called in the thread that does it."""
        return await asyncio.to_thread(
            self._sync.repair,
            sources=sources,
            session_ids=session_ids,
            read_all=read_all,
            sample=sample,
            on_session=on_session,
        )

    async def close(self) -> None:
        """See ``FileStorage.close``."""
        await asyncio.to_thread(self._sync.close)
