"""What the tests of watching share: watchers over a store, and a listener who believes events only."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from sessionfs import FileStorage, SessionSummary
from sessionfs.format.ids import hash12_of
from sessionfs.models.events import (
    ActiveChanged,
    CheckpointCreated,
    Event,
    SessionCreated,
    SessionDeleted,
    SessionUpdated,
)
from sessionfs.queries import listing
from sessionfs.store.session import SessionDirectory
from sessionfs.watch import Watcher
from sessionfs.watch.aio import AsyncWatcher

from ..internals import session_directory, store_root

REPOSITORY = Path(__file__).parents[2]
PATIENCE = 60.0
"""Seconds after which something that was to happen counts as not happening."""


def open_store(root: Path) -> FileStorage:
    return FileStorage(root, durability="relaxed", message_type=dict)


def list_afresh(root: Path) -> dict[UUID, SessionSummary]:
    """Return what the files say of each session."""
    ids = store_root(root).session_ids()
    looks = (listing.session_summary(session_directory(root, session)) for session in ids)
    return {summary.id: summary for summary in looks if summary is not None}


def arguments(root: Path) -> tuple[str, Callable[[UUID], SessionDirectory], Callable[[], list[UUID]]]:
    return str(root), partial(session_directory, root), store_root(root).session_ids


def watch(
    root: Path,
    *,
    baseline: Callable[[], Iterable[SessionSummary]] | None = None,
    relist_seconds: float = 3600.0,
    notify: bool = True,
) -> Watcher:
    """Watch a store; unless told otherwise nothing but notices finds a change."""
    return Watcher(*arguments(root), baseline=baseline, relist_seconds=relist_seconds, notify=notify)


def watch_async(root: Path, **options: Any) -> AsyncWatcher:
    return AsyncWatcher(*arguments(root), **{"relist_seconds": 3600.0, **options})


def listening(watcher: Watcher) -> Watcher:
    """Wait until notices are received, whatever was changed before."""
    eventually(lambda: watcher.changed_since_last_call() is not None)
    return watcher


def eventually(holds: Callable[[], object]) -> None:
    """Wait until something is so."""
    patience = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < patience, "it has not come to be"
        time.sleep(0.01)


class Replay:
    """Believes events, and what was here before the first one.

    Each is checked to follow from what was told before.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.sessions = list_afresh(root)
        self.active = {id_: each.active_checkpoint_id for id_, each in self.sessions.items()}
        self.created: dict[UUID, set[UUID]] = {}
        self.before = set(self.sessions)
        self.events: list[Event] = []

    def apply(self, event: Event) -> None:
        self.events.append(event)
        session = event.session_id
        match event:
            case SessionCreated():
                assert session not in self.sessions
                self.active[session], self.created[session] = None, set()
                self.before.discard(session)
                self.sessions[session] = event.session
            case CheckpointCreated(checkpoint=checkpoint):
                assert checkpoint.session_id == session
                assert session in self.sessions
                self.created.setdefault(session, set()).add(checkpoint.id)
            case ActiveChanged(previous=previous, active=active):
                assert previous == self.active[session] != active
                assert active in self.created.get(session, ()) or session in self.before
                self.active[session] = active
            case SessionUpdated():
                assert self.sessions[session] != event.session
                self.sessions[session] = event.session
            case SessionDeleted(removed=True):
                assert self.sessions.pop(session) == event.session
                self.before.discard(session)
                del self.active[session]
                self.created.pop(session, None)
            case SessionDeleted():
                self.sessions[session] = event.session

    def is_right(self) -> bool:
        """Tell whether what was told is what the files say."""
        now = list_afresh(self.root)
        return self.sessions == now and all(
            each.active_checkpoint_id in (None, self.active[id_]) for id_, each in now.items()
        )

    def settle(self, watcher: Watcher) -> list[Event]:
        """Take events until all is told that the files say; return those that were new."""
        taken = len(self.events)
        patience = time.monotonic() + PATIENCE
        while True:
            event = watcher.next_event(0.05)
            if event is not None:
                self.apply(event)
            elif self.is_right():
                return self.events[taken:]
            assert time.monotonic() < patience, (self.sessions, list_afresh(self.root))


def kinds(events: Iterable[Event]) -> list[type[Event]]:
    return [type(event) for event in events]


def run(code: str, *args: object, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a program in another process; one that does not end is a failure."""
    command = [sys.executable, "-c", code, *map(str, args)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=PATIENCE)
    assert not check or done.returncode == 0, done.stderr
    return done


def refuse() -> list[SessionSummary]:
    """Give no baseline."""
    raise ZeroDivisionError


def object_of(root: Path, session: UUID, checkpoint: UUID) -> Path:
    (found,) = (root / "sessions" / str(session) / "objects").glob(hash12_of(checkpoint) + "*.json")
    return found
