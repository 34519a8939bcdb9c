"""One session: its objects and refs, and whatever else lies in its directory."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import partial
from typing import NamedTuple
from uuid import UUID

from ...errors import InternalError, StorageError
from ...format.ids import sha256_in
from ...format.records import InvalidRecordError
from ...format.refnames import ActiveRef, MetaRef, PurgeRef, RefNames, parse
from ...fs import entries, files, tempfiles
from ...store.refs import decode_record
from ...store.root import OBJECTS, REFS
from ...store.session import SessionDirectory
from ...store.view import SessionView
from .. import purge
from . import check_objects, check_refs, findings
from .check_objects import DirectoryOf, ObjectSurvey, ReadingScope, UnmetNeeds
from .findings import Diagnosis, Repair, diagnose
from .letter_case import intended, misnamed, twin
from .sound_copies import Evidence

_CONFLICT = re.compile(r"\.sync-conflict-|conflicted copy|case conflict|\.orig$|\.rej$|\(\d+\)", re.I)
_ASIDE = re.compile(r"\.corrupt-\d+$")
_REF = re.compile(r"(active|meta|purge)\.[0-9TZ]+-[0-9a-f]{12}(?![0-9a-f])", re.ASCII)


class SessionExamination(NamedTuple):
    """The findings in a session, and what was read of it."""

    diagnoses: list[Diagnosis]
    objects: ObjectSurvey


def examine(
    directory: SessionDirectory,
    reading: ReadingScope,
    elsewhere: Iterable[str],
    of: DirectoryOf,
    now_us: int,
    *,
    private: bool,
) -> SessionExamination:
    """Look at everything in a session's directory.

    Args:
        directory: of the session; what is held of it in memory is not looked at.
        reading: which objects are read.
        elsewhere: the directories of the same session in other stores, which may have sound copies.
        of: gives the directories of other sessions of this store.
        now_us: the time, in microseconds since 1970.
        private: whether other users cannot reach the store at all, so that modes matter to nobody.

    """
    view = directory.look()
    seen = view.refs
    surveyed = check_objects.survey(view, reading)
    needed = UnmetNeeds(surveyed)
    strange = {path: intended(path) for path in sorted(_foreign(directory))}
    foreign = [path for path, right in strange.items() if right is None]
    bad = [directory.objects.path(sha) for sha in surveyed.bad]
    evidence = Evidence([*foreign, *bad], elsewhere, directory.limit)
    there, unreadable = _elsewhere(evidence, directory.id)
    claims = [ref for path in (*foreign, *there) if isinstance(ref := claim(path), ActiveRef)]
    results = [
        *check_objects.findings(directory, surveyed, needed, evidence, of),
        *check_refs.findings(directory, view, surveyed, needed, evidence, of, claims, now_us),
        *unreadable,
    ]
    results = _without_emptying(results, len(surveyed.here) + len(seen.active) + len(seen.meta))
    adopting = _Adoption(directory, view, surveyed, evidence)
    for path in foreign:
        told = adopting.found(path) or twin(path, directory.id)
        results.append(told or odd(path, directory.id, needed=path in evidence.used))
    results += filter(None, map(adopting.found, there))
    results += [misnamed(path, right, directory.id) for path, right in strange.items() if right]
    results += _directories(directory)
    if view.purged:
        results += _purged(directory)
    if not (surveyed.here or any(seen)) and files.is_directory(directory.path):
        message = "holds nothing of a session"
        results.append(diagnose("session-empty", directory.path, message, session=directory.id))
    if not private:
        results += _modes(directory, seen, surveyed)
    return SessionExamination(results, surveyed)


def _without_emptying(results: list[Diagnosis], names: int) -> list[Diagnosis]:
    """Leave damaged files where they are if nothing else of the session is: it would be gone."""
    going = [each for each in results if each.repair and (each.repair.empties or each.repair.changes)]
    if len(going) < names:
        return results
    return [each.without_repair() if each.repair and each.repair.empties else each for each in results]


def claim(path: str) -> str | ActiveRef | MetaRef | PurgeRef | None:
    """Return what a file is named after: an object's hash, or a ref; None: nothing of a store.

    The names of copies in conflict, as sync tools and editors make them, contain that of the file.
    """
    name = files.name_of(path)
    if sha := sha256_in(name):
        return sha
    match = _REF.search(name)
    return None if match is None else parse(match[0] + ("" if match[1] == "active" else ".json"))


def _foreign(directory: SessionDirectory) -> Iterator[str]:
    for name in files.names(directory.path):
        if name not in (OBJECTS, REFS):
            yield files.join(directory.path, name)
    for name in files.names(directory.refs.directory):
        if parse(name) is None:
            yield files.join(directory.refs.directory, name)
    for name in files.names(directory.objects.directory):
        path = files.join(directory.objects.directory, name)
        if directory.objects.sha_of(path) is None:
            yield path


def _elsewhere(evidence: Evidence, session: UUID) -> tuple[list[str], list[Diagnosis]]:
    """Return the files of the session in other stores, and what keeps them from being looked at."""
    paths: list[str] = []
    try:
        for inside in (OBJECTS, REFS):
            paths += evidence.elsewhere(inside)
    except StorageError as error:
        path = error.path or ""
        return paths, [diagnose("unreadable", path, findings.reason(error, path), session=session)]
    return paths, []


def _purged(directory: SessionDirectory) -> Iterator[Diagnosis]:
    """Tell once of all files that were purged, and are here."""
    if hidden := purge.hidden_files(directory):
        message = f"has {len(hidden)} files that were purged, and are not shown"
        repair = Repair("remove them", partial(purge.sweep, directory))
        yield diagnose("purged", directory.path, message, session=directory.id, repair=repair)


def _directories(directory: SessionDirectory) -> Iterator[Diagnosis]:
    """Tell of what has the name of a directory and is none; of links others tell."""
    for path in (directory.path, directory.objects.directory, directory.refs.directory):
        status = entries.inspect(path)
        if status.kind in ("file", "other"):
            repair = None
            if path != directory.path:  # whatever a person wants with that
                repair = Repair("set it aside", partial(files.set_aside, path))
            message = "is not a directory, and has the name of one"
            yield diagnose("not-regular", path, message, session=directory.id, repair=repair)
            return


def odd(path: str, session: UUID | None = None, *, needed: bool = False) -> Diagnosis:
    """Return what to tell of a file that is none of the format's; ``needed``: it has proven bytes."""
    if tempfiles.is_temporary(path):
        if tempfiles.is_abandoned(path):
            repair = None if needed else Repair("remove it", lambda: _remove_abandoned(path))
            message = "was left by a writer that was killed more than 24 hours ago"
            return diagnose("temporary-abandoned", path, message, session=session, repair=repair)
        return diagnose(
            "temporary", path, "is being written, or its writer was killed", session=session
        )
    if _ASIDE.search(path):
        return diagnose("set-aside", path, "is a damaged file that was set aside", session=session)
    if _CONFLICT.search(files.name_of(path)):
        message = "is the copy that a sync tool made of a file in conflict"
        return diagnose("conflict-copy", path, message, session=session)
    return diagnose("foreign", path, "is none of the store's files", session=session)


