"""The crash states find what they are there to find: each of these mistakes breaks a promise in one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from sessionfs.format import records
from sessionfs.fs import files
from sessionfs.fs.files import Durability, Files
from sessionfs.store import checkpoints
from sessionfs.store.objects import Objects
from sessionfs.store.root import OBJECTS, REFS
from sessionfs.store.session import SessionDirectory

from . import workloads
from .crash_merge import merge
from .crashing import ViolationError, try_all
from .workloads import Workload

pytestmark = pytest.mark.slow

Patch = pytest.MonkeyPatch


def _os() -> Any:
    """Return what the package calls: the recorder, while there is one."""
    return vars(files)["os"]


def no_fsync_of_files(patch: Patch) -> None:
    publish = Files.publish

    def without(self: Files, directory: str, name: str, data: bytes, *, synced: bool = True) -> None:
        publish(self, directory, name, data, synced=False)

    patch.setattr(Files, "publish", without)


def no_fsync_of_objects(patch: Patch) -> None:
    _no_fsync_of_names_in(patch, OBJECTS)


def no_fsync_of_refs(patch: Patch) -> None:
    _no_fsync_of_names_in(patch, REFS)


def _no_fsync_of_names_in(patch: Patch, name: str) -> None:
    sync = Files.sync_directory

    def without(self: Files, path: str, concerning: str | None = None) -> None:
        if not path.endswith(name):
            sync(self, path, concerning)

    patch.setattr(Files, "sync_directory", without)


def ref_before_object(patch: Patch) -> None:
    def write(directory: Any, seen: Any, checkpoint: Any, large: Any, expected: Any) -> str:
        sha = records.sha256(records.encode_checkpoint(str(directory.id), checkpoint))
        mine = directory.publish(sha, checkpoint.at)
        directory.replace(seen.refs.active, mine)
        directory.objects.put_checkpoint(checkpoint, large.values())
        directory.objects.sync()
        return sha

    patch.setattr(checkpoints, "_write", write)


def old_ref_removed_before_the_new_one_is_synced(patch: Patch) -> None:
    replace = SessionDirectory.replace

    def publish(self: SessionDirectory, sha: str, at: str, *_: Any, **__: Any) -> Any:
        return self.refs.put_active(at, sha)

    def remove_first(self: SessionDirectory, seen: Any, new: Any) -> None:
        replace(self, seen, new)
        self.refs.sync()

    patch.setattr(SessionDirectory, "publish", publish)
    patch.setattr(SessionDirectory, "replace", remove_first)


def session_named_before_its_inside_is_synced(patch: Patch) -> None:
    new_directory = Files.new_directory

    @contextmanager
    def unsynced(self: Files, parent: str, name: str, inside: tuple[str, ...]) -> Iterator[str]:
        sync, self._sync = self._sync, False
        with new_directory(self, parent, name, inside) as path:
            self._sync = sync
            yield path
            self._sync = False
        self._sync = sync
        self.sync_directory(parent)

    patch.setattr(Files, "new_directory", unsynced)


def without_sync_of(which: Callable[[str], bool]) -> Callable[[Patch], None]:
    def plant(patch: Patch) -> None:
        sync = Files.sync_directory
        patch.setattr(
            Files,
            "sync_directory",
            lambda self, path, *concerning: None if which(path) else sync(self, path, *concerning),
        )

    return plant


def one_write_only(patch: Patch) -> None:
    patch.setattr(files, "_write_all", lambda descriptor, data: _os().write(descriptor, data))


def written_in_place(patch: Patch) -> None:
    def publish(self: Files, directory: str, name: str, data: bytes, *, synced: bool = True) -> None:
        descriptor = _os().open(files.join(directory, name), files._CREATE, 0o400)
        files._write_all(descriptor, data)
        _os().fsync(descriptor)
        _os().close(descriptor)

    patch.setattr(Files, "publish", publish)


def damaged_file_renamed_before_the_good_one_is_there(patch: Patch) -> None:
    patch.setattr(files, "keep_aside", files.set_aside)


def session_created_in_place(patch: Patch) -> None:
    @contextmanager
    def in_place(self: Files, parent: str, name: str, inside: tuple[str, ...]) -> Iterator[str]:
        path = files.join(parent, name)
        for child in inside:
            self.make_directory(files.join(path, child))
        yield path

    patch.setattr(Files, "new_directory", in_place)


def damage_taken_for_absence(patch: Patch) -> None:
    patch.setattr(Objects, "_damaged", lambda self, sha, how: self._missing(sha))


PLANTED: list[tuple[str, Callable[[Patch], None], Workload, Durability]] = [
    ("files not synced", no_fsync_of_files, workloads.append, "full"),
    ("objects/ not synced", no_fsync_of_objects, workloads.append, "full"),
    ("refs/ not synced", no_fsync_of_refs, workloads.append, "full"),
    ("refs/ not synced: facts", no_fsync_of_refs, workloads.update, "full"),
    ("ref before object", ref_before_object, workloads.series, "full"),
    ("old ref removed early", old_ref_removed_before_the_new_one_is_synced, workloads.rewind, "full"),
    ("session renamed early", session_named_before_its_inside_is_synced, workloads.fork, "full"),
    (
        "objects/ of a new session not synced",
        no_fsync_of_objects,
        workloads.further_session,
        "full",
    ),
    (
        "sessions/ not synced",
        without_sync_of(lambda path: os.path.basename(path) == "sessions"),
        workloads.further_session,
        "full",
    ),
    (
        "the root not synced",
        without_sync_of(lambda path: os.path.basename(path) == workloads.STORE),
        workloads.first_session,
        "full",
    ),
    (
        "the root's parent not synced",
        without_sync_of(lambda path: os.path.basename(path) == "original"),
        workloads.first_session,
        "full",
    ),
    ("short writes", one_write_only, workloads.large_messages, "full"),
    ("written in place", written_in_place, workloads.update, "full"),
    ("session in place", session_created_in_place, workloads.further_session, "full"),
    ("damage renamed", damaged_file_renamed_before_the_good_one_is_there, workloads.heal, "full"),
    ("merge: objects/ not synced", no_fsync_of_objects, merge, "full"),
    ("merge: refs/ not synced", no_fsync_of_refs, merge, "full"),
    ("merge: session in place", session_created_in_place, merge, "full"),
    ("damage is absence", damage_taken_for_absence, workloads.append, "relaxed"),
]


@pytest.mark.parametrize(
    ("plant", "workload", "durability"),
    [each[1:] for each in PLANTED],
    ids=[each[0] for each in PLANTED],
)
def test_a_mistake_is_found(
    plant: Callable[[Patch], None],
    workload: Workload,
    durability: Durability,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plant(monkeypatch)
    with pytest.raises(ViolationError):
        try_all(workload, durability, states=400, each=64)
