"""One session: its objects and refs, and whatever else lies in its directory."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from .. import files, records
from ..errors import StorageError
from ..ids import HASH12
from ..records import InvalidRecordError
from ..refs import MetaRef, RefNames
from ..root import OBJECTS, REFS
from ..session import SessionDirectory
from . import objects, refs
from .evidence import Evidence
from .kinds import Found, Repair, found
from .objects import DirectoryOf, Reading, Surveyed

_CONFLICT = re.compile(r"\.sync-conflict-|conflicted copy|case conflict|\.orig$|\.rej$|\(\d+\)", re.I)
_ASIDE = re.compile(r"\.corrupt-\d+$")
_OTHERS = 0o077


class Examined(NamedTuple):
    """What was found in a session, and what was read of it."""

    found: list[Found]
    objects: Surveyed


def examine(
    directory: SessionDirectory,
    reading: Reading,
    elsewhere: Iterable[str],
    of: DirectoryOf,
    now_us: int,
    *,
    private: bool,
) -> Examined:
    """Look at everything in a session's directory.

    Args:
        directory: of the session; what is held of it in memory is not looked at.
        reading: which objects are read.
        elsewhere: the directories of the same session in other stores, which may have sound copies.
        of: gives the directories of other sessions of this store.
        now_us: the time, in microseconds since 1970.
        private: whether other users cannot reach the store at all, so that modes matter to nobody.

    """
    seen = directory.refs.names()
    surveyed = objects.survey(directory, reading)
    foreign = list(_foreign(directory, seen, surveyed))
    evidence = Evidence(foreign, elsewhere, directory.limit)
    results = [
        *objects.findings(directory, surveyed, evidence, of),
        *refs.findings(directory, seen, surveyed, evidence, now_us),
        *_others(directory, seen, surveyed, evidence, foreign),
    ]
    if not private:
        results += _modes(directory, seen, surveyed)
    return Examined(results, surveyed)


def _foreign(directory: SessionDirectory, seen: RefNames, surveyed: Surveyed) -> Iterator[str]:
    ours = {ref.name for ref in seen.active} | {ref.name for ref in seen.meta}
    for name in files.names(directory.path):
        if name not in (OBJECTS, REFS):
            yield files.join(directory.path, name)
    for name in files.names(directory.refs.directory):
        if name not in ours:
            yield files.join(directory.refs.directory, name)
    for name in files.names(directory.objects.directory):
        path = files.join(directory.objects.directory, name)
        if directory.objects.sha_of(path) not in surveyed.here:
            yield path


def _others(
    directory: SessionDirectory,
    seen: RefNames,
    surveyed: Surveyed,
    evidence: Evidence,
    foreign: list[str],
) -> Iterator[Found]:
    """Give what is no object and no ref."""
    proven = {path: sha for sha, path in evidence.foreign()}
    for path in sorted(foreign):
        adopted = None
        if path in proven and not files.is_temporary(path):
            adopted = _adoptable(directory, seen, surveyed, evidence, path, proven[path])
        yield adopted or odd(path, directory)
    if not (surveyed.here or seen.active or seen.meta):
        message = "holds nothing of a session"
        yield found("session-empty", directory.path, message, session=directory.id)


def odd(path: str, directory: SessionDirectory | None = None) -> Found:
    """Return what to tell of a file that is none of the format's."""
    session = None if directory is None else directory.id
    if files.is_temporary(path):
        if files.is_abandoned(path):
            repair = Repair("remove it", lambda: files.remove_abandoned(path))
            message = "was left by a writer that was killed more than 24 hours ago"
            return found("temporary-abandoned", path, message, session=session, repair=repair)
        return found("temporary", path, "is being written, or its writer was killed", session=session)
    if _ASIDE.search(path):
        return found("set-aside", path, "is a damaged file that was set aside", session=session)
    if _CONFLICT.search(files.name_of(path)):
        message = "is the copy that a sync tool made of a file in conflict"
        return found("conflict-copy", path, message, session=session)
    return found("foreign", path, "is none of the store's files", session=session)


def _adoptable(
    directory: SessionDirectory,
    seen: RefNames,
    surveyed: Surveyed,
    evidence: Evidence,
    path: str,
    sha: str,
) -> Found | None:
    """Tell of a foreign file that is a record of this session which is missing here.

    Its name has to carry the hash of its bytes, as that of a copy in conflict does: any bytes have some
    hash, and a record that was changed is still one.
    """
    data = evidence.readable(path)
    if data is None or sha in surveyed.here - surveyed.bad.keys():
        return None
    claimed = files.name_of(path)
    session = str(directory.id)
    what, name = None, f"{sha}.json"
    try:
        if sha in claimed and records.decode_object(data, session) is not None:
            what = Repair(f"store them as {name}", objects.putting(directory, data))
    except InvalidRecordError:
        ref = _meta_ref(data, session, sha)
        if ref is not None and ref not in seen.meta and f"{ref.at}-{ref.hash12}" in claimed:
            name = ref.name
            what = Repair(f"store them as {name}", refs.putting(directory, ref, data))
    if what is None:
        return None
    message = f"has the bytes of {name}, which is missing"
    return found("adoptable", path, message, session=directory.id, repair=what)


def _meta_ref(data: bytes, session: str, sha: str) -> MetaRef | None:
    try:
        return MetaRef(records.decode_meta(data, session).at, sha[:HASH12])
    except InvalidRecordError:
        return None


def _modes(directory: SessionDirectory, seen: RefNames, surveyed: Surveyed) -> Iterator[Found]:
    """Tell once of all files and directories that other users may read, write or list."""
    ours = [directory.path, directory.objects.directory, directory.refs.directory]
    ours += map(directory.refs.path, seen.active)
    ours += map(directory.refs.path, seen.meta)
    ours += [directory.objects.path(sha) for sha in surveyed.here]
    open_: list[str] = []
    for path in ours:
        try:
            status = files.status(path)
        except StorageError:
            continue  # told elsewhere
        if status.kind in ("file", "directory") and status.target is None and status.mode & _OTHERS:
            open_.append(path)
    if open_:
        message = f"has {len(open_)} files and directories that other users may read or write"
        repair = Repair("take that away", lambda: restrict(open_))
        yield found("modes-open", directory.path, message, session=directory.id, repair=repair)


def restrict(paths: list[str]) -> None:
    """Give files and directories of a store the modes that a writer would have given them."""
    for path in paths:
        files.restrict(path)
