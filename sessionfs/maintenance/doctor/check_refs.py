"""The refs of one session: what is damaged, dangling, missing, or of a time that is not yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

from ...errors import CorruptObjectError, InvalidRequestError, StorageError
from ...format.ids import checkpoint_id
from ...format.records import InvalidRecordError, sha256
from ...format.refnames import ActiveRef, MetaRef, PurgeRef, RefNames
from ...format.timestamps import following, to_datetime, to_unix_us
from ...fs import files
from ...store.refs import decode_record
from ...store.session import SessionDirectory
from ...store.view import SessionView
from . import check_objects
from .check_objects import DirectoryOf, ObjectSurvey, UnmetNeeds
from .findings import Diagnosis, Repair, diagnose, reason, setting_aside
from .sound_copies import Evidence, Proof, owner, readable

AHEAD_US = 24 * 3600 * 1_000_000
"""A timestamp further ahead of this machine's clock than this, in microseconds, is reported."""


def findings(
    directory: SessionDirectory,
    view: SessionView,
    done: ObjectSurvey,
    needed: UnmetNeeds,
    evidence: Evidence,
    of: DirectoryOf,
    claimed: Iterable[ActiveRef],
    now_us: int,
) -> Iterator[Diagnosis]:
    """Give what is wrong with a session's refs, given its objects.

    ``claimed`` are the active refs after which foreign files and those of other stores are named.
    """
    refs = view.refs
    for ref in refs.active:
        yield from _active(directory, ref, done, evidence)
    told: list[MetaRef | PurgeRef] = [*refs.meta, *refs.purges]
    for record in told:
        yield from _record(directory, record, evidence, of)
    if view.purged and not done.here:
        return  # nothing is missing of what is not to be there
    if not refs.active and (done.here or refs.meta):
        complete = done.known.keys() - needed.unreadable
        yield _without_active(directory, view, complete, claimed)
    if not refs.meta and (done.here or refs.active):
        message = "has no meta record: its title and directory are not known"
        yield diagnose("meta-missing", directory.path, message, session=directory.id)
    if len(refs.active) > 1:
        message = f"has {len(refs.active)} active refs: heads that met, or a writer was interrupted"
        yield diagnose("active-refs-several", directory.path, message, session=directory.id)
    yield from _clock(directory, refs, now_us)


def _active(
    directory: SessionDirectory, ref: ActiveRef, done: ObjectSurvey, evidence: Evidence
) -> Iterator[Diagnosis]:
    path, id_ = directory.refs.path(ref), directory.id
    candidates = sorted(sha for sha in done.here if sha.startswith(ref.hash12))
    said, problem = None, None
    try:
        said = directory.refs.said(ref)
    except CorruptObjectError as error:
        problem = error
    except StorageError as error:
        yield diagnose("unreadable", path, reason(error, path), session=id_)
    if said is not None and not done.lacks(said):
        candidates = [said]
    elif said is not None and candidates:
        message = f"{path} says {said}, which is not here, and is named after another object"
        problem = CorruptObjectError(message, path=path, finding="active-ref-damaged")
    if not candidates:
        name = f"{said or ref.hash12 + '*'}.json"
        repair = check_objects.adoption(directory, said, evidence) if said else None
        message = f"names {name}, which is missing: not synced yet, or deleted"
        yield diagnose("active-ref-dangling", path, message, session=id_, repair=repair)
    elif len(candidates) > 1:
        message = f"does not say which of {len(candidates)} objects it names"
        yield diagnose("active-ref-ambiguous", path, message, session=id_)
    elif done.is_no_checkpoint(candidates[0]):
        message = f"names {candidates[0]}.json, which is not a checkpoint"
        yield diagnose("chain-broken", path, message, session=id_)
    if problem is not None:
        repair = None
        if len(candidates) == 1:
            repair = Repair("write it anew", _rewriting(directory, ref, candidates[0]))
        kind = "not-regular" if problem.finding == "not-regular" else "active-ref-damaged"
        yield diagnose(kind, path, reason(problem, path), session=id_, repair=repair)


