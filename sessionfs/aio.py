"""FileStorage for asyncio: each method handed to a thread, and nothing added.

A call that is cancelled goes on in its thread and is carried out or not as a whole; the caller only
stops waiting for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import wraps
from types import CoroutineType, TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar, cast, overload

from .fs.files import MAX_BYTES, Durability, StrPath
from .models import BackendInfo, ChatMessage, MessageT
from .models.events import RELIST_SECONDS
from .storage import FileStorage
from .watch.aio import AsyncWatcher

_T = TypeVar("_T")
_Result = TypeVar("_Result")
_Arguments = ParamSpec("_Arguments")


def _threaded(
    method: Callable[Concatenate[FileStorage[_T], _Arguments], _Result],
) -> Callable[Concatenate[AsyncFileStorage[_T], _Arguments], CoroutineType[Any, Any, _Result]]:
    """Return a method of ``FileStorage`` as a coroutine that runs it in a thread."""

    @wraps(method)
    async def run(
        self: AsyncFileStorage[_T], *arguments: _Arguments.args, **named: _Arguments.kwargs
    ) -> _Result:
        return await asyncio.to_thread(method, self._sync, *arguments, **named)

    return cast(
        "Callable[Concatenate[AsyncFileStorage[_T], _Arguments], CoroutineType[Any, Any, _Result]]", run
    )


class AsyncFileStorage(Generic[MessageT]):
    """``FileStorage`` with coroutines; arguments, results and errors are the same.

    A function that is passed in to report progress is called in the thread that does the work.
    """

    @overload
    def __init__(
        self: AsyncFileStorage[ChatMessage],
        root: StrPath,
        *,
        durability: Durability = "full",
        index_dir: StrPath | None = None,
        max_object_bytes: int = MAX_BYTES,
    ) -> None: ...

    @overload
    def __init__(
        self: AsyncFileStorage[dict[str, Any]],
        root: StrPath,
        *,
        durability: Durability = "full",
        index_dir: StrPath | None = None,
        message_type: type[dict[Any, Any]],
        max_object_bytes: int = MAX_BYTES,
    ) -> None: ...

    @overload
    def __init__(
        self,
        root: StrPath,
        *,
        durability: Durability = "full",
        index_dir: StrPath | None = None,
        message_type: type[MessageT],
        max_object_bytes: int = MAX_BYTES,
    ) -> None: ...

    def __init__(
        self,
        root: StrPath,
        *,
        durability: Durability = "full",
        index_dir: StrPath | None = None,
        message_type: type[Any] = ChatMessage,
        max_object_bytes: int = MAX_BYTES,
    ) -> None:
        """Open a store; see ``FileStorage`` for the arguments."""
        self._sync: FileStorage[MessageT] = FileStorage(
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

    @property
    def root(self) -> str:
        """The directory of the store, as an absolute path."""
        return self._sync.root

    def backend_info(self) -> BackendInfo:
        """Return which backend this is, and the path of its root."""
        return self._sync.backend_info()

    def watch(self, *, relist_seconds: float = RELIST_SECONDS) -> AsyncWatcher:
        """See ``FileStorage.watch``; for ``async with`` and ``async for``."""
        return self._sync._watching(AsyncWatcher, relist_seconds)

    session_path = _threaded(FileStorage[MessageT].session_path)
    checkpoint_path = _threaded(FileStorage[MessageT].checkpoint_path)
    session_ids = _threaded(FileStorage[MessageT].session_ids)
    list_sessions = _threaded(FileStorage[MessageT].list_sessions)
    get_session = _threaded(FileStorage[MessageT].get_session)
    create_session = _threaded(FileStorage[MessageT].create_session)
    update_session = _threaded(FileStorage[MessageT].update_session)
    delete_session = _threaded(FileStorage[MessageT].delete_session)
    restore_session = _threaded(FileStorage[MessageT].restore_session)
    fork_session = _threaded(FileStorage[MessageT].fork_session)
    import_session = _threaded(FileStorage[MessageT].import_session)
    list_checkpoints = _threaded(FileStorage[MessageT].list_checkpoints)
    list_metadata = _threaded(FileStorage[MessageT].list_metadata)
    get_checkpoint = _threaded(FileStorage[MessageT].get_checkpoint)
    create_checkpoint = _threaded(FileStorage[MessageT].create_checkpoint)
    append_messages = _threaded(FileStorage[MessageT].append_messages)
    get_active_checkpoint = _threaded(FileStorage[MessageT].get_active_checkpoint)
    set_active_checkpoint = _threaded(FileStorage[MessageT].set_active_checkpoint)
    get_session_stats = _threaded(FileStorage[MessageT].get_session_stats)
    get_store_stats = _threaded(FileStorage[MessageT].get_store_stats)
    search = _threaded(FileStorage[MessageT].search)
    update_index = _threaded(FileStorage[MessageT].update_index)
    rebuild_index = _threaded(FileStorage[MessageT].rebuild_index)
    index_state = _threaded(FileStorage[MessageT].index_state)
    merge_from = _threaded(FileStorage[MessageT].merge_from)
    purge_session = _threaded(FileStorage[MessageT].purge_session)
    relocate = _threaded(FileStorage[MessageT].relocate)
    verify = _threaded(FileStorage[MessageT].verify)
    repair = _threaded(FileStorage[MessageT].repair)
    close = _threaded(FileStorage[MessageT].close)
