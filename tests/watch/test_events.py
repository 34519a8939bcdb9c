"""Each kind of event, for changes made in this process, in another one, and by rsync."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from sessionfs import CheckpointSummary, SessionStatus, SessionSummary, SessionVisibility
from sessionfs.models.events import (
    ActiveChanged,
    CheckpointCreated,
    Event,
    SessionCreated,
    SessionDeleted,
    SessionUpdated,
)

from .helpers import PATIENCE, Replay, kinds, listening, refuse, watch
from .writer import Do, elsewhere, here, synced

WRITERS = [
    pytest.param(here, id="here"),
    pytest.param(elsewhere, id="elsewhere"),
    pytest.param(
        synced,
        id="rsync",
        marks=pytest.mark.skipif(not shutil.which("rsync"), reason="rsync is not installed"),
    ),
]


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("notify", [True, False], ids=["notices", "no notices"])
def test_every_kind_of_event(tmp_path: Path, writer: Callable[[Path], Do], notify: bool) -> None:
    root = tmp_path / "store"
    do, replay = writer(root), Replay(root)
    relist_seconds = 3600.0 if notify else 0.05
    with watch(root, notify=notify, relist_seconds=relist_seconds) as watcher:

        def told() -> list[Event]:
            return replay.settle(watcher)

        session = do("create", "first")
        events = told()
        assert isinstance(events[0], SessionCreated)
        (made,) = (event for event in events if isinstance(event, CheckpointCreated))
        (active,) = (event for event in events if isinstance(event, ActiveChanged))
        assert (active.previous, active.active) == (None, made.checkpoint.id)
        assert events.index(made) < events.index(active)
        first = made.checkpoint.id

        second = do("append", session)
        events = told()
        assert kinds(events) == [CheckpointCreated, ActiveChanged, SessionUpdated]
        assert events[0].checkpoint.id == second  # type: ignore[union-attr]
        assert events[0].checkpoint.message_count == 2  # type: ignore[union-attr]
        assert events[1] == ActiveChanged(session, first, second)
        assert events[2].session.message_count == 2  # type: ignore[union-attr]

        do("rewind", session, first)
        events = told()
        # A look in the middle of it sees the second as a head, before the record that it was left.
        assert events[0] == ActiveChanged(session, second, first)
        assert set(kinds(events[1:])) == {SessionUpdated}

        do("rename", session)
        events = told()
        assert kinds(events) == [SessionUpdated]
        assert events[0].session.title == "renamed"  # type: ignore[union-attr]

        do("delete", session)
        events = told()
        assert kinds(events) == [SessionDeleted]
        assert events[0].removed is False  # type: ignore[union-attr]
        assert events[0].session.status is SessionStatus.DELETED  # type: ignore[union-attr]

        do("append", session)
        assert kinds(told()) == [CheckpointCreated, ActiveChanged, SessionUpdated]

        do("restore", session)
        events = told()
        assert kinds(events) == [SessionUpdated]
        assert events[0].session.status is SessionStatus.ACTIVE  # type: ignore[union-attr]

        other = do("create", "second")
        assert {event.session_id for event in told()} == {other}

        do("remove", session)
        events = told()
        assert isinstance(events[-1], SessionDeleted)
        assert events[-1].removed is True
        assert events[-1].session_id == session
        assert replay.sessions.keys() == {other}


def test_what_was_here_before_is_known(tmp_path: Path) -> None:
    do = here(tmp_path)
    session = do("create", "first")
    second = do("append", session)
    replay = Replay(tmp_path)
    with listening(watch(tmp_path)) as watcher:
        third = do("append", session)
        events = replay.settle(watcher)
    assert events[1] == ActiveChanged(session, second, third)
    assert kinds(events) == [CheckpointCreated, ActiveChanged, SessionUpdated]


def test_with_a_baseline_no_session_is_read(tmp_path: Path) -> None:
    do = here(tmp_path)
    sessions = [do("create", str(n)) for n in range(5)]
    replay = Replay(tmp_path)
    asked = []

    def baseline() -> list[SessionSummary]:
        asked.append(1)
        return list(replay.sessions.values())

    with watch(tmp_path, baseline=baseline) as watcher:
        for session in sessions:
            do("append", session)
        events = replay.settle(watcher)
    assert kinds(events).count(SessionCreated) == 0
    assert kinds(events).count(CheckpointCreated) == 5
    assert asked == [1]


def test_what_changes_while_the_baseline_is_made_is_told(tmp_path: Path) -> None:
    do = here(tmp_path)
    old, gone = do("create", "old"), do("create", "gone")
    replay = Replay(tmp_path)

    def baseline() -> list[SessionSummary]:
        before = list(replay.sessions.values())
        do("append", old)
        do("remove", gone)
        do("create", "new")
        return before

    with watch(tmp_path, baseline=baseline, notify=False) as watcher:
        events = replay.settle(watcher)
    assert {SessionCreated, ActiveChanged, SessionDeleted} <= {*kinds(events)}
    assert len(replay.sessions) == 2


def test_a_baseline_that_fails_fails_the_watch(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        watch(tmp_path, baseline=refuse)


def test_events_are_json() -> None:
    id_, moment = uuid.uuid4(), datetime(2026, 1, 2, 3, 4, 5, 6, UTC)
    session = SessionSummary(
        id_, "t", SessionVisibility.PRIVATE, SessionStatus.ACTIVE, None, moment, moment, 1, id_, moment
    )
    checkpoint = CheckpointSummary(id_, id_, None, 1, moment, moment)
    events: dict[str, Event] = {
        "session_created": SessionCreated(id_, session),
        "session_updated": SessionUpdated(id_, session),
        "checkpoint_created": CheckpointCreated(id_, checkpoint),
        "active_changed": ActiveChanged(id_, None, id_),
        "session_deleted": SessionDeleted(id_, session, removed=True),
    }
    for kind, event in events.items():
        told = msgspec.json.decode(msgspec.json.encode(event))
        assert (told.pop("event"), told.pop("session_id")) == (kind, str(id_))
        assert told.keys() == {*event.__struct_fields__} - {"session_id"}


def test_who_changes_an_event_changes_nothing_else(tmp_path: Path) -> None:
    do = here(tmp_path)
    with watch(tmp_path) as watcher:
        session = do("create", "title")
        event = watcher.next_event(PATIENCE)
        assert isinstance(event, SessionCreated)
        event.session.title = "mine"
        do("remove", session)
        while not isinstance(event, SessionDeleted):
            event = watcher.next_event(PATIENCE)
        assert event.session.title == "title"
