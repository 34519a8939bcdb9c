"""Asks everything of a store of which one place is taken by something else.

``python -m tests.faults.odd_places DIRECTORY PLACE KIND``: prints each question before it is asked, and
exits with 1 where the answer is neither an answer nor an error of ours.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from sessionfs import (
    ChatMessage,
    CreateSessionRequest,
    FileStorage,
    InvalidRequestError,
    SearchQuery,
    StorageError,
    UpdateSessionRequest,
)
from tests.cli.command import CLAUDE, Command

from .harms import make_socket


def _link_to_fifo(path: Path) -> None:
    pipe = path.with_name("pipe")
    os.mkfifo(pipe)
    path.symlink_to(pipe)


KINDS: dict[str, Callable[[Path], object]] = {
    "fifo": os.mkfifo,
    "socket": make_socket,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "file": Path.touch,
    "link-to-fifo": _link_to_fifo,
}
PLACES = (
    *("store", "sessions", "session", "objects", "refs"),
    *("cache", "index", "index.sqlite", "index.lock", "stamp.json", "text", "words"),
    *("index.sqlite-journal", "index.sqlite-wal"),  # where SQLite looks for what a crash has left
)
"""Those of the store, and those of the index."""


def ask(place: Path, name: str, kind: str) -> list[str]:
    """Put something else there, ask everything, and return what went wrong."""
    command = Command(place)
    store = place / "store"
    options = {"XDG_CACHE_HOME": str(place / "cache")}
    os.environ.update(options)
    storage = FileStorage(store)
    made = [
        storage.create_session(CreateSessionRequest(f"title {n}", [ChatMessage("user", "word")]))
        for n in range(9)
    ]
    storage.update_index()
    session = made[0].session_id
    path = Path(storage.session_path(session))
    index = Path(storage.index_state().directory)
    places = {
        "store": store,
        "sessions": store / "sessions",
        "session": path,
        "objects": path / "objects",
        "refs": path / "refs",
        "cache": place / "cache",
        "index": index,
    }
    taken = places.get(name, index / name)
    moved = place / "aside"
    if taken.exists():
        shutil.move(taken, moved)
    KINDS[kind](taken)
    print(name, kind, "update_index", flush=True)
    storage.update_index()

    wrong = []
    for arguments in (
        *(["ls"], ["search", "word"], ["show", "title 0"], ["show", str(session)], ["stats"]),
        *(["log", str(session)], ["rename", str(session), "another"], ["rename", "title 0", "another"]),
        *(["import", str(CLAUDE)], ["doctor"], ["doctor", "--repair"], ["merge", str(moved)]),
        *(["index"], ["rm", str(session)], ["fork", str(session)]),
    ):
        print(name, kind, *arguments, flush=True)
        done = command.run(*arguments, "--store", store, **options)
        if "Traceback" in done.stderr:
            wrong.append(f"{arguments}: {done.stderr}")
    storages = [storage]
    with suppress(InvalidRequestError):  # the root itself is not a directory
        storages.append(FileStorage(store))
    for opened in storages:
        for question in _questions(opened, session):
            print(name, kind, question.__name__, flush=True)
            try:
                question()
            except StorageError as error:
                print("   ", error, flush=True)
    return wrong


def _questions(storage: FileStorage[ChatMessage], session: UUID) -> list[Callable[[], object]]:
    def create() -> None:
        storage.create_session(CreateSessionRequest("new", [ChatMessage("user", "word")]))

    def append() -> None:
        storage.append_messages(session, [ChatMessage("user", "word")])

    def update() -> None:
        storage.update_session(session, UpdateSessionRequest(title="other"))

    def watch() -> None:
        with storage.watch() as events:
            events.next_event(timeout=0)
            storage.list_sessions()
            storage.search(SearchQuery("word"))

    def rebuild() -> None:
        storage.rebuild_index()

    return [create, append, update, watch, rebuild, storage.list_sessions]


if __name__ == "__main__":
    told = ask(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
    sys.exit("\n".join(told) or 0)
