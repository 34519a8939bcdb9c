"""Several storages of one process on one root, and a root that vanishes under all of them."""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from sessionfs import (
    ChatMessage,
    ConflictError,
    CreateCheckpointRequest,
    CreateSessionRequest,
    FileStorage,
    InternalError,
    ListCheckpointsQuery,
    ListSessionsQuery,
    NotFoundError,
    SearchQuery,
    StorageError,
    UpdateSessionRequest,
)
from sessionfs.store.objects import ObjectCache
from sessionfs.store.session import SessionDirectory
from tests.effort import Counted, chosen

from ..internals import bytes_held, held_states, open_with, session_directory

ROUNDS = chosen(few=1, usual=4, everything=100)
OTHERS = 10
READS = chosen(few=3_000, usual=3_000, everything=100_000)
REMOVALS = chosen(few=2, usual=10, everything=200)
OPENINGS = chosen(few=500, usual=2_000, everything=100_000)


class Typed(msgspec.Struct, dict=True):
    role: str
    content: str


@contextmanager
def many_turns() -> Iterator[None]:
    """Let threads take turns as often as can be."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)


def storages(tmp_path: Path) -> list[FileStorage]:
    """Open one root in every way."""
    root = tmp_path / "store"
    return [
        FileStorage(root, durability="relaxed", message_type=dict),
        FileStorage(root, durability="relaxed", message_type=dict),
        FileStorage(root, durability="full", message_type=ChatMessage),
        FileStorage(root, durability="relaxed", index_dir=tmp_path / "elsewhere", message_type=Typed),
        FileStorage(root, durability="relaxed", index_dir="/dev/null/nowhere", message_type=dict),
    ]


def plain(messages: list[Any]) -> list[Any]:
    return msgspec.json.decode(msgspec.json.encode(messages), type=list[Any])


def test_each_storage_answers_with_what_any_other_has_just_written(tmp_path: Path) -> None:
    all_ = storages(tmp_path)
    created = all_[0].create_session(CreateSessionRequest("t", []))
    session, state = created.session_id, list[dict[str, str]]()
    for n in range(OTHERS):  # so many that the index is written
        all_[0].create_session(CreateSessionRequest("another", [{"n": n}]))
    for n in range(ROUNDS * len(all_)):
        writer = all_[n % len(all_)]
        state.append({"role": "user", "content": f"number {n:04}"})
        title = f"title {n:04}"
        writer.update_session(session, UpdateSessionRequest(title=title))
        if n % 7 == 3 and len(state) > 2:
            state = state[-2:]
            made = writer.create_checkpoint(session, CreateCheckpointRequest(state)).id
        else:
            made = writer.append_messages(session, state[-1:]).id
        if n % len(all_) == 0:
            all_[n // len(all_) % len(all_)].update_index()
        for reader in all_:
            told = reader.get_session(session)
            assert told.active_checkpoint is not None
            assert (told.title, told.active_checkpoint.id) == (title, made)
            assert plain(told.active_checkpoint.state.messages) == state
            assert plain(reader.get_checkpoint(made).state.messages) == state
            (listed,) = reader.list_sessions(ListSessionsQuery(search=title)).sessions
            assert (listed.active_checkpoint_id, listed.message_count) == (made, len(state))
            last = reader.list_checkpoints(session, ListCheckpointsQuery(limit=1, offset=n + 1))
            assert [each.id for each in last.checkpoints] == [made]
            assert last.total == n + 2
            assert reader.search(SearchQuery(f"number {n:04}")).total == 1
            with pytest.raises(ValueError, match="active checkpoint"):
                reader.append_messages(session, [], expected_active=created.checkpoint.id)
    for reader in all_:
        reader.close()


def test_threads_on_different_storages_lose_nothing(tmp_path: Path, counted: Counted) -> None:
    all_ = storages(tmp_path)
    created = all_[0].create_session(CreateSessionRequest("t", []))
    session = created.session_id

    def work(n: int) -> list[UUID]:
        storage, made = all_[n % len(all_)], []
        for i in range(ROUNDS):
            message = {"role": "user", "content": f"{n}.{i}"}
            made.append(storage.append_messages(session, [message]).id)
            for reader in all_:
                assert reader.get_checkpoint(made[-1]).session_id == session
                query = ListCheckpointsQuery(limit=100_000)
                found = {each.id for each in reader.list_checkpoints(session, query).checkpoints}
                assert found.issuperset(made)
                assert reader.search(SearchQuery(f"{n}.{i}", session_id=session)).total >= 1
        return made

    with ThreadPoolExecutor(2 * len(all_)) as pool:
        made = [id_ for each in pool.map(work, range(2 * len(all_))) for id_ in each]
    assert len(set(made)) == len(made)
    for reader in all_:
        listed = reader.list_checkpoints(session, ListCheckpointsQuery(limit=100_000))
        assert {each.id for each in listed.checkpoints} == {created.checkpoint.id, *made}
        reader.close()
    counted("appends through storages of one process", len(made))


def test_threads_share_a_memory_that_is_too_small_for_all(tmp_path: Path, counted: Counted) -> None:
    """What one thread has just found there, another lets go of."""
    cache = ObjectCache(2_000)  # some two of them
    storage, reads = open_with(tmp_path, cache=cache), 0
    checkpoints: dict[UUID, list[Any]] = {}
    directories: list[tuple[SessionDirectory, str]] = []
    for n in range(8):
        messages: list[Any] = [{"n": n, "said": "x" * 500}]
        created = storage.create_session(CreateSessionRequest("t", messages))
        checkpoints[created.checkpoint.id] = messages
        sha = Path(storage.checkpoint_path(created.checkpoint.id)).stem
        directories.append((session_directory(tmp_path, created.session_id, cache=cache), sha))

    def read(first: int) -> int:
        for n in range(READS):
            directory, sha = directories[(first + n) % len(directories)]
            assert directory.objects.checkpoint(sha).count == 1
        return READS

    with many_turns(), ThreadPoolExecutor(4) as pool:
        reads = sum(pool.map(read, range(4)))
    assert bytes_held(cache) <= 2_000
    for id_, messages in checkpoints.items():
        assert storage.get_checkpoint(id_).state.messages == messages
    counted("reads through a memory that is too small", reads)


def test_whole_states_are_saved_while_another_thread_lets_go_of_all_memory(
    tmp_path: Path, counted: Counted
) -> None:
    """Closing, and purging another session, is not an error for who is saving just then."""
    storage = storages(tmp_path)[0]
    messages: list[Any] = [{"n": n} for n in range(100)]
    held: dict[UUID, Any] = {}
    for _ in range(3):
        session = storage.create_session(CreateSessionRequest("t", [])).session_id
        storage.create_checkpoint(session, CreateCheckpointRequest(messages))
        held[session] = held_states(storage).take(session)
    assert None not in held.values()
    done = threading.Event()

    def save(session: UUID) -> int:
        for _ in range(READS):
            held_states(storage).put(session, held[session])
            held_states(storage).take(session)
        return READS

    def close() -> None:
        while not done.is_set():
            storage.close()

    with many_turns(), ThreadPoolExecutor(4) as pool:
        closing = pool.submit(close)
        try:
            saves = sum(pool.map(save, held))
        finally:
            done.set()
        closing.result()
    counted("whole states saved while memory was let go of", saves)


Harm = Callable[[Path, Path, UUID], None]


def move_away_and_back(root: Path, aside: Path, session: UUID) -> None:
    directory = root / "sessions" / str(session)
    try:
        directory.rename(aside)
    except FileNotFoundError:
        return
    shutil.rmtree(directory, ignore_errors=True)  # what was written to it meanwhile
    try:
        aside.rename(directory)
    except OSError:
        shutil.rmtree(directory, ignore_errors=True)
        shutil.rmtree(aside)


def remove_root(root: Path, aside: Path, session: UUID) -> None:
    shutil.rmtree(root, ignore_errors=True)


@pytest.mark.parametrize("harm", [move_away_and_back, remove_root])
def test_what_vanishes_under_those_who_use_it_is_told_by_errors_of_ours(
    tmp_path: Path, counted: Counted, harm: Harm
) -> None:
    all_ = storages(tmp_path)[:2]
    root, stop = tmp_path / "store", threading.Event()
    shared = [all_[0].create_session(CreateSessionRequest("t", [])).session_id]
    refused: list[StorageError] = []

    def work(n: int) -> int:
        storage, calls = all_[n % 2], 0

        def use() -> None:
            session = shared[-1]
            made = storage.append_messages(session, [{"n": n}])
            storage.append_messages(session, [{"n": n}], expected_active=made.id)

        def look() -> None:
            storage.list_sessions()
            storage.search(SearchQuery("anything"))
            storage.list_checkpoints(shared[-1])
            storage.get_session(shared[-1])
            storage.fork_session(shared[-1])

        while not stop.is_set():
            calls += 1
            try:
                (use if n % 3 else look)()
            except StorageError as error:
                refused.append(error)
        return calls

    with ThreadPoolExecutor(6) as pool:
        begun = [pool.submit(work, n) for n in range(6)]
        try:
            for _ in range(REMOVALS):
                before = len(refused)
                while len(refused) == before and not any(each.done() for each in begun):
                    harm(root, tmp_path / "aside", shared[-1])
                created = all_[0].create_session(CreateSessionRequest("again", [{"n": 0}]))
                shared.append(created.session_id)
        finally:
            stop.set()
        for error in refused:
            assert isinstance(error, InternalError | NotFoundError | ConflictError), error
        counted(f"calls while things vanished, {harm.__name__}", sum(each.result() for each in begun))
    for storage in (*all_, *storages(tmp_path)):
        again = storage.create_session(CreateSessionRequest("again", [{"said": "it"}])).session_id
        made = storage.append_messages(again, [{"n": 1}])
        assert storage.get_active_checkpoint(again).id == made.id
        assert again in {
            each.id for each in storage.list_sessions(ListSessionsQuery(limit=10**6)).sessions
        }
        storage.close()


def test_a_root_that_is_moved_away_and_back_is_opened(tmp_path: Path) -> None:
    root, aside, stop = tmp_path / "store", tmp_path / "aside", threading.Event()
    FileStorage(root).create_session(CreateSessionRequest("t", []))

    def move() -> None:
        while not stop.is_set():
            root.rename(aside)
            aside.rename(root)

    with ThreadPoolExecutor(1) as pool:
        moving = pool.submit(move)
        try:
            for _ in range(OPENINGS):
                FileStorage(root).close()
        finally:
            stop.set()
        moving.result()
