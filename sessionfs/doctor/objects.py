"""The objects of one session: each read and verified, and what each checkpoint needs."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple
from uuid import UUID

import msgspec

from .. import files, needs, records
from ..errors import CorruptObjectError, IncompleteError, StorageError
from ..ids import checkpoint_id, parse_session_id
from ..records import LARGE_MESSAGE, CheckpointObject, InvalidRecordError
from ..session import SessionDirectory
from .evidence import Evidence, restored
from .kinds import Found, Repair, found

DirectoryOf = Callable[[UUID], SessionDirectory]


class _Named(msgspec.Struct):
    session: str


class Reading(NamedTuple):
    """Which objects are read: those that chains need, all, or a part of all.

    Attributes:
        everything: large messages too, which else have to be there and are not opened.
        sample: the part of the objects that is read, above 0, at most 1.

    """

    everything: bool = False
    sample: float = 1.0


class Surveyed:
    """What was read of a session's objects.

    Attributes:
        here: the hashes that names promise.
        known: the checkpoints that are sound by themselves.
        messages: the hashes of message objects that are sound.
        unknown: the hashes of objects of a kind that this version does not know.
        unread: the hashes of objects that were not read.
        bad: the errors of those that cannot be used.

    """

    def __init__(self, directory: SessionDirectory) -> None:
        self.here = set(directory.objects.hashes())
        self.known: dict[str, CheckpointObject] = {}
        self.messages: set[str] = set()
        self.unread: set[str] = set()
        self.bad: dict[str, StorageError] = {}
        self.unknown: set[str] = set()
        self.bytes_read = 0

    @property
    def read(self) -> int:
        """How many objects were read."""
        return len(self.here) - len(self.unread)


def survey(directory: SessionDirectory, reading: Reading) -> Surveyed:
    """Read a session's objects, small ones first: they tell which large ones are messages."""
    done = Surveyed(directory)
    objects = directory.objects
    named: set[str] = set()
    for size, sha in sorted(_sizes(directory, done)):
        is_message = size >= LARGE_MESSAGE and sha in named
        if (is_message and not reading.everything) or random.random() >= reading.sample:  # noqa: S311
            done.unread.add(sha)
            continue
        try:
            record = objects.record(sha)
        except StorageError as error:
            done.bad[sha] = error
            continue
        done.bytes_read += size
        if isinstance(record, CheckpointObject):
            done.known[sha] = record
            named.update(large for _, large in record.large)
        elif record is None:
            done.unknown.add(sha)
        else:
            done.messages.add(sha)
    return done


def _sizes(directory: SessionDirectory, done: Surveyed) -> Iterator[tuple[int, str]]:
    for sha in done.here:
        try:
            yield files.status(directory.objects.path(sha)).size, sha
        except StorageError as error:
            done.bad[sha] = error


def findings(
    directory: SessionDirectory, done: Surveyed, evidence: Evidence, of: DirectoryOf
) -> Iterator[Found]:
    """Give what is wrong with objects, and with what checkpoints need of each other."""
    objects, id_ = directory.objects, directory.id
    affected, broken = _affected(done)
    for sha, error in sorted(done.bad.items()):
        if isinstance(error, IncompleteError):
            yield found("in-flight", objects.path(sha), "is being written just now", session=id_)
        else:
            misplaced = _misplaced(directory, sha, error, evidence, of)
            yield misplaced or _damaged(directory, sha, error, affected.get(sha, ()), evidence)
    for sha in sorted(affected.keys() - done.here):
        needing = _ids(affected[sha])
        yield found(
            "object-missing",
            objects.path(sha),
            "has not arrived" + needs.told(tuple(needing)),
            session=id_,
            checkpoints=needing,
            repair=_adoption(directory, sha, evidence),
        )
    for sha, why in sorted(broken.items()):
        path, ids = objects.path(sha), [checkpoint_id(sha)]
        yield found("chain-broken", path, why, session=id_, checkpoints=ids)
    for sha in sorted(done.unknown):
        yield found("object-unknown", objects.path(sha), "is of a kind not known here", session=id_)
    for sha, checkpoint in sorted(done.known.items()):
        parent = checkpoint.parent
        if parent is not None and parent not in done.here and parent not in affected:
            path = objects.path(sha)
            repair = _adoption(directory, parent, evidence)
            message = f"follows {parent}, which has not arrived"
            yield found("parent-missing", path, message, session=id_, repair=repair)


