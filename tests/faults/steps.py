"""What is done to a store while faults happen, told step by step: what each intends, and what it did.

A step that was told as done is acknowledged, and must be there whatever happens afterwards. One that
was only intended may be there as a whole, or not at all.
"""

from __future__ import annotations

import os
import resource
import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from sessionfs import (
    CreateCheckpointRequest,
    CreateSessionRequest,
    FileStorage,
    ImportedCheckpoint,
    ImportSessionRequest,
    InternalError,
    StorageError,
    UpdateSessionRequest,
)

from .forks import Tell

LARGE = {"role": "user", "content": "x" * 70_000}
IMPORTED = UUID("0190a000-0000-4000-8000-000000000001")

Facts = dict[str, Any]
Act = Callable[[FileStorage, Tell], Facts]
"""Tells what it intends as ``intends``, does it, and returns what it did."""

Made = dict[str, Any]
"""The ids of a store that ``make`` made."""


def make(root: Path) -> Made:
    """Make a store to work on: a session with a branch and a large message, and two neighbours."""
    storage = FileStorage(root, durability="relaxed", message_type=dict)
    storage.create_session(CreateSessionRequest("neighbour", [{"n": "neighbour"}]))
    deleted = storage.create_session(CreateSessionRequest("deleted", [{"n": "deleted"}]))
    storage.delete_session(deleted.session_id)
    created = storage.create_session(CreateSessionRequest("title", [{"n": 0}]))
    session = created.session_id
    storage.append_messages(session, [LARGE])
    branch = CreateCheckpointRequest([{"n": 0}, {"n": "branch"}], parent_id=created.checkpoint.id)
    side = storage.create_checkpoint(session, branch)
    last = storage.append_messages(session, [{"n": 1}])
    # What is active is not the newest, which a reader would take if no ref said so.
    storage.set_active_checkpoint(session, side.id)
    made = {"session": str(session), "first": str(created.checkpoint.id), "last": str(last.id)}
    other = _go_on_elsewhere(root, session)
    return {**made, "deleted": str(deleted.session_id), "other": other}


def _go_on_elsewhere(root: Path, session: UUID) -> dict[str, Any]:
    """Work on a copy of a store, beside it, and return where it is and what it has alone."""
    other = root.parent / "elsewhere"
    shutil.copytree(root, other)
    storage = FileStorage(other, durability="relaxed", message_type=dict)
    here = storage.append_messages(session, [{**LARGE, "n": "elsewhere"}])
    storage.update_session(session, UpdateSessionRequest(title="named elsewhere"))
    alone = storage.create_session(CreateSessionRequest("elsewhere", [{"n": 0}, LARGE]))
    last = storage.append_messages(alone.session_id, [{"n": 1}])
    return {
        "root": str(other),
        "session": str(session),
        "active": str(here.id),
        "state": storage.get_checkpoint(here.id).state.messages,
        "alone": {
            "session": str(alone.session_id),
            "title": "elsewhere",
            "status": "ACTIVE",
            "active": str(last.id),
            "states": {
                str(alone.checkpoint.id): [{"n": 0}, LARGE],
                str(last.id): [{"n": 0}, LARGE, {"n": 1}],
            },
        },
    }


def _creating(title: str, messages: list[Any]) -> Act:
    def act(storage: FileStorage, tell: Tell) -> Facts:
        facts = {"title": title, "status": "ACTIVE"}
        tell({"intends": {**facts, "states": [messages]}})
        made = storage.create_session(CreateSessionRequest(title, messages))
        active = str(made.checkpoint.id)
        return {
            **facts,
            "session": str(made.session_id),
            "active": active,
            "states": {active: messages},
        }

    return act


def _appending(session: str, added: list[Any], *, comparing: bool = False) -> Act:
    def act(storage: FileStorage, tell: Tell) -> Facts:
        active = storage.get_active_checkpoint(UUID(session))
        before: list[Any] = active.state.messages
        tell({"intends": {"session": session, "onto": before, "states": [before + added]}})
        expected = active.id if comparing else None
        made = str(storage.append_messages(UUID(session), added, expected_active=expected).id)
        return {"session": session, "active": made, "states": {made: before + added}}

    return act


def _checkpointing(session: str, messages: list[Any], parent: str | None = None) -> Act:
    def act(storage: FileStorage, tell: Tell) -> Facts:
        tell({"intends": {"session": session, "states": [messages]}})
        request = CreateCheckpointRequest(messages, parent_id=UUID(parent) if parent else None)
        made = str(storage.create_checkpoint(UUID(session), request).id)
        return {"session": session, "active": made, "states": {made: messages}}

    return act


def _activating(session: str, checkpoint: str) -> Act:
    def act(storage: FileStorage, tell: Tell) -> Facts:
        facts = {"session": session, "active": checkpoint}
        tell({"intends": facts})
        storage.set_active_checkpoint(UUID(session), UUID(checkpoint))
        return facts

    return act


def _setting(session: str, facts: dict[str, str]) -> Act:
    def act(storage: FileStorage, tell: Tell) -> Facts:
        tell({"intends": {"session": session, **facts}})
        if "title" in facts:
            storage.update_session(UUID(session), UpdateSessionRequest(title=facts["title"]))
        elif facts["status"] == "DELETED":
            storage.delete_session(UUID(session))
        else:
            storage.restore_session(UUID(session))
        return {"session": session, **facts}

    return act


def _forking(session: str, messages: list[Any]) -> Act:
    def act(storage: FileStorage, tell: Tell) -> Facts:
        facts = {"title": "forked", "status": "ACTIVE"}
        tell({"intends": {**facts, "states": [messages]}})
        made = storage.fork_session(UUID(session), title="forked")
        active = str(made.checkpoint.id)
        return {
            **facts,
            "session": str(made.session_id),
            "active": active,
            "states": {active: messages},
        }

    return act


