"""Sessions made elsewhere: the same request always becomes the same files, whatever came between."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from sessionfs import (
    FileStorage,
    ImportedCheckpoint,
    ImportPoint,
    ImportSessionRequest,
    InvalidRequestError,
    ListCheckpointsQuery,
    NotFoundError,
    UpdateSessionRequest,
)
from sessionfs.store import chains, imports
from sessionfs.store.session import SessionDirectory

from .helpers import snapshot

SESSION = UUID("01900000-0000-7000-8000-00000000000a")
START = datetime(2026, 1, 1, tzinfo=UTC)


def request(turns: int, **rest: Any) -> ImportSessionRequest:
    checkpoints = [
        ImportedCheckpoint(
            messages=[{"turn": i}],
            created_at=START + timedelta(minutes=i),
            parent=i - 1 if i else None,
            appends=bool(i),
        )
        for i in range(turns)
    ]
    fields = {"session_id": SESSION, "title": "t", "checkpoints": checkpoints, "created_at": START}
    return ImportSessionRequest(**{**fields, **rest})


def open_store(root: Path) -> FileStorage:
    return FileStorage(root, durability="relaxed", message_type=dict)


def test_times_and_ids_are_the_sources(tmp_path: Path) -> None:
    storage = open_store(tmp_path)
    storage.import_session(request(3))
    found = storage.get_session(SESSION)
    assert (found.created_at, found.updated_at) == (START, START + timedelta(minutes=2))
    assert found.active_checkpoint is not None
    assert found.active_checkpoint.state.messages == [{"turn": i} for i in range(3)]


class Killed(BaseException):
    pass


@contextmanager
def cut_off(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Kill what is done before a ref is written."""

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(SessionDirectory, "publish", killed)
        with pytest.raises(Killed):
            yield


def test_an_import_that_was_cut_off_before_its_ref_is_finished_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = open_store(tmp_path)
    storage.import_session(request(2))

    with cut_off(monkeypatch):
        storage.import_session(request(5))
    storage.import_session(request(5))
    assert len(storage.get_active_checkpoint(SESSION).state.messages) == 5


@pytest.mark.parametrize("leave", ["objects", "refs", ".DS_Store"])
def test_what_lies_in_the_sessions_directory_is_no_obstacle(tmp_path: Path, leave: str) -> None:
    """Half a sync, or a desktop, was there first."""
    storage = open_store(tmp_path)
    path = tmp_path / "sessions" / str(SESSION) / leave
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x") if leave.startswith(".") else path.mkdir()
    assert storage.import_session(request(3)).created
    assert len(storage.get_active_checkpoint(SESSION).state.messages) == 3


def import_it(root: Path) -> None:
    open_store(root).import_session(request(20))


