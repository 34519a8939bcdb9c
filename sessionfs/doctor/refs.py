"""The refs of one session: what is damaged, dangling, missing, or of a time that is not yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .. import files
from ..clock import following, to_datetime, to_unix_us
from ..errors import CorruptObjectError, InvalidRequestError, StorageError
from ..refs import ActiveRef, MetaRef, RefNames
from ..session import SessionDirectory
from .evidence import Evidence, restored
from .kinds import Found, Repair, found
from .objects import Surveyed

AHEAD_US = 24 * 3600 * 1_000_000
"""A timestamp further ahead of this machine's clock than this, in microseconds, is told of."""


def findings(
    directory: SessionDirectory, refs: RefNames, done: Surveyed, evidence: Evidence, now_us: int
) -> Iterator[Found]:
    """Give what is wrong with a session's refs, given its objects."""
    for ref in refs.active:
        yield from _active(directory, ref, done, evidence)
    for meta in refs.meta:
        yield from _meta(directory, meta, evidence)
    if done.known and not refs.active:
        message = "has no active ref: the newest complete checkpoint counts as active"
        repair = Repair("make that one active", lambda: _activate(directory))
        yield found("active-ref-missing", directory.path, message, session=directory.id, repair=repair)
    if (done.here or refs.active) and not refs.meta:
        message = "has no meta record: its title and directory are not known"
        yield found("meta-missing", directory.path, message, session=directory.id)
    if len(refs.active) > 1:
        message = f"has {len(refs.active)} active refs: heads that met, or a writer was interrupted"
        yield found("active-refs-several", directory.path, message, session=directory.id)
    yield from _clock(directory, refs, now_us)


def _active(
    directory: SessionDirectory, ref: ActiveRef, done: Surveyed, evidence: Evidence
) -> Iterator[Found]:
    path = directory.refs.path(ref)
    candidates = sorted(sha for sha in done.here if sha.startswith(ref.hash12))
    said, problem = None, None
    try:
        said = directory.refs.said(ref)
    except CorruptObjectError as error:
        problem = error
    except StorageError as error:
        yield _unreadable(directory, path, error)
    if said is not None and said not in done.here:
        candidates = []
    if not candidates:
        name = f"{said or ref.hash12 + '*'}.json"
        message = f"names {name}, which has not arrived"
        repair = None
        proof = evidence.find("objects", name, said or ref.hash12) if said else None
        if proof is not None:
            put = directory.objects.put
            repair = Repair(f"copy the sound bytes in {proof.path}", lambda: put(proof.data))
        yield found("active-ref-dangling", path, message, session=directory.id, repair=repair)
    elif len(candidates) > 1 and said is None:
        message = f"does not say which of {len(candidates)} objects it names"
        yield found("active-ref-ambiguous", path, message, session=directory.id)
    if problem is not None:
        repair = None
        if len(candidates) == 1:
            repair = Repair("write it anew", _rewrite(directory, ref, candidates[0]))
        message = problem.message.removeprefix(path).lstrip(": ")
        kind = "not-regular" if problem.finding == "not-regular" else "active-ref-damaged"
        yield found(kind, path, message, session=directory.id, repair=repair)


def _meta(directory: SessionDirectory, ref: MetaRef, evidence: Evidence) -> Iterator[Found]:
    path = directory.refs.path(ref)
    try:
        directory.refs.meta(ref)
    except CorruptObjectError as error:
        sound = None if (data := evidence.readable(path)) is None else restored(data, ref.hash12)
        proof = evidence.find("refs", ref.name, ref.hash12)
        kind = "line-ends" if sound is not None else error.finding
        if sound is not None:
            repair = Repair("restore its line ends", putting(directory, ref, sound))
        elif proof is not None:
            put = putting(directory, ref, proof.data)
            repair = Repair(f"copy the sound bytes in {proof.path}", put)
        else:
            repair = Repair("set it aside", lambda: files.set_aside(path))
        message = error.message.removeprefix(path).lstrip(": ")
        yield found(kind, path, message, session=directory.id, repair=repair)
    except StorageError as error:
        yield _unreadable(directory, path, error)


def _clock(directory: SessionDirectory, refs: RefNames, now_us: int) -> Iterator[Found]:
    highest = refs.highest_at
    if highest is None or to_unix_us(to_datetime(highest)) <= now_us + AHEAD_US:
        return
    path = directory.refs.directory
    try:
        following(highest)
    except InvalidRequestError:
        message = f"has a ref of {highest}, after which there is no time: nothing can be written"
        yield found("clock-exhausted", path, message, session=directory.id)
    else:
        message = f"has a ref of {highest}, which is not yet: a clock was wrong"
        yield found("clock-ahead", path, message, session=directory.id)


def _unreadable(directory: SessionDirectory, path: str, error: StorageError) -> Found:
    message = error.message.removeprefix(path).lstrip(": ")
    return found("unreadable", path, message, session=directory.id)


def _rewrite(directory: SessionDirectory, ref: ActiveRef, sha: str) -> Callable[[], None]:
    def rewrite() -> None:
        files.set_aside(directory.refs.path(ref))
        directory.publish(sha, ref.at)

    return rewrite


def putting(directory: SessionDirectory, ref: MetaRef, data: bytes) -> Callable[[], None]:
    """Return what stores a meta record's bytes; a bad file in their place is set aside."""

    def put() -> None:
        path = directory.refs.path(ref)
        if files.exists(path):
            files.set_aside(path)
        directory.refs.put_bytes(ref, data)
        directory.refs.sync()

    return put


def _activate(directory: SessionDirectory) -> None:
    """Name the checkpoint that readers take for active, from the time at which it was made."""
    head = directory.active(directory.refs.names())[0]
    directory.publish(head.sha, head.checkpoint.at)
