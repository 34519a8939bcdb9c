"""Files damaged while a storage is open: what it holds in memory does not stand in for the disk.

What is acknowledged has to be readable for others, who have nothing in memory.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from sessionfs import CorruptObjectError, CreateCheckpointRequest, FileStorage, SessionStatus
from sessionfs.fs import files

from ..store.helpers import overwrite
from .damage import Store, open_store, said
from .harms import KINDS

NEEDED = "first checkpoint 0"
"""A base of the active checkpoint."""


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr(files, "_SETTLE_SECONDS", 0.0)
    store = Store(tmp_path / "store")
    assert store.told[store.first].active.checkpoint.state.messages[0] == said(0)
    return store


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    overwrite(path, bytes(data))


def replace(path: Path) -> None:
    """Bring other bytes as a sync tool does: beside, with the times of its source, then renamed."""
    times, arriving = path.stat(), path.with_name("arriving")
    arriving.write_bytes(path.read_bytes()[:-1] + b" ")
    os.utime(arriving, ns=(times.st_atime_ns, times.st_mtime_ns))
    arriving.replace(path)


def of_kind(kind: str) -> Callable[[Path], object]:
    return lambda path: KINDS[kind](path, path)


HARM: dict[str, Callable[[Path], object]] = {"flipped": flip, "replaced": replace}
HARM |= {kind: of_kind(kind) for kind in KINDS if kind != "a link to another"}


def read_before(store: Store) -> tuple[FileStorage, UUID, Path]:
    storage = open_store(store.root)
    storage.get_session(store.first)
    return storage, store.first, store.places[NEEDED].path


@pytest.mark.parametrize("harm", HARM.values(), ids=HARM)
def test_nothing_is_built_on_what_is_damaged_since(
    store: Store, harm: Callable[[Path], object]
) -> None:
    storage, session, path = read_before(store)
    before = sorted(path.parent.iterdir())
    harm(path)
    attempts: list[Callable[[], object]] = [
        lambda: storage.append_messages(session, [said(94)]),
        lambda: storage.get_active_checkpoint(session),
        lambda: storage.fork_session(session),
    ]
    for attempt in attempts:
        with pytest.raises(CorruptObjectError, match=path.name):
            attempt()
    assert sorted(each for each in path.parent.iterdir() if each.suffix == ".json") == before


@pytest.mark.parametrize("harm", HARM.values(), ids=HARM)
def test_a_whole_state_does_not_share_what_is_damaged_since(
    store: Store, harm: Callable[[Path], object]
) -> None:
    """The state is in hand: all of it is stored, and others can read it."""
    storage, session, path = read_before(store)
    state = [*store.told[session].active.checkpoint.state.messages, said(94)]
    harm(path)
    for parent in (None, store.told[session].active.checkpoint.id):
        made = storage.create_checkpoint(session, CreateCheckpointRequest(state, parent_id=parent))
        assert made.state.messages == state
        assert open_store(store.root).get_active_checkpoint(session) == made


def test_what_was_damaged_and_is_mended_is_read_again(store: Store) -> None:
    storage, session, path = read_before(store)
    sound = path.read_bytes()
    flip(path)
    with pytest.raises(CorruptObjectError):
        storage.get_session(session)
    overwrite(path, sound)
    assert storage.get_session(session) == store.told[session].session


def test_a_status_wins_over_a_damaged_record_that_is_mended_later(store: Store) -> None:
    """What a person asked for must not be undone because it looked as if it were so already."""
    storage, session = open_store(store.root), store.first
    storage.delete_session(session)
    storage.restore_session(session)
    latest = max((store.root / "sessions" / str(session) / "refs").glob("meta.*"))
    sound = latest.read_bytes()
    flip(latest)
    assert storage.get_session(session).status is SessionStatus.DELETED
    storage.delete_session(session)
    overwrite(latest, sound)
    assert storage.get_session(session).status is SessionStatus.DELETED
