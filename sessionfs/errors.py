"""The tree of failures.

Every exception that leaves the package on purpose is one of these::

    StorageError
    ├── NotFoundError (KeyError)                 not_found
    │   └── IncompleteError                      incomplete
    ├── InvalidRequestError (ValueError)         invalid_request
    │   └── ConflictError                        conflict
    ├── UnauthorizedError (PermissionError)      unauthorized
    ├── RateLimitedError                         rate_limited
    ├── InternalError                            internal
    │   ├── CorruptObjectError                   corrupt_object
    │   │   └── TooLargeError                    too_large
    │   └── FormatError                          format
    └── StorageConnectionError (ConnectionError) connection

The six below the root, and what ``str()`` gives for them, are those of Stakpak's ``StorageError``.
"""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID


class StorageError(Exception):
    """A storage operation failed.

    Attributes:
        code: a stable name of the kind of failure, for programs.
        message: what happened, without the prefix that ``str()`` adds.
        path: the file or directory concerned, where there is one.

    """

    code: ClassVar[str] = "storage"
    prefix: ClassVar[str] = "Storage error"

    def __init__(self, message: str, *, path: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.path = path

    def __str__(self) -> str:
        return f"{self.prefix}: {self.message}"


class NotFoundError(StorageError, KeyError):
    """The session or checkpoint does not exist."""

    code = "not_found"
    prefix = "Not found"


class IncompleteError(NotFoundError):
    """Files that the answer needs are missing: not synced yet, or deleted. ``missing`` names them.

    This is normal in the middle of a sync: the same call succeeds once they are there. ``checkpoints``
    are the ids of the checkpoints that need the file ``path``, where that was determined.
    """

    code = "incomplete"
    checkpoints: tuple[UUID, ...] = ()

    def __init__(self, message: str, *, path: str | None = None, missing: tuple[str, ...] = ()) -> None:
        super().__init__(message, path=path)
        self.missing = missing


class InvalidRequestError(StorageError, ValueError):
    """The request cannot be carried out as it stands; nothing was written."""

    code = "invalid_request"
    prefix = "Invalid request"


class ConflictError(InvalidRequestError):
    """Another writer came first: the active checkpoint is not the expected one."""

    code = "conflict"


class UnauthorizedError(StorageError, PermissionError):
    """The operating system or a remote backend denies access."""

    code = "unauthorized"
    prefix = "Unauthorized"


class RateLimitedError(StorageError):
    """A remote backend asks to slow down. Never raised by file storage."""

    code = "rate_limited"
    prefix = "Rate limited"


class InternalError(StorageError):
    """The storage itself failed: the disk, the operating system, or its data."""

    code = "internal"
    prefix = "Internal error"


class CorruptObjectError(InternalError):
    """A file is damaged: it does not hold what its name promises. ``path`` names it.

    Attributes:
        checkpoints: the ids of the checkpoints that need it, where that was determined.
        finding: what ``verify`` calls this; spec/guide/findings.md tells what it means and what to do.

    """

    code = "corrupt_object"
    prefix = "Damaged"
    checkpoints: tuple[UUID, ...] = ()

    def __init__(
        self, message: str, *, path: str | None = None, finding: str = "object-damaged"
    ) -> None:
        super().__init__(message, path=path)
        self.finding = finding


class TooLargeError(CorruptObjectError):
    """A file has more bytes than ``max_object_bytes`` allows, so it was not read."""

    code = "too_large"


class FormatError(InternalError):
    """The store says that it needs a newer program than this one."""

    code = "format"


class StorageConnectionError(StorageError, ConnectionError):
    """A remote backend cannot be reached. Never raised by file storage."""

    code = "connection"
    prefix = "Connection error"