def _record(
    directory: SessionDirectory, ref: MetaRef | PurgeRef, evidence: Evidence, of: DirectoryOf
) -> Iterator[Diagnosis]:
    path, id_ = directory.refs.path(ref), directory.id
    try:
        directory.refs.record(ref)
    except CorruptObjectError as error:
        data = readable(path, directory.limit)
        if data is not None and not files.read_settled(path, data, directory.limit)[1]:
            yield diagnose("in-flight", path, "is being written just now", session=id_)
        elif data is not None and sha256(data).startswith(ref.hash12):
            repair = _moving(directory, ref, data, of)
            yield diagnose(error.finding, path, reason(error, path), session=id_, repair=repair)
        else:
            yield _damaged(directory, ref, error, evidence)
    except StorageError as error:
        yield diagnose("unreadable", path, reason(error, path), session=id_)


def _damaged(
    directory: SessionDirectory,
    ref: MetaRef | PurgeRef,
    error: CorruptObjectError,
    evidence: Evidence,
) -> Diagnosis:
    path, kind, repair = directory.refs.path(ref), error.finding, None
    proof = evidence.find(path, ref.hash12)
    if proof is not None and proof.path == path:
        kind, repair = "line-ends", Repair("restore its bytes", putting(directory, ref, proof))
    elif proof is not None:
        repair = Repair(f"copy the sound bytes in {proof.path}", putting(directory, ref, proof))
    elif kind != "too-large":  # which may be sound: nobody looked
        repair = Repair(
            "set it aside", setting_aside(path, lambda: directory.refs.record(ref)), empties=True
        )
    return diagnose(kind, path, reason(error, path), session=directory.id, repair=repair)


def _moving(
    directory: SessionDirectory, ref: MetaRef | PurgeRef, data: bytes, of: DirectoryOf
) -> Repair | None:
    """Return how a sound record gets to where it belongs: another session, or another time."""
    session = owner(data)
    its = None if session is None else of(session)
    if its is None:
        return None
    try:
        at = decode_record(ref, data, str(session)).at
    except InvalidRecordError:
        return None
    own = ref._replace(at=at)

    def move() -> None:
        its.refs.put_bytes(own, data)
        its.refs.sync()
        files.set_aside(directory.refs.path(ref))

    what = f"see that session {session} has it as {own.name}, and set this one aside"
    return Repair(what, move, its.id)


def _without_active(
    directory: SessionDirectory, view: SessionView, complete: set[str], claimed: Iterable[ActiveRef]
) -> Diagnosis:
    """Report a session without active refs; the latest that is known replaces them."""
    try:
        head = view.active()[0]
    except StorageError:
        message = "has no active ref, and no checkpoint of it is complete"
        return diagnose("active-ref-missing", directory.path, message, session=directory.id)
    choices = [(head.checkpoint.at, head.sha)]
    for ref in claimed:
        choices += [(ref.at, sha) for sha in complete if sha.startswith(ref.hash12)]
    at, sha = max(choices)
    what = f"make checkpoint {checkpoint_id(sha)} active"
    repair = Repair(what, lambda: directory.publish(sha, at), last=True)
    message = "has no active ref: the newest complete checkpoint counts as active"
    return diagnose("active-ref-missing", directory.path, message, session=directory.id, repair=repair)


def _clock(directory: SessionDirectory, refs: RefNames, now_us: int) -> Iterator[Diagnosis]:
    highest = refs.highest_at
    if highest is None or to_unix_us(to_datetime(highest)) <= now_us + AHEAD_US:
        return
    path = directory.refs.directory
    try:
        following(highest)
    except InvalidRequestError:
        message = f"has a ref of {highest}, after which there is no time: nothing can be written"
        yield diagnose("clock-exhausted", path, message, session=directory.id)
    else:
        message = f"has a ref of {highest}, which is not yet: a clock was wrong"
        yield diagnose("clock-ahead", path, message, session=directory.id)


def _rewriting(directory: SessionDirectory, ref: ActiveRef, sha: str) -> Callable[[], None]:
    def rewrite() -> None:
        damaged = files.inode_of(directory.refs.path(ref))
        with suppress(CorruptObjectError):
            said = directory.refs.said(ref)
            if said is None or said == sha or directory.objects.has(said):
                return  # another process has replaced or healed it meanwhile
        files.set_aside(directory.refs.path(ref), damaged)
        directory.publish(sha, ref.at)

    return rewrite


def putting(directory: SessionDirectory, ref: MetaRef | PurgeRef, proof: Proof) -> Callable[[], None]:
    """Return what stores a record's bytes; a bad file in their place is set aside."""

    def put() -> None:
        directory.refs.put_bytes(ref, proof.data())
        directory.refs.sync()

    return put
