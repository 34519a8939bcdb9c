"""Random histories: whoever believes the events knows what the files say."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sessionfs import CreateSessionRequest, ListCheckpointsQuery, UpdateSessionRequest

from .helpers import Replay, listening, open_store, watch

pytestmark = [pytest.mark.slow, pytest.mark.once]


class Place(NamedTuple):
    root: Path
    outside: Path

    def session(self, n: int) -> Path | None:
        found = sorted((self.root / "sessions").glob("*-*-*-*-*"))
        return found[n % len(found)] if found else None

    def file(self, n: int, inside: str) -> Path | None:
        session = self.session(n)
        found = sorted((session / inside).glob("*")) if session else []
        return found[n % len(found)] if found else None


def create(place: Place, n: int) -> None:
    large = {"large": "x" * 70_000} if n % 3 == 0 else {"n": n}
    open_store(place.root).create_session(CreateSessionRequest(f"session {n}", [large]))


def change(place: Place, n: int) -> None:
    """Do what the interface allows to a session, if it is whole enough for it."""
    session, storage = place.session(n), open_store(place.root)
    listed = storage.list_sessions().sessions
    if session is None or not listed:
        return
    summary = listed[n % len(listed)]
    if summary.problem is not None:
        return
    checkpoints = storage.list_checkpoints(summary.id, ListCheckpointsQuery(limit=1000)).checkpoints
    whole = [each for each in checkpoints if each.problem is None]
    match n % 6:
        case 0 | 1:
            storage.append_messages(summary.id, [{"n": n}])
        case 2 if whole:
            storage.set_active_checkpoint(summary.id, whole[n % len(whole)].id)
        case 3:
            storage.update_session(summary.id, UpdateSessionRequest(title=f"title {n}"))
        case 4:
            storage.delete_session(summary.id)
        case 5:
            storage.restore_session(summary.id)


def remove(place: Place, n: int) -> None:
    session = place.session(n)
    if session is not None:
        shutil.rmtree(session)


def move_away(place: Place, n: int) -> None:
    session = place.session(n)
    if session is not None and not (place.outside / session.name).exists():
        os.rename(session, place.outside / session.name)


def bring_back(place: Place, n: int) -> None:
    found = sorted(place.outside.glob("*-*-*-*"))
    if found:
        target = place.root / "sessions" / found[n % len(found)].name
        if target.exists():
            shutil.copytree(found[n % len(found)], target, dirs_exist_ok=True, copy_function=copy_new)
        else:
            os.rename(found[n % len(found)], target)


def copy_new(source: str, target: str) -> None:
    if not os.path.exists(target):
        shutil.copy2(source, target)


def hide(place: Place, n: int) -> None:
    """Take a file away as a sync does that has not brought it yet."""
    path = place.file(n, "refs" if n % 2 else "objects")
    if path is not None and not path.name.endswith(".hidden"):
        os.rename(path, f"{path}.hidden")


def show(place: Place, n: int) -> None:
    hidden = sorted((place.root / "sessions").glob("*/*/*.hidden"))
    if hidden:
        os.rename(hidden[n % len(hidden)], str(hidden[n % len(hidden)]).removesuffix(".hidden"))


def damage(place: Place, n: int) -> None:
    path = place.file(n, "refs" if n % 2 else "objects")
    if path is not None:
        path.chmod(0o600)
        with path.open("ab") as file:
            file.write(b" ")


def repair(place: Place, n: int) -> None:
    path = place.file(n, "refs" if n % 2 else "objects")
    if path is not None and path.read_bytes().endswith(b" "):
        path.chmod(0o600)
        path.write_bytes(path.read_bytes().rstrip(b" "))


def foreign(place: Place, n: int) -> None:
    session = place.session(n)
    inside = ("", "sessions", *(f"sessions/{session.name}/{each}" for each in ("refs", "") if session))
    (place.root / inside[n % len(inside)] / f"foreign {n}").write_bytes(b"")


ACTIONS = [change, change, change, create, remove, move_away, bring_back, hide, show, damage, repair]
ACTIONS.append(foreign)
HISTORIES = st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 100)), min_size=1, max_size=25)
Action = Callable[[Place, int], None]


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(before=HISTORIES, after=HISTORIES, taken_after=st.sets(st.integers(0, 25)))
def test_events_add_up_to_a_listing(
    before: list[tuple[Action, int]], after: list[tuple[Action, int]], taken_after: set[int]
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        place = Place(Path(directory, "store"), Path(directory, "outside"))
        (place.root / "sessions").mkdir(parents=True)
        place.outside.mkdir()
        create(place, 1)
        for action, n in before:
            action(place, n)
        replay = Replay(place.root)
        with listening(watch(place.root, relist_seconds=1.0)) as watcher:
            for step, (action, n) in enumerate(after):
                action(place, n)
                if step in taken_after:
                    replay.settle(watcher)
            replay.settle(watcher)
