"""Records of any size: within the limit they are read in memory that is bounded, above it refused."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sessionfs import (
    CreateCheckpointRequest,
    CreateSessionRequest,
    ImportedCheckpoint,
    ImportSessionRequest,
    InvalidRequestError,
    SearchQuery,
    TooLargeError,
    UpdateSessionRequest,
)
from sessionfs.tools.base import EPOCH

from ..effort import Counted, chosen
from .hostile import (
    AT,
    SESSION,
    Hostile,
    answers,
    reads,
    record,
    unchanged,
    with_message,
    writes,
    written,
)

KEYS = chosen(few=2_000, usual=20_000, everything=1_000_000)
LONG = chosen(few=200_000, usual=2_000_000, everything=100_000_000)


@pytest.fixture
def store(tmp_path: Path) -> Hostile:
    return Hostile(tmp_path)


def many_keys() -> str:
    return json.dumps({f"k{i}": i for i in range(KEYS)})


@pytest.mark.parametrize("place", ["message", "metadata", "set", "keys of metadata twice"])
def test_a_million_keys(store: Hostile, place: str, counted: Counted) -> None:
    keys = many_keys()
    if place == "keys of metadata twice":
        keys = keys[:-1] + "," + keys[1:]
    data = with_message(
        keys if place == "message" else "{}", None if place in ("message", "set") else keys
    )
    store.put_checkpoint(data)
    if place == "set":
        meta = {
            "kind": "meta",
            "session": str(SESSION),
            "at": AT,
            "set": json.loads(keys) | {"title": "t"},
        }
        store.put_meta(written(meta))
    with store.open() as storage, unchanged(store.session):
        assert set(answers(reads(storage)).values()) == {"ok"}
        store.require_peace(storage)
    with store.open() as storage:
        tracemalloc.start()
        try:
            found = storage.get_session(SESSION)
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert found.active_checkpoint is not None
        state = found.active_checkpoint.state
        assert found.title == ("t" if place == "set" else "")
        assert len(state.messages) == 1
        assert len(state.metadata or {}) == (KEYS if "metadata" in place else 0)
    # The file, its bytes decoded, and its values, some of them a few times; not its square.
    assert most < 60 * len(keys) + 10_000_000
    with store.open() as storage:
        assert set(answers(writes(storage)).values()) == {"ok"}
    counted("keys read", KEYS)


@pytest.mark.parametrize("place", ["message", "metadata", "title"])
def test_a_long_text(store: Hostile, place: str) -> None:
    text = "hello " * (LONG // 6)
    message: dict[str, Any] = {"role": "user", "content": text if place == "message" else "hello"}
    metadata = {"text": text if place == "metadata" else "hello"}
    store.put_checkpoint(written(record(messages=[message], metadata=metadata)))
    store.put_title(text if place == "title" else "hello")
    with store.open() as storage, unchanged(store.session):
        assert set(answers(reads(storage)).values()) == {"ok"}
        found = storage.get_session(SESSION)
        assert found.active_checkpoint is not None
        assert found.active_checkpoint.state.messages == [message]
        assert found.active_checkpoint.state.metadata == metadata
        assert len(found.title) == (len(text) if place == "title" else 5)
        hits = storage.search(SearchQuery("hello")).hits
        assert all(len(hit.snippet) < 1_000 for hit in hits if hit.checkpoint_id is not None)
        store.require_peace(storage)


BIG = "x" * 40_000


def test_what_is_above_the_limit_is_refused_before_anything_is_written(store: Hostile) -> None:
    message: dict[str, Any] = {"role": "user", "content": BIG}
    many: list[Any] = [{"role": "user", "content": "x" * 1_000}] * 40
    with store.open() as storage:
        storage.create_session(CreateSessionRequest("fits", []))
    new = ImportSessionRequest(
        session_id=SESSION,
        title="x",
        checkpoints=[ImportedCheckpoint(messages=[message], created_at=EPOCH)],
        created_at=EPOCH,
    )
    with store.open(max_object_bytes=30_000) as storage:
        session = store.neighbour
        refused: dict[str, Callable[[], object]] = {
            "a message": lambda: storage.append_messages(session, [message]),
            "a large message": lambda: storage.append_messages(session, [{"content": BIG * 2}]),
            "a whole state": lambda: storage.create_checkpoint(session, CreateCheckpointRequest(many)),
            "many messages": lambda: storage.append_messages(session, many),
            "metadata": lambda: storage.append_messages(session, [], metadata={"text": BIG}),
            "a title": lambda: storage.update_session(session, UpdateSessionRequest(title=BIG)),
            "a directory": lambda: storage.update_session(session, UpdateSessionRequest(cwd=BIG)),
            "a new session": lambda: storage.create_session(CreateSessionRequest("x", [message])),
            "its title": lambda: storage.create_session(CreateSessionRequest(BIG, [])),
            "its metadata": lambda: storage.create_session(
                CreateSessionRequest("x", metadata={"a": BIG})
            ),
            "a fork's title": lambda: storage.fork_session(session, title=BIG),
            "an import": lambda: storage.import_session(new),
        }
        for what, call in refused.items():
            with (
                unchanged(store.root),
                pytest.raises(InvalidRequestError, match="max_object_bytes") as caught,
            ):
                call()
            assert "30,000" in str(caught.value), what
        storage.append_messages(session, [{"role": "user", "content": "x" * 20_000}])
        storage.append_messages(session, [{"role": "user", "content": "x" * 20_000}])
        assert len(storage.get_active_checkpoint(session).state.messages) == 3
    with pytest.raises(InvalidRequestError, match="max_object_bytes"):
        store.open(max_object_bytes=0)


@pytest.mark.parametrize("what", ["an object", "a meta record", "an active ref", "the header"])
@pytest.mark.parametrize("size", [40_000, 10 << 30])
def test_a_file_above_the_limit_is_not_read(store: Hostile, what: str, size: int) -> None:
    """Also a sparse one of 10 GB, which would not fit into the memory."""
    limit = 30_000 if size < 1 << 30 else 1 << 30
    sha = store.put_checkpoint(written(record()))
    store.put_title("fits")
    path = {
        "an object": store.objects / f"{sha}.json",
        "a meta record": next(store.refs.glob("meta.*")),
        "an active ref": next(store.refs.glob("active.*")),
        "the header": store.root / "sessionfs.json",
    }[what]
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.truncate(size)
    tracemalloc.start()
    try:
        with store.open(max_object_bytes=limit) as storage:
            listed = {each.id: each for each in storage.list_sessions().sessions}
            problem = listed[SESSION].problem
            if what == "an object":
                with pytest.raises(TooLargeError, match="max_object_bytes") as caught:
                    storage.get_session(SESSION)
                assert caught.value.path == str(path)
                assert f"{limit:,}" in str(caught.value)
                assert problem is not None
                assert path.name in problem
            else:
                assert storage.get_active_checkpoint(SESSION).state.messages == record()["messages"]
            if what == "a meta record":
                assert problem is not None
                assert path.name in problem
            if what == "the header":
                with pytest.raises(TooLargeError, match=r"sessionfs\.json"):
                    storage.append_messages(SESSION, [])
            else:
                store.require_peace(storage)
                whole = CreateCheckpointRequest([{"n": 1}])
                made = storage.create_checkpoint(SESSION, whole)
                assert storage.get_active_checkpoint(SESSION).id == made.id
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 50_000_000
