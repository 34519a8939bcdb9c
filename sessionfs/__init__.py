"""sessionfs: AI-agent sessions and their checkpoints as plain files.

``FileStorage`` keeps them, ``AsyncFileStorage`` does the same for asyncio, and both implement the
contract ``SessionStorage`` / ``AsyncSessionStorage``.
"""

from typing import TYPE_CHECKING, Any

from .contract import AsyncSessionStorage, SessionStorage
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
    UnauthorizedError,
)
from .models import (
    BackendInfo,
    BackendKind,
    ChatMessage,
    Checkpoint,
    CheckpointState,
    CheckpointSummary,
    ContentPart,
    CreateCheckpointRequest,
    CreateSessionRequest,
    CreateSessionResult,
    FunctionCall,
    ImageUrl,
    ImportedCheckpoint,
    ImportSessionRequest,
    ImportSessionResult,
    ListCheckpointsQuery,
    ListCheckpointsResult,
    ListSessionsQuery,
    ListSessionsResult,
    Message,
    ModelInfo,
    PromptTokensDetails,
    Role,
    SearchHit,
    SearchQuery,
    SearchResult,
    Session,
    SessionStats,
    SessionStatus,
    SessionSummary,
    SessionVisibility,
    TokenUsage,
    ToolCall,
    ToolUsageCounts,
    ToolUsageStats,
    UpdateSessionRequest,
)
from .storage import FileStorage

if TYPE_CHECKING:
    from .aio import AsyncFileStorage

__version__ = "0.1.0"

__all__ = [
    "AsyncFileStorage",
    "AsyncSessionStorage",
    "BackendInfo",
    "BackendKind",
    "ChatMessage",
    "Checkpoint",
    "CheckpointState",
    "CheckpointSummary",
    "ConflictError",
    "ContentPart",
    "CorruptObjectError",
    "CreateCheckpointRequest",
    "CreateSessionRequest",
    "CreateSessionResult",
    "FileStorage",
    "FormatError",
    "FunctionCall",
    "ImageUrl",
    "ImportSessionRequest",
    "ImportSessionResult",
    "ImportedCheckpoint",
    "IncompleteError",
    "InternalError",
    "InvalidRequestError",
    "ListCheckpointsQuery",
    "ListCheckpointsResult",
    "ListSessionsQuery",
    "ListSessionsResult",
    "Message",
    "ModelInfo",
    "NotFoundError",
    "PromptTokensDetails",
    "RateLimitedError",
    "Role",
    "SearchHit",
    "SearchQuery",
    "SearchResult",
    "Session",
    "SessionStats",
    "SessionStatus",
    "SessionStorage",
    "SessionSummary",
    "SessionVisibility",
    "StorageConnectionError",
    "StorageError",
    "TokenUsage",
    "ToolCall",
    "ToolUsageCounts",
    "ToolUsageStats",
    "UnauthorizedError",
    "UpdateSessionRequest",
]


def __getattr__(name: str) -> Any:
    # asyncio takes longer to import than the rest of the package: only who asks for it pays.
    if name == "AsyncFileStorage":
        from .aio import AsyncFileStorage

        return AsyncFileStorage
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
