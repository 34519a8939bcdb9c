"""Whether notices of the operating system can be relied on, by what kind of file system it is."""

from __future__ import annotations

import re

from ..errors import StorageError
from . import files

_TABLE = "/proc/self/mountinfo"
_LOCAL = set("bcachefs btrfs exfat ext2 ext3 ext4 f2fs jfs overlay tmpfs vfat xfs zfs".split())  # noqa: SIM905


def is_local(path: str, table: str = _TABLE) -> bool:
    """Tell whether a path is on a file system that nobody but this machine changes.

    Only there every change is noticed. What is not known to be such a one, is none.

    Args:
        path: without symbolic links.
        table: the file that names the file systems, as Linux has it.

    """
    try:
        lines = (files.read_file(table) or b"").decode(errors="surrogateescape").splitlines()
    except StorageError:
        return False
    deepest, kind = "", ""
    for fields in map(str.split, lines):
        point = re.sub(r"\\([0-7]{3})", lambda digits: chr(int(digits[1], 8)), fields[4]).rstrip("/")
        if len(point) >= len(deepest) and f"{path}/".startswith(f"{point}/"):
            deepest, kind = point, fields[fields.index("-") + 1]
    return kind in _LOCAL
