"""The objects of one session: each read and verified, and what each checkpoint needs."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import NamedTuple
from uuid import UUID

import msgspec

from ...errors import CorruptObjectError, IncompleteError, StorageError
from ...format import records
from ...format.ids import checkpoint_id
from ...format.records import LARGE_MESSAGE, CheckpointObject, InvalidRecordError, MessageObject
from ...fs import entries, files
from ...store import dependents, graph
from ...store.objects import Objects
from ...store.session import SessionDirectory
from ...store.view import SessionView
from .findings import Diagnosis, Repair, diagnose, reason, setting_aside
from .sound_copies import Evidence, Proof, owner, readable

DirectoryOf = Callable[[UUID], SessionDirectory | None]
"""Gives the directory of another session of the store; None: nothing may be written there."""


class ReadingScope(NamedTuple):
    """Which objects are read: those that chains need, all, or a part of all.

    Attributes:
        everything: large messages too, which else have to be there and are not opened.
        sample: the part of the objects that is read, above 0, at most 1.

    """

    everything: bool = False
    sample: float = 1.0


class ObjectSurvey:
    """What was read of a session's objects.

    Attributes:
        here: the hashes that names promise.
        known: the checkpoints that are sound by themselves, without what they say in messages.
        named: the hashes that these name as large messages.
        messages: the hashes of message objects that are sound.
        unknown: the hashes of objects of a kind that this version does not know.
        unread: the hashes of objects that were not read.
        bad: the errors of those that cannot be used.

    """

    def __init__(self, view: SessionView) -> None:
        self._objects = view.objects
        self.here = set(view.objects.hashes())
        self.known: dict[str, CheckpointObject] = {}
        self.named: set[str] = set()
        self.messages: set[str] = set()
        self.unread: set[str] = set()
        self.bad: dict[str, StorageError] = {}
        self.unknown: set[str] = set()
        self.bytes_read = 0

    @property
    def read(self) -> int:
        """How many objects were read."""
        return len(self.here) - len(self.unread)

    def lacks(self, sha: str) -> bool:
        """Tell whether no object has this name, also none that came since the others were listed."""
        return sha not in self.here and not self._objects.has(sha)

    def is_no_checkpoint(self, sha: str) -> bool:
        """Tell whether an object is sound and something else."""
        is_message = sha in self.messages or (sha in self.unread and sha in self.named)
        return is_message or sha in self.unknown


def survey(view: SessionView, reading: ReadingScope) -> ObjectSurvey:
    """Read a session's objects, small ones first: they tell which large ones are messages."""
    done = ObjectSurvey(view)
    for size, sha in sorted(_sizes(view.objects, done)):
        is_message = size >= LARGE_MESSAGE and sha in done.named
        if (is_message and not reading.everything) or random.random() >= reading.sample:  # noqa: S311
            done.unread.add(sha)
            continue
        try:
            record = view.objects.record(sha)
            _check_values(view.objects.path(sha), record)
        except IncompleteError as error:
            if view.objects.has(sha):
                done.bad[sha] = error
            else:
                done.here.discard(sha)
        except StorageError as error:
            done.bad[sha] = error
        else:
            done.bytes_read += size
            _sort_in(done, sha, record)
    return done


def _sort_in(done: ObjectSurvey, sha: str, record: CheckpointObject | MessageObject | None) -> None:
    if isinstance(record, CheckpointObject):
        done.known[sha] = msgspec.structs.replace(record, stored=[], metadata=None)
        done.named.update(large for _, large in record.large)
    elif record is None:
        done.unknown.add(sha)
    else:
        done.messages.add(sha)


def _check_values(path: str, record: CheckpointObject | MessageObject | None) -> None:
    """Raise CorruptObjectError if what a record carries is JSON that no decoder takes."""
    carried: list[bytes] = []
    if isinstance(record, CheckpointObject):
        carried = [*record.elements, record.metadata or b"{}"]
    elif record is not None:
        carried = [record.message]
    try:
        for each in carried:
            msgspec.json.decode(each)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        how = f"{path} is not a valid record: a message or the metadata cannot be read: {error}"
        raise CorruptObjectError(how, path=path, finding="object-invalid") from error


