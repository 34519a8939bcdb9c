"""What the operating system refuses, as errors of our tree."""

from __future__ import annotations

from types import TracebackType

from ..errors import InternalError, StorageError, UnauthorizedError


class named:  # noqa: N801 - it reads as a function, and is a class because a generator costs a microsecond
    """Turn what the operating system refuses into an error of our tree that names the file."""

    __slots__ = ("_path",)

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        path = self._path
        if error is None or isinstance(error, StorageError):
            return
        if isinstance(error, PermissionError):
            raise UnauthorizedError(f"{path}: {error.strerror}", path=path) from error
        if isinstance(error, MemoryError):
            raise InternalError(f"{path}: too large for the memory", path=path) from error
        if isinstance(error, OSError | ValueError):  # ValueError: a NUL in a path
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise InternalError(f"{path}: {reason}", path=path) from error
