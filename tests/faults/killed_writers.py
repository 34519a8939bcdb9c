"""A process that writes to a store until it is killed, and logs what was acknowledged."""

from __future__ import annotations

import hashlib
import json
import os
import random
from typing import Any
from uuid import UUID

from sessionfs import (
    ConflictError,
    CreateCheckpointRequest,
    CreateSessionRequest,
    FileStorage,
    UpdateSessionRequest,
)
from sessionfs.format.records import LARGE_MESSAGE
from sessionfs.fs.files import Durability

from .forks import Tell

LONGEST = 15
"""So many messages at most are in a session that belongs to one writer."""


def digest(state: list[Any]) -> str:
    """Return what tells a state from all others; the states themselves would make the log long."""
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()


def write(arguments: dict[str, Any], _: Tell) -> None:
    """Write to the ``shared`` sessions and to one of its own, without an end.

    Each line of the ``log`` says what a call that has returned did. Before a call that makes something
    a line says what it is about to make, as ``attempt``.
    """
    log = os.open(arguments["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def note(**what: Any) -> None:
        os.write(log, json.dumps(what).encode() + b"\n")

    name, chance = arguments["name"], random.Random(arguments["name"])
    durability: Durability = "full" if chance.random() < 0.25 else "relaxed"
    storage = FileStorage(
        arguments["root"], durability=durability, index_dir=arguments["index"], message_type=dict
    )
    shared = [UUID(each) for each in arguments["shared"]]
    own: UUID | None = None
    history: list[Any] = []
    checkpoints: list[UUID] = []
    number = 0
    while True:
        number += 1
        message = {"writer": name, "n": number}
        what = chance.choice(["append", "own", "own", "compare", "branch", "rename", "large", "list"])
        note(attempt=message)
        if own is None:
            history = [message]
            made = storage.create_session(CreateSessionRequest(name, history))
            own, checkpoints = made.session_id, [made.checkpoint.id]
            note(session=str(own), title=name)
            note(session=str(own), checkpoint=str(made.checkpoint.id), state=digest(history))
        elif what == "append":
            session = chance.choice(shared)
            made_id = storage.append_messages(session, [message]).id
            note(session=str(session), checkpoint=str(made_id), last=message)
        elif what == "compare":
            session = chance.choice(shared)
            active = storage.get_active_checkpoint(session)
            try:
                made_id = storage.append_messages(session, [message], expected_active=active.id).id
            except ConflictError:
                continue
            state = active.state.messages
            note(session=str(session), checkpoint=str(made_id), state=digest([*state, message]))
        elif what == "branch":
            parent = chance.choice(checkpoints)
            history = [*storage.get_checkpoint(parent).state.messages, message]
            request = CreateCheckpointRequest(history, parent_id=parent)
            checkpoints.append(storage.create_checkpoint(own, request).id)
            note(session=str(own), checkpoint=str(checkpoints[-1]), state=digest(history))
        elif what == "rename":
            title = f"{name}/{number}"
            note(attempt=title)
            storage.update_session(own, UpdateSessionRequest(title=title))
            note(session=str(own), title=title)
        elif what == "list":
            storage.list_sessions()
        else:
            if what == "large":
                message["content"] = "x" * LARGE_MESSAGE
            history = [*history, message]
            checkpoints.append(storage.append_messages(own, [message]).id)
            note(session=str(own), checkpoint=str(checkpoints[-1]), state=digest(history))
        if len(history) > LONGEST:
            own = None
