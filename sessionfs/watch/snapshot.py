"""What is known of a session, and what a new look at it tells.

The invariant: events come from comparing two looks at the files, each as good as a listing; whatever
is damaged or has not arrived is a state like any other.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from msgspec.structs import replace

from ..errors import CorruptObjectError, StorageError
from ..format.ids import hash12_of
from ..fs import files, fingerprints
from ..fs.fingerprints import Fingerprint
from ..models import CheckpointSummary, SessionStatus, SessionSummary
from ..models.events import (
    ActiveChanged,
    CheckpointCreated,
    Event,
    SessionCreated,
    SessionDeleted,
    SessionUpdated,
)
from ..queries import listing, load
from ..queries.listing import CheckpointRow
from ..store import graph
from ..store.objects import Objects
from ..store.session import SessionDirectory
from ..store.view import SessionView

_LOOKS = 3

Prints = tuple[Fingerprint | None, ...]


class SessionSnapshot(NamedTuple):
    """What a look left.

    Attributes:
        summary: what a listing says.
        active: the checkpoint that was last told to be active.
        objects: the hashes of the objects that are here and sound, 32 bytes each, sorted.
        unsound: those that are damaged, with the fingerprint of the file, or cannot be opened (None).
        prints: the fingerprints of before the look.
        since_ns: when a look found these fingerprints for the first time.
        settled: whether the same fingerprints will mean that nothing has changed.

    """

    summary: SessionSummary
    active: UUID | None
    objects: bytes
    unsound: dict[str, Fingerprint | None]
    prints: Prints
    since_ns: int
    settled: bool

    @property
    def troubled(self) -> bool:
        """Whether a file that is rewritten in place may make a difference."""
        return bool(self.unsound) or self.summary.problem is not None


class SnapshotUpdate(NamedTuple):
    """What a look found, and the checkpoints that were not known to be whole, oldest first."""

    known: SessionSnapshot
    arrived: list[CheckpointSummary]


def compare(before: SessionSnapshot | None, update: SnapshotUpdate | None) -> list[Event]:
    """Return what happened to one session, in causal order; None: it was, or is, not here.

    Every difference between two summaries is told by exactly one event that carries the new one.
    """
    if update is None:
        return [_deleted(before.summary, removed=True)] if before else []
    after, session = update.known, update.known.summary.id
    summary = replace(after.summary)  # whoever takes the event may change it
    events: list[Event] = [] if before else [SessionCreated(session, summary)]
    events += [CheckpointCreated(session, checkpoint) for checkpoint in update.arrived]
    previous = before.active if before else None
    if after.active is not None and after.active != previous:
        events.append(ActiveChanged(session, previous, after.active))
    was_deleted = before is not None and before.summary.status is SessionStatus.DELETED
    if after.summary.status is SessionStatus.DELETED and not was_deleted:
        events.append(_deleted(after.summary, removed=False))
    elif before is not None and before.summary != after.summary:
        events.append(SessionUpdated(session, summary))
    return events


def _deleted(summary: SessionSummary, *, removed: bool) -> SessionDeleted:
    return SessionDeleted(summary.id, replace(summary), removed)


class UnreadSession(NamedTuple):
    """The names and times of a session, taken before its summary is known from elsewhere."""

    objects: bytes
    prints: Prints
    taken_ns: int

    def known(self, summary: SessionSummary) -> SessionSnapshot:
        """Return what is known with a summary from after these were taken.

        Whatever changed in between has other fingerprints now, or such as are not settled.
        """
        settled = _is_settled(self.prints, self.taken_ns)
        active = summary.active_checkpoint_id
        return SessionSnapshot(summary, active, self.objects, {}, self.prints, self.taken_ns, settled)


def take_unread(directory: SessionDirectory) -> UnreadSession | None:
    """Take a session's names and times without reading a file; None: they are not to be had."""
    taken = time.time_ns()
    prints = _prints(directory, each_file=False)
    try:
        return UnreadSession(_pack(directory.objects.hashes()), prints, taken)
    except StorageError:
        return None


def is_unchanged(directory: SessionDirectory, known: SessionSnapshot) -> bool:
    """Tell, without reading a file, whether a look would find what the last one did."""
    return known.settled and _prints(directory, each_file=known.troubled) == known.prints


def may_be_filled(directory: SessionDirectory) -> bool:
    """Tell whether a session that is not here was being brought here a moment ago."""
    return not _is_settled((fingerprints.of(directory.path),), time.time_ns())


