"""What the operating system refuses to the doctor is told of, and hides nothing else."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from sessionfs import Severity, UnauthorizedError

from ...store.helpers import refuse
from .helpers import Store, answers, everything, of_kind, write


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.mark.parametrize(
    "place",
    [
        lambda store: store.active,
        lambda store: store.meta,
        lambda store: store.file(store.lonely),
        lambda store: store.root / "README.md",
    ],
    ids=["active", "meta", "object", "readme"],
)
def test_a_file_that_may_not_be_read_is_named_and_left(
    store: Store, monkeypatch: pytest.MonkeyPatch, place: Callable[[Store], Path]
) -> None:
    path, before = place(store), everything(store.root)
    refuse(monkeypatch, "open", errno.EACCES, path)
    for result in (store.verify(), store.repair()):
        (each,) = result.findings
        assert (each.kind, each.path, each.repair) == ("unreadable", str(path), None)
        assert each.severity is Severity.ERROR
        assert os.strerror(errno.EACCES) in each.message
    monkeypatch.undo()
    assert everything(store.root) == before


def test_a_header_that_may_not_be_read_any_more_is_named_and_nothing_repaired(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage, header = store.open(), store.root / "sessionfs.json"
    write(store.file(store.lonely), b"damage")
    before = everything(store.root)
    refuse(monkeypatch, "open", errno.EACCES, header)
    found = {each.path: each for each in storage.verify().findings}
    assert (found[str(header)].kind, found[str(header)].repair) == ("unreadable", None)
    with pytest.raises(UnauthorizedError, match="Permission denied"):
        storage.repair()
    assert everything(store.root) == before


def test_a_file_of_which_nothing_can_be_told_hides_none_of_the_others(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (store.root, store.root / "sessions", store.meta):
        path.chmod(path.stat().st_mode | 0o044)
    lonely = store.file(store.lonely)
    refuse(monkeypatch, "stat", errno.EIO, lonely)
    found = {each.kind: each for each in store.verify().findings}
    assert found.keys() == {"unreadable", "modes-open"}
    assert found["unreadable"].path == str(lonely)
    assert found["unreadable"].checkpoints == [store.lonely]


def test_modes_that_may_not_be_changed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in (store.root, store.root / "sessions", store.meta):
        path.chmod(path.stat().st_mode | 0o044)
    refuse(monkeypatch, "chmod", errno.EPERM, store.meta)
    (each,) = of_kind(store.repair(), "modes-open")
    assert not each.repaired
    assert each.repair is not None
    assert "failed" in each.repair
    assert os.strerror(errno.EPERM) in each.repair


def test_what_a_killed_writer_left_and_may_not_be_removed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = write(store.objects / ".tmp-fedcba9876543210", b"x")
    os.utime(left, (0, 0))
    refuse(monkeypatch, "unlink", errno.EPERM, left)
    (each,) = store.repair().findings
    assert (each.kind, each.path, each.repaired) == ("temporary-abandoned", str(left), False)
    assert each.repair is not None
    assert "cannot be removed" in each.repair


def test_records_are_not_brought_home_through_a_link_that_leads_out(
    store: Store, tmp_path: Path
) -> None:
    """A session that was renamed: what it holds belongs to one that is not to be written."""
    home = store.directory
    wrong = home.rename(home.with_name("00000000-0000-4000-8000-000000000000"))
    away = tmp_path / "away"
    away.mkdir(0o700)
    home.symlink_to(away)
    before = everything(tmp_path)
    kinds = {(each.kind, each.repaired) for each in store.repair().findings}
    assert kinds >= {("object-invalid", False), ("meta-damaged", False), ("link-outside", False)}
    assert everything(wrong) == {
        name.removeprefix(f"store/sessions/{wrong.name}/"): value
        for name, value in before.items()
        if f"/{wrong.name}/" in name
    }
    assert list(away.iterdir()) == []


def test_a_file_in_the_place_of_all_sessions_is_set_aside(store: Store, tmp_path: Path) -> None:
    sessions = store.root / "sessions"
    sessions.rename(tmp_path / "sessions")
    write(sessions, b"a file")
    (each,) = store.verify().findings
    assert (each.kind, each.path) == ("not-regular", str(sessions))
    assert [each.repaired for each in of_kind(store.repair(), "not-regular")] == [True]
    assert (store.root / "sessions.corrupt-1").read_bytes() == b"a file"
    (tmp_path / "sessions").rename(sessions)
    assert answers(store.open()) == store.whole


@pytest.mark.parametrize(("of_a_store", "kind"), [(True, "link"), (False, "link-outside")])
def test_a_link_in_the_place_of_all_sessions(
    store: Store, tmp_path: Path, of_a_store: bool, kind: str
) -> None:
    other = tmp_path / "other"
    other.mkdir(0o700)
    if of_a_store:
        write(other / "sessionfs.json", (store.root / "sessionfs.json").read_bytes())
    sessions = store.root / "sessions"
    target = sessions.rename(other / "sessions")
    sessions.symlink_to(target)
    (each,) = store.verify().findings
    assert (each.kind, each.path) == (kind, str(sessions))
    assert str(target) in each.message
