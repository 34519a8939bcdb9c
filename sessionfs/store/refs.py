"""The refs of one session: which checkpoint was made active, and what was set about the session.

The invariant: a ref is never rewritten. A later one with a higher timestamp takes its place, so two
directories of refs merge by putting their files together.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from ..errors import CorruptObjectError, IncompleteError, StorageError
from ..format import records
from ..format.facts import SessionFacts, fold
from ..format.ids import HASH12, is_sha256
from ..format.records import InvalidRecordError, sha256
from ..format.refnames import ActiveRef, MetaRef, PurgeRef, RefNames, parse
from ..fs import files
from ..fs.files import Files
from .objects import MISSING, Objects

_LOOKS = 3


def decode_record(ref: MetaRef | PurgeRef, data: bytes, session: str) -> records.RefRecord:
    """Return the record that bytes of a file of this name are, or raise InvalidRecordError."""
    read = records.decode_meta if isinstance(ref, MetaRef) else records.decode_purge
    return read(data, session)


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

    def require_target(self, ref: ActiveRef, objects: Objects) -> str:
        """Return what ``target`` does; IncompleteError where that is None."""
        sha = self.target(ref, objects)
        if sha is None:
            path = files.join(objects.directory, f"{ref.hash12}*.json")
            raise IncompleteError(f"{path} {MISSING}", path=path, missing=(path,))
        return sha

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
        """Return what the session's records say of it; see ``sessionfs.format.facts.fold``."""
        told: list[MetaRef | PurgeRef] = [*refs.meta, *refs.purges]
        told.sort(key=lambda each: (each.at, each.hash12))
        return fold((ref.at, self._record_or_damage(ref)) for ref in told)

    def _record_or_damage(
        self, ref: MetaRef | PurgeRef
    ) -> records.RefRecord | CorruptObjectError | None:
        try:
            return self.record(ref)
        except CorruptObjectError as error:
            return error

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
            elif (record := decode_record(ref, data, self._session)).at == ref.at:
                return record, data
            else:
                reason = f"says that it is of {record.at}"
        except files.NotRegularError as error:
            raise CorruptObjectError(error.message, path=path, finding="not-regular") from error
        except InvalidRecordError as error:
            reason = f"is not a valid record: {error}"
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
