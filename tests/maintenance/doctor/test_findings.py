"""Every kind of finding is made to happen in a real store, and is told of as it should be, alone."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sessionfs import (
    CreateCheckpointRequest,
    CreateSessionRequest,
    FileStorage,
    Severity,
    UpdateSessionRequest,
)
from sessionfs.maintenance.doctor import KINDS
from sessionfs.tools import read

from .happenings import HAPPENS, Told, flipped
from .helpers import LARGE, Store, everything, grave, of_kind, write

GOLDEN = Path(__file__).parents[3] / "spec" / "format" / "golden"
FIXTURES = Path(__file__).parents[2] / "fixtures"
IDS = [f"{n}-{kind}" for n, (kind, _) in enumerate(HAPPENS)]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store", max_object_bytes=200_000)


def test_every_kind_happens_here() -> None:
    assert {kind for kind, _ in HAPPENS} == KINDS.keys()


@pytest.mark.parametrize(("kind", "happen"), HAPPENS, ids=IDS)
def test_it_is_found_and_nothing_else_is(
    store: Store, kind: str, happen: Callable[[Store], Told]
) -> None:
    told = happen(store)
    before = everything(store.root)
    result = store.verify()
    assert everything(store.root) == before
    found = of_kind(result, kind)
    if kind == "object-missing":  # the case gives any path: what is told of is not there
        told = told._replace(path=Path(found[0].path))
        assert not told.path.exists()
    (each,) = found
    assert (each.severity, each.path, each.session_id) == (KINDS[kind], str(told.path), told.session)
    assert each.message.startswith(str(told.path))
    of_all = {id_ for other in result.findings for id_ in other.checkpoints}
    assert of_all == store.unreadable()
    assert set(each.checkpoints) == (set() if told.follows else of_all)
    assert len(set(each.checkpoints)) == len(each.checkpoints)
    assert not each.repaired
    others = {other.kind for other in grave(result) if other is not each}
    assert others == set(told.follows)
    assert result.worst is (Severity.ERROR if "object-damaged" in told.follows else max_of(kind, told))


def max_of(kind: str, told: Told) -> Severity:
    return min((KINDS[each] for each in (kind, *told.follows)), key=list(Severity).index)


def test_those_that_need_it_are_named_oldest_first(store: Store) -> None:
    write(store.file(store.first), b"")
    (each,) = of_kind(store.verify(), "object-damaged")
    assert each.checkpoints == [store.first, store.second, store.third]
    assert all(str(id_) in each.message for id_ in each.checkpoints)


def test_a_large_message_is_opened_only_if_asked_for(store: Store) -> None:
    write(store.large, flipped(store.large.read_bytes()))
    assert store.verify().findings == []
    (each,) = store.verify(read_all=True).findings
    assert (each.kind, each.path) == ("object-damaged", str(store.large))
    assert set(each.checkpoints) == store.unreadable() == {store.first, store.second, store.third}


def test_after_every_operation_a_store_is_sound(store: Store) -> None:
    storage = store.open()
    forked = storage.fork_session(store.session, checkpoint_id=store.second).session_id
    storage.append_messages(forked, [LARGE, {"n": 1}], metadata={"k": 1}, expected_active=None)
    storage.create_checkpoint(forked, CreateCheckpointRequest([{"n": 0}], parent_id=None))
    storage.update_session(forked, UpdateSessionRequest(title="t", cwd="/x"))
    storage.set_active_checkpoint(store.session, store.first)
    storage.delete_session(forked)
    storage.restore_session(forked)
    for _ in range(40):
        storage.append_messages(store.session, [{"n": 1}])
    storage.create_session(CreateSessionRequest("none", []))
    for read_all in (False, True):
        result = store.verify(read_all=read_all)
        assert result.findings == []
        assert result.sound
        assert result.worst is None
    assert (result.sessions, result.objects, result.objects_read) == (4, 51, 51)
    assert result.checkpoints == 49


def test_what_is_imported_is_sound(store: Store) -> None:
    storage = store.open()
    for path in FIXTURES.iterdir():
        for transcript in read(path):
            storage.import_session(transcript.request)
    assert store.verify(read_all=True).findings == []


GOLDEN_FINDINGS = {
    "corrupt-large-message": {"object-damaged"},
    "corrupt-meta": {"meta-damaged"},
    "corrupt-object": {"object-damaged"},
    "corrupt-purge": {"active-ref-missing", "meta-damaged", "purged"},
    "foreign-files": {"letter-case"},
    "heads-left-behind": {"meta-damaged"},
    "heads-that-met": {
        "active-ref-damaged",
        "active-ref-dangling",
        "chain-broken",
        "object-missing",
    },
    "impossible-chain": {"chain-broken", "object-misplaced"},
    "missing-base": {"object-missing"},
    "no-meta": {"meta-missing"},
    "no-refs": {"active-ref-missing", "meta-missing"},
    "other-writer": set(),
    "purged": {"purged"},
    "purged-and-revived": {
        "active-ref-dangling",
        "active-ref-missing",
        "object-damaged",
        "object-missing",
        "parent-missing",
        "purged",
    },
    "ref-before-object": {"active-ref-dangling"},
    "sound": set(),
    "stale-refs": {"object-missing"},
    "torn-ref": {"active-ref-damaged"},
    "two-active-refs": set(),
}


def test_the_golden_stores(tmp_path: Path) -> None:
    assert GOLDEN_FINDINGS.keys() == {path.name for path in GOLDEN.iterdir()}
    for name, kinds in GOLDEN_FINDINGS.items():
        root = shutil.copytree(GOLDEN / name / "store", tmp_path / name)
        root.chmod(0o700)  # no other user reaches what git has opened
        result = FileStorage(root).verify(read_all=True)
        assert {each.kind for each in grave(result)} == kinds, name
        assert bool(result.findings) == (name != "sound")


def test_no_store_is_sound_and_stays_none(tmp_path: Path) -> None:
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "letter.txt").write_bytes(b"mine")
    for name in ("documents", "none"):
        storage = FileStorage(tmp_path / name)
        assert storage.verify().findings == storage.repair().findings == []
    assert [path.name for path in tmp_path.rglob("*")] == ["documents", "letter.txt"]