def test_processes_that_import_the_same_at_once_all_succeed(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=import_it, args=(tmp_path / "store",)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    import_it(tmp_path / "alone")
    stored, alone = snapshot(tmp_path / "store"), snapshot(tmp_path / "alone")
    assert {name for name in stored if ".tmp-" not in name} == set(alone)


def test_an_older_checkpoint_that_turns_up_later_adds_itself_alone(tmp_path: Path) -> None:
    storage = open_store(tmp_path)
    states = [
        ImportedCheckpoint(messages=[{"n": i}], created_at=START + timedelta(hours=i)) for i in range(9)
    ]
    storage.import_session(request(0, checkpoints=states[1:]))
    assert storage.import_session(request(0, checkpoints=states)).new_checkpoints == 1


def test_a_source_that_grew_without_a_later_time_is_active_as_it_is_now(tmp_path: Path) -> None:
    storage = open_store(tmp_path)

    def grown(n: int) -> ImportSessionRequest:
        return request(
            0, checkpoints=[ImportedCheckpoint(messages=[{"n": i} for i in range(n)], created_at=START)]
        )

    for n in (1, 2, 3):
        storage.import_session(grown(n))
        assert len(storage.get_active_checkpoint(SESSION).state.messages) == n
    before = snapshot(tmp_path)
    storage.import_session(grown(3))
    assert snapshot(tmp_path) == before


LAST = datetime.max.replace(tzinfo=UTC)
WRONG: dict[str, Callable[[], ImportSessionRequest]] = {
    "no checkpoint": lambda: request(0),
    "checkpoints of another kind": lambda: request(0, checkpoints=[{"messages": []}]),
    "checkpoints no list": lambda: request(0, checkpoints=5),
    "a parent after it": lambda: request(
        0, checkpoints=[ImportedCheckpoint(messages=[], created_at=START, parent=0)]
    ),
    "a parent that is no number": lambda: request(
        0,
        checkpoints=[ImportedCheckpoint(messages=[], created_at=START, parent="0")],  # type: ignore[arg-type]
    ),
    "appends to nothing": lambda: request(
        0, checkpoints=[ImportedCheckpoint(messages=[], created_at=START, appends=True)]
    ),
    "a time without a zone": lambda: request(1, created_at=datetime(2026, 1, 1)),
    "the end of the calendar": lambda: request(1, created_at=LAST),
    "a checkpoint at the end of the calendar": lambda: request(
        0, checkpoints=[ImportedCheckpoint(messages=[], created_at=LAST)]
    ),
    "beyond the calendar": lambda: request(
        1, created_at=datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-5)))
    ),
    "before the calendar": lambda: request(
        1, created_at=datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5)))
    ),
    "a session id in another form": lambda: request(1, session_id=SESSION.hex),
    "a source that JSON cannot carry": lambda: request(1, source={"x": float("nan")}),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_request_that_makes_no_sense_is_refused_before_anything_is_written(
    tmp_path: Path, wrong: Callable[[], ImportSessionRequest]
) -> None:
    with pytest.raises(InvalidRequestError):
        open_store(tmp_path / "store").import_session(wrong())
    assert not (tmp_path / "store").exists()


def as_needed(*made: ImportedCheckpoint, goes_on: bool = True) -> Any:
    """Make these where nothing is here; else those after the last point."""

    def make(points: Iterator[ImportPoint]) -> Iterator[ImportedCheckpoint]:
        point = next(points, None) if goes_on else None
        if point is None:
            yield from made
            return
        for i, each in enumerate(made[point.note["lines"] + 1 :]):
            where = {"parent": i - 1} if i else {"parent": None, "onto": point.checkpoint_id}
            yield msgspec.structs.replace(each, **where)

    return make


def noted(n: int, **rest: Any) -> ImportedCheckpoint:
    point = {"session": str(SESSION), "messages": n + 1, "lines": n, "checkpoints": n + 1}
    fields: dict[str, Any] = {
        "messages": [{"n": n}],
        "created_at": START + timedelta(hours=n),
        "parent": n - 1 if n else None,
        "appends": bool(n),
        "metadata": {"source": {"point": point}},
    }
    return ImportedCheckpoint(**{**fields, **rest})


def test_checkpoints_are_made_as_they_are_stored(tmp_path: Path) -> None:
    storage = open_store(tmp_path)
    made = [noted(n) for n in range(3)]
    first = storage.import_session(request(0, checkpoints=as_needed(made[0])))
    assert (first.created, first.new_checkpoints) == (True, 1)
    again = storage.import_session(request(0, checkpoints=as_needed(made[0])))
    assert (again.new_checkpoints, again.total_checkpoints, again.branched) == (0, 1, False)
    more = storage.import_session(request(0, checkpoints=as_needed(*made)))
    assert (more.created, more.new_checkpoints, more.total_checkpoints) == (False, 2, 3)
    found = storage.get_session(SESSION)
    assert found.active_checkpoint is not None
    assert found.active_checkpoint.state.messages == [{"n": n} for n in range(3)]
    assert len(found.heads) == 1
    whole = open_store(tmp_path / "whole")
    whole.import_session(request(0, checkpoints=as_needed(*made)))
    ids = [each.id for each in whole.list_checkpoints(SESSION).checkpoints]
    assert [each.id for each in storage.list_checkpoints(SESSION).checkpoints] == ids


def test_a_point_whose_files_have_not_arrived_is_none(tmp_path: Path) -> None:
    """What the import would stand on is brought once more."""
    storage = open_store(tmp_path)
    made = [noted(n) for n in range(3)]
    storage.import_session(request(0, checkpoints=as_needed(*made[:2])))
    first = storage.list_checkpoints(SESSION).checkpoints[0]
    Path(storage.checkpoint_path(first.id)).unlink()
    result = storage.import_session(request(0, checkpoints=as_needed(*made)))
    assert result.new_checkpoints == 2
    assert len(storage.get_active_checkpoint(SESSION).state.messages) == 3


