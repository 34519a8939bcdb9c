"""Whole histories at once: new sessions, forks and imports.

The invariant: a new session appears as a whole or not at all, and the same history always becomes the
same files, so that bringing it in twice, or on two machines, changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec

from .. import validation
from ..errors import InvalidRequestError
from ..format.ids import new_session_id
from ..format.timestamps import (
    following,
    from_datetime,
    next_timestamp,
    preceding,
    to_datetime,
    to_rfc3339,
)
from ..fs.files import NameTakenError
from ..messages.codec import encode_messages, encode_metadata
from ..models import (
    ImportedCheckpoint,
    ImportPoint,
    ImportSessionRequest,
    ImportSessionResult,
    SessionStatus,
    SessionVisibility,
    UpdateSessionRequest,
)
from . import chains, graph, heads, removal, resume_points
from .chains import PreparedState
from .graph import Chain
from .root import OBJECTS, REFS, Root
from .session import Environment, SessionDirectory
from .view import SessionView

_MOST_REPEATED = 16 << 20
"""A checkpoint that appends to its parent repeats older messages up to so many bytes, which bounds the
memory that a long history takes."""

_ONE_MOMENT = timedelta(milliseconds=1)
"""Refs of one source this close say the same time; what a person does here is seconds later."""


class PlannedCheckpoint(msgspec.Struct, frozen=True):
    """A checkpoint of a whole history that is about to be written.

    Attributes:
        parent: the index of its parent in that history, always a smaller one; None: no parent.
        appends: whether the state is that of the parent followed by ``state``, or ``state`` alone.
        at: when it was made.
        onto: the hash of a checkpoint that is here and takes the place of ``parent``.

    """

    state: PreparedState
    metadata: bytes | None
    at: str
    parent: int | None = None
    appends: bool = False
    onto: str | None = None


class Plan(msgspec.Struct, frozen=True):
    """A history that is about to be written, and how it is made for a session that is here.

    Attributes:
        checkpoints: makes those that are lacking, given what earlier imports noted here.
        goes_on: whether it looks at what is noted; else it gives the whole history each time.

    """

    checkpoints: Callable[[SessionDirectory, Iterator[ImportPoint]], Iterable[PlannedCheckpoint]]
    goes_on: bool


class _StoredHistory(msgspec.Struct, frozen=True):
    """What was stored of a history: the hashes, and the time and metadata of the last checkpoint."""

    hashes: list[str]
    large: set[str]
    at: str
    metadata: bytes | None


def store_history(directory: SessionDirectory, planned: Iterable[PlannedCheckpoint]) -> _StoredHistory:
    """Store checkpoints that follow each other; they are not synced yet."""
    hashes: list[str] = []
    large: set[str] = set()
    at, metadata = "", None
    outline: Chain | None = None
    for checkpoint in planned:
        parent = checkpoint.onto if checkpoint.parent is None else hashes[checkpoint.parent]
        if checkpoint.appends and parent is not None:
            if outline is None or outline[0].sha != parent:
                outline = graph.open_outline(directory.objects, parent)
            built = chains.build_appended(
                directory.objects,
                outline,
                at=checkpoint.at,
                added=checkpoint.state.elements,
                metadata=checkpoint.metadata,
                limit=min(directory.limit, _MOST_REPEATED),
            )
            sha = directory.objects.put_checkpoint(built, checkpoint.state.large.values())
            outline = chains.outline_after(outline, sha, built)
        else:
            # Without a parent a state stands alone: what it were built on could be another one the next
            # time, and the same history must always become the same files.
            onto = graph.open_chain(directory.objects, parent) if parent else None
            known = chains.elements(onto) if onto else []
            common = chains.common_prefix(known, checkpoint.state.elements)
            built = chains.build(
                onto=onto,
                parent=parent,
                at=checkpoint.at,
                added=checkpoint.state.elements[common:],
                common=common,
                metadata=checkpoint.metadata,
                limit=directory.limit,
            )
            sha = directory.objects.put_checkpoint(built, checkpoint.state.large.values())
        hashes.append(sha)
        large.update(checkpoint.state.large)
        at, metadata = checkpoint.at, checkpoint.metadata
    return _StoredHistory(hashes, large, at, metadata)


def create_session(
    sessions: str,
    session: UUID,
    environment: Environment,
    planned: Iterable[PlannedCheckpoint],
    facts: dict[str, Any],
    facts_at: str,
) -> list[str]:
    """Write a new session that appears as a whole or not at all; its last checkpoint is active.

    Returns the checkpoints' hashes.
    """
    with environment.files.new_directory(sessions, str(session), (OBJECTS, REFS)) as path:
        directory = SessionDirectory(path, session, environment)
        stored = store_history(directory, planned)
        if not stored.hashes:
            raise InvalidRequestError(f"session {session} has no checkpoint")
        directory.objects.sync()
        directory.refs.put_meta(facts_at, facts)
        directory.refs.put_active(stored.at, stored.hashes[-1])
        directory.refs.sync()
    environment.wrote(session)
    return stored.hashes


def start_session(
    root: Root,
    environment: Environment,
    facts: dict[str, Any],
    encoded: list[bytes],
    metadata: bytes | None,
) -> tuple[UUID, str]:
    """Write a session that begins now, with one checkpoint; return its id and the checkpoint's hash."""
    root.writing()
    root.make()
    at = next_timestamp(environment.clock(), None)
    moment = to_datetime(at)
    session_id = new_session_id(int(moment.timestamp() * 1000))
    facts["created_at"] = to_rfc3339(moment)
    planned = [PlannedCheckpoint(chains.prepare_state(str(session_id), encoded), metadata, at)]
    return session_id, create_session(root.sessions, session_id, environment, planned, facts, at)[-1]