def _affected(done: Surveyed) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Return which checkpoints need each object that cannot be had, and which are wrong themselves."""
    affected: dict[str, list[str]] = {}
    broken: dict[str, str] = {}
    for sha, checkpoint in sorted(done.known.items(), key=lambda item: (item[1].at, item[0])):
        base = None if checkpoint.base is None else done.known.get(checkpoint.base)
        if base is not None and checkpoint.keep > base.count:
            broken[sha] = "keeps more messages than its base has"
        elif checkpoint.base in done.messages or checkpoint.base in done.unknown:
            broken[sha] = "has a base that is no checkpoint"
        elif any(large in done.known or large in done.unknown for _, large in checkpoint.large):
            broken[sha] = "names something as a message that is none"
        for needed in needs.files_of(done.known, sha):
            if needed in done.bad or needed not in done.here:
                affected.setdefault(needed, []).append(sha)
    return affected, broken


def _damaged(
    directory: SessionDirectory,
    sha: str,
    error: StorageError,
    needing: Iterable[str],
    evidence: Evidence,
) -> Found:
    path = directory.objects.path(sha)
    kind, repair = "unreadable", None
    if isinstance(error, CorruptObjectError):
        kind, repair = error.finding, _restoration(directory, sha, evidence)
        if repair is not None and repair.what.startswith("restore"):
            kind = "line-ends"
        if repair is None and kind in ("object-damaged", "not-regular"):
            repair = Repair("set it aside", lambda: files.set_aside(path))
    ids = _ids(needing)
    message = error.message.removeprefix(path).lstrip(": ") + needs.told(tuple(ids))
    return found(kind, path, message, session=directory.id, checkpoints=ids, repair=repair)


def _restoration(directory: SessionDirectory, sha: str, evidence: Evidence) -> Repair | None:
    """Return how to get an object's bytes back, from its own file or another."""
    data = evidence.readable(directory.objects.path(sha))
    sound = None if data is None else restored(data, sha)
    if sound is not None:
        return Repair("restore its line ends", putting(directory, sound))
    return _adoption(directory, sha, evidence)


def _adoption(directory: SessionDirectory, sha: str, evidence: Evidence) -> Repair | None:
    proof = evidence.find("objects", f"{sha}.json", sha)
    if proof is None:
        return None
    return Repair(f"copy the sound bytes in {proof.path}", putting(directory, proof.data))


def _misplaced(
    directory: SessionDirectory, sha: str, error: StorageError, evidence: Evidence, of: DirectoryOf
) -> Found | None:
    """Tell of an object that is sound and another session's."""
    data = None
    if isinstance(error, CorruptObjectError) and error.finding == "object-invalid":
        data = evidence.readable(directory.objects.path(sha))
    owner = None if data is None else _owner(data)
    if data is None or owner is None:
        return None
    path, its, put = directory.objects.path(sha), of(owner), putting(of(owner), data)

    def move() -> None:
        put()
        files.set_aside(path)

    there = "which has it too" if its.objects.has(sha) else "which lacks it"
    repair = Repair("see that it is there, and set this one aside", move)
    message = f"belongs to session {owner}, {there}"
    return found("object-misplaced", path, message, session=directory.id, repair=repair)


def _owner(data: bytes) -> UUID | None:
    """Return the session that an object is a valid record of."""
    try:
        named = msgspec.json.decode(data, type=_Named).session
        owner = parse_session_id(named)
        return owner if owner and records.decode_object(data, named) is not None else None
    except (msgspec.MsgspecError, InvalidRecordError, RecursionError):
        return None


def putting(directory: SessionDirectory, data: bytes) -> Callable[[], None]:
    """Return what stores an object's bytes; a bad file in their place is set aside."""

    def put() -> None:
        directory.objects.put(data)
        directory.objects.sync()

    return put


def _ids(hashes: Iterable[str]) -> list[UUID]:
    return [checkpoint_id(sha) for sha in hashes]
