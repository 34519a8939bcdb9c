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

    None also where something else lies there: what is under the right name counts; see ``twin``.
    """
    there = _in_the_right_letters(path)
    return None if there is None or files.exists(there) else there


def twin(path: str, session: UUID | None = None) -> Diagnosis | None:
    """Return what to tell of something beside which another has the name in the right letters.

    None if there is no such entry, or if both names are one file, as on a case-insensitive file system.
    """
    right = _in_the_right_letters(path)
    if right is None or files.inode_of(right) in (None, files.inode_of(path)):
        return None
    message = (
        f"is {files.name_of(right)} in other letters, which is here too: nothing of it is read; "
        "remove it when what is missing has been taken from it"
    )
    return diagnose("letter-case", path, message, session=session)


def twins_of(sessions: str, session: UUID) -> list[str]:
    """Return the directories that have the name of a session in other letters."""
    found = [name for name in files.names(sessions) if name.lower() == str(session) != name]
    paths = [files.join(sessions, name) for name in sorted(found)]
    own = files.inode_of(files.join(sessions, str(session)))
    return [path for path in paths if files.inode_of(path) != own]


def _in_the_right_letters(path: str) -> str | None:
    name = files.name_of(path)
    lowered = _TIME.sub(lambda match: match[0].upper(), name.lower())
    right = _FIXED.get(lowered, lowered)
    if right == name or not _is_ours(right):
        return None
    return files.join(files.parent_of(path), right)


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
