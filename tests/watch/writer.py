"""Changes to a store, made here, by another process, or there and brought by a sync tool."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from sessionfs import CreateSessionRequest, UpdateSessionRequest

from .helpers import PATIENCE, REPOSITORY, open_store


def create(root: Path, text: str) -> UUID:
    return open_store(root).create_session(CreateSessionRequest(text, [{"n": 0}])).session_id


def append(root: Path, session: str) -> UUID:
    return open_store(root).append_messages(UUID(session), [{"n": 1}]).id


def rewind(root: Path, session: str, checkpoint: str) -> UUID:
    return open_store(root).set_active_checkpoint(UUID(session), UUID(checkpoint)).id


def rename(root: Path, session: str) -> UUID:
    return open_store(root).update_session(UUID(session), UpdateSessionRequest(title="renamed")).id


def delete(root: Path, session: str) -> UUID:
    open_store(root).delete_session(UUID(session))
    return UUID(session)


def restore(root: Path, session: str) -> UUID:
    open_store(root).restore_session(UUID(session))
    return UUID(session)


def remove(root: Path, session: str) -> UUID:
    shutil.rmtree(root / "sessions" / session)
    return UUID(session)


ACTIONS: dict[str, Callable[..., UUID]] = {
    action.__name__: action for action in (create, append, rewind, rename, delete, restore, remove)
}

Do = Callable[..., UUID]
"""Takes an action's name and its arguments, and returns what the action does."""


def here(root: Path) -> Do:
    return lambda name, *args: ACTIONS[name](root, *map(str, args))


def elsewhere(root: Path) -> Do:
    def do(name: str, *args: object) -> UUID:
        command = [sys.executable, "-m", __name__, str(root), name, *map(str, args)]
        done = subprocess.run(
            command, cwd=REPOSITORY, capture_output=True, text=True, check=True, timeout=PATIENCE
        )
        return UUID(done.stdout.strip())

    return do


def synced(root: Path) -> Do:
    """Bring what happened elsewhere with all time stamps set back, those of directories too."""
    source = root.with_name("source")

    def do(name: str, *args: object) -> UUID:
        result = ACTIONS[name](source, *map(str, args))
        for path in source.rglob("*"):
            os.utime(path, (10**9, 10**9))
        rsync = ["rsync", "-a", "--delete", f"{source}/", f"{root}/"]
        subprocess.run(rsync, check=True, timeout=PATIENCE)
        return result

    return do


if __name__ == "__main__":
    print(ACTIONS[sys.argv[2]](Path(sys.argv[1]), *sys.argv[3:]))
