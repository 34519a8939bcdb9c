"""What the tests of hostile stores share: sessions written by hand, and every question to a storage."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from sessionfs import (
    CreateCheckpointRequest,
    CreateSessionRequest,
    FileStorage,
    ListCheckpointsQuery,
    SearchQuery,
    StorageError,
    UpdateSessionRequest,
)

SESSION = UUID("019aab0f-ca00-7001-8000-00000000000a")
AT = "20261122T100000000000Z"
HASH = "a" * 64
NEIGHBOUR = "a neighbour in peace"

Json = dict[str, Any]
Call = Callable[[], object]


def record(**fields: Any) -> Json:
    """Return a sound checkpoint record with these fields in place of its own."""
    sound: Json = {
        "kind": "checkpoint",
        "session": str(SESSION),
        "parent": None,
        "base": None,
        "keep": 0,
        "depth": 0,
        "count": 1,
        "at": AT,
        "messages": [{"role": "user", "content": "hello"}],
    }
    return sound | fields


def written(value: object) -> bytes:
    """Return JSON as a writer makes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def with_message(message: str, metadata: str | None = None) -> bytes:
    """Return a checkpoint record with one message, and metadata, that are JSON already."""
    fields = record(messages=["MESSAGE"], metadata="METADATA")
    if metadata is None:
        del fields["metadata"]
    data = written(fields).replace(b'"MESSAGE"', message.encode())
    return data.replace(b'"METADATA"', (metadata or "").encode())


class Hostile:
    """A store with a session in peace, and one whose files somebody else has written."""

    def __init__(self, directory: Path) -> None:
        self.root = directory / "store"
        self._indexes = directory / "indexes"
        with self.open() as storage:
            request = CreateSessionRequest(NEIGHBOUR, [{"role": "user", "content": NEIGHBOUR}])
            self.neighbour = storage.create_session(request).session_id
        self.session = self.root / "sessions" / str(SESSION)
        self.objects, self.refs = self.session / "objects", self.session / "refs"
        for each in (self.session, self.objects, self.refs):
            each.mkdir(mode=0o700)

    def open(self, **options: Any) -> FileStorage:
        return FileStorage(
            self.root, durability="relaxed", index_dir=self._indexes, message_type=dict, **options
        )

    def put_object(self, data: bytes) -> str:
        sha = hashlib.sha256(data).hexdigest()
        (self.objects / f"{sha}.json").write_bytes(data)
        return sha

    def put_active(self, sha: str, at: str = AT, content: str | None = None) -> Path:
        path = self.refs / f"active.{at}-{sha[:12]}"
        path.write_text(f"{at}-{sha}" if content is None else content)
        return path

    def put_meta(self, data: bytes, at: str = AT) -> Path:
        path = self.refs / f"meta.{at}-{hashlib.sha256(data).hexdigest()[:12]}.json"
        path.write_bytes(data)
        return path

    def put_purge(self, data: bytes, at: str = AT) -> Path:
        path = self.refs / f"purge.{at}-{hashlib.sha256(data).hexdigest()[:12]}.json"
        path.write_bytes(data)
        return path

    def put_title(self, title: str, at: str = AT) -> Path:
        fields = {"kind": "meta", "session": str(SESSION), "at": at, "set": {"title": title}}
        return self.put_meta(written(fields), at)

    def put_checkpoint(self, data: bytes, at: str = AT) -> str:
        """Write a checkpoint by hand, and make it active."""
        sha = self.put_object(data)
        self.put_active(sha, at)
        return sha

    def require_peace(self, storage: FileStorage) -> None:
        """The other session is listed, found, read and written, whatever lies beside it."""
        listed = {each.id: each for each in storage.list_sessions().sessions}
        assert listed[self.neighbour].problem is None
        assert storage.get_session(self.neighbour).title == NEIGHBOUR
        assert storage.search(SearchQuery(NEIGHBOUR)).total >= 1
        storage.append_messages(self.neighbour, [{"role": "user", "content": NEIGHBOUR}])
        assert storage.get_store_stats().total_sessions == len(listed)


def reads(storage: FileStorage, session: UUID = SESSION) -> dict[str, Call]:
    """Every question to a storage, about one session where there is a choice."""
    return {
        "get_session": lambda: storage.get_session(session),
        "get_active_checkpoint": lambda: storage.get_active_checkpoint(session),
        "get_session_stats": lambda: storage.get_session_stats(session),
        "session_path": lambda: storage.session_path(session),
        "list_checkpoints": lambda: storage.list_checkpoints(session),
        "with states": lambda: storage.list_checkpoints(
            session, ListCheckpointsQuery(include_state=True)
        ),
        "list_sessions": storage.list_sessions,
        "search": lambda: storage.search(SearchQuery("hello")),
        "get_store_stats": storage.get_store_stats,
        "rebuild_index": storage.rebuild_index,
        "verify": lambda: storage.verify(read_all=True),
    }


def writes(storage: FileStorage, session: UUID = SESSION) -> dict[str, Call]:
    """Every change of a session; the first ones need what is active."""
    return {
        "append_messages": lambda: storage.append_messages(session, [{"n": 1}]),
        "fork_session": lambda: storage.fork_session(session),
        "update_session": lambda: storage.update_session(session, UpdateSessionRequest(title="x")),
        "create_checkpoint": lambda: storage.create_checkpoint(
            session, CreateCheckpointRequest([{"role": "user", "content": "mine"}])
        ),
        "delete_session": lambda: storage.delete_session(session),
        "restore_session": lambda: storage.restore_session(session),
    }


def answers(calls: dict[str, Call]) -> dict[str, str]:
    """Return "ok" or the code of the failure for each call; what is not a failure of ours is raised."""
    found: dict[str, str] = {}
    for name, call in calls.items():
        try:
            call()
        except StorageError as error:
            found[name] = error.code
        else:
            found[name] = "ok"
    return found


def everything_below(directory: Path) -> dict[str, object]:
    """Return what lies below a directory: bytes of files, targets of links."""
    return {
        str(path.relative_to(directory)): path.readlink()
        if path.is_symlink()
        else path.read_bytes()
        if path.is_file()
        else None
        for path in sorted(directory.rglob("*"))
    }


@contextmanager
def unchanged(directory: Path) -> Iterator[None]:
    """Nothing below a directory is made, changed or removed meanwhile."""
    before = everything_below(directory)
    yield
    assert everything_below(directory) == before
