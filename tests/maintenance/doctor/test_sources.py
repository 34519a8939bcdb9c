"""Repairs from other stores, repairs while others write, and repairs that fail half way."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from sessionfs import FileStorage, FormatError, InvalidRequestError, StorageError

from .helpers import LARGE, Store, answers, check_repair, contents, everything, grave, of_kind, write


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def copy(store: Store, tmp_path: Path) -> Path:
    return Path(shutil.copytree(store.root, tmp_path / "copy"))


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("nothing")])
def test_what_is_no_file_makes_room(store: Store, copy: Path, make: Callable[[Path], object]) -> None:
    for path in (
        store.file(store.first),
        store.file(store.third),
        store.large,
        store.meta,
        store.active,
    ):
        path.unlink()
        make(path)
    for path in (store.root / "README.md", store.root / "sessionfs.json"):
        path.unlink()
        make(path)
    check_repair(store, copy)
    assert len(list(store.root.rglob("*.corrupt-1"))) == 7


@pytest.mark.parametrize("harm", [Path.unlink, lambda path: write(path, b"damage")])
def test_another_store_has_what_is_lost(
    store: Store, copy: Path, harm: Callable[[Path], object]
) -> None:
    for path in [*store.objects.iterdir(), *store.refs.iterdir()]:
        harm(path)
    check_repair(store, copy)


def test_a_damaged_source_is_not_taken_and_the_next_one_is(
    store: Store, copy: Path, tmp_path: Path
) -> None:
    name = store.file(store.first).relative_to(store.root)
    (store.root / name).unlink()
    bad = Path(shutil.copytree(copy, tmp_path / "bad"))
    write(bad / name, b"damage")
    assert not of_kind(store.verify(), "object-missing")[0].repair
    result = store.repair(bad)
    assert not of_kind(result, "object-missing")[0].repair
    check_repair(store, bad, copy)
    assert (bad / name).read_bytes() == b"damage"


@pytest.mark.parametrize("header", [b'{"format":2}', b'{"format":1,"requires":["x"]}'])
def test_a_source_or_store_of_a_newer_version_is_refused_before_anything_is_done(
    store: Store, copy: Path, header: bytes
) -> None:
    write(store.file(store.lonely), b"damage")
    before = everything(store.root)
    write(copy / "sessionfs.json", header)
    with pytest.raises(FormatError):
        store.repair(copy)
    assert everything(store.root) == before
    write(store.root / "sessionfs.json", header)
    before = everything(store.root)
    with pytest.raises(FormatError):
        store.repair()
    assert everything(store.root) == before


def test_a_source_that_is_no_store_is_refused_and_the_store_itself_is_of_no_use(
    store: Store, tmp_path: Path
) -> None:
    write(store.file(store.first), b"damage")
    before = everything(store.root)
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(InvalidRequestError):
            store.repair(path)
    assert everything(store.root) == before
    check_repair(store, store.root, whole=False)


def test_a_source_that_cannot_be_looked_at_is_told_of_and_the_rest_is_repaired(
    store: Store, copy: Path
) -> None:
    there = copy / "sessions" / str(store.session) / "objects"
    shutil.rmtree(there)
    there.symlink_to(there)
    write(store.meta, store.meta.read_bytes() + b"\n")
    store.file(store.first).unlink()
    result = store.repair(copy)
    assert [each.path for each in of_kind(result, "unreadable")] == [str(there)]
    assert [each.repaired for each in of_kind(result, "line-ends")] == [True]
    assert [each.repair for each in of_kind(result, "object-missing")] == [None]


def test_what_becomes_active_is_told_when_all_else_is_back(store: Store, copy: Path) -> None:
    write(store.file(store.first), b"damage")
    store.active.unlink()
    check_repair(store, copy)


def test_everything_at_once(store: Store, copy: Path) -> None:
    write(store.file(store.first), b"")
    store.file(store.second).unlink()
    write(store.large, store.large.read_bytes()[:-5])
    write(store.meta, store.meta.read_bytes() + b"\n")
    write(store.active, b"")
    (store.root / "sessionfs.json").unlink()
    path = store.file(store.lonely)
    path.rename(store.root / "sessions" / str(store.neighbour) / "objects" / path.name)
    result = store.repair(copy)
    assert not grave(result)
    assert answers(store.open()) == store.whole
    assert store.verify(read_all=True).sound


WRITER = """
import sys
from uuid import UUID
from sessionfs import FileStorage
root, session, number = sys.argv[1:]
storage = FileStorage(root, durability="relaxed")
print("ready", flush=True)
for n in range(int(number)):
    print(storage.append_messages(UUID(session), [{"n": n}]).id, flush=True)
"""


def test_others_write_while_a_store_is_repaired(store: Store, copy: Path) -> None:
    path = store.file(store.lonely)
    good = path.read_bytes()
    command = [sys.executable, "-c", WRITER, str(store.root), str(store.session), "60"]
    writers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    repairs = 0
    while any(writer.poll() is None for writer in writers) or not repairs:
        write(path, good + b"\n")
        result = store.repair(copy)
        assert not [each for each in grave(result) if each.kind != "unreadable"], grave(result)
        repairs += 1
    made = [line for writer in writers for line in writer.communicate()[0].split()]
    assert [writer.returncode for writer in writers] == [0, 0]
    assert len(made) == 120
    storage = store.open()
    for checkpoint in [*map(UUID, made), store.lonely]:
        assert storage.get_checkpoint(checkpoint).session_id == store.session
    assert store.repair().sound


FULL = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
from sessionfs import FileStorage
result = FileStorage(sys.argv[1], durability="relaxed").repair(sources=[sys.argv[2]])
for each in result.findings:
    if each.repair:
        print(each.kind, each.repaired, "failed" in each.repair)
"""


def test_a_repair_that_fails_says_so_and_the_rest_is_repaired(store: Store, copy: Path) -> None:
    """The operating system takes no file above 10,000 bytes, as if the disk were full."""
    store.large.unlink()
    write(store.file(store.lonely), b"damage")
    before = contents(store.root)
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(store.root), str(copy)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert sorted(done.stdout.splitlines()) == [
        "object-damaged True False",
        "object-missing False True",
    ]
    assert not before - contents(store.root)
    assert not list(store.root.rglob(".tmp-*"))
    check_repair(store, copy)


def test_a_storage_that_is_open_sees_what_came_back(store: Store, copy: Path) -> None:
    storage: FileStorage = store.open()
    storage.list_sessions()
    store.file(store.first).unlink()
    with pytest.raises(StorageError):
        storage.get_checkpoint(store.third)
    storage.repair(sources=[copy])
    assert storage.get_checkpoint(store.third).state.messages == [{"n": 0}, LARGE, {"n": 1}, {"n": 2}]


def test_what_an_abandoned_temporary_file_holds_stays_until_it_is_stored(store: Store) -> None:
    left = store.large.rename(store.objects / ".tmp-0123456789abcdef")
    os.utime(left, (0, 0))
    subprocess.run([sys.executable, "-c", FULL, str(store.root), str(store.root)], check=True)
    assert left.exists()
    check_repair(store)
    assert not left.exists()