def test_an_import_as_needed_that_was_cut_off_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = open_store(tmp_path)
    made = [noted(n) for n in range(3)]
    storage.import_session(request(0, checkpoints=as_needed(made[0])))

    with cut_off(monkeypatch):
        storage.import_session(request(0, checkpoints=as_needed(*made)))
    assert storage.import_session(request(0, checkpoints=as_needed(*made))).new_checkpoints == 0
    assert len(storage.get_active_checkpoint(SESSION).state.messages) == 3


@pytest.mark.parametrize("goes_on", [True, False])
def test_an_import_that_fails_midway_leaves_what_is_active(tmp_path: Path, goes_on: bool) -> None:
    storage = open_store(tmp_path)
    if goes_on:
        storage.import_session(request(0, checkpoints=as_needed(noted(0))))
    bad = noted(1, messages=[{"n": float("nan")}])
    with pytest.raises(InvalidRequestError, match="nan"):
        storage.import_session(request(0, checkpoints=as_needed(noted(0), bad)))
    assert storage.list_sessions().total == goes_on
    if goes_on:
        assert storage.get_active_checkpoint(SESSION).state.messages == [{"n": 0}]


@pytest.mark.parametrize(
    "checkpoints",
    [as_needed(), as_needed(noted(0, onto=UUID(int=5))), as_needed(noted(0, appends=True))],
    ids=["none", "onto one that is not here", "appends to nothing"],
)
def test_what_cannot_be_made_is_refused(tmp_path: Path, checkpoints: Any) -> None:
    storage = open_store(tmp_path)
    with pytest.raises(InvalidRequestError):
        storage.import_session(request(0, checkpoints=checkpoints))
    assert storage.list_sessions().total == 0


def test_long_histories_repeat_little_and_read_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "_MOST_REPEATED", 3_000)
    made = [noted(n, messages=[{"n": n, "text": "x" * 90}]) for n in range(300)]
    storage = open_store(tmp_path)
    for count in (70, 71, 300):
        storage.import_session(request(0, checkpoints=as_needed(*made[:count], goes_on=False)))
    page = storage.list_checkpoints(
        SESSION, ListCheckpointsQuery(limit=1000, include_state=True)
    ).checkpoints
    assert [len(each.state.messages) for each in page if each.state] == list(range(1, 301))
    assert page[-1].state is not None
    last: list[Any] = page[-1].state.messages
    assert [each["n"] for each in last] == list(range(300))
    objects = Path(storage.session_path(SESSION), "objects")
    assert max(path.stat().st_size for path in objects.iterdir()) < 4_000
    assert storage.verify().findings == []


def test_what_is_appended_to_a_state_that_was_cut(tmp_path: Path) -> None:
    """A chain shares only as much of an old base as every state between keeps of it."""
    made = [
        ImportedCheckpoint(messages=[{"n": n} for n in range(9)], created_at=START),
        ImportedCheckpoint(messages=[{"n": 0}, {"cut": 1}], created_at=START, parent=0),
    ]
    wanted: list[Any] = [{"n": 0}, {"cut": 1}]
    for i in range(2, 40):
        added = [{"i": i}]
        made.append(ImportedCheckpoint(messages=added, created_at=START, parent=i - 1, appends=True))
        wanted += added
    storage = open_store(tmp_path)
    storage.import_session(request(0, checkpoints=made))
    assert storage.get_active_checkpoint(SESSION).state.messages == wanted
    assert storage.verify().findings == []


def test_beyond_the_deepest_depth_a_history_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chains, "MOST_DEPTH", 20)
    storage = open_store(tmp_path)
    storage.import_session(request(50))
    assert storage.get_active_checkpoint(SESSION).state.messages == [{"turn": n} for n in range(50)]
    assert storage.verify().findings == []


