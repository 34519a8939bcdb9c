"""The union of two stores: what another one has and this one lacks, verified before it is copied.

The invariant: at every moment this store is one in the middle of a sync, so that the next merge goes on
from where one was cut off.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple
from uuid import UUID

from ..errors import InvalidRequestError, StorageError
from ..format import records
from ..format.ids import HASH12
from ..format.records import CheckpointObject, InvalidRecordError
from ..format.refnames import ActiveRef, MetaRef, PurgeRef
from ..fs import files
from ..fs.files import NameTakenError
from ..models import MergeResult, RefusedFile
from ..store import heads, purged
from ..store.root import OBJECTS, REFS, Root
from ..store.session import Environment, SessionDirectory


class _Lacking(NamedTuple):
    """What a session lacks of the same one in another store."""

    theirs: SessionDirectory
    objects: list[str]
    records: list[MetaRef | PurgeRef]
    active: list[ActiveRef]


class _NothingError(Exception):
    """Nothing could be copied of a session that is not here."""


class Merge:
    """Brings the sessions of another store into this one.

    Args:
        root: of this store, which may be written.
        environment: what the sessions of this store share.
        source: the root of the other store, which is only read.
        reading: what the sessions of the other store share.

    Raises:
        InvalidRequestError: the other store is this one, or one lies within the other.

    """

    def __init__(
        self, root: Root, environment: Environment, source: Root, reading: Environment
    ) -> None:
        here, there = (files.join(files.real_path(each.path), "") for each in (root, source))
        if here.startswith(there) or there.startswith(here):
            raise InvalidRequestError(
                f"{source.path} is this store, or one lies within the other", path=source.path
            )
        self._root, self._environment = root, environment
        self._source, self._reading = source, reading
        self._result = MergeResult()

    def run(self, on_session: Callable[[int, int], None] | None) -> MergeResult:
        """Merge all sessions, and return what was done."""
        sessions = self._source.session_ids()
        for done, session in enumerate(sessions, start=1):
            self._merge(session)
            if on_session is not None:
                on_session(done, len(sessions))
        return self._result

    def _merge(self, session: UUID) -> None:
        theirs = SessionDirectory(self._source.session_path(session), session, self._reading)
        mine = SessionDirectory(self._root.session_path(session), session, self._environment)
        try:
            lacking = _compare(theirs, mine)
            if lacking is None:
                return
            self._root.writing(session)
        except StorageError as error:
            self._refuse(error.path or theirs.path, error)
            return
        self._root.make()
        if not files.exists(mine.path):
            try:
                self._create(session, lacking)
            except _NothingError:
                return
            except NameTakenError:
                self._root.writing(session)  # another process brings it too, or a sync tool does
            else:
                return
        before = _number_of_heads(mine)
        if self._bring(lacking, mine):
            self._bring_purged(lacking, mine)
            self._result.sessions_changed.append(session)
            self._environment.wrote(session)
            if before < 2 <= _number_of_heads(mine):
                self._result.met.append(session)

    def _create(self, session: UUID, lacking: _Lacking) -> None:
        """Bring a session that is not here, which then appears as a whole."""
        writer = self._environment.files
        with writer.new_directory(self._root.sessions, str(session), (OBJECTS, REFS)) as path:
            if not self._bring(lacking, SessionDirectory(path, session, self._environment)):
                raise _NothingError
        self._environment.wrote(session)
        self._result.sessions_new.append(session)

    def _bring(self, lacking: _Lacking, mine: SessionDirectory) -> bool:
        """Copy objects, then what refers to them; tell whether anything was copied."""
        before = self._result.files
        # What a checkpoint needs comes before it: at no moment is one listed here that cannot be read.
        checkpoints = filter(None, [self._copy_message(lacking, sha, mine) for sha in lacking.objects])
        for _, sha in sorted(checkpoints):
            self._copy_checkpoint(lacking, sha, mine)
        if self._result.files > before:
            mine.objects.sync()
        for ref in lacking.records:
            self._copy_record(lacking.theirs, ref, mine)
        self._activate(lacking, mine)
        return self._result.files > before

    def _bring_purged(self, lacking: _Lacking, mine: SessionDirectory) -> None:
        """Copy also what was purged here meanwhile, and is needed by what was brought."""
        if not mine.refs.names().purges:
            return
        with mine.exclusive():  # until whoever purges is done
            now = _compare(lacking.theirs, mine)
        if now is not None and not set(now.objects) <= set(lacking.objects):
            self._bring(now, mine)

    def _copy_message(
        self, lacking: _Lacking, sha: str, mine: SessionDirectory
    ) -> tuple[str, str] | None:
        """Copy an object that is not a checkpoint; of a checkpoint return its time and hash."""
        theirs = lacking.theirs
        try:
            data = theirs.objects.read(sha)
            record = records.decode_object(data, str(theirs.id))
        except (StorageError, InvalidRecordError) as error:
            self._refuse(theirs.objects.path(sha), error)
            return None
        if isinstance(record, CheckpointObject):
            return record.at, sha
        self._put(data, mine)
        return None

    def _copy_checkpoint(self, lacking: _Lacking, sha: str, mine: SessionDirectory) -> None:
        try:
            data = lacking.theirs.objects.read(sha)
        except StorageError as error:
            self._refuse(lacking.theirs.objects.path(sha), error)
            return
        self._put(data, mine)
        self._result.checkpoints_new += 1

    def _put(self, data: bytes, mine: SessionDirectory) -> None:
        mine.objects.put(data)
        self._count(len(data))

    def _copy_record(
        self, theirs: SessionDirectory, ref: MetaRef | PurgeRef, mine: SessionDirectory
    ) -> None:
        try:
            data = theirs.refs.sound(ref)
        except StorageError as error:
            self._refuse(theirs.refs.path(ref), error)
            return
        if data is not None:
            mine.refs.put_bytes(ref, data)
            self._count(len(data))

    def _activate(self, lacking: _Lacking, mine: SessionDirectory) -> None:
        """Add the refs of the other store, but those whose place a later one of either has taken."""
        seen = mine.look()
        brought: dict[ActiveRef, str] = {}
        theirs = lacking.theirs
        for ref in lacking.active:
            try:
                sha = theirs.refs.require_target(ref, theirs.objects)
                mine.objects.require(sha)
                brought[ref] = sha
            except StorageError as error:
                self._refuse(theirs.refs.path(ref), error)
        everything = seen.with_active(sorted({*seen.refs.active, *brought}))
        done: set[ActiveRef] = set()
        if brought:
            top = everything.refs.active[-1]
            sha = brought.get(top) or everything.target(top)
            if everything.is_complete(sha):
                done = {each for each in heads.replaced_refs(everything, sha) if each < top}
        for ref, sha in brought.items():
            if ref not in done:
                mine.refs.put_active(ref.at, sha)
                self._count(len(ref.at) + 1 + len(sha))
        mine.refs.sync()
        for ref in done.intersection(seen.refs.active):
            mine.refs.remove(ref)

    def _count(self, size: int) -> None:
        self._result.files += 1
        self._result.bytes += size

    def _refuse(self, path: str, error: Exception) -> None:
        problem = error.message if isinstance(error, StorageError) else f"{path}: {error}"
        self._result.refused.append(RefusedFile(path, problem))


def _compare(theirs: SessionDirectory, mine: SessionDirectory) -> _Lacking | None:
    """Return what a session lacks; None: nothing."""
    shown, known = theirs.refs.names(), mine.refs.names()
    named = {*(theirs.refs.purged(shown.purges) or ()), *(mine.refs.purged(known.purges) or ())}
    hidden = purged.hidden_hashes((theirs.objects, mine.objects), named) if named else frozenset()
    objects = set(theirs.objects.hashes()) - hidden - set(mine.objects.hashes())
    told: list[MetaRef | PurgeRef] = [each for each in shown.meta if each not in known.meta]
    told += [each for each in shown.purges if each not in known.purges]
    gone = {sha[:HASH12] for sha in hidden}
    active = [ref for ref in shown.active if ref not in known.active and ref.hash12 not in gone]
    if not (objects or told or active):
        return None
    return _Lacking(theirs, sorted(objects), told, active)


def _number_of_heads(directory: SessionDirectory) -> int:
    view = directory.look()
    try:
        return len(heads.find_heads(view, view.facts().left, view.active()[0].sha).hashes)
    except StorageError:
        return 0
