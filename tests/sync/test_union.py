"""Two stores become one by copying files, with tools that know nothing of them."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from sessionfs import CreateCheckpointRequest, CreateSessionRequest, FileStorage, UpdateSessionRequest

from ..internals import open_with
from ..store.helpers import snapshot


def union(source: Path, target: Path) -> None:
    """Copy every file that the target lacks, in an order that no one chose."""
    for path in sorted(source.rglob("*"), reverse=True):
        copy = target / path.relative_to(source)
        if path.is_file() and not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, copy)


def rsync(source: Path, target: Path) -> None:
    subprocess.run(["rsync", "-a", f"{source}/", f"{target}/"], check=True)


needs_rsync = pytest.mark.skipif(shutil.which("rsync") is None, reason="rsync is not installed")
COPIES = [union, pytest.param(rsync, marks=needs_rsync)]


def open_store(root: Path) -> FileStorage:
    return FileStorage(root, durability="relaxed", message_type=dict)


@pytest.mark.parametrize("copy", COPIES)
def test_two_stores_that_went_apart_agree_after_both_copies(
    tmp_path: Path, copy: Callable[[Path, Path], None]
) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    first = open_store(one)
    session = first.create_session(CreateSessionRequest("shared", [{"n": 0}])).session_id
    copy(one, other)
    second = open_store(other)
    heads: set[UUID] = set()
    for i in range(20):
        heads.add(first.append_messages(session, [{"one": i}]).id)
        heads.add(second.append_messages(session, [{"other": i}]).id)
    first.update_session(session, UpdateSessionRequest(title="renamed here"))
    second.update_session(session, UpdateSessionRequest(cwd="/there"))
    first.create_session(CreateSessionRequest("only one", []))
    second.create_session(CreateSessionRequest("only other", []))
    last = second.append_messages(session, [{"other": "last"}])

    copy(one, other)
    copy(other, one)
    assert snapshot(one) == snapshot(other)
    for storage in (first, second, open_store(one)):
        assert storage.list_sessions() == open_store(other).list_sessions()
        merged = storage.get_session(session)
        assert (merged.title, merged.cwd) == ("renamed here", "/there")
        assert merged.active_checkpoint is not None
        assert merged.active_checkpoint.id == last.id
        listed = storage.list_checkpoints(session)
        assert heads < {each.id for each in listed.checkpoints}
        assert not any(each.problem for each in listed.checkpoints)


def test_three_replicas_agree_whatever_the_order_of_copies(tmp_path: Path) -> None:
    base = tmp_path / "base"
    session = open_store(base).create_session(CreateSessionRequest("t", [{"n": 0}])).session_id
    for name in "abc":
        shutil.copytree(base, tmp_path / name)
        open_store(tmp_path / name).append_messages(session, [{"from": name}])
        open_store(tmp_path / name).update_session(session, UpdateSessionRequest(title=name))
    results = []
    for order in itertools.permutations("abc"):
        merged = tmp_path / ("merged-" + "".join(order))
        for name in order:
            union(tmp_path / name, merged)
        results.append(open_store(merged).get_session(session))
    assert all(result == results[0] for result in results)
    assert results[0].title == "c"


def test_an_older_copy_over_a_newer_store_changes_no_answer(tmp_path: Path) -> None:
    root, backup = tmp_path / "store", tmp_path / "backup"
    storage = open_store(root)
    session = storage.create_session(CreateSessionRequest("t", [])).session_id
    storage.append_messages(session, [{"n": 1}])
    shutil.copytree(root, backup)
    storage.append_messages(session, [{"n": 2}])
    storage.delete_session(session)
    before = storage.get_session(session)
    union(backup, root)
    assert len(list(Path(storage.session_path(session)).glob("refs/active.*"))) == 2
    assert storage.get_session(session) == before


def test_an_edit_wins_over_all_that_its_writer_had_seen_whatever_the_clocks_say(tmp_path: Path) -> None:
    """A store from a machine whose clock is years ahead arrives; edits made after it still win."""
    root, ahead = tmp_path / "store", tmp_path / "ahead"
    storage = open_store(root)
    session = storage.create_session(CreateSessionRequest("t", [{"n": 0}])).session_id
    union(root, ahead)
    future = open_with(ahead, clock=lambda: 4_000_000_000_000_000)
    future.append_messages(session, [{"n": "future"}])
    future.update_session(session, UpdateSessionRequest(title="future"))
    union(ahead, root)
    assert storage.get_session(session).title == "future"
    mine = storage.append_messages(session, [{"n": "mine"}])
    storage.update_session(session, UpdateSessionRequest(title="mine"))
    assert storage.get_active_checkpoint(session).id == mine.id
    assert storage.get_session(session).title == "mine"


def test_what_is_built_on_a_checkpoint_wins_over_its_ref_that_arrives_later(tmp_path: Path) -> None:
    """Also where the clock of the machine that it came from is years ahead."""
    ahead = open_with(tmp_path / "ahead", clock=lambda: 4_000_000_000_000_000)
    session = ahead.create_session(CreateSessionRequest("t", [{"n": 0}])).session_id
    first = ahead.get_active_checkpoint(session).id
    seen = ahead.append_messages(session, [{"n": 1}]).id
    without = shutil.ignore_patterns("active.*", "meta.*")
    for name in ("appended", "whole", "rewound"):
        shutil.copytree(tmp_path / "ahead", tmp_path / name, ignore=without)
        storage = open_store(tmp_path / name)
        assert storage.get_active_checkpoint(session).id == seen
        match name:
            case "appended":
                made = storage.append_messages(session, [{"n": 2}]).id
            case "whole":
                made = storage.create_checkpoint(session, CreateCheckpointRequest([{"n": 3}], first)).id
            case _:
                made = storage.set_active_checkpoint(session, first).id
        union(tmp_path / "ahead", tmp_path / name)
        assert storage.get_active_checkpoint(session).id == made
