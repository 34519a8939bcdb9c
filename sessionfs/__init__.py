"""sessionfs: AI-agent sessions and their checkpoints as plain files.

``FileStorage`` keeps them, ``AsyncFileStorage`` does the same for asyncio, and both implement the
contract ``SessionStorage`` / ``AsyncSessionStorage``.

Tested by ``tests/test_public_api.py`` and ``tests/contract``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .errors import (
    ConflictError,
    CorruptObjectError,
    FormatError,
    IncompleteError,
    InternalError,
    InvalidRequestError,
    NotFoundError,
    RateLimitedError,
    StorageConnectionError,
    StorageError,
    TooLargeError,
    UnauthorizedError,
)
from .models import (
    ActiveChanged,
    BackendInfo,
    BackendKind,
    ChatMessage,
    Checkpoint,
    CheckpointCreated,
    CheckpointsAsNeeded,
    CheckpointState,
    CheckpointSummary,
    ContentPart,
    CreateCheckpointRequest,
    CreateSessionRequest,
    CreateSessionResult,
    Event,
    Finding,
    ForkedFrom,
    FunctionCall,
    Gap,
    Id,
    ImageUrl,
    ImportedCheckpoint,
    ImportPoint,
    ImportSessionRequest,
    ImportSessionResult,
    IndexState,
    ListCheckpointsQuery,
    ListCheckpointsResult,
    ListSessionsQuery,
    ListSessionsResult,
    MergeResult,
    Message,
    MessageT,
    ModelInfo,
    PromptTokensDetails,
    PurgeResult,
    RefusedFile,
    Relocated,
    RelocateResult,
    Role,
    SearchHit,
    SearchQuery,
    SearchResult,
    Session,
    SessionCreated,
    SessionDeleted,
    SessionStats,
    SessionStatus,
    SessionSummary,
    SessionUpdated,
    SessionVisibility,
    Severity,
    TokenUsage,
    ToolCall,
    ToolUsageCounts,
    ToolUsageStats,
    UpdateSessionRequest,
    VerifyResult,
)
from .protocols import AsyncSessionStorage, SessionStorage
from .storage import FileStorage

if TYPE_CHECKING:
    from .aio import AsyncFileStorage
    from .watch import Watcher
    from .watch.aio import AsyncWatcher

__version__ = "0.1.0"

DISTRIBUTION = "sessionfs-store"
"""The name on PyPI, where ``sessionfs`` is another project with the same import name."""

__all__ = [
    "ActiveChanged",
    "AsyncFileStorage",
    "AsyncSessionStorage",
    "AsyncWatcher",
    "BackendInfo",
    "BackendKind",
    "ChatMessage",
    "Checkpoint",
    "CheckpointCreated",
    "CheckpointState",
    "CheckpointSummary",
    "CheckpointsAsNeeded",
    "ConflictError",
    "ContentPart",
    "CorruptObjectError",
    "CreateCheckpointRequest",
    "CreateSessionRequest",
    "CreateSessionResult",
    "Event",
    "FileStorage",
    "Finding",
    "ForkedFrom",
    "FormatError",
    "FunctionCall",
    "Gap",
    "Id",
    "ImageUrl",
    "ImportPoint",
    "ImportSessionRequest",
    "ImportSessionResult",
    "ImportedCheckpoint",
    "IncompleteError",
    "IndexState",
    "InternalError",
    "InvalidRequestError",
    "ListCheckpointsQuery",
    "ListCheckpointsResult",
    "ListSessionsQuery",
    "ListSessionsResult",
    "MergeResult",
    "Message",
    "MessageT",
    "ModelInfo",
    "NotFoundError",
    "PromptTokensDetails",
    "PurgeResult",
    "RateLimitedError",
    "RefusedFile",
    "RelocateResult",
    "Relocated",
    "Role",
    "SearchHit",
    "SearchQuery",
    "SearchResult",
    "Session",
    "SessionCreated",
    "SessionDeleted",
    "SessionStats",
    "SessionStatus",
    "SessionStorage",
    "SessionSummary",
    "SessionUpdated",
    "SessionVisibility",
    "Severity",
    "StorageConnectionError",
    "StorageError",
    "TokenUsage",
    "TooLargeError",
    "ToolCall",
    "ToolUsageCounts",
    "ToolUsageStats",
    "UnauthorizedError",
    "UpdateSessionRequest",
    "VerifyResult",
    "Watcher",
]


_LAZY = {
    "AsyncFileStorage": "sessionfs.aio",
    "AsyncWatcher": "sessionfs.watch.aio",
    "Watcher": "sessionfs.watch",
}
"""What takes longer to import than the rest of the package: only who asks for it pays."""


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
