"""Random histories of a store, with harm done to its index: every query equals the scan of the files.

The changes are those that a user, another program and a sync tool make: also files that arrive in
parts, in any order, with the times of their source, and whole sessions that come and go.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sessionfs import (
    CorruptObjectError,
    CreateCheckpointRequest,
    CreateSessionRequest,
    FileStorage,
    ImportedCheckpoint,
    ImportSessionRequest,
    ListCheckpointsQuery,
    ListSessionsQuery,
    NotFoundError,
    UpdateSessionRequest,
)
from sessionfs.fs import files, fingerprints
from sessionfs.index import index
from sessionfs.index.fulltext import textstore

from ..effort import Counted, chosen
from .helpers import HARM, assert_equals_scan, database, open_store

pytestmark = [pytest.mark.slow, pytest.mark.once]

WORDS = ("alpha", "Beta", "fn(a, b)", "--flag=1", "日本語", "ß", "İ", '"q"', "%_*", "x\ny", "🙂", "zz")
SHARDS = 4
EXAMPLES = chosen(few=40, usual=200, everything=10_000) // SHARDS


class History:
    """A store with its index, another store that it is synced with, and what is done to them."""

    def __init__(self, directory: Path, rng: random.Random) -> None:
        self.rng = rng
        self.root, self.cache = directory / "store", directory / "cache"
        self.other_root = directory / "other"
        self._scratch = directory / "scratch"
        self.storage = open_store(self.root, self.cache)
        self.other_cache = directory / "cache of the other"
        self.other = open_store(self.other_root, self.other_cache)

    def sessions(self, storage: FileStorage) -> list[UUID]:
        return [each.id for each in storage.list_sessions(ListSessionsQuery(limit=100)).sessions]

    def message(self) -> dict[str, Any]:
        rng = self.rng
        text = " ".join(rng.choices(WORDS, k=rng.randrange(1, 6)))
        message: dict[str, Any] = {"role": rng.choice(["user", "assistant"]), "content": text}
        match rng.randrange(8):
            case 0:
                message = {"role": "tool", "tool_call_id": rng.choice("ab"), "content": text}
            case 1:
                function = {"name": rng.choice(["bash", "read"]), "arguments": '{"c":"\\"q\\" zz"}'}
                message["tool_calls"] = [{"id": rng.choice("ab"), "function": function}]
            case 2:
                message["content"] = [
                    {"type": "text", "text": text},
                    {"type": "image", "data": "alpha"},
                ]
            case 3:
                message = {"of": {"another": ["shape", text]}}
            case 4 if rng.random() < 0.3:
                message["content"] = text + "-" * 66_000
        if rng.random() < 0.4:
            message["created_at"] = rng.randrange(1_700_000_000_000, 1_700_000_000_009)
        return message

    def messages(self) -> list[dict[str, Any]]:
        return [self.message() for _ in range(self.rng.randrange(4))]

    # What is done

    def create(self, storage: FileStorage) -> None:
        title = " ".join(self.rng.choices(WORDS, k=2))
        cwd = self.rng.choice([None, "/work", "/work/a", "/workshop"])
        storage.create_session(CreateSessionRequest(title, self.messages(), cwd=cwd))

    def import_old(self, storage: FileStorage) -> None:
        """Bring in checkpoints that are older than what is here."""
        at = datetime(2020, 1, 1, tzinfo=UTC)
        made = [
            ImportedCheckpoint(messages=self.messages(), created_at=at + timedelta(days=i))
            for i in range(self.rng.randrange(1, 4))
        ]
        session = UUID(int=self.rng.randrange(1, 3), version=4)
        storage.import_session(
            ImportSessionRequest(session_id=session, title="old alpha", checkpoints=made, created_at=at)
        )

    def change(self, storage: FileStorage) -> None:
        sessions = self.sessions(storage)
        if not sessions:
            return self.create(storage)
        session = self.rng.choice(sessions)
        try:
            listed = storage.list_checkpoints(session, ListCheckpointsQuery(limit=100)).checkpoints
            one = self.rng.choice(listed).id if listed else None
            match self.rng.randrange(7):
                case 0 | 1:
                    storage.append_messages(session, self.messages())
                case 2:
                    request = CreateCheckpointRequest(self.messages(), parent_id=one)
                    storage.create_checkpoint(session, request)
                case 3:
                    storage.update_session(session, UpdateSessionRequest(title=self.rng.choice(WORDS)))
                case 4:
                    storage.delete_session(session)
                case 5 if one is not None:
                    storage.set_active_checkpoint(session, one)
                case _:
                    storage.fork_session(session)
        except (NotFoundError, CorruptObjectError):  # not all of it is here and sound
            storage.create_session(CreateSessionRequest("in its place", self.messages()))
        return None

    def many(self, storage: FileStorage) -> None:
        """Make so many checkpoints that the index takes them up."""
        sessions = self.sessions(storage)
        if sessions:
            session = self.rng.choice(sessions)
            for _ in range(40):
                with suppress(NotFoundError, CorruptObjectError):
                    storage.create_checkpoint(session, CreateCheckpointRequest([self.message()]))

    def sync(self, part: float, damaged: float = 0.0) -> None:
        """Copy files of the other store in any order, with their times and those of directories."""
        files = [path for path in self.other_root.rglob("*") if path.is_file()]
        self.rng.shuffle(files)
        for path in files[: round(len(files) * part)]:
            target = self.root / path.relative_to(self.other_root)
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists():
                before = target.parent.stat()
                shutil.copy2(path, target)
                if self.rng.random() < damaged:
                    self._write(target, path.read_bytes()[:-1])
                os.utime(target.parent, ns=(before.st_atime_ns, before.st_mtime_ns))

    def mend(self) -> None:
        """Write what is damaged anew, in place: no directory tells."""
        for path in self.other_root.glob("sessions/*/*/*"):
            target = self.root / path.relative_to(self.other_root)
            if target.exists() and target.read_bytes() != path.read_bytes():
                self._write(target, path.read_bytes())

    def _write(self, path: Path, data: bytes) -> None:
        path.chmod(0o600)
        path.write_bytes(data)

    def remove(self) -> None:
        """Take away a session, or some file of one, as a mirror with --delete does."""
        paths = sorted((self.root / "sessions").glob("*" if self.rng.random() < 0.3 else "*/*/*"))
        if paths:
            path = self.rng.choice(paths)
            shutil.rmtree(path) if path.is_dir() else path.unlink()
            self._touch_refs(path)

    def _touch_refs(self, path: Path) -> None:
        """Let listing look at the session: by design it does not where only objects went or broke."""
        refs = path.parent.parent / "refs"
        if path.parent.name == "objects" and refs.exists():
            (refs / ".foreign").write_bytes(b"")
            (refs / ".foreign").unlink()

    def ask(self) -> None:
        """Let the index take up what is there."""
        storage = self.storage if self.rng.random() < 0.5 else open_store(self.root, self.cache)
        if self.rng.random() < 0.3:
            storage.update_index()
        assert_equals_scan(storage, self.root, self.rng.sample(WORDS, 3))
        self.tick()

    def swap(self) -> None:
        """Put the index of the other store in the place of this one's."""
        self.other.update_index()
        theirs = database(self.other_cache).parent
        for ours in self.cache.glob("*"):
            for path in theirs.iterdir():
                shutil.copy2(path, ours / path.name)

    def harm(self, kind: str) -> None:
        if list(self.cache.rglob("index.sqlite")):
            HARM[kind](self.cache, self.rng)

    def tick(self) -> None:
        """Let the file system's clock go on: changes within one tick of it cannot be told apart."""
        before = None
        while True:
            self._scratch.write_bytes(b"")
            now = self._scratch.stat().st_ctime_ns
            if before is not None and now > before:
                return
            before = before or now