def import_history(
    root: Root,
    directory: SessionDirectory,
    environment: Environment,
    request: ImportSessionRequest,
    plan: Plan,
    facts: dict[str, Any],
) -> ImportSessionResult:
    """Store a history that was made elsewhere: as a new session, or what the session here lacks."""
    root.writing(directory.id)
    view, facts_at = directory.look(), from_datetime(request.created_at)
    created = not view.exists()
    if view.purged:
        raise InvalidRequestError(f"session {directory.id} was purged: nothing is brought back into it")
    root.make()
    if created:
        with suppress(NameTakenError):  # another process imports it too, or a part of it is arriving
            planned = plan.checkpoints(directory, iter(()))
            hashes = create_session(root.sessions, directory.id, environment, planned, facts, facts_at)
            return ImportSessionResult(directory.id, True, len(hashes), len(hashes))
        root.writing(directory.id)
    result = _extend_session(directory, plan, facts, facts_at)
    result.created = created
    return result


def _extend_session(
    directory: SessionDirectory, plan: Plan, facts: dict[str, Any], facts_at: str
) -> ImportSessionResult:
    """Add to a session that exists the checkpoints that it lacks.

    The last of them becomes active, unless something newer is, or what was done here since.
    """
    view = directory.look()
    refs, before = view.refs, set(view.objects.hashes())
    noted = resume_points.ResumePoints(view)
    stored = store_history(directory, plan.checkpoints(directory, noted))
    if stored.hashes:
        removal.require_standing(directory, stored.hashes[-1], {*stored.hashes, *stored.large} - before)
    directory.objects.sync()
    if not refs.meta:
        directory.set_facts_at(facts_at, facts)
    elif facts.get("source") not in (None, view.facts().source):
        # What the source says of the session as a whole; what was set here stays.
        at = following(max(facts_at, refs.meta[-1].at))
        directory.set_facts_at(at, {"source": facts["source"]})
    new, total, branched = len({*stored.hashes} - before), len(stored.hashes), False
    if not plan.goes_on:
        _activate_newer(directory, stored, view, before)
    elif not stored.hashes:
        directory.refs.sync()
        total = noted.checkpoints
    else:
        total = resume_points.count_checkpoints(stored.metadata, total)
        branched = not _activate_import(directory, stored, view, new) and new > 0
    return ImportSessionResult(directory.id, False, new, total, branched)


def _activate_newer(
    directory: SessionDirectory, stored: _StoredHistory, view: SessionView, before: set[str]
) -> None:
    """Make the last checkpoint of a whole history active, unless something newer is."""
    # Also where nothing was new: a kill may have come between the objects and the ref.
    last, at = stored.hashes[-1], stored.at
    top = view.refs.active[-1] if view.refs.active else None
    if top is None or at > top.at:
        _activate(directory, last, at, view)
    elif last not in before and to_datetime(top.at) - to_datetime(at) < _ONE_MOMENT:
        # The same moment told again with more in it: a transcript that grew without a later time.
        _activate(directory, last, following(top.at), view)
    else:
        directory.refs.sync()  # whoever wrote them may have been killed before they were on the disk


def _activate_import(
    directory: SessionDirectory, stored: _StoredHistory, view: SessionView, new: int
) -> bool:
    """Make the last checkpoint of an import active, unless what was done here since is.

    In the place of that it becomes another head, and False is returned.
    """
    last, top = stored.hashes[-1], view.refs.active[-1] if view.refs.active else None
    active = resume_points.active_hash(view)
    if new == 0 and last in {each.sha for each in view.facts().left}:
        directory.refs.sync()  # an older copy of the source than the one that was imported last
        return True
    if top is None or active is None:
        _activate(directory, last, stored.at, view)
    elif active == last:
        directory.refs.sync()
    elif active in stored.hashes or resume_points.is_of_import(view, active):
        # Tips of this import that the source does not lead to any more: it was written anew.
        left = [
            tip
            for tip in heads.tips_left_behind(view, heads.known_tips(view), last)
            if resume_points.is_of_import(view, tip)
        ]
        gone = [ref for ref in view.refs.active if any(tip.startswith(ref.hash12) for tip in left)]
        at = stored.at if stored.at > top.at else following(top.at)
        ref = directory.publish(last, at, left)
        directory.replace([*heads.replaced_refs(view, last), *gone], ref)
    else:
        below = min(stored.at, preceding(top.at))
        ref = directory.publish(last, below)
        directory.replace(heads.replaced_refs(view, last), ref)
        return False
    return True


