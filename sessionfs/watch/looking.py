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

from .. import files, history, listing, views
from ..errors import CorruptObjectError, IncompleteError, StorageError
from ..ids import hash12_of
from ..models import CheckpointSummary, SessionStatus, SessionSummary
from ..models.events import (
    ActiveChanged,
    CheckpointCreated,
    Event,
    SessionCreated,
    SessionDeleted,
    SessionUpdated,
)
from ..session import SessionDirectory
from .fingerprints import Fingerprint, fingerprint, is_settled


class Known(NamedTuple):
    """A session as one look found it.

    Attributes:
        summary: what is listed of it.
        active: the checkpoint that was last told to be active.
        arrived: checkpoints that the look before did not find complete, oldest first.

    """

    summary: SessionSummary
    active: UUID | None = None
    arrived: tuple[CheckpointSummary, ...] = ()


def compare(old: Known | None, new: Known | None) -> list[Event]:
    """Return what happened to one session, in causal order; None: it was, or is, not here."""
    if new is None:
        return [SessionDeleted(old.summary.id, old.summary, removed=True)] if old else []
    session = new.summary.id
    events: list[Event] = [] if old else [SessionCreated(session, new.summary)]
    events += [CheckpointCreated(session, checkpoint) for checkpoint in new.arrived]
    previous = old.active if old else None
    if new.active is not None and new.active != previous:
        events.append(ActiveChanged(session, previous, new.active))
    deleted_before = old is not None and old.summary.status is SessionStatus.DELETED
    if new.summary.status is SessionStatus.DELETED and not deleted_before:
        events.append(SessionDeleted(session, new.summary, removed=False))
    elif old is not None and old.summary != new.summary:
        events.append(SessionUpdated(session, new.summary))
    return events


class Entry(NamedTuple):
    """What the last look at a session left.

    Attributes:
        objects: the hashes of the objects that need no further look, 32 bytes each.
        stuck: objects that are damaged, with the fingerprint of the file, or not complete (None).
        prints: the fingerprints of before the look.
        settled: whether the same fingerprints mean that nothing has changed.

    """

    known: Known
    objects: bytes
    stuck: dict[str, Fingerprint | None]
    prints: tuple[Fingerprint | None, ...]
    settled: bool

    @property
    def troubled(self) -> bool:
        """Whether a file that is rewritten in place may make a difference."""
        return bool(self.stuck) or self.known.summary.problem is not None


def is_unchanged(directory: SessionDirectory, entry: Entry) -> bool:
    """Tell, without reading a file, whether a look would find what the last one did."""
    return entry.settled and _prints(directory, each_file=entry.troubled) == entry.prints


def refused(entry: Entry, error: StorageError) -> Entry:
    """Return what is known of a session when the operating system refuses to let it be read."""
    known = Known(replace(entry.known.summary, problem=error.message), entry.known.active)
    return entry._replace(known=known, settled=False)


def _prints(directory: SessionDirectory, *, each_file: bool) -> tuple[Fingerprint | None, ...]:
    # The session's own directory too: one that was just moved here has contents of any age.
    inside = (directory.refs.directory, directory.objects.directory)
    found = [fingerprint(path) for path in (directory.path, *inside)]
    if each_file:
        paths = (files.join(parent, name) for parent in inside for name in sorted(files.names(parent)))
        found.extend(fingerprint(path) for path in paths)
    return tuple(found)


def look(directory: SessionDirectory, entry: Entry | None, *, first: bool) -> Entry | None:
    """Read a session; on the ``first`` look at a store its sound checkpoints count as known.

    Raises StorageError if the operating system refuses.
    """
    taken = time.time_ns()
    prints = _prints(directory, each_file=entry is not None and entry.troubled)
    summary = listing.session_summary(directory)
    if summary is None:
        return None
    objects = _unpack(entry.objects) if entry else set()
    new = [sha for sha in directory.objects.hashes() if sha not in objects]
    arrived: list[CheckpointSummary] = []
    stuck: dict[str, Fingerprint | None] = {}
    if not first or summary.problem is not None:
        arrived, stuck = _arrivals(directory, new, entry.stuck if entry else {})
    objects.update(sha for sha in new if sha not in stuck)
    active = told = entry.known.active if entry else None
    wanted = summary.active_checkpoint_id
    if wanted and wanted != told and any(sha.startswith(hash12_of(wanted)) for sha in objects):
        active = wanted
    settled = all(is_settled(found, taken) for found in prints)
    known = Known(summary, active, tuple(arrived))
    packed = entry.objects if entry and not new else _pack(objects)
    return Entry(known, packed, stuck, prints, settled)


def _arrivals(
    directory: SessionDirectory, new: list[str], before: dict[str, Fingerprint | None]
) -> tuple[list[CheckpointSummary], dict[str, Fingerprint | None]]:
    """Return the checkpoints that are complete, oldest first, and the objects that are stuck.

    Reading a damaged file takes a while, because it may be in flight: each is read once, and again
    only when the file has changed.
    """
    taken = time.time_ns()
    prints = {sha: fingerprint(directory.objects.path(sha)) for sha in new}
    damaged = {sha for sha in new if before.get(sha) is not None and before[sha] == prints[sha]}
    stuck: dict[str, Fingerprint | None] = {}
    found: list[tuple[str, CheckpointSummary]] = []
    for sha in new:
        try:
            if sha not in damaged and directory.objects.checkpoint_or_none(sha) is None:
                directory.objects.message(sha)
                continue
            _require_sound_bases(directory, sha, damaged)
            chain = directory.open(sha)
            history.require_large(directory.objects, chain)
        except CorruptObjectError as error:
            if error.path == directory.objects.path(sha):
                damaged.add(sha)
            own = prints[sha] if sha in damaged else None
            stuck[sha] = own if is_settled(own, taken) else None
        except IncompleteError:
            stuck[sha] = None
        else:
            head = chain[0].checkpoint
            found.append((head.at, views.summary(directory.id, sha, head)))
    found.sort(key=lambda item: (item[0], item[1].id.int))
    return [summary for _, summary in found], stuck


def _require_sound_bases(directory: SessionDirectory, sha: str, damaged: set[str]) -> None:
    """Raise CorruptObjectError without reading again a base that is known to be damaged."""
    base: str | None = sha
    while base is not None:
        sha = base
        if sha in damaged:
            path = directory.objects.path(sha)
            raise CorruptObjectError(f"{path} is damaged", path=path)
        try:
            base = directory.objects.checkpoint(sha).base
        except CorruptObjectError:
            damaged.add(sha)
            raise


def _pack(hashes: Iterable[str]) -> bytes:
    return bytes.fromhex("".join(hashes))


def _unpack(packed: bytes) -> set[str]:
    digits = packed.hex()
    return {digits[i : i + 64] for i in range(0, len(digits), 64)}
