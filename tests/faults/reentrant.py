"""Uses of a storage in the middle of a use by the same thread, as of a signal handler or a finalizer.

``python -m tests.faults.reentrant ROOT POINTS``: prints each use before it begins. Python runs handlers
and finalizers where functions are called, and so many of these points are tried for each use.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from sessionfs import (
    ChatMessage,
    ConflictError,
    CreateCheckpointRequest,
    CreateSessionRequest,
    FileStorage,
    ListCheckpointsQuery,
    SearchQuery,
)

SESSIONS = 12
Use = Callable[[], object]


def uses(storage: FileStorage[ChatMessage]) -> dict[str, Use]:
    said = [ChatMessage("user", f"word {n}") for n in range(80)]
    made = [
        storage.create_session(CreateSessionRequest(f"title {n}", said[: 1 + n]))
        for n in range(SESSIONS)
    ]
    session, checkpoint = made[0].session_id, made[0].checkpoint.id

    def listed() -> None:
        assert storage.list_sessions().total == SESSIONS

    def searched() -> None:
        assert storage.search(SearchQuery("title 11")).total == 1

    def appended() -> None:
        storage.append_messages(session, [ChatMessage("user", "more")])

    def compared() -> None:
        active = storage.get_session(session).active_checkpoint
        assert active is not None
        request = CreateCheckpointRequest(said)
        with suppress(ConflictError):  # what came in between is noticed
            storage.create_checkpoint(session, request, expected_active=active.id)

    return {
        "list": listed,
        "search": searched,
        "checkpoint": lambda: storage.get_checkpoint(checkpoint),
        "checkpoints": lambda: storage.list_checkpoints(session, ListCheckpointsQuery()),
        "append": appended,
        "compare": compared,
        "update": storage.update_index,
        "rebuild": storage.rebuild_index,
        "state": storage.index_state,
        "close": storage.close,
    }


def points_in(use: Use) -> int:
    count = 0

    def profile(*_: object) -> None:
        nonlocal count
        count += 1

    sys.setprofile(profile)
    try:
        use()
    finally:
        sys.setprofile(None)
    return count


def interrupt(use: Use, point: int, nested: Use) -> None:
    """Call a use, and another one at a point in the middle of it; an error of either is raised."""
    count = 0
    failed: list[BaseException] = []

    def profile(*_: Any) -> None:
        nonlocal count
        count += 1
        if count == point:
            try:
                nested()
            except BaseException as error:
                failed.append(error)

    sys.setprofile(profile)
    try:
        use()
    finally:
        sys.setprofile(None)
    for error in failed:
        raise error


def try_all(root: Path, points: int) -> int:
    storage = FileStorage(root / "store", index_dir=root / "index", durability="relaxed")
    known = uses(storage)
    tried = 0
    others = itertools.cycle(list(known.items()))
    with storage.watch() as events:
        known["watch"] = lambda: events.next_event(timeout=0)
        for name, use in known.items():
            use()
            total = points_in(use)
            for point in range(1, total + 1, max(total // points, 1)):
                other, nested = next(others)
                print(f"{name} at {point} of {total}: {other}", flush=True)
                interrupt(use, point, nested)
                tried += 1
    known["list"]()
    known["search"]()
    return tried


if __name__ == "__main__":
    print(try_all(Path(sys.argv[1]), int(sys.argv[2])))
