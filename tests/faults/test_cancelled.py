"""Tasks that are cancelled amid a call: what they began is done as a whole or not at all."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from sessionfs import (
    AsyncFileStorage,
    ConflictError,
    CreateCheckpointRequest,
    CreateSessionRequest,
    FileStorage,
    ListCheckpointsQuery,
    ListSessionsQuery,
    NotFoundError,
    SearchQuery,
    UpdateSessionRequest,
)
from tests.effort import Counted, chosen

pytestmark = pytest.mark.slow

MOMENTS = chosen(few=1, usual=5, everything=120)
"""How often each call is cancelled, ever later, and then from the beginning."""
TASKS = chosen(few=20, usual=200, everything=2_000)

Call = Callable[[AsyncFileStorage, UUID, UUID], Awaitable[object]]

LARGE = {"role": "user", "content": "x" * 70_000}

CALLS: dict[str, Call] = {
    "create_session": lambda s, _, __: s.create_session(CreateSessionRequest("new", [LARGE])),
    "append": lambda s, session, _: s.append_messages(session, [{"added": 1}, LARGE]),
    "append_comparing": lambda s, session, first: s.append_messages(
        session, [{"added": 1}], expected_active=first
    ),
    "create_checkpoint": lambda s, session, _: s.create_checkpoint(
        session, CreateCheckpointRequest([{"added": 1}, LARGE])
    ),
    "set_active": lambda s, session, first: s.set_active_checkpoint(session, first),
    "fork": lambda s, session, _: s.fork_session(session, title="new"),
    "rename": lambda s, session, _: s.update_session(session, UpdateSessionRequest(title="new")),
    "delete": lambda s, session, _: s.delete_session(session),
    "list_sessions": lambda s, _, __: s.list_sessions(),
    "list_checkpoints": lambda s, session, _: s.list_checkpoints(
        session, ListCheckpointsQuery().with_state()
    ),
    "get_session": lambda s, session, _: s.get_session(session),
    "get_checkpoint": lambda s, _, first: s.get_checkpoint(first),
    "search": lambda s, _, __: s.search(SearchQuery("needle")),
    "rebuild_index": lambda s, _, __: s.rebuild_index(),
}


def run(work: Callable[[], Awaitable[None]]) -> None:
    """Run in a loop of its own, in which nothing may go unnoticed; no thread may be left."""
    threads, noticed = threading.active_count(), list[dict[str, Any]]()

    async def noticing() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: noticed.append(context))
        await work()
        gc.collect()
        await asyncio.sleep(0)

    asyncio.run(noticing())
    gc.collect()
    assert noticed == []
    assert threading.active_count() == threads


async def cancel_after(call: Awaitable[object], turns: int) -> bool:
    """Begin a call, let the loop turn so often, and cancel it; tell whether it was done already."""
    task = asyncio.ensure_future(call)
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return not task.cancelled()


def observed(root: Path, session: UUID) -> object:
    """Return what files say that a call could have changed, or fail if they say half of something."""
    storage = FileStorage(root, durability="relaxed", message_type=dict)
    told = storage.get_session(session)
    listed = storage.list_checkpoints(session, ListCheckpointsQuery().with_state())
    sessions = storage.list_sessions(ListSessionsQuery(limit=10_000))
    assert listed.problems == []
    assert all(each.state is not None for each in listed.checkpoints)
    assert {each.problem for each in sessions.sessions} == {None}
    for each in sessions.sessions:
        storage.get_session(each.id)
    active = told.active_checkpoint
    assert active is not None
    messages = repr(active.state.messages)
    storage.close()
    return told.title, told.status, messages, listed.total, sessions.total


@pytest.mark.parametrize("name", CALLS)
def test_a_cancelled_call_is_carried_out_or_not(tmp_path: Path, counted: Counted, name: str) -> None:
    """The moments are turns of the loop, so that some are before the thread begins, some amid it."""
    outcomes: list[object] = []

    async def attempt(root: Path, turns: int | None) -> bool:
        storage = AsyncFileStorage(root, durability="relaxed", message_type=dict)
        created = await storage.create_session(CreateSessionRequest("old", [{"said": "a needle"}]))
        session, first = created.session_id, created.checkpoint.id
        if name == "set_active":
            await storage.append_messages(session, [{"second": 1}])
        before = observed(root, session)
        if turns is None:
            await CALLS[name](storage, session, first)
            outcomes.extend((before, observed(root, session)))
            await storage.close()
            return True
        was_done = await cancel_after(CALLS[name](storage, session, first), turns)
        # At once, in the middle of what goes on: the storage can be used, and closed.
        await storage.get_session(session)
        await storage.list_sessions()
        await storage.close()
        pending[root] = session
        return was_done

    pending: dict[Path, UUID] = {}
    run(lambda: _none(attempt(tmp_path / "whole", None)))
    for moment in range(MOMENTS):
        run(lambda moment=moment: _none(attempt(tmp_path / str(moment), 4 ** (moment % 6))))  # type: ignore[misc]
    for root, session in pending.items():  # the loops have waited for their threads
        assert observed(root, session) in outcomes
        assert not list(root.rglob(".tmp-*"))
    counted("calls cancelled", MOMENTS)


async def _none(call: Awaitable[object]) -> None:
    await call


def test_many_tasks_share_one_storage_and_some_are_cancelled(tmp_path: Path, counted: Counted) -> None:
    made: list[UUID] = []
    root = tmp_path / "store"

    async def work() -> None:
        async with AsyncFileStorage(root, durability="relaxed", message_type=dict) as storage:
            session = (await storage.create_session(CreateSessionRequest("t", []))).session_id

            async def append(n: int) -> UUID:
                mine = (await storage.append_messages(session, [{"n": n}])).id
                assert (await storage.get_checkpoint(mine)).state.messages[-1] == {"n": n}
                return mine

            tasks = [asyncio.create_task(append(n)) for n in range(TASKS)]
            for task in tasks[3::4]:
                await asyncio.sleep(0)
                task.cancel()
            for found in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(found, UUID):
                    made.append(found)
                else:
                    assert isinstance(found, asyncio.CancelledError), found
            assert len(made) >= TASKS * 3 // 4
            listed = await storage.list_checkpoints(session, ListCheckpointsQuery(limit=10 * TASKS))
            assert {each.id for each in listed.checkpoints} >= set(made)

    run(work)
    storage = FileStorage(root, message_type=dict)
    (session,) = storage.list_sessions().sessions
    listed = storage.list_checkpoints(session.id, ListCheckpointsQuery(limit=10 * TASKS).with_state())
    assert {each.id for each in listed.checkpoints} >= set(made)
    assert all(each.state is not None for each in listed.checkpoints)
    counted("tasks on one storage", TASKS)


def test_errors_among_many_and_time_that_runs_out(tmp_path: Path) -> None:
    async def work() -> None:
        storage = AsyncFileStorage(tmp_path / "store", durability="relaxed", message_type=dict)
        created = await storage.create_session(CreateSessionRequest("t", []))
        session, first = created.session_id, created.checkpoint.id
        calls = [storage.append_messages(session, [{"n": n}], expected_active=first) for n in range(20)]
        found = await asyncio.gather(*calls, storage.get_session(uuid4()), return_exceptions=True)
        assert sum(isinstance(each, ConflictError) for each in found) == 19
        assert sum(isinstance(each, NotFoundError) for each in found) == 1
        with pytest.raises(NotFoundError):
            await asyncio.gather(
                storage.append_messages(session, [{"beside": 1}]), storage.get_session(uuid4())
            )
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await storage.append_messages(session, [{"late": 1}])
        await storage.close()
        await storage.close()
        assert (
            await storage.get_session(session)
        ).id == session  # closed: nothing is held, that is all
        await storage.close()

    run(work)
