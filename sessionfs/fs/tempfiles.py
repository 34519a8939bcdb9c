"""Temporary files and directories of writers, and those that killed writers left."""

from __future__ import annotations

import os
import re
import time
from contextlib import suppress

TEMPORARY = ".tmp-"
"""How the names of temporary files and directories begin."""

ABANDONED_SECONDS = 24 * 3600.0
"""A temporary file or directory that is older belongs to nobody: its writer was killed."""

_TEMPORARY_NAME = re.compile(r"\.tmp-[0-9a-f]{16}", re.ASCII)


def new_temporary_name() -> str:
    """Return a name for a temporary file or directory that nobody else has."""
    return TEMPORARY + os.urandom(8).hex()


def is_temporary(path: str) -> bool:
    """Tell whether a name is one that only temporary files and directories of a writer have."""
    return _TEMPORARY_NAME.fullmatch(os.path.basename(path)) is not None


def is_abandoned(path: str) -> bool:
    """Tell whether something temporary is more than 24 hours old."""
    try:
        return time.time() - os.lstat(path).st_mtime >= ABANDONED_SECONDS
    except OSError:
        return False


def remove_abandoned(path: str) -> None:
    """Remove something temporary if it is more than 24 hours old, as far as that is possible."""
    if not is_abandoned(path):
        return
    if os.path.isdir(path) and not os.path.islink(path):
        # Whoever still fills it, after a machine slept, is to fail, and not to finish with a part.
        doomed = os.path.join(os.path.dirname(path), new_temporary_name())
        with suppress(OSError):
            os.rename(path, doomed)
            remove_tree(doomed)
    else:
        with suppress(OSError):
            os.unlink(path)


def remove_tree(path: str) -> None:
    """Remove a temporary directory of ours as far as possible; it is ignored where it stays."""
    for directory, _, files in os.walk(path, topdown=False):
        for name in files:
            with suppress(OSError):
                os.unlink(os.path.join(directory, name))
        with suppress(OSError):
            os.rmdir(directory)
