"""Damage is found, named, and never read as data or as an empty session."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from sessionfs import (
    CorruptObjectError,
    CreateCheckpointRequest,
    CreateSessionRequest,
    FileStorage,
    FormatError,
    IncompleteError,
    InvalidRequestError,
    ListCheckpointsQuery,
    NotFoundError,
    StorageError,
    UpdateSessionRequest,
)

from .helpers import large_object, overwrite, snapshot


class Store:
    """A session of three checkpoints, each with its base the one before, and a healthy neighbour."""

    def __init__(self, root: Path) -> None:
        self.root = root
        storage = self.open()
        self.neighbour = storage.create_session(
            CreateSessionRequest("neighbour", [{"ok": 1}])
        ).session_id
        created = storage.create_session(CreateSessionRequest("title", [{"n": 0}]))
        self.session = created.session_id
        self.first = created.checkpoint.id
        self.second = storage.append_messages(self.session, [{"n": 1}]).id
        self.third = storage.append_messages(self.session, [{"n": 2}]).id
        self.directory = Path(storage.session_path(self.session))

    def open(self) -> FileStorage:
        """Open the store without anything in memory."""
        return FileStorage(self.root, durability="relaxed", message_type=dict)

    def file(self, checkpoint: UUID) -> Path:
        return Path(self.open().checkpoint_path(checkpoint))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    overwrite(path, bytes(data))


def replace_by(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        path.unlink()
        make(path)

    return damage


def other_name(path: Path) -> None:
    """Two objects change names, as a confused tool may leave them."""
    other = next(each for each in path.parent.iterdir() if each != path)
    content, content_of_other = path.read_bytes(), other.read_bytes()
    overwrite(path, content_of_other)
    overwrite(other, content)


def socket_at(path: Path) -> None:
    before = Path.cwd()
    os.chdir(path.parent)  # socket paths are short
    try:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind(path.name[:90])
        Path(path.name[:90]).rename(path.name)
    finally:
        os.chdir(before)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "a flipped bit": flip_a_bit,
    "no bytes": lambda path: overwrite(path, b""),
    "cut short": lambda path: overwrite(path, path.read_bytes()[:-1]),
    "zeros": lambda path: overwrite(path, bytes(path.stat().st_size)),
    "a line feed more": lambda path: overwrite(path, path.read_bytes() + b"\n"),
    "conflict markers": lambda path: overwrite(path, b"<<<<<<< ours\n" + path.read_bytes()),
    "another's bytes": other_name,
    "a directory": replace_by(Path.mkdir),
    "a FIFO": replace_by(os.mkfifo),
    "a socket": replace_by(socket_at),
    "a link to nothing of ours": replace_by(lambda path: path.symlink_to("/dev/null")),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_active_checkpoint_is_an_error_that_names_the_file(
    store: Store, damage: Callable[[Path], object]
) -> None:
    path = store.file(store.third)
    damage(path)
    storage = store.open()
    reads: list[Callable[[], object]] = [
        lambda: storage.get_session(store.session),
        lambda: storage.get_active_checkpoint(store.session),
        lambda: storage.get_session_stats(store.session),
        lambda: storage.append_messages(store.session, [{"n": 3}]),
        lambda: storage.fork_session(store.session),
    ]
    before = sorted(str(each) for each in store.root.rglob("*"))
    for read in reads:
        with pytest.raises(CorruptObjectError, match=r"objects/[0-9a-f]{64}\.json") as caught:
            read()
        assert caught.value.path is not None
        assert caught.value.code == "corrupt_object"
    assert sorted(str(each) for each in store.root.rglob("*")) == before


def test_the_rest_stays_usable(store: Store) -> None:
    flip_a_bit(store.file(store.third))
    storage = store.open()
    assert storage.get_session(store.neighbour).title == "neighbour"
    assert storage.get_checkpoint(store.second).state.messages == [{"n": 0}, {"n": 1}]
    listed = storage.list_checkpoints(store.session)
    assert [each.id for each in listed.checkpoints] == [store.first, store.second]
    assert len(listed.problems) == 1
    summary = next(each for each in storage.list_sessions().sessions if each.id == store.session)
    assert summary.title == "title"
    assert summary.problem is not None
    assert store.file(store.third).name in summary.problem
    storage.delete_session(store.session)
    storage.set_active_checkpoint(store.session, store.second)
    assert len(storage.append_messages(store.session, [{"n": 3}]).id.hex) == 32
    assert storage.get_session(store.session).active_checkpoint is not None


def test_a_whole_state_can_be_stored_where_the_active_one_is_damaged(store: Store) -> None:
    flip_a_bit(store.file(store.third))
    storage = store.open()
    made = storage.create_checkpoint(store.session, CreateCheckpointRequest([{"again": 1}]))
    assert storage.get_active_checkpoint(store.session) == made


def test_a_damaged_base_names_itself_in_those_that_need_it(store: Store) -> None:
    path = store.file(store.first)
    flip_a_bit(path)
    storage = store.open()
    for checkpoint in (store.first, store.second, store.third):
        with pytest.raises(CorruptObjectError, match=path.name):
            storage.get_checkpoint(checkpoint)
    listed = storage.list_checkpoints(store.session, ListCheckpointsQuery().with_state())
    assert [each.id for each in listed.checkpoints] == [store.second, store.third]
    assert all(path.name in (each.problem or "") and each.state is None for each in listed.checkpoints)


def test_the_same_state_heals_a_damaged_file_and_keeps_the_bad_one(store: Store) -> None:
    """Putting bytes whose file is damaged sets the bad file aside, and never overwrites it."""
    image = {"image": "x" * 70_000}
    storage = store.open()
    storage.append_messages(store.session, [image])
    large = large_object(store.directory)
    overwrite(large, b"bad")
    healed = store.open()
    healed.create_checkpoint(store.session, CreateCheckpointRequest([{"other": 1}, image]))
    assert healed.get_active_checkpoint(store.session).state.messages == [{"other": 1}, image]
    assert large.with_name(large.name + ".corrupt-1").read_bytes() == b"bad"


def test_a_missing_base_is_incomplete_until_it_arrives(store: Store) -> None:
    path = store.file(store.first)
    hidden = path.rename(store.root / "hidden")
    storage = store.open()
    with pytest.raises(IncompleteError) as caught:
        storage.get_session(store.session)
    assert caught.value.missing == (str(path),)
    assert caught.value.code == "incomplete"
    summary = next(each for each in storage.list_sessions().sessions if each.id == store.session)
    assert summary.title == "title"
    assert path.name in (summary.problem or "")
    hidden.rename(path)
    assert storage.get_session(store.session).active_checkpoint is not None


def test_a_ref_before_its_object_falls_back_until_the_object_is_there(store: Store) -> None:
    path = store.file(store.third)
    storage = store.open()
    assert storage.get_active_checkpoint(store.session).id == store.third
    hidden = path.rename(store.root / "hidden")
    assert store.open().get_active_checkpoint(store.session).id == store.second
    hidden.rename(path)
    assert store.open().get_active_checkpoint(store.session).id == store.third


@pytest.mark.parametrize("damage", [flip_a_bit, lambda path: overwrite(path, b"")])
def test_a_damaged_meta_record_is_told_of_with_the_older_facts(
    store: Store, damage: Callable[[Path], object]
) -> None:
    store.open().update_session(store.session, UpdateSessionRequest(title="newer"))
    latest = max(store.directory.glob("refs/meta.*"))
    damage(latest)
    storage = store.open()
    told = storage.get_session(store.session)
    assert told.title == "title"
    assert latest.name in (told.problem or "")
    again = storage.update_session(store.session, UpdateSessionRequest(title="newest"))
    assert again.title == "newest"
    assert latest.name in (again.problem or "")
    assert storage.get_active_checkpoint(store.session).id == store.third
    summary = next(each for each in storage.list_sessions().sessions if each.id == store.session)
    assert latest.name in (summary.problem or "")


def test_a_torn_active_ref_says_all_in_its_name(store: Store) -> None:
    (ref,) = store.directory.glob("refs/active.*")
    for torn in (b"", b"2026", ref.read_bytes()[:-1], b"\xff\xfe"):
        overwrite(ref, torn)
        assert store.open().get_active_checkpoint(store.session).id == store.third


def test_without_refs_the_newest_checkpoint_is_active(store: Store) -> None:
    shutil.rmtree(store.directory / "refs")
    storage = store.open()
    assert storage.get_active_checkpoint(store.session).id == store.third
    summary = next(each for each in storage.list_sessions().sessions if each.id == store.session)
    assert summary.problem is not None
    assert summary.message_count == 3


@pytest.mark.parametrize("compare", [False, True])
def test_writing_makes_the_directories_that_a_sync_left_out(store: Store, compare: bool) -> None:
    shutil.rmtree(store.directory / "refs")
    expected = store.third if compare else None
    made = store.open().append_messages(store.session, [{"n": 3}], expected_active=expected)
    assert store.open().get_active_checkpoint(store.session).id == made.id
    shutil.rmtree(store.directory / "objects")
    whole = store.open().create_checkpoint(store.session, CreateCheckpointRequest([{"n": 4}]))
    assert store.open().get_active_checkpoint(store.session) == whole
    store.open().update_session(store.session, UpdateSessionRequest(title="again"))
    assert store.open().get_session(store.session).title == "again"


def test_facts_without_any_checkpoint_are_incomplete_not_empty(store: Store) -> None:
    shutil.rmtree(store.directory / "objects")
    storage = store.open()
    with pytest.raises(IncompleteError):
        storage.get_session(store.session)
    with pytest.raises(IncompleteError):
        storage.append_messages(store.session, [{"n": 3}])
    assert storage.list_sessions().total == 2


FOREIGN = [
    ".DS_Store", "._x", ".nfs0001", ".tmp-0123456789abcdef", ".syncthing.x.json.tmp",
    "notes (conflicted copy).json", "x.sync-conflict-20260101-120000-ABCDEFG.json", "a" * 64,
    "A" * 64 + ".json", "g" * 64 + ".json", "active.20260101T000000000000Z-0123456789AB",
    "active.20261301T000000000000Z-0123456789ab", "active.99991231T235959999999Z-0123456789ab",
    "meta.20260101T000000000000Z-0123456789ab", "active.20260101T000000000000Z-0123456789ab.json",
    "0" * 64 + ".json.corrupt-1", "0" * 64 + ".json~",
]  # fmt: skip


def test_foreign_files_change_no_answer_and_are_never_touched(store: Store) -> None:
    def answers() -> object:
        storage = store.open()
        return (
            storage.list_sessions(),
            storage.get_session(store.session),
            storage.list_checkpoints(store.session),
        )

    before = answers()
    for name in FOREIGN:
        for place in (
            store.directory / "objects",
            store.directory / "refs",
            store.directory,
            store.root,
        ):
            (place / name).write_bytes(b"foreign")
    for name in ("..tmp", "not-a-session", str(store.session).upper(), "{" + str(store.session) + "}"):
        (store.root / "sessions" / name).mkdir()
    (store.root / "sessions" / "01900000-0000-7000-8000-000000000000").mkdir()
    files = snapshot(store.root)
    assert answers() == before
    assert snapshot(store.root) == files
    with pytest.raises(NotFoundError):
        store.open().get_session(UUID("01900000-0000-7000-8000-000000000000"))


@pytest.mark.parametrize(
    ("header", "readable", "error"),
    [
        (b'{"format":2,"requires":[]}', True, FormatError),
        (b'{"format":1,"requires":["sealed"]}', True, FormatError),
        (b'{"format":1,"requires":["read:sealed"]}', False, FormatError),
        (b'{"format":1', True, CorruptObjectError),
        (b"", True, CorruptObjectError),
        (b'{"format":"1"}', True, CorruptObjectError),
    ],
)
def test_what_is_too_new_is_refused_by_name(
    store: Store, header: bytes, readable: bool, error: type[Exception]
) -> None:
    storage = store.open()
    overwrite(store.root / "sessionfs.json", header)
    before = snapshot(store.root)
    writes: list[Callable[[], object]] = [
        lambda: storage.create_session(CreateSessionRequest("t", [])),
        lambda: storage.append_messages(store.session, []),
        lambda: storage.create_checkpoint(store.session, CreateCheckpointRequest([])),
        lambda: storage.update_session(store.session, UpdateSessionRequest(title="x")),
        lambda: storage.set_active_checkpoint(store.session, store.first),
        lambda: storage.delete_session(store.session),
        lambda: storage.fork_session(store.session),
    ]
    for write in writes:
        with pytest.raises(error, match=r"sessionfs\.json|format"):
            write()
    assert snapshot(store.root) == before
    if readable:
        assert store.open().get_active_checkpoint(store.session).id == store.third
    else:
        with pytest.raises(FormatError, match="read:sealed"):
            store.open()


def test_a_root_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InvalidRequestError, match="not a directory"):
        FileStorage(tmp_path / "file")


def test_what_vanished_is_not_built_on(store: Store) -> None:
    """A storage that remembers a base must not acknowledge what nobody else could read."""
    storage = store.open()
    storage.get_active_checkpoint(store.session)
    path = store.file(store.first)
    hidden = path.rename(store.root / "hidden")
    with pytest.raises(IncompleteError, match=path.name):
        storage.append_messages(store.session, [{"n": 3}])
    whole = storage.create_checkpoint(store.session, CreateCheckpointRequest([{"n": 4}]))
    assert store.open().get_active_checkpoint(store.session) == whole
    hidden.rename(path)
    assert store.open().get_checkpoint(store.third).state.messages == [{"n": 0}, {"n": 1}, {"n": 2}]


def test_a_copy_in_another_session_hides_nothing(store: Store) -> None:
    """Objects belong to one session: a copied directory is damage there, and nowhere else."""
    copy = store.root / "sessions" / "00000000-0000-4000-8000-000000000000"
    shutil.copytree(store.directory, copy)
    storage = store.open()
    storage.get_session(store.session)
    with pytest.raises(CorruptObjectError, match="belongs to session"):
        storage.append_messages(UUID(copy.name), [{"n": 3}])
    for fresh in (storage, store.open()):
        assert len(fresh.get_checkpoint(store.third).state.messages) == 3
        assert fresh.list_sessions().total == 3


@pytest.mark.parametrize("name", ["refs", "objects", "."])
def test_a_session_that_cannot_be_read_leaves_the_others_in_peace(store: Store, name: str) -> None:
    shutil.rmtree(store.directory / name)
    (store.directory / name).symlink_to(store.directory / name)
    storage = store.open()
    listed = {each.id: each for each in storage.list_sessions().sessions}
    assert listed[store.neighbour].problem is None
    assert (listed[store.session].problem or "") != ""
    assert storage.get_checkpoint(storage.get_active_checkpoint(store.neighbour).id)
    figures = storage.get_store_stats()
    assert (figures.total_sessions, figures.unreadable_sessions) == (2, 1)
    with pytest.raises(StorageError):
        storage.get_session(store.session)


def test_large_messages_that_are_in_hand_are_put_where_they_are_missing(store: Store) -> None:
    image = {"image": "x" * 70_000}
    storage = store.open()
    storage.append_messages(store.session, [image])
    large = large_object(store.directory)
    state = storage.get_active_checkpoint(store.session).state.messages
    for harm in (Path.unlink, lambda path: overwrite(path, b"x" * path.stat().st_size)):
        harm(large)
        made = store.open().create_checkpoint(
            store.session, CreateCheckpointRequest([*state, {"n": 9}])
        )
        assert store.open().get_active_checkpoint(store.session) == made


def test_a_number_that_no_decoder_takes_is_named_and_not_forked(store: Store) -> None:
    record = (
        b'{"kind":"checkpoint","session":"%s","parent":null,"base":null,"keep":0,"depth":0,"count":1,'
        % (str(store.session).encode())
    )
    record += b'"at":"99980101T000000000000Z","messages":[{"n":1e400}]}'
    sha = hashlib.sha256(record).hexdigest()
    (store.directory / "objects" / f"{sha}.json").write_bytes(record)
    (store.directory / "refs" / f"active.99980101T000000000000Z-{sha[:12]}").write_text("torn")
    storage = store.open()
    for read in (storage.get_session, storage.get_session_stats, storage.fork_session):
        with pytest.raises(CorruptObjectError, match=sha):
            read(store.session)
    assert storage.list_sessions().total == 2


@pytest.fixture
def bad_sector(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Let the disk give nothing back of a file."""

    def harm(path: Path) -> None:
        inode, read = path.stat().st_ino, os.read

        def failing(descriptor: int, most: int) -> bytes:
            if os.fstat(descriptor).st_ino == inode:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return read(descriptor, most)

        monkeypatch.setattr(os, "read", failing)

    return harm


def test_a_bad_sector_is_damage_of_that_file_alone(
    store: Store, bad_sector: Callable[[Path], None]
) -> None:
    path = store.file(store.second)
    bad_sector(path)
    storage = store.open()
    with pytest.raises(CorruptObjectError, match=path.name) as caught:
        storage.get_checkpoint(store.third)
    assert caught.value.finding == "unreadable"
    assert caught.value.checkpoints == (store.third,)
    assert storage.get_checkpoint(store.first).state.messages == [{"n": 0}]
    assert storage.get_checkpoint(store.third, partial=True).state.messages == [{"n": 2}]
    listed = storage.list_checkpoints(store.session)
    assert [each.id for each in listed.checkpoints] == [store.first, store.third]
    (finding,) = (each for each in storage.verify().findings if each.path == str(path))
    assert finding.kind == "unreadable"
    whole = storage.create_checkpoint(store.session, CreateCheckpointRequest([{"again": 1}]))
    assert storage.get_active_checkpoint(store.session) == whole
