"""Working directories that moved: which sessions are told, and what is written for it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from uuid import UUID

import pytest

from sessionfs import (
    CreateSessionRequest,
    FileStorage,
    FormatError,
    InvalidRequestError,
    ListSessionsQuery,
    Relocated,
    SessionStatus,
)
from sessionfs.store.session import SessionDirectory

from ..store.helpers import overwrite, snapshot
from ..sync.test_union import open_store


def _create(storage: FileStorage, *cwds: str | None) -> list[UUID]:
    return [storage.create_session(CreateSessionRequest("t", [], cwd=cwd)).session_id for cwd in cwds]


def _cwds(root: Path, sessions: list[UUID]) -> list[str | None]:
    """Return what a storage with nothing in memory tells."""
    storage = open_store(root)
    listed = {each.id: each.cwd for each in storage.list_sessions().sessions}
    assert all(storage.get_session(each).cwd == listed[each] for each in sessions)
    return [listed[each] for each in sessions]


@pytest.mark.parametrize(
    ("old", "new", "cwd", "after"),
    [
        ("/work", "/home/work", "/work", "/home/work"),
        ("/work", "/home/work", "/work/", "/home/work"),
        ("/work/", "/home/work//", "/work/a/b", "/home/work/a/b"),
        ("/work", "/home/work", "/work/a b/ü\n", "/home/work/a b/ü\n"),
        ("/work", "/home/work", "/workshop", None),
        ("/work", "/home/work", "/wor", None),
        ("/work", "/home/work", "/home/work", None),
        ("/work", "/home/work", "/a/work/b", None),
        ("/work", "/home/work", "", None),
        ("/work", "/home/work", None, None),
        ("/work", "/", "/work", "/"),
        ("/work", "/", "/work/a", "/a"),
        ("/", "/mnt", "/work", "/mnt/work"),
        ("/", "/mnt", "/", "/mnt"),
        ("/", "/mnt", "/mnt/work", None),
        ("/", "/mnt", "", None),
        ("/work", "/work/old", "/work", "/work/old"),
        ("/work", "/work/old", "/work/a", "/work/old/a"),
        ("/work", "/work/old", "/work/older", "/work/old/older"),
        ("/work", "/work/old", "/work/old/a", None),
        ("/work/old", "/work", "/work/old/a", "/work/a"),
        ("/work/old", "/work", "/work/a", None),
        ("/work", "/work/", "/work/a", None),
        ("/", "/", "/work", None),
        ("work", "play", "work/a", "play/a"),
        ("C:/work", "D:/work", "C:/work/a", "D:/work/a"),
    ],
)
def test_paths_move_by_the_names_in_them(
    tmp_path: Path, old: str, new: str, cwd: str | None, after: str | None
) -> None:
    storage = open_store(tmp_path)
    sessions = _create(storage, cwd)
    result = storage.relocate(old, new)
    moved = [] if after is None else [Relocated(sessions[0], "t", cwd or "", after)]
    assert (result.relocated, result.problems) == (moved, [])
    assert _cwds(tmp_path, sessions) == [cwd if after is None else after]


def test_all_that_is_below_moves_with_one_record_each_and_the_rest_is_untouched(tmp_path: Path) -> None:
    storage = open_store(tmp_path)
    below = _create(storage, "/work", "/work/a", "/work/a/b")
    others = _create(storage, "/workshop", "/", None)
    storage.delete_session(below[1])
    before = snapshot(tmp_path)
    told = storage.relocate("/work", "/new", dry_run=True)
    assert snapshot(tmp_path) == before
    assert storage.relocate("/work", "/new") == told
    assert [each.session_id for each in told.relocated] == sorted(below)
    after = snapshot(tmp_path)
    assert after.items() > before.items()
    added = [Path(each).parts[1:3] for each in after.keys() - before.keys()]
    assert sorted(added) == sorted((str(each), "refs") for each in below)
    assert _cwds(tmp_path, below + others) == ["/new", "/new/a", "/new/a/b", "/workshop", "/", None]
    assert open_store(tmp_path).get_session(below[1]).status is SessionStatus.DELETED
    # The storage that did it tells so at once.
    assert storage.list_sessions(ListSessionsQuery(cwd_below="/new")).total == 3
    assert storage.list_sessions(ListSessionsQuery(cwd_below="/work")).total == 0
    assert storage.relocate("/work", "/new").relocated == []
    assert snapshot(tmp_path) == after


@pytest.mark.parametrize("new", ["/new", "/work/new"])
def test_what_was_interrupted_is_finished_by_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, new: str
) -> None:
    storage = open_store(tmp_path)
    sessions = _create(storage, *(f"/work/{i}" for i in range(5)))
    set_facts_at, done = SessionDirectory.set_facts_at, 0

    def interrupted(self: SessionDirectory, at: str, facts: dict[str, object]) -> None:
        nonlocal done
        done += 1
        if done == 3:
            raise KeyboardInterrupt
        set_facts_at(self, at, facts)

    with monkeypatch.context() as patch:
        patch.setattr(SessionDirectory, "set_facts_at", interrupted)
        with pytest.raises(KeyboardInterrupt):
            storage.relocate("/work", new)
    moved = {f"{new}/{i}" for i in range(5)}
    assert len(moved & set(_cwds(tmp_path, sessions))) == 2
    assert len(storage.relocate("/work", new).relocated) == 3
    assert set(_cwds(tmp_path, sessions)) == moved
    assert len(list(tmp_path.glob("sessions/*/refs/meta.*"))) == 10


def test_a_session_that_cannot_be_opened_moves_all_the_same(tmp_path: Path) -> None:
    storage = open_store(tmp_path)
    damaged, partial = _create(storage, "/work/a", "/work/b")
    [path] = Path(storage.session_path(damaged)).glob("objects/*")
    overwrite(path, b"damage")
    shutil.rmtree(Path(storage.session_path(partial)) / "objects")
    result = storage.relocate("/work", "/new")
    assert (len(result.relocated), result.problems) == (2, [])
    listed = open_store(tmp_path).list_sessions().sessions
    assert sorted(each.cwd or "" for each in listed) == ["/new/a", "/new/b"]


def test_what_cannot_be_known_or_changed_is_told_and_the_rest_is_changed(tmp_path: Path) -> None:
    storage = open_store(tmp_path / "store")
    unknown, known, linked, sound = _create(storage, "/work/a", "/work/b", "/work/c", "/work/d")
    [record] = Path(storage.session_path(unknown)).glob("refs/meta.*")
    overwrite(record, b"damage")
    storage.delete_session(known)
    damaged = max(Path(storage.session_path(known)).glob("refs/meta.*"))
    overwrite(damaged, b"damage")
    outside = tmp_path / "outside"
    (Path(storage.session_path(linked)) / "refs").rename(outside)
    (Path(storage.session_path(linked)) / "refs").symlink_to(outside)
    before = snapshot(outside)
    for dry_run in (True, False):
        result = storage.relocate("/work", "/new", dry_run=dry_run)
        assert {each.session_id for each in result.relocated} == {known, sound}
        told = {id_: next(each for each in result.problems if str(id_) in each)
                for id_ in (unknown, known, linked)}  # fmt: skip
        assert len(result.problems) == 3
        assert record.name in told[unknown]
        assert damaged.name in told[known]
        assert str(outside) in told[linked]
    assert snapshot(outside) == before
    assert _cwds(tmp_path / "store", [unknown, known, linked, sound]) == [
        None, "/new/b", "/work/c", "/new/d"
    ]  # fmt: skip


@pytest.mark.parametrize("wrong", ["", None, b"/work", "/\ud800"])
def test_what_is_no_path_is_refused(tmp_path: Path, wrong: str) -> None:
    storage = open_store(tmp_path)
    _create(storage, "/work")
    before = snapshot(tmp_path)
    for arguments in ((wrong, "/new"), ("/work", wrong)):
        with pytest.raises(InvalidRequestError, match=r"\b(old|new)\b"):
            storage.relocate(*arguments)
    assert snapshot(tmp_path) == before


def test_a_newer_store_is_refused_and_none_is_no_error(tmp_path: Path) -> None:
    storage = open_store(tmp_path / "store")
    assert storage.relocate("/work", "/new").relocated == []
    assert not os.path.lexists(tmp_path / "store")
    _create(storage, "/work")
    overwrite(tmp_path / "store" / "sessionfs.json", b'{"format":2}')
    before = snapshot(tmp_path)
    for dry_run in (True, False):
        with pytest.raises(FormatError):
            storage.relocate("/work", "/new", dry_run=dry_run)
    assert snapshot(tmp_path) == before