def take_snapshot(
    directory: SessionDirectory, before: SessionSnapshot | None, *, first: bool = False
) -> SnapshotUpdate | None:
    """Read a session; None: nothing of it is here.

    On the ``first`` look at a sound session its checkpoints count as whole, unread.
    """
    for _ in range(_LOOKS):
        found = _take_snapshot(directory, before, first=first)
        if found is None or found.known.summary.problem is None:
            break
        # Where files came or went meanwhile the problem may be that the look was torn.
        if found.known.prints == _prints(directory, each_file=before is not None and before.troubled):
            break
    return found


def _take_snapshot(
    directory: SessionDirectory, before: SessionSnapshot | None, *, first: bool
) -> SnapshotUpdate | None:
    taken = time.time_ns()
    prints = _prints(directory, each_file=before is not None and before.troubled)
    summary = listing.session_summary(directory)
    if summary is None:
        return None
    whole = _unpack(before.objects) if before else set()
    view: SessionView | None = None
    try:
        view = directory.look()
        here = view.objects.hashes()
    except StorageError:
        here = sorted(whole)  # not to be read just now, as the summary tells
    new = [sha for sha in here if sha not in whole]
    arrived: list[CheckpointSummary] = []
    unsound: dict[str, Fingerprint | None] = {}
    if view is not None and (not first or summary.problem is not None):
        arrived, unsound = _arrivals(view, new, before.unsound if before else {})
    sound = [sha for sha in here if sha not in unsound]
    active = before.active if before else None
    wanted = summary.active_checkpoint_id
    if wanted and wanted != active and any(sha.startswith(hash12_of(wanted)) for sha in sound):
        active = wanted
    same = before is not None and before.prints == prints
    since = before.since_ns if before is not None and same else taken
    # Where clocks differ, a timestamp does not tell an age; having seen it for long enough does.
    settled = _is_settled(prints, taken) or since < taken - fingerprints.RACY_NS
    return SnapshotUpdate(
        SessionSnapshot(summary, active, _pack(sound), unsound, prints, since, settled), arrived
    )


def _arrivals(
    view: SessionView, new: list[str], before: dict[str, Fingerprint | None]
) -> tuple[list[CheckpointSummary], dict[str, Fingerprint | None]]:
    """Return the checkpoints that can be opened, oldest first, and the objects that cannot.

    Reading a damaged file takes a while, because it may be in flight: each is read once, and again
    only when the file has changed.
    """
    taken = time.time_ns()
    prints = {sha: fingerprints.of(view.objects.path(sha)) for sha in new}
    damaged = {sha for sha in new if before.get(sha) is not None and before[sha] == prints[sha]}
    unsound: dict[str, Fingerprint | None] = {}
    found: list[tuple[str, CheckpointSummary]] = []
    for sha in new:
        try:
            if sha not in damaged and view.objects.checkpoint_or_none(sha) is None:
                continue  # a sound message, or it has just vanished
            _require_sound_bases(view.objects, sha, damaged)
            chain = view.require_complete(sha)
        except CorruptObjectError as error:
            if error.path == view.objects.path(sha):
                damaged.add(sha)
            own = prints[sha] if sha in damaged else None
            unsound[sha] = own if _is_settled((own,), taken) else None
        except StorageError:
            unsound[sha] = None
        else:
            head = chain[0].checkpoint
            found.append((head.at, load.summary(view.id, CheckpointRow.of(sha, head))))
    found.sort(key=lambda item: (item[0], item[1].id.int))
    return [summary for _, summary in found], unsound


def _require_sound_bases(objects: Objects, sha: str, damaged: set[str]) -> None:
    """Raise CorruptObjectError without reading again a base that is known to be damaged."""

    def base(each: str) -> str | None:
        try:
            return objects.checkpoint(each).base
        except CorruptObjectError:
            damaged.add(each)
            raise

    for each in graph.walk(sha, base):
        if each in damaged:
            path = objects.path(each)
            raise CorruptObjectError(f"{path} is damaged", path=path)


def _prints(directory: SessionDirectory, *, each_file: bool) -> Prints:
    # The session's own directory too: one that was just moved here has contents of any age.
    inside = (directory.refs.directory, directory.objects.directory)
    found = [fingerprints.of(path) for path in (directory.path, *inside)]
    for parent in inside if each_file else ():
        try:
            names = sorted(files.names(parent))
        except StorageError:
            continue
        found += [fingerprints.of(files.join(parent, name)) for name in names]
    return tuple(found)


def _is_settled(prints: Prints, taken_ns: int) -> bool:
    """Tell whether fingerprints taken at a time (ns since 1970) can be relied on later."""
    return all(fingerprints.is_settled(found, taken_ns) for found in prints)


def _pack(hashes: Iterable[str]) -> bytes:
    return bytes.fromhex("".join(hashes))


def _unpack(packed: bytes) -> set[str]:
    digits = packed.hex()
    return {digits[i : i + 64] for i in range(0, len(digits), 64)}