def _activate(directory: SessionDirectory, sha: str, at: str, seen: SessionView) -> None:
    directory.replace(heads.replaced_refs(seen, sha), directory.publish(sha, at))


def new_facts(title: object, visibility: object, cwd: object) -> dict[str, Any]:
    """Return what a new session sets, checked, in the order in which it is written."""
    return {
        "title": validation.text(title, "title"),
        "visibility": validation.member(visibility, SessionVisibility, "visibility"),
        "status": SessionStatus.ACTIVE,
        "cwd": validation.text_or_none(cwd, "cwd"),
    }


def changed_facts(request: UpdateSessionRequest) -> dict[str, Any]:
    """Return what a request sets, checked."""
    facts: dict[str, Any] = {}
    if request.title is not None:
        facts["title"] = validation.text(request.title, "title")
    if request.visibility is not None:
        facts["visibility"] = validation.member(request.visibility, SessionVisibility, "visibility")
    if request.cwd is not None:
        facts["cwd"] = validation.text(request.cwd, "cwd")
    return facts


def plan_import(request: ImportSessionRequest) -> tuple[Plan, dict[str, Any]]:
    """Return the checkpoints of a request, with timestamps that rise, and its facts, all checked.

    Those that are made as they are needed are checked then.
    """
    session = validation.uuid(request.session_id, "session_id")
    facts = new_facts(request.title, request.visibility, request.cwd)
    facts["status"] = validation.member(request.status, SessionStatus, "status")
    facts["created_at"] = to_rfc3339(validation.aware(request.created_at, "created_at"))
    from_datetime(request.created_at)  # it must be one that a ref can carry
    if encode_metadata(request.source) is not None:
        facts["source"] = request.source
    make = request.checkpoints
    if callable(make):

        def as_needed(
            directory: SessionDirectory, noted: Iterator[ImportPoint]
        ) -> Iterator[PlannedCheckpoint]:
            return _plan_checkpoints(str(session), make(noted), directory)

        return Plan(as_needed, goes_on=True), facts
    if not isinstance(make, list | tuple) or not make:
        raise InvalidRequestError("checkpoints must be a list that is not empty")
    planned = list(_plan_checkpoints(str(session), make, None))
    return Plan(lambda _directory, _noted: planned, goes_on=False), facts


def _plan_checkpoints(
    session: str, checkpoints: Iterable[ImportedCheckpoint], directory: SessionDirectory | None
) -> Iterator[PlannedCheckpoint]:
    """Give checkpoints as they are to be stored, each checked."""
    before: str | None = None
    for i, checkpoint in enumerate(checkpoints):
        validation.request(checkpoint, ImportedCheckpoint)
        parent = validation.integer_or_none(checkpoint.parent, f"checkpoints[{i}].parent")
        onto = None
        if checkpoint.onto is not None and directory is not None and parent is None:
            onto = directory.look().find(validation.uuid(checkpoint.onto, f"checkpoints[{i}].onto"))
        if (
            (parent is not None and not 0 <= parent < i)
            or (checkpoint.appends and parent is None and onto is None)
            or (checkpoint.onto is not None and onto is None)
        ):
            raise InvalidRequestError(_wrong_parent(f"checkpoints[{i}]", checkpoint))
        made = from_datetime(validation.aware(checkpoint.created_at, f"checkpoints[{i}].created_at"))
        if onto is not None and directory is not None:
            before = max(before or "", directory.objects.checkpoint(onto).at)
        before = made if before is None or made > before else following(before)
        yield PlannedCheckpoint(
            state=chains.prepare_state(session, encode_messages(checkpoint.messages)),
            metadata=encode_metadata(checkpoint.metadata),
            at=before,
            parent=parent,
            appends=checkpoint.appends,
            onto=onto,
        )


def _wrong_parent(name: str, checkpoint: ImportedCheckpoint) -> str:
    if checkpoint.onto is not None:
        return f"{name}.onto is {checkpoint.onto}: it must be the id of a checkpoint of this session"
    if checkpoint.parent is None:
        return f"{name} appends, but has no parent: set parent or onto"
    return f"{name}.parent is {checkpoint.parent}: it must be the index of an earlier checkpoint"
