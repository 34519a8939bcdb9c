"""chezmoi's names, replayed: what ``chezmoi add`` makes of a directory, and ``chezmoi apply`` of that.

After its published rules for the attributes of source states. A name in the source directory carries
the modes and the kind of its target as prefixes and suffixes; one that begins with a dot is no target.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

UMASK = 0o022
_KINDS = ("create_", "modify_", "remove_", "run_", "symlink_")
_SCRIPTS = ("once_", "onchange_", "before_", "after_")
_FILES = ("encrypted_", "private_", "readonly_", "empty_", "executable_")
_DIRECTORIES = ("remove_", "external_", "exact_", "private_", "readonly_")
_NAMES = ("dot_", "literal_")
_PREFIX = re.compile("|".join({*_KINDS, *_SCRIPTS, *_FILES, *_DIRECTORIES, *_NAMES}))
_SUFFIXES = (".literal", ".tmpl")


class Target(NamedTuple):
    """What a name in the source directory says.

    Attributes:
        name: of the target.
        attributes: the prefixes and suffixes that were taken from it, but for those of the name itself.

    """

    name: str
    attributes: frozenset[str]

    def mode(self, *, directory: bool) -> int:
        """Return the mode that the target gets."""
        mode = 0o777 if directory or "executable_" in self.attributes else 0o666
        if "private_" in self.attributes:
            mode &= ~0o077
        if "readonly_" in self.attributes:
            mode &= ~0o222
        return mode & ~UMASK


def source_name(name: str, mode: int, *, directory: bool, exact: bool = False) -> str:
    """Return the name under which a target is added."""
    attributes = "exact_" if directory and exact else ""
    if not mode & 0o077:
        attributes += "private_"
    if not mode & 0o222:
        attributes += "readonly_"
    if not directory and mode & 0o111:
        attributes += "executable_"
    if name.startswith("."):
        return f"{attributes}dot_{name[1:]}"
    if _PREFIX.match(name):
        attributes += "literal_"
    return attributes + name + (".literal" if not directory and name.endswith(_SUFFIXES) else "")


def target(source: str, *, directory: bool) -> Target:
    """Return what a name in the source directory says."""
    found: set[str] = set()
    name = source

    def take(*prefixes: str) -> None:
        nonlocal name
        for prefix in prefixes:
            if name.startswith(prefix):
                found.add(prefix)
                name = name.removeprefix(prefix)

    if directory:
        take(*_DIRECTORIES)
    else:
        take(*(kind for kind in _KINDS if name.startswith(kind)))
        take(*(_SCRIPTS if "run_" in found else _FILES))
    dot = "." if name.startswith("dot_") else ""
    name = dot + name.removeprefix("dot_" if dot else "literal_")
    if not directory and name.endswith(_SUFFIXES):
        if name.endswith(".tmpl"):
            found.add(".tmpl")
        name = name.removesuffix(".tmpl").removesuffix(".literal")
    return Target(name, frozenset(found))


def add(directory: Path, source: Path, *, exact: bool = False) -> None:
    """Replay ``chezmoi add``: copy a directory into the source state; what is there already stays."""
    name = source_name(directory.name, _mode(directory), directory=True, exact=exact)
    into = source / name
    into.mkdir(parents=True, exist_ok=True)
    for path in sorted(directory.iterdir()):
        if path.is_dir():
            add(path, into, exact=exact)
        else:
            copy = into / source_name(path.name, _mode(path), directory=False)
            copy.write_bytes(path.read_bytes())


def apply(source: Path, home: Path) -> None:
    """Replay ``chezmoi apply --force``: make the targets as the source state has them."""
    for path, meant in _entries(source):
        made = home / meant.name
        if path.is_dir():
            made.mkdir(exist_ok=True)
            if "exact_" in meant.attributes:
                _keep_only({each.name for _, each in _entries(path)}, made)
            apply(path, made)
        elif not made.exists() or made.read_bytes() != path.read_bytes():
            assert not meant.attributes & {*_KINDS, ".tmpl", "encrypted_"}, f"{path} is no plain file"
            made.unlink(missing_ok=True)
            made.write_bytes(path.read_bytes())
        made.chmod(meant.mode(directory=path.is_dir()))


def _entries(source: Path) -> Iterator[tuple[Path, Target]]:
    for path in sorted(source.iterdir()):
        if not path.name.startswith("."):
            yield path, target(path.name, directory=path.is_dir())


def _keep_only(names: set[str], directory: Path) -> None:
    for path in directory.iterdir():
        if path.name not in names:
            for each in sorted([path, *path.rglob("*")], reverse=True):
                if each.is_dir():
                    each.rmdir()
                else:
                    each.unlink()


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
