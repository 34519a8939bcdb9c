"""The refs of one session: which checkpoint was made active, and what was set about the session.

The invariant: a ref is never rewritten. A later one with a higher timestamp takes its place, so two
directories of refs merge by putting their files together.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from msgspec import UNSET

from . import files, records
from .clock import is_timestamp, parse_rfc3339
from .errors import CorruptObjectError, StorageError
from .files import Files
from .ids import HASH12, checkpoint_id, is_session_name, is_sha256
from .models import ForkedFrom, SessionStatus, SessionVisibility
from .objects import Objects
from .records import Facts, InvalidRecordError, sha256

_NAME = re.compile(r"(active|meta|purge)\.(\d{8}T\d{12}Z)-([0-9a-f]{12})(\.json)?", re.ASCII)

_LOOKS = 3


class ActiveRef(NamedTuple):
    """An active ref as its name tells; the order is that of the names."""

    at: str
    hash12: str

    @property
    def name(self) -> str:
        """The file's name."""
        return f"active.{self.at}-{self.hash12}"


class MetaRef(NamedTuple):
    """A meta record as its name tells; the order is that in which the records are folded."""

    at: str
    hash12: str

    @property
    def name(self) -> str:
        """The file's name."""
        return f"meta.{self.at}-{self.hash12}.json"


class PurgeRef(NamedTuple):
    """A purge record as its name tells."""

    at: str
    hash12: str

    @property
    def name(self) -> str:
        """The file's name."""
        return f"purge.{self.at}-{self.hash12}.json"


@lru_cache(maxsize=4096)
def parse(name: str) -> ActiveRef | MetaRef | PurgeRef | None:
    """Return the ref that a file's name is; None: it is foreign."""
    match = _NAME.fullmatch(name)
    if match is None or not is_timestamp(match[2]):
        return None
    if match[1] == "active":
        return ActiveRef(match[2], match[3]) if match[4] is None else None
    if match[4] is None:
        return None
    return (MetaRef if match[1] == "meta" else PurgeRef)(match[2], match[3])


def decode(ref: MetaRef | PurgeRef, data: bytes, session: str) -> records.RefRecord:
    """Return the record that bytes of a file of this name are, or raise InvalidRecordError."""
    read = records.decode_meta if isinstance(ref, MetaRef) else records.decode_purge
    return read(data, session)


class RefNames(NamedTuple):
    """What one look at the directory showed, each list in ascending order."""

    active: list[ActiveRef]
    meta: list[MetaRef]
    purges: list[PurgeRef]

    @property
    def highest_at(self) -> str | None:
        """The highest timestamp of any ref."""
        return max((refs[-1].at for refs in self if refs), default=None)

    @property
    def lowest_at(self) -> str | None:
        """The lowest timestamp of any ref."""
        return min((refs[0].at for refs in self if refs), default=None)


class Left(msgspec.Struct, frozen=True):
    """A checkpoint that somebody left behind at this time, when another one was made active."""

    at: str
    sha: str


class SessionFacts(msgspec.Struct, frozen=True):
    """The fold of a session's meta records. ``created_at`` is None where no record sets it.

    ``purged_at`` is the time of its newest purge record, ``damage`` the first record that is damaged,
    ``source`` what an import said of where the session is from, ``forked_from`` where a fork starts.
    """

    title: str
    visibility: SessionVisibility
    status: SessionStatus
    cwd: str | None
    created_at: datetime | None
    left: list[Left]
    purged_at: str | None
    damage: CorruptObjectError | None
    source: dict[str, Any] | None = None
    forked_from: ForkedFrom | None = None

    @classmethod
    def unknown(cls) -> SessionFacts:
        """Return what is told of a session that no record speaks of."""
        return cls("", SessionVisibility.PRIVATE, SessionStatus.ACTIVE, None, None, [], None, None)


