"""Uses of types that nobody has used before.

``python -m tests.faults.first_uses ROOT ROUNDS``: threads give a storage messages of such a type, all
at once, a new type each round. Without ROUNDS: prints who lets msgspec learn a type while it is used.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier
from types import ModuleType
from typing import Any
from uuid import uuid4

from sessionfs import (
    ChatMessage,
    CreateCheckpointRequest,
    CreateSessionRequest,
    FileStorage,
    ImportedCheckpoint,
    ImportSessionRequest,
    ListCheckpointsQuery,
    Role,
    SearchQuery,
    UpdateSessionRequest,
)

THREADS = 4
SOURCE = """
from __future__ import annotations

import msgspec

class Part(msgspec.Struct):
    text: str
    parts: list[Part] | None = None

class Note(msgspec.Struct, dict=True):
    role: str
    content: str | list[Part] | None = None
    parts: dict[str, Part] | None = None
"""


def learn_at_once(root: str, rounds: int) -> None:
    storage = FileStorage(root, durability="relaxed")
    for n in range(rounds):
        module: Any = ModuleType(f"notes{n}")
        sys.modules[module.__name__] = module  # where msgspec looks names up
        exec(SOURCE, module.__dict__)
        barrier = Barrier(THREADS)

        def create(kind: Any = module.Note, barrier: Barrier = barrier) -> None:
            request = CreateSessionRequest("t", [kind("user", "text"), kind("user", "text")])
            barrier.wait()
            storage.create_session(request)

        with ThreadPoolExecutor(THREADS) as pool:
            for each in [pool.submit(create) for _ in range(THREADS)]:
                each.result()


def tell_learners(root: str) -> None:
    def profile(frame: Any, event: str, _: object) -> None:
        code = frame.f_code
        if (
            event == "call"
            and code.co_name == "get_class_annotations"
            and "msgspec" in code.co_filename
        ):
            caller = frame.f_back.f_code
            print(f"{Path(caller.co_filename).stem}.{caller.co_name}")

    sys.setprofile(profile)
    said = [ChatMessage(Role.USER, f"message {n}") for n in range(100)]
    with FileStorage(root) as storage:
        made = storage.create_session(CreateSessionRequest("t", said))
        session, checkpoint = made.session_id, made.checkpoint.id
        storage.append_messages(session, [ChatMessage(Role.USER, "x" * 100_000), {"odd": 1}])
        for _ in range(2):
            storage.create_checkpoint(session, CreateCheckpointRequest(said))
        storage.set_active_checkpoint(session, checkpoint)
        storage.update_session(session, UpdateSessionRequest(title="another"))
        storage.delete_session(session)
        storage.restore_session(session)
        again = storage.fork_session(session).session_id
        at = datetime.now(UTC)
        history = [ImportedCheckpoint(messages=said, created_at=at)]
        storage.import_session(
            ImportSessionRequest(session_id=uuid4(), title="t", checkpoints=history, created_at=at)
        )
        storage.get_session(session)
        storage.get_checkpoint(checkpoint, partial=True)
        storage.list_sessions()
        storage.list_checkpoints(session, ListCheckpointsQuery(include_state=True))
        storage.list_metadata(session)
        storage.get_session_stats(session)
        storage.get_store_stats()
        storage.search(SearchQuery("message"))
        storage.delete_session(again)
        with storage.watch():
            storage.purge_session(again)
        storage.verify()


if __name__ == "__main__":
    if len(sys.argv) > 2:
        sys.setswitchinterval(1e-6)
        learn_at_once(sys.argv[1], int(sys.argv[2]))
    else:
        tell_learners(sys.argv[1])
