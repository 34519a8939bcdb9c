"""Whole histories at once: new sessions, forks and imports.

The invariant: a new session appears as a whole or not at all, and the same history always becomes the
same files, so that bringing it in twice, or on two machines, changes nothing.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from . import checks, heads, history
from .clock import following, from_datetime, next_timestamp, to_datetime, to_rfc3339
from .errors import InvalidRequestError
from .files import NameTakenError
from .history import State
from .ids import new_session_id
from .messages import encode_messages, encode_metadata
from .models import (
    ImportedCheckpoint,
    ImportSessionRequest,
    ImportSessionResult,
    SessionStatus,
    SessionVisibility,
    UpdateSessionRequest,
)
from .refs import RefNames
from .root import OBJECTS, REFS, Root
from .session import Environment, SessionDirectory

_ONE_MOMENT = timedelta(milliseconds=1)
"""Refs of one source this close say the same time; what a person does here is seconds later."""


class PlannedCheckpoint(NamedTuple):
    """A checkpoint of a whole history that is about to be written.

    Attributes:
        parent: the index of its parent in that history, always a smaller one; None: no parent.
        appends: whether the state is that of the parent followed by ``state``, or ``state`` alone.
        at: when it was made.

    """

    state: State
    metadata: bytes | None
    at: str
    parent: int | None = None
    appends: bool = False


def put_history(directory: SessionDirectory, planned: list[PlannedCheckpoint]) -> list[str]:
    """Store checkpoints that follow each other and return their hashes; they are not synced yet."""
    hashes: list[str] = []
    for checkpoint in planned:
        parent = None if checkpoint.parent is None else hashes[checkpoint.parent]
        # Without a parent a state stands alone: what it were built on could be another one the next
        # time, and the same history must always become the same files.
        onto = directory.open(parent) if parent else None
        added, common = checkpoint.state.elements, 0
        if onto and checkpoint.appends:
            common = onto[0].checkpoint.count
        elif onto:
            common = history.common_prefix(history.elements(onto), added)
            added = added[common:]
        built = history.build(
            onto=onto,
            parent=parent,
            at=checkpoint.at,
            added=added,
            common=common,
            metadata=checkpoint.metadata,
            limit=directory.limit,
        )
        hashes.append(directory.put_checkpoint(built, checkpoint.state.large))
    return hashes


def create(
    sessions: str,
    session: UUID,
    environment: Environment,
    planned: list[PlannedCheckpoint],
    facts: dict[str, Any],
    facts_at: str,
) -> str:
    """Write a new session that appears as a whole or not at all; its last checkpoint is active.

    Returns that checkpoint's hash.
    """
    with environment.files.new_directory(sessions, str(session), (OBJECTS, REFS)) as path:
        directory = SessionDirectory(path, session, environment)
        last = put_history(directory, planned)[-1]
        directory.objects.sync()
        directory.refs.put_meta(facts_at, facts)
        directory.refs.put_active(planned[-1].at, last)
        directory.refs.sync()
    environment.wrote(session)
    return last


def start(
    root: Root,
    environment: Environment,
    facts: dict[str, Any],
    encoded: list[bytes],
    metadata: bytes | None,
) -> tuple[UUID, str]:
    """Write a session that begins now, with one checkpoint; return its id and the checkpoint's hash."""
    root.make()
    at = next_timestamp(environment.clock(), None)
    moment = to_datetime(at)
    session_id = new_session_id(int(moment.timestamp() * 1000))
    facts["created_at"] = to_rfc3339(moment)
    planned = [PlannedCheckpoint(history.prepare(str(session_id), encoded), metadata, at)]
    return session_id, create(root.sessions, session_id, environment, planned, facts, at)


def bring_in(
    root: Root,
    directory: SessionDirectory,
    environment: Environment,
    request: ImportSessionRequest,
    planned: list[PlannedCheckpoint],
    facts: dict[str, Any],
) -> ImportSessionResult:
    """Store a history that was made elsewhere: as a new session, or what the session here lacks."""
    created, facts_at = not directory.exists(), from_datetime(request.created_at)
    if directory.purged:
        raise InvalidRequestError(f"session {directory.id} was purged: nothing is brought back into it")
    root.make()
    if created:
        with suppress(NameTakenError):  # another process imports it too, or a part of it is arriving
            create(root.sessions, directory.id, environment, planned, facts, facts_at)
            return ImportSessionResult(directory.id, True, len(planned), len(planned))
    root.settle(directory.id)
    new = _extend(directory, planned, facts, facts_at)
    return ImportSessionResult(directory.id, created, new, len(planned))


