"""Programs that fork while they use a storage; each is a process of its own.

``python -m tests.faults.forking SCENE ROOT [ARGUMENT]``: what goes wrong ends it with a traceback.
"""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

from sessionfs import (
    CreateCheckpointRequest,
    CreateSessionRequest,
    FileStorage,
    ListCheckpointsQuery,
    SearchQuery,
)
from sessionfs.format.refnames import ActiveRef
from sessionfs.store.refs import Refs

from ..internals import lock_of
from .writers import append_comparing

PATIENCE = 60
"""Seconds after which a child that has not ended hangs."""

_EVERY = ListCheckpointsQuery(limit=1_000_000)


def open_store(root: Path) -> FileStorage:
    return FileStorage(root, durability="relaxed", message_type=dict)


def child(work: Callable[[], object], *, finalized: bool) -> int:
    """Fork a child that does this and ends, with or without an end of its interpreter."""
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    signal.alarm(PATIENCE)
    try:
        work()
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    if not finalized:
        os._exit(0)
    raise SystemExit(0)


def use(storage: FileStorage, sessions: list[UUID], name: object) -> list[UUID]:
    """Read, search, list and write by every way; return the checkpoints that were acknowledged."""
    made: list[UUID] = []
    for session in sessions:
        before = storage.get_active_checkpoint(session).id
        mine = storage.append_messages(session, [{"name": name, "said": f"blind by {name}"}]).id
        made += [mine, append_comparing(storage, session, {"name": name, "said": "compared"})[0]]
        state = storage.get_active_checkpoint(session).state.messages
        made.append(storage.create_checkpoint(session, CreateCheckpointRequest(state)).id)
        storage.set_active_checkpoint(session, before)
        assert storage.get_checkpoint(mine).session_id == session
        listed = storage.list_checkpoints(session, _EVERY)
        assert listed.problems == []
        assert {before, *made[-3:]} <= {each.id for each in listed.checkpoints}
        assert storage.search(SearchQuery(f"blind by {name}", session_id=session)).total >= 1
    created = storage.create_session(CreateSessionRequest(f"by {name}", []))
    assert {*sessions, created.session_id} <= {each.id for each in storage.list_sessions().sessions}
    return made


def hammer(root: Path, forks: str) -> None:
    """Fork again and again while threads write, read, search and watch with the same storage."""
    storage, stop = open_store(root), threading.Event()
    sessions = [
        storage.create_session(CreateSessionRequest(f"s{n}", [{"n": n}])).session_id for n in range(2)
    ]
    acknowledged: list[list[UUID]] = [[] for _ in range(4)]
    failed: list[BaseException] = []

    def write(thread: int) -> None:
        number = 0
        try:
            while not stop.is_set():
                number += 1
                message = {"thread": thread, "number": number, "said": "by a thread"}
                if thread % 2:
                    made, _ = append_comparing(storage, sessions[thread // 2], message)
                else:
                    made = storage.append_messages(sessions[thread // 2], [message]).id
                acknowledged[thread].append(made)
                storage.get_checkpoint(made)
                storage.list_sessions()
                if number % 8 == 1:
                    storage.search(SearchQuery("by a thread", limit=1))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    watcher = storage.watch()
    listener = threading.Thread(target=lambda: sum(1 for _ in watcher))
    notes = os.open(root.with_name("children"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        for thread in (*threads, listener):
            thread.start()
        for n in range(int(forks)):

            def work(n: int = n) -> None:
                assert watcher.is_closed
                assert watcher.next_event() is None
                made = use(storage, sessions, f"child {n}")
                os.write(notes, b"".join(b"%s\n" % str(id_).encode() for id_ in made))
                if n % 3 == 0:
                    storage.close()

            _, status = os.waitpid(child(work, finalized=n % 2 == 0), 0)
            assert status == 0, (n, status, os.waitstatus_to_exitcode(status))
    finally:
        stop.set()
        watcher.close()
        for thread in (*threads, listener):
            thread.join()
    assert failed == []
    assert all(acknowledged)
    wanted = {id_ for each in acknowledged for id_ in each}
    wanted |= {UUID(line) for line in root.with_name("children").read_text().split()}
    assert len(wanted) == sum(map(len, acknowledged)) + int(forks) * 3 * len(sessions)
    for reading in (storage, open_store(root)):
        found = [
            each.id
            for session in sessions
            for each in reading.list_checkpoints(session, _EVERY).checkpoints
        ]
        assert len(found) == len(set(found))
        assert wanted <= set(found)
        for id_ in wanted:
            reading.get_checkpoint(id_)
        assert reading.search(SearchQuery("by a thread", limit=1)).total == sum(map(len, acknowledged))
    print(sum(map(len, acknowledged)))


def held(root: Path, which: str) -> None:
    """Fork while another thread holds one of the storage's locks."""
    storage = open_store(root)
    session = storage.create_session(CreateSessionRequest("t", [])).session_id
    lock = lock_of(storage, which)
    holds, ended = threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            holds.set()
            ended.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    holds.wait()
    pids = [
        child(lambda: use(storage, [session], "the child"), finalized=finalized)
        for finalized in (False, True)
    ]
    found = [os.waitpid(pid, 0)[1] for pid in pids]
    ended.set()
    holder.join()
    assert found == [0, 0], found


def lock(root: Path, _: str) -> None:
    """Fork while a comparing writer holds its lock: the child that lives on keeps nobody out."""
    storage = open_store(root)
    created = storage.create_session(CreateSessionRequest("t", []))
    reading, writing = os.pipe()
    real, pids = Refs.put_active, list[int]()

    def wait() -> None:
        os.close(writing)
        os.read(reading, 1)

    def put_active(refs: Refs, at: str, sha: str) -> ActiveRef:
        pids.append(child(wait, finalized=False))
        return real(refs, at, sha)

    Refs.put_active = put_active  # type: ignore[method-assign,assignment]
    storage.append_messages(created.session_id, [], expected_active=created.checkpoint.id)
    descriptor = os.open(Path(storage.session_path(created.session_id)) / "refs", os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(writing)
    assert [os.waitpid(pid, 0)[1] for pid in pids] == [0]


def _in_a_process(storage: FileStorage, sessions: list[UUID], name: str, answers: Any) -> None:
    answers.put(use(storage, sessions, name))


def processes(root: Path, method: str) -> None:
    """Give a storage in use to processes that ``multiprocessing`` starts."""
    storage = open_store(root)
    session = storage.create_session(CreateSessionRequest("t", [])).session_id
    use(storage, [session], "the parent")
    context = multiprocessing.get_context(method)
    answers = context.Queue()
    started = [
        context.Process(target=_in_a_process, args=(storage, [session], f"{method} {n}", answers))  # type: ignore[attr-defined]
        for n in range(2)
    ]
    for each in started:
        each.start()
    made = [id_ for _ in started for id_ in answers.get(timeout=PATIENCE)]
    for each in started:
        each.join()
        assert each.exitcode == 0
    assert set(made) <= {each.id for each in storage.list_checkpoints(session, _EVERY).checkpoints}
    use(storage, [session], "the parent again")


SCENES = {scene.__name__: scene for scene in (hammer, held, lock, processes)}

if __name__ == "__main__":
    SCENES[sys.argv[1]](Path(sys.argv[2]), sys.argv[3])
