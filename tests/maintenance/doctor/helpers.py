"""A store to be damaged by hand, and looks at everything that lies in it."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections import Counter
from contextlib import suppress
from copy import copy
from pathlib import Path
from typing import Any
from uuid import UUID

from sessionfs import (
    CreateCheckpointRequest,
    CreateSessionRequest,
    FileStorage,
    Finding,
    ListCheckpointsQuery,
    NotFoundError,
    Severity,
    StorageError,
    UpdateSessionRequest,
    VerifyResult,
)
from sessionfs.format.ids import checkpoint_id
from tests.store.helpers import large_object

LARGE = {"image": "x" * 70_000}
AT = "20260101T000000000000Z"


class Store:
    """A session with a chain of three checkpoints, a large message and two meta records; a neighbour.

    Attributes:
        lonely: a checkpoint of the session that nothing else names: no base, no parent, not active.

    """

    def __init__(self, root: Path, *, max_object_bytes: int = 1 << 30) -> None:
        self.root = root
        self.limit = max_object_bytes
        storage = self.open()
        self.neighbour = storage.create_session(
            CreateSessionRequest("neighbour", [{"n": 1}])
        ).session_id
        created = storage.create_session(CreateSessionRequest("title", [{"n": 0}, LARGE]))
        self.session = created.session_id
        self.first = created.checkpoint.id
        self.second = storage.append_messages(self.session, [{"n": 1}]).id
        self.third = storage.append_messages(self.session, [{"n": 2}]).id
        self.lonely = storage.create_checkpoint(
            self.session, CreateCheckpointRequest([{"alone": True}])
        ).id
        storage.set_active_checkpoint(self.session, self.third)
        storage.update_session(self.session, UpdateSessionRequest(title="newer title"))
        self.directory = Path(storage.session_path(self.session))
        self.objects, self.refs = self.directory / "objects", self.directory / "refs"
        self.large_sha = self.large.stem
        self.whole = answers(storage)

    def at(self, root: Path) -> Store:
        """Return what this is of a copy of the store."""
        other = copy(self)
        other.root, other.directory = root, root / "sessions" / str(self.session)
        other.objects, other.refs = other.directory / "objects", other.directory / "refs"
        return other

    def readable(self) -> set[UUID]:
        """Return the checkpoints that can be read, of all sessions."""
        storage, found = self.open(), set()
        for path in self.root.glob("sessions/*/objects/*.json"):
            if len(path.stem) == 64:
                with suppress(StorageError):
                    found.add(storage.get_checkpoint(checkpoint_id(path.stem)).id)
        return found

    def open(self, root: Path | None = None) -> FileStorage:
        """Open the store, or a copy, without anything in memory."""
        return FileStorage(
            root or self.root, durability="relaxed", message_type=dict, max_object_bytes=self.limit
        )

    def file(self, checkpoint: UUID) -> Path:
        """Return the object file of a checkpoint of the session."""
        (path,) = (each for each in self.objects.glob("*.json") if made_of(each) == checkpoint)
        return path

    @property
    def large(self) -> Path:
        """The object file of the large message."""
        return large_object(self.directory)

    @property
    def active(self) -> Path:
        """The active ref of the session."""
        (path,) = self.refs.glob("active.*Z-????????????")
        return path

    @property
    def meta(self) -> Path:
        """The latest meta record of the session."""
        return max(self.refs.glob("meta.*"))

    def verify(self, **options: Any) -> VerifyResult:
        """Verify with nothing in memory."""
        return self.open().verify(**options)

    def repair(self, *sources: Path, **options: Any) -> VerifyResult:
        """Repair with nothing in memory."""
        return self.open().repair(sources=sources, **options)

    def unreadable(self) -> set[UUID]:
        """Return the checkpoints of the names in the session that ``get_checkpoint`` refuses."""
        storage, found = self.open(), set()
        for path in self.objects.glob("*.json"):
            if len(path.stem) != 64 or path.stem == self.large_sha or is_message(path):
                continue
            try:
                storage.get_checkpoint(checkpoint_id(path.stem))
            except StorageError as error:
                if type(error) is not NotFoundError or path.is_symlink():  # else it is not a checkpoint
                    found.add(checkpoint_id(path.stem))
        return found

    def record(self, session: UUID | None = None, **fields: Any) -> bytes:
        """Return a checkpoint record with some fields; sound if nothing else is asked for."""
        made: dict[str, Any] = {
            "kind": "checkpoint", "session": str(session or self.session), "parent": None, "base": None,
            "keep": 0, "depth": 0, "count": 1, "at": AT, "messages": [{"made": "by hand"}],
        }  # fmt: skip
        return json.dumps(made | fields, separators=(",", ":")).encode()

    def put(self, data: bytes) -> Path:
        """Store bytes as an object under their honest hash."""
        path = self.objects / f"{hashlib.sha256(data).hexdigest()}.json"
        return write(path, data)


def is_message(path: Path) -> bool:
    """Tell whether a file is a sound message object, or one that was large."""
    if not path.is_file():
        return False
    try:
        return bool(json.loads(path.read_bytes())["kind"] == "message")
    except (ValueError, KeyError, RecursionError):
        return False


def made_of(path: Path) -> UUID | None:
    """Return the id of the checkpoint that an object file is, by its name."""
    return checkpoint_id(path.stem) if len(path.stem) == 64 else None


def write(path: Path, data: bytes) -> Path:
    """Put bytes under a name as a tool may, with the modes of a store."""
    if path.exists():
        path.chmod(0o600)
    path.write_bytes(data)
    path.chmod(0o400)
    return path


def everything(root: Path) -> dict[str, tuple[object, ...]]:
    """Return what lies below a directory: kinds, modes, times and bytes."""
    found: dict[str, tuple[object, ...]] = {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        data = path.read_bytes() if stat.S_ISREG(status.st_mode) and status.st_size < 1 << 24 else None
        target = os.readlink(path) if path.is_symlink() else None
        found[str(path.relative_to(root))] = (status.st_mode, status.st_mtime_ns, data, target)
    return found


def contents(root: Path) -> Counter[bytes]:
    """Return the bytes of all regular files below a directory, whatever their names are."""
    files = (path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    return Counter(path.read_bytes() for path in files if path.stat().st_size < 1 << 24)


def answers(storage: FileStorage) -> dict[UUID, object]:
    """Return all that can be read of each session: facts, and every checkpoint with its state."""
    found: dict[UUID, object] = {}
    for session in storage.list_sessions().sessions:
        listed = storage.list_checkpoints(session.id, ListCheckpointsQuery(limit=1000))
        states: dict[UUID, object] = {}
        for each in listed.checkpoints:
            try:
                checkpoint = storage.get_checkpoint(each.id)
            except StorageError:
                continue
            states[each.id] = (checkpoint.parent_id, checkpoint.state, checkpoint.created_at)
        try:
            told = storage.get_session(session.id)
        except StorageError:
            found[session.id] = (session.title, states)
            continue
        active = told.active_checkpoint.id if told.active_checkpoint else None
        found[session.id] = (told.title, told.status, told.cwd, told.created_at, active, states)
    return found


def of_kind(result: VerifyResult, kind: str) -> list[Finding]:
    return [each for each in result.findings if each.kind == kind]


def grave(result: VerifyResult) -> list[Finding]:
    """Return the findings that are more than notes and not repaired."""
    return [
        each for each in result.findings if each.severity is not Severity.NOTE and not each.repaired
    ]


def neighbour(store: Store) -> dict[str, tuple[object, ...]]:
    return everything(store.root / "sessions" / str(store.neighbour))


def check_repair(store: Store, *sources: Path, whole: bool = True) -> VerifyResult:
    """Repair; nothing may be lost, a second time nothing is to do, and all can be read if ``whole``."""
    before, untouched, offered = contents(store.root), neighbour(store), store.verify().findings
    repairable = {(each.kind, each.path) for each in offered if each.repair}
    result = store.repair(*sources)
    assert {(each.kind, each.path) for each in result.findings if each.repaired} >= repairable
    assert not before - contents(store.root)
    assert neighbour(store) == untouched
    after = everything(store.root)
    again = store.repair(*sources)
    assert not [each for each in again.findings if each.repaired]
    assert everything(store.root) == after
    found_again = {(each.kind, each.path) for each in again.findings}
    assert not found_again & {(each.kind, each.path) for each in result.findings if each.repaired}
    if whole:
        assert store.verify(read_all=True).sound
        assert answers(store.open()) == store.whole
    return result