def _remove_abandoned(path: str) -> None:
    tempfiles.remove_abandoned(path)
    if files.exists(path):
        raise InternalError(f"{path} cannot be removed", path=path)


class _Adoption:
    """Tells of files that are records of this session which are missing here.

    Their names have to carry the hash of their bytes, as that of a copy in conflict does: any bytes
    have some hash, and a record that was changed is still one.
    """

    def __init__(
        self, directory: SessionDirectory, view: SessionView, surveyed: ObjectSurvey, evidence: Evidence
    ) -> None:
        self._directory = directory
        self._evidence = evidence
        self._surveyed = surveyed
        self._had: set[str | ActiveRef | MetaRef | PurgeRef] = {
            *surveyed.here,
            *view.refs.meta,
            *view.refs.purges,
            *view.objects.hidden,
        }

    def found(self, path: str) -> Diagnosis | None:
        """Report a file, if it is one of a record that was not reported yet."""
        claimed, directory = claim(path), self._directory
        if claimed is None or claimed in self._had or path in self._evidence.used:
            return None
        if isinstance(claimed, str):
            proof = self._evidence.proves(path, claimed)
            if proof is None or not check_objects.is_record(directory, proof.data()):
                return None
            if not self._surveyed.lacks(claimed):
                return None
            name, put = f"{claimed}.json", check_objects.putting(directory, proof)
        elif isinstance(claimed, MetaRef | PurgeRef):
            proof = self._evidence.proves(path, claimed.hash12)
            if proof is None or not self._is_record(proof.data(), claimed):
                return None
            name, put = claimed.name, check_refs.putting(directory, claimed, proof)
        else:
            return None  # which one is active is told where none is
        self._had.add(claimed)
        message, repair = f"has the bytes of {name}, which is missing", Repair(f"store {name}", put)
        return diagnose("adoptable", path, message, session=directory.id, repair=repair)

    def _is_record(self, data: bytes, ref: MetaRef | PurgeRef) -> bool:
        try:
            return decode_record(ref, data, str(self._directory.id)).at == ref.at
        except InvalidRecordError:
            return False


def _modes(directory: SessionDirectory, seen: RefNames, surveyed: ObjectSurvey) -> Iterator[Diagnosis]:
    """Tell once of all files and directories that other users may read, write or list."""
    ours = [directory.path, directory.objects.directory, directory.refs.directory]
    ours += map(directory.refs.path, seen.active)
    ours += map(directory.refs.path, seen.meta)
    ours += map(directory.refs.path, seen.purges)
    ours += [directory.objects.path(sha) for sha in surveyed.here]
    open_: list[str] = []
    for path in ours:
        try:
            status = entries.inspect(path)
        except StorageError:
            continue  # told elsewhere
        if (
            status.kind in ("file", "directory")
            and status.target is None
            and status.mode & entries.OTHERS
        ):
            open_.append(path)
    if open_:
        message = f"has {len(open_)} files and directories that other users may read or write"
        repair = Repair("take that away", lambda: _restrict(open_))
        yield diagnose("modes-open", directory.path, message, session=directory.id, repair=repair)


def _restrict(paths: list[str]) -> None:
    """Give files and directories of a store the modes that a writer would have given them."""
    for path in paths:
        try:
            entries.restrict(path)
        except StorageError:
            if files.exists(path):  # else a writer has replaced a ref
                raise
