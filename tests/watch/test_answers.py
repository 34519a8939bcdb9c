"""While a watch is open, listing and search rely on it: they look at what changed, and no further."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from sessionfs import (
    AsyncFileStorage,
    CreateCheckpointRequest,
    CreateSessionRequest,
    FileStorage,
    ImportedCheckpoint,
    ImportSessionRequest,
    InvalidRequestError,
    SearchQuery,
    SessionCreated,
    UpdateSessionRequest,
    Watcher,
)
from sessionfs.fs import fingerprints
from sessionfs.index import staleness

from ..index.helpers import assert_equals_scan, open_store
from .helpers import eventually, listening
from .writer import elsewhere

pytestmark = [pytest.mark.slow, pytest.mark.once]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def storage(root: Path, tmp_path: Path) -> FileStorage:
    storage = open_store(root, tmp_path / "cache")
    for i in range(12):
        request = CreateSessionRequest(f"Alpha {i}", [{"role": "user", "content": f"said {i}"}])
        storage.create_session(request)
    storage.update_index()
    return storage


@pytest.fixture
def watcher(storage: FileStorage) -> Iterator[Watcher]:
    with storage.watch(relist_seconds=3600) as watcher:
        yield listening(watcher)


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect each comparison of all sessions with their records."""
    done: list[str] = []
    real = staleness.StalenessCheck.compare

    def compare(self: staleness.StalenessCheck, *args: Any) -> staleness.Differences:
        done.append(self.table)
        return real(self, *args)

    monkeypatch.setattr(staleness.StalenessCheck, "compare", compare)
    return done


def ask(storage: FileStorage) -> None:
    storage.search(SearchQuery("said"))
    found = storage.list_sessions().sessions[0]
    assert found.active_checkpoint_id is not None
    storage.get_checkpoint(found.active_checkpoint_id)


def test_nothing_is_compared_while_a_watch_is_open(
    storage: FileStorage, watcher: Watcher, compared: list[str]
) -> None:
    ask(storage)
    assert set(compared) == {"sessions", "objects", "contents"}
    compared.clear()
    for i in range(3):
        storage.create_session(CreateSessionRequest("Beta", [{"said": f"said {i}"}]))
        ask(storage)
    assert compared == []
    watcher.close()
    ask(storage)
    assert set(compared) == {"sessions", "objects", "contents"}


def test_what_was_written_here_is_told_at_once(
    storage: FileStorage, root: Path, watcher: Watcher
) -> None:
    session = storage.list_sessions().sessions[3].id
    first = storage.get_active_checkpoint(session).id
    imported = ImportSessionRequest(
        session_id=uuid4(),
        title="imported",
        checkpoints=[ImportedCheckpoint(messages=[{"said": "old"}], created_at=datetime.now(UTC))],
        created_at=datetime.now(UTC),
    )
    writes: list[Callable[[], object]] = [
        lambda: storage.append_messages(session, [{"said": "appended"}]),
        lambda: storage.create_checkpoint(session, CreateCheckpointRequest([{"said": "whole"}])),
        lambda: storage.set_active_checkpoint(session, first),
        lambda: storage.update_session(session, UpdateSessionRequest(title="renamed")),
        lambda: storage.delete_session(session),
        lambda: storage.restore_session(session),
        lambda: storage.fork_session(session),
        lambda: storage.import_session(imported),
        lambda: storage.create_session(CreateSessionRequest("created", [{"said": "new"}])),
    ]
    for write in writes:
        write()
        assert_equals_scan(storage, root, ["said", "appended", "renamed", "new"])


def test_what_others_do_is_told_when_they_have_done_it(
    storage: FileStorage, root: Path, watcher: Watcher, compared: list[str]
) -> None:
    ask(storage)
    compared.clear()
    other = elsewhere(root)
    # The directory of the sessions tells what comes and goes before any notice does.
    made = other("create", "made elsewhere")
    assert storage.list_sessions().sessions[0].id == made
    other("append", made)
    eventually(lambda: storage.list_sessions().sessions[0].message_count == 2)
    other("rename", made)
    eventually(lambda: storage.list_sessions().sessions[0].title == "renamed")
    other("remove", made)
    assert storage.list_sessions().total == 12
    assert compared == []
    assert_equals_scan(storage, root)


def test_an_index_that_others_write_is_compared_again(
    storage: FileStorage, root: Path, tmp_path: Path, watcher: Watcher
) -> None:
    ask(storage)
    other = open_store(root, tmp_path / "cache")
    for _ in range(3):
        other.rebuild_index()
        assert_equals_scan(storage, root)
        other.create_session(CreateSessionRequest("by another", [{"said": "x"}]))
        other.update_index()
        assert_equals_scan(storage, root)


def test_another_watch_takes_over_from_one_that_is_closed_or_forgotten(
    storage: FileStorage, root: Path, compared: list[str]
) -> None:
    first, second, third = (storage.watch(relist_seconds=3600) for _ in range(3))
    listening(first)
    ask(storage)
    first.close()
    del second
    gc.collect()
    listening(third)
    ask(storage)
    compared.clear()
    storage.create_session(CreateSessionRequest("Beta", [{"said": "x"}]))
    ask(storage)
    assert compared == []
    third.close()
    assert_equals_scan(storage, root)


def test_the_async_storage_has_an_async_watch(root: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with (
            AsyncFileStorage(root, index_dir=tmp_path / "cache") as storage,
            storage.watch(relist_seconds=3600) as events,
        ):
            made = await storage.create_session(CreateSessionRequest("new", [{"said": "hello"}]))
            async for event in events:
                assert isinstance(event, SessionCreated)
                assert event.session_id == made.session_id
                break
            assert (await storage.search(SearchQuery("hello"))).total == 1

    asyncio.run(run())


@pytest.mark.parametrize(
    "seconds",
    [0, -1, float("nan"), float("inf"), 1e300, 10**400, "30", None, True],
    ids=lambda each: f"{each!r:.10}",
)
def test_how_often_to_compare_is_a_number_of_seconds(storage: FileStorage, seconds: object) -> None:
    with pytest.raises(InvalidRequestError):
        storage.watch(relist_seconds=seconds)  # type: ignore[arg-type]


def test_fingerprints_of_what_is_not_there(tmp_path: Path) -> None:
    assert fingerprints.digests(str(tmp_path / "none"), ["a"], "refs") == {"a": 0}
    (tmp_path / "a" / "refs").mkdir(parents=True)
    found = fingerprints.digests(str(tmp_path), ["a", "b"], "refs")
    assert found["b"] == 0 != found["a"]