def _importing(number: int) -> Act:
    def act(storage: FileStorage, tell: Tell) -> Facts:
        facts = {"session": str(IMPORTED), "title": "imported", "status": "ACTIVE"}
        states = [[{"i": i} for i in range(n + 1)] for n in range(number)]
        tell({"intends": {**facts, "states": states}})
        day = datetime(2024, 7, 1, tzinfo=UTC)
        checkpoints = [
            ImportedCheckpoint(
                messages=[{"i": n}],
                created_at=day.replace(hour=n + 1),
                parent=n - 1 if n else None,
                appends=n > 0,
            )
            for n in range(number)
        ]
        request = ImportSessionRequest(
            session_id=IMPORTED, title="imported", created_at=day, checkpoints=checkpoints
        )
        storage.import_session(request)
        return {**facts, "whole": states}

    return act


def _merging(other: dict[str, Any]) -> Act:
    def act(storage: FileStorage, tell: Tell) -> Facts:
        alone = other["alone"]
        goes_on = {"session": other["session"], "title": "named elsewhere", "active": other["active"]}
        tell({"intends": {**goes_on, "states": [other["state"]]}})
        tell({"intends": {**alone, "states": list(alone["states"].values())}})
        for refused in storage.merge_from(Path(other["root"])).refused:
            raise InternalError(refused.problem, path=refused.path)
        tell({"did": alone})
        return {**goes_on, "states": {other["active"]: other["state"]}}

    return act


def _purging(session: str) -> Act:
    def act(storage: FileStorage, tell: Tell) -> Facts:
        facts = {"session": session, "purged": True}
        tell({"intends": facts})
        storage.purge_session(UUID(session))
        return facts

    return act


def steps(name: str, root: Path, made: Made) -> Iterator[Act]:
    """Give what a workload does, in order."""
    session, first, last = made["session"], made["first"], made["last"]
    if name == "first session":
        yield _creating("first", [{"n": 0}])
        yield _creating("second", [{"n": 0}])
    elif name == "create":
        yield _creating("created", [{"n": 0}, LARGE])
    elif name == "append":
        yield _appending(session, [{"n": 2}])
        yield _appending(session, [{"n": 3}], comparing=True)
    elif name == "branch":
        yield _checkpointing(session, [{"n": 0}, {"n": "other"}], first)
    elif name == "rewind":
        yield _activating(session, first)
        yield _activating(session, last)
    elif name == "meta":
        yield _setting(session, {"title": "renamed"})
        yield _setting(session, {"title": "renamed again"})
    elif name == "delete and restore":
        yield _setting(session, {"status": "DELETED"})
        yield _setting(session, {"status": "ACTIVE"})
    elif name == "large message":
        yield _appending(session, [{**LARGE, "n": 2}, {**LARGE, "n": 3}])
    elif name == "heal":
        yield _checkpointing(session, [{"n": 0}, LARGE, {"n": "whole"}])
    elif name == "fork":
        yield _forking(session, [{"n": 0}, {"n": "branch"}])
    elif name == "purge":
        yield _purging(made["deleted"])
    elif name == "merge":
        yield _merging(made["other"])
    else:
        yield _importing(2)
        yield _importing(3)


WORKLOADS = (
    "first session", "create", "append", "branch", "rewind", "meta", "delete and restore",
    "large message", "heal", "fork", "import", "merge", "purge",
)  # fmt: skip


def run(arguments: dict[str, Any], tell: Tell) -> None:
    """Do a workload; each step that fails is told of, and done ``again`` so often.

    ``short``: each write takes at most so many bytes. ``limit``: no file may become longer, until a
    step has failed; longer writes are cut short by the kernel.
    """
    if arguments.get("short"):
        _write_at_most(arguments["short"])
    if arguments.get("limit") is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (arguments["limit"], resource.RLIM_INFINITY))
    root, again = Path(arguments["root"]), arguments.get("again", 0)

    def attempt(work: Callable[[], Any]) -> Any:
        for _ in range(1 + again):
            try:
                return work()
            except Exception as error:
                tell({"error": described(error)})
                resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        tell({"gave_up": True})
        return None

    storage = attempt(lambda: FileStorage(root, index_dir=arguments["index"], message_type=dict))
    for act in steps(arguments["workload"], root, arguments["made"]) if storage else ():
        did = attempt(partial(act, storage, tell))
        if did is not None:
            tell({"did": did})
    tell({"ended": True})


def _write_at_most(number: int) -> None:
    real = os.write
    os.write = lambda descriptor, data: real(descriptor, memoryview(data)[:number])


def described(error: Exception) -> dict[str, Any]:
    """Return what a test asks of an error."""
    return {
        "type": type(error).__name__,
        "code": error.code if isinstance(error, StorageError) else None,
        "path": error.path if isinstance(error, StorageError) else None,
        "text": str(error),
    }


def warm_up() -> None:
    """Import all that what is run in a fork needs."""
    from . import reading

    with tempfile.TemporaryDirectory() as directory:
        made = make(Path(directory, "store"))
        for workload in WORKLOADS:
            arguments = {"root": f"{directory}/store", "index": f"{directory}/index", "made": made}
            run({**arguments, "workload": workload}, lambda _: None)
        made = reading.make(Path(directory, "to read"))
        for read in reading.READS:
            arguments = {"root": f"{directory}/to read", "index": f"{directory}/index", "made": made}
            reading.run({**arguments, "read": read, "times": 2}, lambda _: None)