def _extend(
    directory: SessionDirectory,
    planned: list[PlannedCheckpoint],
    facts: dict[str, Any],
    facts_at: str,
) -> int:
    """Add to a session that exists the checkpoints that it lacks; return how many it lacked.

    The last of them becomes active, unless something newer is.
    """
    refs = directory.names()
    before = set(directory.objects.hashes())
    hashes = put_history(directory, planned)
    directory.objects.sync()
    if not refs.meta:
        directory.set_facts_at(facts_at, facts)
    # Also where nothing was new: a kill may have come between the objects and the ref.
    last, at = hashes[-1], planned[-1].at
    top = refs.active[-1] if refs.active else None
    if top is None or at > top.at:
        _activate(directory, last, at, refs)
    elif last not in before and to_datetime(top.at) - to_datetime(at) < _ONE_MOMENT:
        # The same moment told again with more in it: a transcript that grew without a later time.
        _activate(directory, last, following(top.at), refs)
    else:
        directory.refs.sync()  # whoever wrote them may have been killed before they were on the disk
    return len(set(hashes) - before)


def _activate(directory: SessionDirectory, sha: str, at: str, seen: RefNames) -> None:
    directory.replace(heads.replaced(directory, seen, sha), directory.publish(sha, at))


def new_facts(title: object, visibility: object, cwd: object) -> dict[str, Any]:
    """Return what a new session sets, checked, in the order in which it is written."""
    return {
        "title": checks.text(title, "title"),
        "visibility": checks.member(visibility, SessionVisibility, "visibility"),
        "status": SessionStatus.ACTIVE,
        "cwd": checks.text_or_none(cwd, "cwd"),
    }


def changed_facts(request: UpdateSessionRequest) -> dict[str, Any]:
    """Return what a request sets, checked."""
    facts: dict[str, Any] = {}
    if request.title is not None:
        facts["title"] = checks.text(request.title, "title")
    if request.visibility is not None:
        facts["visibility"] = checks.member(request.visibility, SessionVisibility, "visibility")
    if request.cwd is not None:
        facts["cwd"] = checks.text(request.cwd, "cwd")
    return facts


def plan(request: ImportSessionRequest) -> tuple[list[PlannedCheckpoint], dict[str, Any]]:
    """Return the checkpoints of a request, with timestamps that rise, and its facts, all checked."""
    session = checks.uuid(request.session_id, "session_id")
    facts = new_facts(request.title, request.visibility, request.cwd)
    facts["status"] = checks.member(request.status, SessionStatus, "status")
    facts["created_at"] = to_rfc3339(checks.aware(request.created_at, "created_at"))
    from_datetime(request.created_at)  # it must be one that a ref can carry
    if encode_metadata(request.source) is not None:
        facts["source"] = request.source
    if not isinstance(request.checkpoints, list | tuple) or not request.checkpoints:
        raise InvalidRequestError("checkpoints must be a list that is not empty")
    planned: list[PlannedCheckpoint] = []
    for i, checkpoint in enumerate(request.checkpoints):
        checks.request(checkpoint, ImportedCheckpoint)
        parent = checks.integer_or_none(checkpoint.parent, f"checkpoints[{i}].parent")
        if (parent is not None and not 0 <= parent < i) or (checkpoint.appends and parent is None):
            raise InvalidRequestError(f"checkpoints[{i}] has no parent before it: {parent}")
        made = from_datetime(checks.aware(checkpoint.created_at, f"checkpoints[{i}].created_at"))
        before = planned[-1].at if planned else None
        planned.append(
            PlannedCheckpoint(
                state=history.prepare(str(session), encode_messages(checkpoint.messages)),
                metadata=encode_metadata(checkpoint.metadata),
                at=made if before is None or made > before else following(before),
                parent=parent,
                appends=checkpoint.appends,
            )
        )
    return planned, facts
