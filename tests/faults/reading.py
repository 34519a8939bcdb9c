"""What is read from a store while faults happen, each answer told as it was given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from sessionfs import (
    CreateSessionRequest,
    FileStorage,
    ListCheckpointsQuery,
    ListSessionsQuery,
    SearchQuery,
    SessionStatus,
)
from sessionfs.fs import fingerprints

from .forks import Tell
from .steps import LARGE, Made, described

NUMBER = 10
"""Of sessions: enough for the index to be written."""


def make(root: Path) -> Made:
    """Make a store with more sessions than are read without an index, one of them with a history."""
    storage = FileStorage(root, durability="relaxed", message_type=dict)
    for n in range(NUMBER):
        created = storage.create_session(CreateSessionRequest(f"needle {n}", [{"content": f"hay {n}"}]))
    storage.append_messages(created.session_id, [LARGE])
    last = storage.append_messages(created.session_id, [{"content": "a needle"}])
    return {"session": str(created.session_id), "checkpoint": str(last.id)}


Read = Callable[[FileStorage, Made], Any]

READS: dict[str, Read] = {
    "list_sessions": lambda storage, _: storage.list_sessions(),
    "list_sessions with a filter": lambda storage, _: storage.list_sessions(
        ListSessionsQuery(status=SessionStatus.ACTIVE)
    ),
    "search": lambda storage, _: storage.search(SearchQuery("needle")),
    "get_session": lambda storage, made: storage.get_session(UUID(made["session"])),
    "get_checkpoint": lambda storage, made: storage.get_checkpoint(UUID(made["checkpoint"])),
    "get_active_checkpoint": lambda storage, made: storage.get_active_checkpoint(UUID(made["session"])),
    "list_checkpoints": lambda storage, made: storage.list_checkpoints(
        UUID(made["session"]), ListCheckpointsQuery().with_state()
    ),
    "get_session_stats": lambda storage, made: storage.get_session_stats(UUID(made["session"])),
    "get_store_stats": lambda storage, _: storage.get_store_stats(),
}


def run(arguments: dict[str, Any], tell: Tell) -> None:
    """Read the same as often as is asked, and tell each answer or error."""
    # Nobody writes to this store: what its directories' times say may be trusted at once.
    fingerprints.RACY_NS = 0
    storage = None
    for _ in range(arguments["times"]):
        try:
            storage = storage or FileStorage(
                arguments["root"], index_dir=arguments["index"], message_type=dict
            )
            if arguments.get("index all"):
                storage.update_index()
            answer = READS[arguments["read"]](storage, arguments["made"])
        except Exception as error:
            tell({"error": described(error)})
        else:
            tell({"answer": msgspec.to_builtins(answer)})
    tell({"ended": True})
