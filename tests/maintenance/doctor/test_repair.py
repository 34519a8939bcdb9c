"""What a repair brings back, what it leaves, and that it deletes nothing."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sessionfs import UpdateSessionRequest

from ...store.helpers import snapshot
from .happenings import in_capitals
from .helpers import Store, answers, check_repair, everything, grave, of_kind, write

BOM = b"\xef\xbb\xbf"
NAMES = [
    "{stem}.sync-conflict-20260101-120000-ABCDEFG{ext}",
    "{stem} (Ann's conflicted copy 2026-11-22){ext}",
    "{stem} (1){ext}",
    "{stem}{ext}~",
    ".{stem}{ext}.swp",
    "._{stem}{ext}",
    ".syncthing.{stem}{ext}.tmp",
    "{stem}{ext}.corrupt-1",
    "{stem}{ext}.orig",
    "{stem}-DESKTOP-AB12{ext}",
]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


LINE_ENDS: dict[str, Callable[[bytes], bytes]] = {
    "a line feed": lambda data: data + b"\n",
    "a carriage return and line feed": lambda data: data + b"\r\n",
    "several line feeds": lambda data: data + b"\n\n\n",
    "a byte order mark": lambda data: BOM + data,
    "both": lambda data: BOM + data + b"\r\n",
}


@pytest.mark.parametrize("change", LINE_ENDS.values(), ids=LINE_ENDS)
def test_line_ends_are_taken_back(store: Store, change: Callable[[bytes], bytes]) -> None:
    for path in (store.file(store.first), store.large, store.meta):
        write(path, change(path.read_bytes()))
    result = store.repair(read_all=True)
    assert len(of_kind(result, "line-ends")) == 3
    check_repair(store)


@pytest.mark.parametrize("to", [b"\r\n", b"\n"])
def test_a_record_of_another_writer_with_line_ends_inside(store: Store, to: bytes) -> None:
    own = b"\n" if to == b"\r\n" else b"\r\n"
    path = store.put(json.dumps(json.loads(store.record()), indent=1).encode().replace(b"\n", own))
    good = path.read_bytes()
    write(path, good.replace(own, to))
    assert [each.repaired for each in of_kind(store.repair(), "line-ends")] == [True]
    assert path.read_bytes() == good
    assert store.verify().sound


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("damaged", [True, False])
def test_copies_in_conflict_take_the_place_of_what_they_are_copies_of(
    store: Store, name: str, damaged: bool
) -> None:
    for path in (
        store.file(store.first),
        store.file(store.lonely),
        store.large,
        store.meta,
        store.active,
    ):
        stem, ext = path.name.removesuffix(".json"), ".json" if path.suffix == ".json" else ""
        path.rename(path.with_name(name.format(stem=stem, ext=ext)))
        if damaged:
            write(path, b"damage")
    result = check_repair(store)
    assert not grave(result)


def test_a_changed_copy_is_never_adopted(store: Store) -> None:
    for path in (store.file(store.lonely), store.meta):
        changed = path.read_bytes().replace(b"alone", b"other").replace(b"newer", b"older")
        path.rename(path.with_name(f"{path.stem}.sync-conflict-20260101-120000-ABCDEFG.json"))
        (copy,) = path.parent.glob("*.sync-conflict*")
        write(copy, changed)
    before = everything(store.directory)
    assert not of_kind(store.verify(), "adoptable")
    assert not [each for each in store.repair().findings if each.repaired]
    assert everything(store.directory) == before


def test_a_name_alone_proves_nothing_but_bytes_of_any_name_do(store: Store) -> None:
    path = store.file(store.first)
    path.rename(store.objects / ".nfs000000000000002a0000000b")
    write(path.with_name(path.name + ".orig"), b'{"kind":"checkpoint"}')
    check_repair(store)


def test_two_objects_that_changed_names_change_back(store: Store) -> None:
    one, other = store.file(store.first), store.file(store.lonely)
    first, second = one.read_bytes(), other.read_bytes()
    write(one, second)
    write(other, first)
    check_repair(store)


def test_what_is_damaged_is_set_aside_and_numbers_count_up(store: Store) -> None:
    path = store.file(store.lonely)
    good = path.read_bytes()
    for n in (1, 2, 3):
        write(path, b"damage %d" % n)
        check_repair(store, whole=False)
        assert path.with_name(f"{path.name}.corrupt-{n}").read_bytes() == b"damage %d" % n
        assert not path.exists()
    write(path, good)
    assert store.verify().sound


def test_objects_and_facts_in_the_wrong_session_go_home(store: Store) -> None:
    home = store.directory
    wrong = store.root / "sessions" / "00000000-0000-4000-8000-000000000000"
    home.rename(wrong)
    result = store.repair()
    assert {each.kind for each in result.findings if each.repaired} >= {
        "object-misplaced",
        "meta-damaged",
    }
    storage = store.open()
    assert storage.get_session(store.session).title == "newer title"
    for checkpoint in (store.first, store.second, store.third, store.lonely):
        assert storage.get_checkpoint(checkpoint).session_id == store.session
    assert not [each for each in store.repair().findings if each.repaired]


def test_a_long_chain_comes_back_link_by_link(store: Store) -> None:
    storage = store.open()
    for n in range(40):
        storage.append_messages(store.session, [{"n": n}])
    store.whole = answers(storage)
    newest = max(store.objects.iterdir(), key=lambda path: json.loads(path.read_bytes()).get("at", ""))
    for n, path in enumerate(store.objects.iterdir()):
        if path not in (newest, store.file(store.lonely)):
            path.rename(store.objects / f"recovered-{n}")
    check_repair(store)


def test_active_refs_are_made_again(store: Store) -> None:
    write(store.active, b"torn")
    check_repair(store)
    name, aside = store.active, store.active.with_name(store.active.name + ".corrupt-1")
    assert aside.read_bytes() == b"torn"
    name.unlink()  # as after a repair that was killed between its two steps
    check_repair(store)
    aside.unlink()
    name.unlink()
    store.repair()
    assert store.open().get_active_checkpoint(store.session).id == store.lonely  # the newest


@pytest.mark.parametrize("harm", [Path.unlink, lambda path: write(path, b"{")])
def test_the_header_is_written_only_where_the_store_cannot_be_of_a_newer_version(
    store: Store, harm: Callable[[Path], object]
) -> None:
    header, whole = store.root / "sessionfs.json", (store.root / "sessionfs.json").read_bytes()
    unknown = store.put(b'{"kind":"tree","session":"%s"}' % str(store.session).encode())
    harm(header)
    kind = "header-damaged" if header.exists() else "header-missing"
    (each,) = of_kind(store.repair(), kind)
    assert (each.repair, each.repaired) == (None, False)
    for some in ({"session_ids": [store.neighbour]}, {"sample": 0.5}):
        (each,) = of_kind(store.repair(**some), kind)
        assert (each.repair, each.repaired) == (None, False)
    unknown.unlink()
    check_repair(store)
    assert header.read_bytes() == whole


def test_root_files_modes_and_abandoned_temporaries(store: Store) -> None:
    (store.root / "README.md").unlink()
    write(store.root / ".gitignore", b"mine")
    young, old = (
        store.objects / ".tmp-0123456789abcdef",
        store.root / "sessions" / ".tmp-fedcba9876543210",
    )
    for path in (old / "objects", old / "refs"):
        path.mkdir(parents=True)
    write(old / "objects" / "x", b"x")
    write(young, b"x")
    os.utime(old, (0, 0))
    for path in (store.root, store.root / "sessions", store.directory):
        path.chmod(0o755)
    store.file(store.first).chmod(0o644)
    result = store.repair()
    done = {each.kind for each in result.findings if each.repaired}
    assert done == {"root-file-missing", "temporary-abandoned", "modes-open"}
    assert young.exists()
    assert not old.exists()
    assert (store.root / ".gitignore").read_bytes() == b"mine"
    assert store.directory.stat().st_mode & 0o777 == 0o700
    assert store.file(store.first).stat().st_mode & 0o777 == 0o400
    assert not [each for each in store.repair().findings if each.repaired]


def test_an_abandoned_temporary_file_is_evidence_until_its_bytes_are_there(store: Store) -> None:
    path = store.file(store.first)
    left = path.rename(store.objects / ".tmp-0123456789abcdef")
    os.utime(left, (0, 0))
    result = store.repair()
    assert [each.repaired for each in of_kind(result, "object-missing")] == [True]
    assert path.exists()
    assert not left.exists()


def test_nothing_is_written_through_a_link_that_leads_out(store: Store, tmp_path: Path) -> None:
    path = store.file(store.first)
    write(path, path.read_bytes() + b"\n")
    away = store.objects.rename(tmp_path / "away")
    store.objects.symlink_to(away)
    before = everything(tmp_path)
    result = store.repair()
    assert everything(tmp_path) == before
    assert of_kind(result, "link-outside")
    assert [(each.repair, each.repaired) for each in of_kind(result, "line-ends")] == [(None, False)]


def test_a_session_of_which_all_is_damaged_stays_one(store: Store) -> None:
    store.active.unlink()
    for path in [*store.objects.iterdir(), *store.refs.iterdir()]:
        write(path, b"damage")
    before = everything(store.root)
    assert not [each for each in store.repair().findings if each.repaired]
    assert everything(store.root) == before
    assert {each.id for each in store.open().list_sessions().sessions} == {
        store.session,
        store.neighbour,
    }


def test_what_is_too_large_to_be_looked_at_is_left(tmp_path: Path) -> None:
    store = Store(tmp_path / "store", max_object_bytes=200_000)
    store.open().update_session(store.session, UpdateSessionRequest(title="t" * 100_000))
    store.open().append_messages(store.session, [{"long": "x" * 100_000}])
    store.limit = 60_000
    before = everything(store.root)
    result = store.repair()
    assert {each.kind for each in grave(result)} == {"too-large"}
    assert everything(store.root) == before


def test_a_store_whose_names_are_in_capitals_is_named_back(store: Store) -> None:
    before = snapshot(store.root)
    for path in sorted(store.root.rglob("*"), reverse=True):
        if path.name != "sessionfs.json":
            in_capitals(path)
    assert store.open().list_sessions().sessions == []
    assert {each.kind for each in grave(store.verify())} == {"letter-case"}
    while any(each.repaired for each in store.repair().findings):
        pass
    assert snapshot(store.root) == before


def test_in_other_letters_what_has_the_right_ones_as_well_is_left(store: Store) -> None:
    for path in (store.objects, store.active, store.meta, store.root / "README.md"):
        (path.with_name(path.name.upper())).write_bytes(b"something else")
    before = everything(store.root)
    assert [each.kind for each in grave(store.repair())] == ["letter-case"] * 4
    assert everything(store.root) == before


def test_what_a_session_lacks_is_taken_from_its_twin_in_capitals(store: Store) -> None:
    """A tool turned the directory into capitals, and a sync brought an older one as it was."""
    older = shutil.copytree(store.directory, store.root.with_name("older"))
    made = store.open().append_messages(store.session, [{"said": "acknowledged here"}])
    twin = store.directory.rename(store.directory.with_name(store.directory.name.upper()))
    shutil.copytree(older, store.directory)
    found = [each for each in grave(store.verify()) if each.kind == "letter-case"]
    assert [each.path for each in found] == [str(twin)]
    before = everything(twin)
    store.repair()
    state = store.open().get_checkpoint(made.id).state
    assert state.messages[-1] == {"said": "acknowledged here"}
    assert everything(twin) == before
    assert {each.kind for each in grave(store.verify())} == {"letter-case"}
    shutil.rmtree(twin)
    assert grave(store.verify()) == []


def test_a_file_in_the_place_of_the_refs_is_set_aside_and_the_session_goes_on(store: Store) -> None:
    refs = {path.name: path.read_bytes() for path in store.refs.iterdir()}
    shutil.rmtree(store.refs)
    write(store.refs, b"not ours")
    check_repair(store, whole=False)
    assert [path.read_bytes() for path in store.directory.glob("refs.corrupt-*")] == [b"not ours"]
    for name, data in refs.items():  # a sync brings them
        store.refs.mkdir(exist_ok=True)
        write(store.refs / name, data)
    assert answers(store.open()) == store.whole


def test_a_ref_that_says_another_object_than_it_is_named_after_is_written_anew(store: Store) -> None:
    """The name agrees with both; what is not here is not what was made active."""
    at, hash12 = store.active.name.removeprefix("active.").split("-")
    write(store.active, f"{at}-{hash12:f<64}".encode())
    kinds = [each.kind for each in store.verify().findings if each.path == str(store.active)]
    assert kinds == ["active-ref-damaged"]
    check_repair(store)
    assert store.active.read_text() == f"{at}-{store.file(store.third).stem}"
