"""What the tests of the store share: looking at real files, and counting real system calls."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from sessionfs import CreateSessionRequest, FileStorage
from sessionfs.models import Message


def new_session(storage: FileStorage, *texts: str) -> tuple[FileStorage, Path]:
    """Create a session and return the storage and the session's directory."""
    messages: list[Message] = [{"role": "user", "content": text} for text in texts]
    result = storage.create_session(CreateSessionRequest("a session", messages))
    return storage, Path(storage.session_path(result.session_id))


def snapshot(root: Path) -> dict[str, tuple[int, bytes]]:
    """Return the mode and bytes of every file below a directory."""
    return {
        str(path.relative_to(root)): (stat.S_IMODE(path.stat().st_mode), path.read_bytes())
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def large_object(session: str | Path) -> Path:
    """Return the one object of a large message, of 70,000 bytes and more, in a session's directory."""
    (path,) = (each for each in Path(session, "objects").iterdir() if each.stat().st_size > 70_000)
    return path


def overwrite(path: Path, data: bytes) -> None:
    """Damage a file in place, as no writer of ours does."""
    path.chmod(0o600)
    path.write_bytes(data)
    path.chmod(0o400)


def refuse(monkeypatch: pytest.MonkeyPatch, call: str, number: int, *paths: Path) -> None:
    """Let the operating system refuse a call for these paths, as it does not to root."""
    real, refused = getattr(os, call), {str(path) for path in paths}

    def refusing(path: str | int, *arguments: object, **options: object) -> object:
        if str(path) in refused:
            raise OSError(number, os.strerror(number), path)
        return real(path, *arguments, **options)

    monkeypatch.setattr(os, call, refusing)


def encoded(message: Message) -> bytes:
    return msgspec.json.encode(message)


class _Opened:
    def __init__(self) -> None:
        self.paths: list[str] | None = None


_opened = _Opened()


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if _opened.paths is not None and event == "open" and isinstance(arguments[0], str):
        _opened.paths.append(arguments[0])


sys.addaudithook(_hook)


@contextmanager
def opened_files() -> Iterator[list[str]]:
    """Collect the paths that the interpreter opens meanwhile."""
    _opened.paths = []
    try:
        yield _opened.paths
    finally:
        _opened.paths = None


@contextmanager
def fsynced() -> Iterator[list[str]]:
    """Collect what is fsynced meanwhile, as names below the store; the calls are carried out."""
    real = os.fsync
    done: list[str] = []

    def fsync(descriptor: int) -> None:
        done.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        real(descriptor)

    os.fsync = fsync  # type: ignore[assignment]
    try:
        yield done
    finally:
        os.fsync = real