@pytest.mark.parametrize("loss", ["no ref", "ref of what has not arrived", "damage", "damaged note"])
def test_what_is_lost_of_a_session_comes_with_the_next_import(tmp_path: Path, loss: str) -> None:
    storage = open_store(tmp_path)
    made = [noted(n) for n in range(3)]
    storage.import_session(request(0, checkpoints=as_needed(*made[:2])))
    session = Path(storage.session_path(SESSION))
    active = Path(storage.checkpoint_path(storage.get_active_checkpoint(SESSION).id))
    if loss == "no ref":
        for ref in (session / "refs").glob("active.*"):
            ref.unlink()
    elif loss == "ref of what has not arrived":
        (session / "refs" / "active.20990101T000000000000Z-0123456789ab").write_text("x")
    elif loss == "damage":
        active.chmod(0o600)
        active.write_bytes(active.read_bytes()[:-9])
    else:
        note = {"source": {"point": "none"}}
        storage.append_messages(SESSION, [{"n": 7}], metadata=note)
    storage.import_session(request(0, checkpoints=as_needed(*made)))
    ids = [each.id for each in storage.list_checkpoints(SESSION).checkpoints]
    whole = open_store(tmp_path / "whole")
    whole.import_session(request(0, checkpoints=as_needed(*made)))
    assert {each.id for each in whole.list_checkpoints(SESSION).checkpoints} <= set(ids)
    wanted: list[Any] = [{"n": 0}, {"n": 1}, {"n": 2}]
    if loss == "damaged note":
        wanted = [{"n": 0}, {"n": 1}, {"n": 7}]
    assert storage.get_active_checkpoint(SESSION).state.messages == wanted


def test_the_metadata_of_every_checkpoint_that_can_be_read(tmp_path: Path) -> None:
    storage = open_store(tmp_path)
    made = [noted(n) for n in range(3)]
    storage.import_session(request(0, checkpoints=as_needed(*made)))
    ids = [each.id for each in storage.list_checkpoints(SESSION).checkpoints]
    wanted = dict(zip(ids, [each.metadata for each in made], strict=True))
    assert storage.list_metadata(SESSION) == wanted
    assert list(storage.list_metadata(SESSION)) == ids
    damaged = Path(storage.checkpoint_path(ids[1]))
    damaged.chmod(0o600)
    damaged.write_bytes(b"{}")
    del wanted[ids[1]]
    assert open_store(tmp_path).list_metadata(SESSION) == wanted
    with pytest.raises(NotFoundError):
        storage.list_metadata(UUID(int=1))


def test_what_the_source_says_of_itself_is_as_it_was_imported_last(tmp_path: Path) -> None:
    """And what was set here stays."""
    storage = open_store(tmp_path)
    storage.import_session(request(1, source={"path": "old"}))
    storage.update_session(SESSION, UpdateSessionRequest(title="mine"))
    storage.import_session(request(1, title="theirs", source={"path": "new"}))
    found = storage.get_session(SESSION)
    assert (found.source, found.title) == ({"path": "new"}, "mine")
    before = snapshot(tmp_path)
    storage.import_session(request(1, source={"path": "new"}))
    storage.import_session(request(1))
    assert snapshot(tmp_path) == before


def test_an_import_that_makes_everything_again_changes_nothing(tmp_path: Path) -> None:
    storage = open_store(tmp_path)
    made = [noted(n) for n in range(3)]
    storage.import_session(request(0, checkpoints=as_needed(*made)))
    before = snapshot(tmp_path)
    again = storage.import_session(request(0, checkpoints=as_needed(*made, goes_on=False)))
    assert (again.new_checkpoints, again.total_checkpoints, again.branched) == (0, 3, False)
    assert snapshot(tmp_path) == before


def test_an_older_copy_of_a_source_that_was_written_anew_brings_nothing_back(tmp_path: Path) -> None:
    storage = open_store(tmp_path)
    made = [noted(n) for n in range(3)]
    anew = [*made[:2], noted(2, messages=[{"n": "another"}])]
    storage.import_session(request(0, checkpoints=as_needed(*made)))
    storage.import_session(request(0, checkpoints=as_needed(*anew, goes_on=False)))
    active = storage.get_active_checkpoint(SESSION)
    assert active.state.messages[-1] == {"n": "another"}
    before = snapshot(tmp_path)
    again = storage.import_session(request(0, checkpoints=as_needed(*made, goes_on=False)))
    assert (again.new_checkpoints, again.branched) == (0, False)
    assert [each.id for each in storage.get_session(SESSION).heads] == [active.id]
    assert snapshot(tmp_path) == before