STEPS: dict[str, Callable[[History], None]] = {
    "create": lambda history: history.create(history.storage),
    "create there": lambda history: history.create(history.other),
    "import": lambda history: history.import_old(history.storage),
    "import there": lambda history: history.import_old(history.other),
    "change": lambda history: history.change(history.storage),
    "change there": lambda history: history.change(history.other),
    "many": lambda history: history.many(history.storage),
    "sync": lambda history: history.sync(1.0),
    "sync a part": lambda history: history.sync(0.4),
    "remove": lambda history: history.remove(),
    "sync damaged": lambda history: history.sync(0.5, damaged=0.5),
    "mend": lambda history: history.mend(),
    "swap": lambda history: history.swap(),
    "ask": lambda history: history.ask(),
    **{f"harm: {kind}": partial(History.harm, kind=kind) for kind in HARM},
}


@pytest.mark.parametrize("shard", range(SHARDS))
def test_every_query_equals_the_scan_of_the_files(shard: int, counted: Counted) -> None:
    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        steps=st.lists(st.sampled_from(sorted(STEPS)), min_size=3, max_size=12),
        seed=st.integers(0, 1 << 32),
    )
    def run(steps: list[str], seed: int) -> None:
        with (
            tempfile.TemporaryDirectory() as directory,
            # Small limits, so that small stores meet what large ones do; and time flies.
            mock.patch.object(fingerprints, "RACY_NS", -(10**18)),
            mock.patch.object(index, "WORTH_WRITING", 2),
            mock.patch.object(index, "WORTH_INDEXING", 4),
            mock.patch.object(textstore, "BLOCK_BYTES", 300),
            mock.patch.object(textstore, "PART_BYTES", 40),
            mock.patch.object(textstore, "WORTH_COMPACTING", 200),
            mock.patch.object(files, "_SETTLE_SECONDS", 0.0),
        ):
            history = History(Path(directory), random.Random(seed + shard))
            history.create(history.storage)
            history.ask()
            for step in steps:
                STEPS[step](history)
                history.tick()
            history.ask()

    run()
    counted("random histories whose every query equals the scan", EXAMPLES)
