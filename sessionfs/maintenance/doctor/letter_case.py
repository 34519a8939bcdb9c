"""Names of the format in other letters, as file systems and tools that know no case make them."""

from __future__ import annotations

import re
from uuid import UUID

from ...format.ids import is_session_name, sha256_in
from ...format.refnames import parse
from ...fs import files
from ...store.root import OBJECTS, REFS, ROOT_FILES, SESSIONS
from .findings import Diagnosis, Repair, diagnose

_FIXED = {name.lower(): name for name in (*ROOT_FILES, SESSIONS, OBJECTS, REFS)}
_TIME = re.compile(r"[0-9]{8}t[0-9]{12}z")


def intended(path: str) -> str | None:
    """Return the path that one has in the right letters; None: it has, or it is none of the format's.

    What lies under both is not renamed: whatever is under the right name counts.
    """
    name = files.name_of(path)
    lowered = _TIME.sub(lambda match: match[0].upper(), name.lower())
    right = _FIXED.get(lowered, lowered)
    if right == name or not _is_ours(right):
        return None
    there = files.join(files.parent_of(path), right)
    return None if files.exists(there) else there


def misnamed(path: str, right: str, session: UUID | None = None) -> Diagnosis:
    """Return what to tell of a file or directory that nobody finds under its name."""
    name = files.name_of(right)
    repair = Repair(f"name it {name}", lambda: files.rename(path, right))
    message = f"is {name} in other letters: nothing of it is read"
    return diagnose("letter-case", path, message, session=session, repair=repair)


def _is_ours(name: str) -> bool:
    if name in _FIXED.values() or is_session_name(name) or parse(name) is not None:
        return True
    sha = sha256_in(name)
    return sha is not None and name == f"{sha}.json"
