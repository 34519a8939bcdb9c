"""A replica: a real directory with a store, an index, a clock of its own, and what tools do to it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import ClassVar, NamedTuple, Protocol

from sessionfs import FileStorage

from ..internals import open_with

SESSIONS = "sessions/"


class Stored(NamedTuple):
    """A file as a tool finds it. ``intact``: whether it has all the bytes that were written."""

    data: bytes
    mtime_ns: int
    intact: bool = True


class Source(Protocol):
    """Where a tool copies files from."""

    @property
    def names(self) -> Iterable[str]: ...

    def stored(self, name: str) -> Stored: ...

    def modified_ns(self, name: str) -> int: ...


class Backup:
    """What a replica held at some moment."""

    def __init__(self, files: dict[str, Stored]) -> None:
        self._files = files

    @property
    def names(self) -> Iterable[str]:
        return self._files

    def stored(self, name: str) -> Stored:
        return self._files[name]

    def modified_ns(self, name: str) -> int:
        return self._files[name].mtime_ns


class Time:
    """The time that all clocks show, each with its own error."""

    def __init__(self) -> None:
        self.now_us = 1_800_000_000_000_000


class Replica:
    """A store on one machine.

    Attributes:
        author: by what name its writers would call themselves; that of its origin if it was cloned.
        skew_us: how far its clock is ahead.
        names: the files that were there at the last look, as paths from the root.
        torn: those of them that have only a part of their bytes.
        removed: what the package has removed here, as it was.
        arrived: by session, the edits that have been here; that a later one had them removed changes
            nothing.
        meanwhile: what happens to the directory amid the next write, when it asks for the time.

    """

    open_ones: ClassVar[list[Replica]] = []
    """The replicas of the last world."""

    def __init__(self, directory: Path, author: str, time: Time) -> None:
        self.root, self.cache = directory / "store", directory / "cache"
        self.author = author
        self.skew_us = 0
        self.names: set[str] = set()
        self.torn: set[str] = set()
        self.removed: dict[str, Stored] = {}
        self.arrived: dict[str, set[str]] = {}
        self.meanwhile: Callable[[], None] | None = None
        self._time = time
        self.storage = self.opened(self.cache)

    def reopen(self) -> None:
        """Open the store anew, as another process."""
        self.storage.close()
        self.storage = self.opened(self.cache)

    def opened(self, cache: Path) -> FileStorage:
        return open_with(self.root, clock=self.clock, index_dir=cache)

    def clock(self) -> int:
        """Return this machine's time, the only thing that a writer asks for amid its work."""
        happening, self.meanwhile = self.meanwhile, None
        if happening is not None:
            happening()
        return self.now_us

    @property
    def now_us(self) -> int:
        """What this machine's clock shows."""
        return self._time.now_us + self.skew_us

    # What tools do; the names of what they touched are kept

    def look(self) -> set[str]:
        """Return the files that are there, as paths from the root."""
        root = str(self.root)
        found: set[str] = set()
        with suppress(FileNotFoundError):
            found.update(name for name in os.listdir(root) if name != "sessions")
            for session in os.listdir(f"{root}/sessions"):
                for place in ("objects", "refs"):
                    below = f"{SESSIONS}{session}/{place}/"
                    with suppress(FileNotFoundError):
                        found.update([below + name for name in os.listdir(f"{root}/{below}")])
        return found

    def stored(self, name: str) -> Stored:
        with open(f"{self.root}/{name}", "rb") as file:
            return Stored(file.read(), self.modified_ns(name), name not in self.torn)

    def modified_ns(self, name: str) -> int:
        return os.stat(f"{self.root}/{name}").st_mtime_ns

    def put(self, name: str, stored: Stored) -> None:
        """Let a file appear as a whole, as most tools do."""
        path, fresh = f"{self.root}/{name}", f"{self.root}/{name}.fresh"
        self._write(fresh, stored)
        os.replace(fresh, path)
        self._put(name, stored.intact)

    def put_in_place(self, name: str, stored: Stored) -> None:
        """Write into the file itself, as some tools do; with a part of the bytes: and be cut off."""
        with suppress(FileNotFoundError):
            os.chmod(f"{self.root}/{name}", 0o600)
        self._write(f"{self.root}/{name}", stored)
        self._put(name, stored.intact)

    def remove(self, name: str) -> None:
        os.unlink(f"{self.root}/{name}")
        self.names.discard(name)
        self.torn.discard(name)

    def become(self, other: Replica) -> None:
        """Be thrown away and begin again as a copy of another replica's directory."""
        shutil.rmtree(self.root, ignore_errors=True)
        with suppress(FileNotFoundError):
            shutil.copytree(other.root, self.root)
        self.author = other.author
        self.names, self.torn = set(other.names), set(other.torn)
        self.arrived = {session: set(names) for session, names in other.arrived.items()}
        self.removed = {}
        self.reopen()

    def backup(self) -> Backup:
        return Backup({name: self.stored(name) for name in self.names})

    def _write(self, path: str, stored: Stored) -> None:
        if not os.path.isdir(os.path.dirname(path)):
            os.makedirs(os.path.dirname(path))
        with open(path, "wb") as file:
            file.write(stored.data)
        os.utime(path, ns=(stored.mtime_ns, stored.mtime_ns))

    def _put(self, name: str, intact: bool) -> None:
        self.names.add(name)
        (self.torn.discard if intact else self.torn.add)(name)