def _sizes(objects: Objects, done: ObjectSurvey) -> Iterator[tuple[int, str]]:
    for sha in done.here:
        try:
            status = entries.inspect(objects.path(sha))
            yield status.size if status.kind == "file" else 0, sha
        except StorageError as error:
            done.bad[sha] = error


class UnmetNeeds:
    """What checkpoints need and cannot have.

    Attributes:
        by: for each object that is bad or missing, the checkpoints that need it, oldest first; a
            bad one that may be a checkpoint needs itself.
        broken: for each checkpoint that names something else than it should, what is wrong, and the
            checkpoints that cannot be read for it.

    """

    def __init__(self, done: ObjectSurvey) -> None:
        self.by: dict[str, list[str]] = {sha: [sha] for sha in done.bad if sha not in done.named}
        self.broken: dict[str, tuple[str, list[str]]] = {}
        for sha, _ in sorted(done.known.items(), key=lambda item: (item[1].at, item[0])):
            self._follow(done, sha)

    def _follow(self, done: ObjectSurvey, sha: str) -> None:
        """Go along a checkpoint's chain, as a reader does."""
        before: str | None = None
        shared: int | None = None
        for each in graph.walk(sha, lambda known: done.known[known].base):
            link = done.known.get(each)
            if link is None:
                if each in done.bad or done.lacks(each):
                    self.by.setdefault(each, []).append(sha)
                elif before is not None and done.is_no_checkpoint(each):
                    self._breaks(before, "has a base that is not a checkpoint", sha)
                return
            if before is not None and done.known[before].keep > link.count:
                self._breaks(before, "keeps more messages than its base has", sha)
                return
            shared = link.count if shared is None else shared
            for large in {large for i, large in link.large if link.keep + i < shared}:
                if large in done.bad or done.lacks(large):
                    self.by.setdefault(large, []).append(sha)
                elif large in done.known or large in done.unknown:
                    self._breaks(each, "names something as a message that is none", sha)
            before, shared = each, min(shared, link.keep)
        if before is not None and done.known[before].base is not None:
            self._breaks(before, "has a base whose chain closes on itself", sha)

    @property
    def unreadable(self) -> set[str]:
        """The checkpoints that cannot be read."""
        lists = [*self.by.values(), *(each for _, each in self.broken.values())]
        return {sha for each in lists for sha in each}

    def _breaks(self, broken: str, why: str, sha: str) -> None:
        ids = self.broken.setdefault(broken, (why, []))[1]
        if sha not in ids[-1:]:
            ids.append(sha)


def findings(
    directory: SessionDirectory,
    done: ObjectSurvey,
    needed: UnmetNeeds,
    evidence: Evidence,
    of: DirectoryOf,
) -> Iterator[Diagnosis]:
    """Give what is wrong with objects, and with what checkpoints need of each other."""
    objects, id_ = directory.objects, directory.id
    for sha, error in sorted(done.bad.items()):
        ids = _ids(needed.by.get(sha, []))
        misplaced = _misplaced(directory, sha, error, ids, of)
        yield misplaced or _damaged(directory, sha, error, ids, evidence)
    for sha in sorted(needed.by.keys() - done.bad.keys()):
        ids, path = _ids(needed.by[sha]), objects.path(sha)
        repair = adoption(directory, sha, evidence)
        message = "is missing: not synced yet, or deleted" + dependents.describe(tuple(ids))
        yield diagnose("object-missing", path, message, session=id_, checkpoints=ids, repair=repair)
    for sha, (why, broken) in sorted(needed.broken.items()):
        ids = _ids(broken)
        yield diagnose("chain-broken", objects.path(sha), why, session=id_, checkpoints=ids)
    for sha in sorted(done.unknown):
        yield diagnose("object-unknown", objects.path(sha), "is of a kind not known here", session=id_)
    for sha, checkpoint in sorted(done.known.items()):
        parent = checkpoint.parent
        if parent is not None and parent not in needed.by and done.lacks(parent):
            repair = adoption(directory, parent, evidence)
            message = f"follows {parent}, which is missing: not synced yet, or deleted"
            yield diagnose("parent-missing", objects.path(sha), message, session=id_, repair=repair)


