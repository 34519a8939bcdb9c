"""Bugs that stores which are synced have had, planted into the package for the simulator to find."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from sessionfs.format.refnames import ActiveRef, RefNames
from sessionfs.format.timestamps import next_timestamp
from sessionfs.fs import files
from sessionfs.store import session
from sessionfs.store.refs import Refs
from sessionfs.store.session import SessionDirectory

from .replicas import Replica

Planted = Callable[[], Any]
"""Gives a context in which the package has the bug."""

_look, _put_active, _put_meta, _path = Refs._look, Refs.put_active, Refs.put_meta, Refs.path
_replace, _facts = SessionDirectory.replace, Refs.facts


@contextmanager
def newest_mtime() -> Iterator[None]:
    """The ref whose file was modified last is active, not the one with the highest ``at``."""

    def look(self: Refs) -> RefNames:
        found = _look(self)
        by_time = sorted(found.active, key=lambda ref: _modified_ns(self, ref))
        return found._replace(active=by_time)

    with mock.patch.object(Refs, "_look", look):
        yield


def _modified_ns(refs: Refs, ref: ActiveRef) -> int:
    try:
        return os.stat(refs.path(ref)).st_mtime_ns
    except FileNotFoundError:
        return 0


@contextmanager
def overwritten_in_place() -> Iterator[None]:
    """Which checkpoint is active stands in one file, which each writer writes anew."""

    def head(self: Refs) -> Path:
        return Path(self.directory) / "HEAD"

    def look(self: Refs) -> RefNames:
        found = _look(self)
        try:
            at, _, sha = head(self).read_text().partition("-")
        except FileNotFoundError:
            return found
        return found._replace(active=[ActiveRef(at, sha[:12])] if sha else [])

    def put_active(self: Refs, at: str, sha: str) -> ActiveRef:
        ref = _put_active(self, at, sha)
        head(self).write_text(f"{at}-{sha}")
        return ref

    with mock.patch.object(Refs, "_look", look), mock.patch.object(Refs, "put_active", put_active):
        yield


@contextmanager
def pruned_unseen() -> Iterator[None]:
    """A writer removes all other refs, those too that arrived while it was writing."""

    def replace(self: SessionDirectory, before: list[ActiveRef], new: ActiveRef) -> None:
        _replace(self, before, new)
        for ref in self.refs.names().active:
            if ref != new:
                self.refs.remove(ref)

    with mock.patch.object(SessionDirectory, "replace", replace):
        yield


@contextmanager
def ties_by_name_of_replica() -> Iterator[None]:
    """Of edits of the same time that of the replica with the higher name wins, and clones share one.

    Where both names are the same, the one wins that the directory lists last.
    """
    authors: dict[str, str] = {}

    def written(self: Refs, name: str) -> None:
        replica = next(each for each in Replica.open_ones if self.directory.startswith(str(each.root)))
        authors.setdefault(name, replica.author)

    def put_active(self: Refs, at: str, sha: str) -> ActiveRef:
        ref = _put_active(self, at, sha)
        written(self, ref.name)
        return ref

    def look(self: Refs) -> RefNames:
        found = _look(self)
        listed = {name: i for i, name in enumerate(files.names(self.directory))}
        order = sorted(
            found.active, key=lambda ref: (ref.at, authors[ref.name], listed.get(ref.name, 0))
        )
        return found._replace(active=order)

    with mock.patch.object(Refs, "_look", look), mock.patch.object(Refs, "put_active", put_active):
        yield


@contextmanager
def wall_clock_alone() -> Iterator[None]:
    """A writer takes the time of its clock, whatever it has seen."""
    with mock.patch.object(session, "next_timestamp", lambda wall_us, _: next_timestamp(wall_us, None)):
        yield


@contextmanager
def a_parent_is_enough() -> Iterator[None]:
    """Hidden is what a purge record names, also where work that the purger had not seen needs it."""
    with mock.patch("sessionfs.store.purged._needed", return_value=[]):
        yield


PLANTED: dict[str, Planted] = {
    "newest mtime instead of at": newest_mtime,
    "ref file overwritten in place": overwritten_in_place,
    "prune of refs not seen": pruned_unseen,
    "tie broken by name order of replicas": ties_by_name_of_replica,
    "wall clock alone": wall_clock_alone,
    "purged although unseen work needs it": a_parent_is_enough,
}
