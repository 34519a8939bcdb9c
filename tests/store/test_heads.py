"""Tips of work that met: which a session tells of, through whatever a sync tool does with refs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from uuid import UUID

import pytest

from sessionfs import CreateCheckpointRequest, CreateSessionRequest, FileStorage, IncompleteError
from sessionfs.store.heads import MOST

from ..sync.test_union import open_store, union
from .helpers import large_object, opened_files, overwrite, snapshot


def _apart(tmp_path: Path) -> tuple[FileStorage, FileStorage, UUID]:
    """Two stores that both hold a session of three checkpoints, which the first has made."""
    one = open_store(tmp_path / "one")
    session = one.create_session(CreateSessionRequest("t", [{"n": 0}])).session_id
    one.append_messages(session, [{"n": 1}])
    one.append_messages(session, [{"n": 2}])
    shutil.copytree(tmp_path / "one", tmp_path / "other")
    return one, open_store(tmp_path / "other"), session


def _heads(storage: FileStorage, session: UUID) -> list[UUID]:
    found = [each.id for each in storage.get_session(session).heads]
    fresh = open_store(Path(storage.backend_info().store_path or ""))
    for each in (storage, fresh):
        [summary] = each.list_sessions().sessions
        assert summary.heads == len(found)
        assert found[0] == summary.active_checkpoint_id
    return found


def _sync(one: FileStorage, other: FileStorage) -> None:
    """Copy what the other lacks, both ways, as a tool does that carries no removals."""
    roots = [Path(each.backend_info().store_path or "") for each in (one, other)]
    union(*roots)
    union(*reversed(roots))


def test_work_at_two_places_meets_and_stays_visible_while_one_goes_on(tmp_path: Path) -> None:
    one, other, session = _apart(tmp_path)
    mine = one.append_messages(session, [{"one": 1}]).id
    theirs = other.append_messages(session, [{"other": 1}]).id
    _sync(one, other)
    assert _heads(one, session) == _heads(other, session) == [theirs, mine]
    for i in range(40):  # across more than one level of bases
        last = one.append_messages(session, [{"on": i}]).id
        assert _heads(one, session) == [last, mine]
    _sync(one, other)
    assert _heads(other, session) == [last, mine]


def test_setting_what_is_active_settles_it_everywhere(tmp_path: Path) -> None:
    one, other, session = _apart(tmp_path)
    mine = one.append_messages(session, [{"one": 1}]).id
    other.append_messages(session, [{"other": 1}])
    _sync(one, other)
    one.set_active_checkpoint(session, mine)
    assert _heads(one, session) == [mine]
    _sync(one, other)  # which brings back the refs that one has removed
    assert _heads(one, session) == _heads(other, session) == [mine]


def test_an_older_ref_that_comes_back_is_no_head(tmp_path: Path) -> None:
    one, other, session = _apart(tmp_path)
    for i in range(40):
        last = one.append_messages(session, [{"on": i}]).id
    _sync(one, other)
    assert len(list(Path(one.session_path(session)).glob("refs/active.*"))) == 2
    assert _heads(one, session) == [last]
    last = one.append_messages(session, [{"on": "still"}]).id
    assert len(list(Path(one.session_path(session)).glob("refs/active.*"))) == 1
    state = [*one.get_active_checkpoint(session).state.messages, {"whole": 1}]
    last = one.create_checkpoint(session, CreateCheckpointRequest(state)).id
    last = one.create_checkpoint(session, CreateCheckpointRequest([{"nothing": "shared"}])).id
    _sync(one, other)
    assert _heads(one, session) == _heads(other, session) == [last]


def test_what_a_rewind_left_behind_stays_behind_when_a_sync_brings_it_back(tmp_path: Path) -> None:
    one, other, session = _apart(tmp_path)
    first, *_ = one.list_checkpoints(session).checkpoints
    one.append_messages(session, [{"n": 3}])
    one.set_active_checkpoint(session, first.id)
    _sync(one, other)  # the other's ref names a checkpoint on the way to what was left
    assert _heads(one, session) == _heads(other, session) == [first.id]
    branch = one.append_messages(session, [{"branch": 1}]).id
    _sync(one, other)
    assert _heads(one, session) == _heads(other, session) == [branch]


def test_work_that_a_rewind_had_not_seen_is_a_head(tmp_path: Path) -> None:
    one, other, session = _apart(tmp_path)
    first, *_ = one.list_checkpoints(session).checkpoints
    theirs = other.append_messages(session, [{"other": 1}]).id
    one.set_active_checkpoint(session, first.id)
    _sync(one, other)
    assert _heads(one, session) == _heads(other, session) == [first.id, theirs]


def test_redoing_what_was_left_behind_makes_it_a_head_again(tmp_path: Path) -> None:
    one, other, session = _apart(tmp_path)
    first, *_, last = one.list_checkpoints(session).checkpoints
    one.set_active_checkpoint(session, first.id)
    one.set_active_checkpoint(session, last.id)
    theirs = other.append_messages(session, [{"other": 1}]).id
    _sync(one, other)
    assert _heads(one, session) == [theirs]  # it builds upon that one
    assert _heads(other, session) == [theirs]


def test_a_head_that_has_not_arrived_is_told_of_when_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "sessionfs.fs.fingerprints.RACY_NS", 0
    )  # the index trusts what it has just seen
    one, other, session = _apart(tmp_path)
    theirs = other.append_messages(session, [{"other": 1}]).id
    mine = one.append_messages(session, [{"one": 1}]).id
    directory = Path(one.session_path(session))
    union(Path(other.session_path(session)) / "refs", directory / "refs")
    assert one.update_index()
    assert _heads(one, session) == [mine]
    mine = one.append_messages(session, [{"one": 2}]).id  # knows nothing of it, and keeps its ref
    assert one.update_index()
    assert _heads(one, session) == [mine]
    union(Path(other.session_path(session)) / "objects", directory / "objects")
    assert _heads(one, session) == [mine, theirs]


def test_a_head_whose_base_has_not_arrived_is_told_of_beside_what_can_be_read(tmp_path: Path) -> None:
    one, _, session = _apart(tmp_path)
    first, second, last = one.list_checkpoints(session).checkpoints
    Path(one.checkpoint_path(second.id)).unlink()
    assert _heads(open_store(tmp_path / "one"), session) == [first.id, last.id]


def test_parents_tell_what_a_base_that_has_not_arrived_cannot(tmp_path: Path) -> None:
    one, other, session = _apart(tmp_path)
    first, *_ = one.list_checkpoints(session).checkpoints
    for i in range(16):  # the last but one has the first as its base
        last = one.append_messages(session, [{"on": i}]).id
    request = CreateCheckpointRequest([{"nothing": "shared"}], first.id)
    apart = one.create_checkpoint(session, request).id
    _sync(one, other)  # which brings back the ref that names the stale one
    assert _heads(one, session) == [apart, last]
    Path(one.checkpoint_path(first.id)).unlink()
    assert _heads(open_store(tmp_path / "one"), session) == [apart, last]


def test_many_heads_leave_a_bounded_number_of_refs(tmp_path: Path) -> None:
    storage = open_store(tmp_path)
    session = storage.create_session(CreateSessionRequest("t", [{"n": 0}])).session_id
    [root] = storage.list_checkpoints(session).checkpoints
    made = [
        storage.create_checkpoint(session, CreateCheckpointRequest([{"n": 0}, {"way": i}], root.id)).id
        for i in range(MOST + 5)
    ]
    heads = _heads(storage, session)
    assert heads == made[::-1][: MOST + 1]
    assert storage.list_checkpoints(session).total == MOST + 6


@pytest.mark.parametrize("named", [True, False])
def test_heads_of_a_long_history_are_told_from_few_files(tmp_path: Path, *, named: bool) -> None:
    """However far back the older head is, as many files are read as to open one."""
    one, other, session = _apart(tmp_path)
    theirs = other.append_messages(session, [{"other": 1}]).id
    last = one.append_messages(session, [{"one": 1}]).id
    union(tmp_path / "other", tmp_path / "one")
    one.set_active_checkpoint(session, last)
    union(tmp_path / "other", tmp_path / "one")
    for record in Path(one.session_path(session)).glob("refs/meta.*"):
        if b"left" in record.read_bytes():
            record.unlink()  # as if nobody had settled it
    state = list(one.get_active_checkpoint(session).state.messages)
    for i in range(2000 if named else 500):
        state.append({"n": i})
        if named:
            last = one.append_messages(session, state[-1:]).id
        else:
            last = one.create_checkpoint(session, CreateCheckpointRequest(state)).id
    fresh = open_store(tmp_path / "one")
    with opened_files() as paths:
        found = fresh.get_session(session)
    assert [each.id for each in found.heads] == [last, theirs]
    assert len([path for path in paths if "/objects/" in path]) <= 2 * 64


def test_a_rewind_that_leaves_nothing_behind_writes_no_record(tmp_path: Path) -> None:
    one, _, session = _apart(tmp_path)
    first, *_, last = one.list_checkpoints(session).checkpoints
    refs = Path(one.session_path(session)) / "refs"
    one.set_active_checkpoint(session, last.id)
    assert len(list(refs.glob("meta.*"))) == 1
    one.set_active_checkpoint(session, first.id)
    _, record = sorted(refs.glob("meta.*"))
    [sha] = json.loads(record.read_bytes())["set"]["left"]
    assert one.checkpoint_path(last.id).endswith(f"{sha}.json")
    one.set_active_checkpoint(session, last.id)
    assert len(list(refs.glob("meta.*"))) == 2


def test_what_was_left_behind_and_comes_back_hides_no_head(tmp_path: Path) -> None:
    """A rewind and work that it had not seen are two heads, whichever refs it removed come back."""
    one, other, session = _apart(tmp_path)
    to = one.append_messages(session, [{"one": 1}]).id
    one.append_messages(session, [{"one": 2}])
    shutil.copytree(tmp_path / "one", tmp_path / "backup")
    one.append_messages(session, [{"one": 3}])
    one.set_active_checkpoint(session, to)
    theirs = other.append_messages(session, [{"other": 1}]).id
    _sync(one, other)
    assert _heads(one, session) == _heads(other, session) == [theirs, to]
    union(tmp_path / "backup", tmp_path / "one")
    assert _heads(one, session) == [theirs, to]


def test_a_rewind_leaves_the_ref_of_what_has_not_arrived(tmp_path: Path) -> None:
    """It was not seen: when it arrives it is a head, also where a tool carries removals on."""
    one, other, session = _apart(tmp_path)
    first, *_ = one.list_checkpoints(session).checkpoints
    theirs = other.append_messages(session, [{"other": 1}]).id
    refs = Path(other.session_path(session)) / "refs"
    (early,) = refs.glob("active.*")
    shutil.copy(early, Path(one.session_path(session)) / "refs")
    one.set_active_checkpoint(session, first.id)
    left = {path.name for path in Path(one.session_path(session)).glob("refs/active.*")}
    for path in refs.glob("active.*"):
        if path.name not in left:
            path.unlink()
    _sync(one, other)
    assert _heads(one, session) == _heads(other, session) == [first.id, theirs]


def test_heads_are_counted_again_when_what_lies_between_them_arrives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until then it cannot be told that one follows the other, and no index keeps that for good."""
    monkeypatch.setattr(
        "sessionfs.fs.fingerprints.RACY_NS", 0
    )  # the index trusts what it has just seen
    one, _, session = _apart(tmp_path)
    shutil.copytree(one.session_path(session), tmp_path / "before")
    *_, early = one.list_checkpoints(session).checkpoints
    between = Path(one.checkpoint_path(one.append_messages(session, [{"between": 1}]).id))
    request = CreateCheckpointRequest([{"nothing": "shared"}])
    last = one.create_checkpoint(session, request).id
    union(tmp_path / "before", Path(one.session_path(session)))  # the ref of the early one is back
    assert _heads(one, session) == [last]
    aside = between.rename(tmp_path / between.name)
    one = open_store(tmp_path / "one")
    assert one.update_index()
    assert _heads(one, session) == [last, early.id]
    aside.rename(between)
    assert _heads(one, session) == [last]