def _damaged(
    directory: SessionDirectory, sha: str, error: StorageError, ids: list[UUID], evidence: Evidence
) -> Diagnosis:
    path = directory.objects.path(sha)
    kind, repair = "unreadable", None
    if isinstance(error, IncompleteError):
        kind = "in-flight"
    elif isinstance(error, CorruptObjectError):
        kind = error.finding
        proof = None if kind == "object-invalid" else evidence.find(path, sha)
        if proof is not None and proof.path == path:
            kind, repair = "line-ends", Repair("restore its bytes", putting(directory, proof))
        elif proof is not None:
            repair = Repair(f"copy the sound bytes in {proof.path}", putting(directory, proof))
        elif kind in ("object-damaged", "not-regular"):
            repair = Repair(
                "set it aside", setting_aside(path, lambda: directory.objects.record(sha)), empties=True
            )
    message = reason(error, path) + dependents.describe(tuple(ids))
    return diagnose(kind, path, message, session=directory.id, checkpoints=ids, repair=repair)


def adoption(directory: SessionDirectory, sha: str, evidence: Evidence) -> Repair | None:
    """Return how to get an object that is missing, if its bytes are found and are of this session."""
    proof = evidence.find(directory.objects.path(sha), sha)
    if proof is None or not is_record(directory, proof.data()):
        return None
    return Repair(f"copy the sound bytes in {proof.path}", putting(directory, proof))


def is_record(directory: SessionDirectory, data: bytes) -> bool:
    """Tell whether bytes are a valid object of a session, and of a kind that is known."""
    try:
        return records.decode_object(data, str(directory.id)) is not None
    except InvalidRecordError:
        return False


def _misplaced(
    directory: SessionDirectory, sha: str, error: StorageError, ids: list[UUID], of: DirectoryOf
) -> Diagnosis | None:
    """Tell of an object that is sound and another session's, and that nothing here needs."""
    own = checkpoint_id(sha)
    if not isinstance(error, CorruptObjectError) or error.finding != "object-invalid" or ids[1:]:
        return None
    path = directory.objects.path(sha)
    data = readable(path, directory.limit)
    owned = None if data is None else _owned(data)
    if owned is None or owned[0] == directory.id or ids not in ([], [own]):
        return None
    its = of(owned[0])
    if its is None:
        return None

    def move() -> None:
        its.objects.put(directory.objects.read(sha))
        its.objects.sync()
        files.set_aside(path)

    is_there = its.objects.has(sha)
    repair = Repair("see that it is there, and set this one aside", move, its.id)
    message = f"belongs to session {its.id}, which {'has it too' if is_there else 'lacks it'}"
    cannot = ids if owned[1] and not is_there else []
    return diagnose(
        "object-misplaced", path, message, session=directory.id, checkpoints=cannot, repair=repair
    )


def _owned(data: bytes) -> tuple[UUID, bool] | None:
    """Return the session that an object is a valid record of, and whether it is a checkpoint."""
    session = owner(data)
    if session is None:
        return None
    try:
        record = records.decode_object(data, str(session))
    except InvalidRecordError:
        return None
    return None if record is None else (session, isinstance(record, CheckpointObject))


def putting(directory: SessionDirectory, proof: Proof) -> Callable[[], None]:
    """Return what stores an object's bytes; a bad file in their place is set aside."""

    def put() -> None:
        directory.objects.put(proof.data())
        directory.objects.sync()

    return put


def _ids(hashes: list[str]) -> list[UUID]:
    return [checkpoint_id(sha) for sha in hashes]