class Refs:
    """The ``refs/`` directory of one session."""

    def __init__(self, directory: str, session: str, writer: Files) -> None:
        self.directory = directory
        self._inside = directory + files.SEPARATOR
        self._session = session
        self._files = writer

    def names(self) -> RefNames:
        """Look at the directory. Names that are no refs are foreign and passed over."""
        for _ in range(_LOOKS):
            found = self._look()
            # A look may miss both a ref that is being added and the one that it replaces.
            if found.active or not found.meta:
                break
        return found

    def _look(self) -> RefNames:
        found = [parse(name) for name in files.names(self.directory)]
        active = [each for each in found if isinstance(each, ActiveRef)]
        meta = [each for each in found if isinstance(each, MetaRef)]
        purges = [each for each in found if isinstance(each, PurgeRef)]
        return RefNames(sorted(active), sorted(meta), sorted(purges))

    def target(self, ref: ActiveRef, objects: Objects) -> str | None:
        """Return the hash of the checkpoint that a ref names, or None if it cannot be told here.

        The content says it at once; where that is torn or foreign, or names nothing that is here, the
        name is enough: a digit that is wrong must not let an older checkpoint become active.
        """
        try:
            said = self.said(ref)
        except StorageError:
            said = None
        if said is not None and objects.has(said):
            return said
        candidates = objects.hashes(ref.hash12)
        return candidates[-1] if candidates else said

    def path(self, ref: ActiveRef | MetaRef | PurgeRef) -> str:
        """Return where a ref lies."""
        return self._inside + ref.name

    def said(self, ref: ActiveRef) -> str | None:
        """Return the hash in an active ref's content, or None if the ref is gone.

        CorruptObjectError if the content does not agree with the name, which says enough by itself.
        """
        path = self.path(ref)
        try:
            content = files.read_file(path, self._files.limit)
        except files.NotRegularError as error:
            raise CorruptObjectError(error.message, path=path, finding="not-regular") from error
        if content is None:
            return None
        at, _, sha = content.decode("ascii", errors="replace").partition("-")
        if at == ref.at and is_sha256(sha) and sha[:HASH12] == ref.hash12:
            return sha
        raise CorruptObjectError(
            f"{path} does not hold what its name says", path=path, finding="active-ref-damaged"
        )

    def put_active(self, at: str, sha: str) -> ActiveRef:
        """Make a checkpoint active from this time on; the caller syncs the directory.

        The content is not synced: after a power cut the name says as much.
        """
        ref = ActiveRef(at, sha[:HASH12])
        if not files.exists(self.path(ref)):
            self._files.publish(self.directory, ref.name, f"{at}-{sha}".encode(), synced=False)
        return ref

    def put_meta(self, at: str, facts: dict[str, Any]) -> MetaRef:
        """Store what is set about the session; the caller syncs the directory."""
        data = records.encode_meta(self._session, at, facts)
        self._files.check_size(len(data))
        ref = MetaRef(at, sha256(data)[:HASH12])
        self.put_bytes(ref, data)
        return ref

    def put_purge(self, at: str, hashes: list[str]) -> None:
        """Store that objects of these hashes were purged; the caller syncs the directory."""
        data = records.encode_purge(self._session, at, hashes)
        self._files.check_size(len(data))
        self.put_bytes(PurgeRef(at, sha256(data)[:HASH12]), data)

    def put_bytes(self, ref: MetaRef | PurgeRef, data: bytes) -> None:
        """Store the bytes that a record's name promises; the caller syncs the directory.

        A good file of that name stays as it is; a bad one is set aside first.
        """
        path = self.path(ref)
        if files.exists(path):
            if self._is_sound(ref):
                return
            files.keep_aside(path)
        self._files.publish(self.directory, ref.name, data)

    def sync(self) -> None:
        """Put the names of what was stored on the disk."""
        self._files.sync_directory(self.directory)

    def remove(self, ref: ActiveRef) -> None:
        """Remove an active ref that a higher one has replaced."""
        files.remove(self.path(ref))

    def facts(self, refs: RefNames) -> SessionFacts:
        """Fold meta records; damaged ones are left out, and the first is reported in ``damage``.

        What is still here of a session that was purged is work that the purger had not seen, and is not
        deleted.
        """
        merged: dict[str, Any] = {}
        left: list[Left] = []
        purged_at: str | None = None
        damage: CorruptObjectError | None = None
        told: list[MetaRef | PurgeRef] = [*refs.meta, *refs.purges]
        for ref in sorted(told, key=lambda each: (each.at, each.hash12)):
            try:
                record = self.record(ref)
            except CorruptObjectError as error:
                damage = damage or error
                continue
            if isinstance(record, records.MetaRecord):
                merged.update(record.set)
                left += [Left(ref.at, sha) for sha in merged.pop("left", ())]
            elif record is not None:
                merged["status"], purged_at = SessionStatus.ACTIVE, ref.at
        known, source = msgspec.convert(merged, Facts), merged.get("source")
        return SessionFacts(
            title="" if known.title is UNSET else known.title,
            visibility=known.visibility or SessionVisibility.PRIVATE,
            status=known.status or SessionStatus.ACTIVE,
            cwd=None if known.cwd is UNSET else known.cwd,
            created_at=parse_rfc3339(known.created_at) if known.created_at else None,
            left=left,
            purged_at=purged_at,
            damage=damage,
            source=source if isinstance(source, dict) else None,
            forked_from=_forked_from(merged.get("forked_from")),
        )

    def record(self, ref: MetaRef | PurgeRef) -> records.RefRecord | None:
        """Return a record, or None if it is gone; CorruptObjectError names a damaged one."""
        found = self._verified(ref)
        return None if found is None else found[0]

    def sound(self, ref: MetaRef | PurgeRef) -> bytes | None:
        """Return the bytes of a record, as ``record`` verifies them."""
        found = self._verified(ref)
        return None if found is None else found[1]

    def _verified(self, ref: MetaRef | PurgeRef) -> tuple[records.RefRecord, bytes] | None:
        path, limit = self.path(ref), self._files.limit
        try:
            data = files.read_file(path, limit)
            if data is not None and not sha256(data).startswith(ref.hash12):
                data, _ = files.read_settled(path, data, limit)
            if data is None:
                return None
            if not sha256(data).startswith(ref.hash12):
                reason = f"holds {len(data)} bytes that do not hash to its name"
            elif (record := decode(ref, data, self._session)).at == ref.at:
                return record, data
            else:
                reason = f"says that it is of {record.at}"
        except files.NotRegularError as error:
            raise CorruptObjectError(error.message, path=path, finding="not-regular") from error
        except InvalidRecordError as error:
            reason = f"is no valid record: {error}"
        raise CorruptObjectError(f"{path} {reason}", path=path, finding="meta-damaged")

    def purged(self, refs: list[PurgeRef]) -> set[str] | None:
        """Return the hashes that were purged; None if no record that is sound says so."""
        found: set[str] | None = None
        for ref in refs:
            with suppress(CorruptObjectError):  # it hides nothing, and whoever asks for facts is told
                record = self.record(ref)
                if isinstance(record, records.PurgeRecord):
                    found = (found or set()).union(record.objects)
        return found

    def _is_sound(self, ref: MetaRef | PurgeRef) -> bool:
        try:
            return self.record(ref) is not None
        except CorruptObjectError:
            return False


def _forked_from(noted: object) -> ForkedFrom | None:
    """Return where a fork starts, as ``fork_session`` notes it; None for whatever else was noted."""
    if not isinstance(noted, dict):
        return None
    session, checkpoint = str(noted.get("session")), str(noted.get("checkpoint"))
    if not (is_session_name(session) and is_sha256(checkpoint)):
        return None
    return ForkedFrom(UUID(session), checkpoint_id(checkpoint))