def test_heads_are_counted_again_when_it_arrives_that_one_was_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was left behind takes along what it follows, if that can be told."""
    monkeypatch.setattr("sessionfs.fs.fingerprints.RACY_NS", 0)
    one, _, session = _apart(tmp_path)
    first, *_, early = one.list_checkpoints(session).checkpoints
    shutil.copytree(one.session_path(session), tmp_path / "before")
    between = Path(one.checkpoint_path(one.append_messages(session, [{"between": 1}]).id))
    request = CreateCheckpointRequest([{"nothing": "shared"}])
    one.create_checkpoint(session, request)
    one.set_active_checkpoint(session, first.id)
    union(tmp_path / "before", Path(one.session_path(session)))
    assert _heads(one, session) == [first.id]
    aside = between.rename(tmp_path / between.name)
    one = open_store(tmp_path / "one")
    assert one.update_index()
    assert _heads(one, session) == [first.id, early.id]
    aside.rename(between)
    assert _heads(one, session) == [first.id]


def test_a_whole_state_does_not_follow_what_has_not_arrived(tmp_path: Path) -> None:
    """It goes on from what was active here: the other is a head when it arrives."""
    one, other, session = _apart(tmp_path)
    theirs = other.append_messages(session, [{"other": 1}]).id
    directory = Path(one.session_path(session))
    union(Path(other.session_path(session)) / "refs", directory / "refs")
    request = CreateCheckpointRequest([{"nothing": "shared"}])
    mine = one.create_checkpoint(session, request).id
    assert _heads(one, session) == [mine]
    union(Path(other.session_path(session)) / "objects", directory / "objects")
    assert _heads(one, session) == [mine, theirs]


def test_a_whole_state_follows_what_was_active_and_is_damaged(tmp_path: Path) -> None:
    """Who goes on with a state that they still have has seen it: mended, it is no other head."""
    one, _, session = _apart(tmp_path)
    *_, last = one.list_checkpoints(session).checkpoints
    path = Path(one.checkpoint_path(last.id))
    good = path.read_bytes()
    overwrite(path, b"torn")
    refs = [*Path(one.session_path(session)).glob("refs/active.*")]
    kept = [(each, each.read_bytes()) for each in refs]
    made = open_store(tmp_path / "one").create_checkpoint(
        session, CreateCheckpointRequest([{"nothing": "shared"}])
    )
    overwrite(path, good)
    for each, data in kept:  # a sync brings the ref back, if it was replaced
        if not each.exists():
            each.write_bytes(data)
    assert _heads(open_store(tmp_path / "one"), session) == [made.id]


def test_what_lacks_a_large_message_is_not_made_active(tmp_path: Path) -> None:
    one, _, session = _apart(tmp_path)
    first, *_ = one.list_checkpoints(session).checkpoints
    lacking = one.append_messages(session, [{"large": "x" * 70_000}]).id
    one.set_active_checkpoint(session, first.id)
    large = large_object(one.session_path(session))
    large.unlink()
    before = snapshot(tmp_path / "one")
    with pytest.raises(IncompleteError, match=large.stem):
        one.set_active_checkpoint(session, lacking)
    assert snapshot(tmp_path / "one") == before
