"""What can still be read of a checkpoint: every message outside of the gaps, each gap in its place."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock
from uuid import UUID

import pytest

from sessionfs import (
    Checkpoint,
    CorruptObjectError,
    CreateCheckpointRequest,
    CreateSessionRequest,
    FileStorage,
    Gap,
    IncompleteError,
    NotFoundError,
)
from sessionfs.fs import files
from sessionfs.models import Message
from sessionfs.store import chains

from ..effort import Counted, chosen
from ..store.helpers import overwrite
from .damage import open_store, said

APPENDS = 40
LARGE = 150
FILES = chosen(few=6, usual=20, everything=1000)


class History(NamedTuple):
    """A long session; ``needs`` has, by checkpoint, for each file the messages that it takes away."""

    root: Path
    session: UUID
    whole: dict[UUID, Checkpoint]
    own: dict[UUID, Path]
    needs: dict[UUID, dict[Path, range]]
    objects: list[Path]


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> History:
    root = tmp_path_factory.mktemp("partial") / "store"
    storage = open_store(root)
    with mock.patch.object(chains, "LARGE_MESSAGE", LARGE):
        made = storage.create_session(CreateSessionRequest("long", [said(0)]))
        session, ids = made.session_id, [made.checkpoint.id]
        for i in range(1, APPENDS):
            messages = [said(i, large=i % 7 == 3), said(100 + i)][: 1 + i % 2]
            ids.append(storage.append_messages(session, messages).id)
        for parent in (3, 17, 33):  # branches that keep a part of what they follow
            state = storage.get_checkpoint(ids[parent]).state.messages
            shorter: list[Message] = [*state[:-4], said(200 + parent, large=True), said(300 + parent)]
            request = CreateCheckpointRequest(shorter, parent_id=ids[parent])
            ids.append(storage.create_checkpoint(session, request).id)
            ids.append(storage.append_messages(session, [said(400 + parent)]).id)
    directory = Path(storage.session_path(session)) / "objects"
    records = {path: json.loads(path.read_bytes()) for path in directory.iterdir()}
    whole = {id_: storage.get_checkpoint(id_) for id_ in ids}
    own = {id_: Path(storage.checkpoint_path(id_)) for id_ in ids}
    needs = {id_: _taken(records, own[id_]) for id_ in ids}
    return History(root, session, whole, own, needs, sorted(records))


def _taken(records: dict[Path, Any], path: Path) -> dict[Path, range]:
    """Return which messages cannot be had without a file: of a base all that come through it."""
    taken: dict[Path, range] = {}
    shared = records[path]["count"]
    while True:
        record = records[path]
        taken[path] = range(shared)
        for i, element in enumerate(record["messages"], record["keep"]):
            if isinstance(element, str) and i < shared:
                taken[path.with_name(f"{element}.json")] = range(i, i + 1)
        shared = min(shared, record["keep"])
        if record["base"] is None:
            return taken
        path = path.with_name(f"{record['base']}.json")


def damaged(path: Path) -> None:
    overwrite(path, path.read_bytes()[:-1] + b"?")


def missing(path: Path) -> None:
    path.unlink()


def replaced(path: Path) -> None:
    """Bytes that are sound under another name."""
    other = next(each for each in sorted(path.parent.iterdir()) if each != path)
    overwrite(path, other.read_bytes())


def expected_parts(whole: Checkpoint, harmed: dict[Path, range]) -> tuple[list[Message], list[range]]:
    lost = sorted({i for gap in harmed.values() for i in gap})
    kept = [each for i, each in enumerate(whole.state.messages) if i not in lost]
    first = max((gap for gap in harmed.values() if gap.start == 0), key=len, default=range(0))
    gaps = [first] if first else []
    gaps += sorted(
        (gap for gap in harmed.values() if gap.start >= first.stop), key=lambda gap: gap.start
    )
    return kept, gaps


def check(long: History, storage: FileStorage, harmed: list[Path]) -> None:
    for id_, whole in long.whole.items():
        taken = {path: long.needs[id_][path] for path in harmed if path in long.needs[id_]}
        if long.own[id_] in taken:
            with pytest.raises((CorruptObjectError, NotFoundError)):
                storage.get_checkpoint(id_, partial=True)
            continue
        found = storage.get_checkpoint(id_, partial=True)
        kept, gaps = expected_parts(whole, taken)
        assert found.state.messages == kept
        assert found.state.metadata == whole.state.metadata
        assert [range(gap.start, gap.start + gap.count) for gap in found.gaps] == gaps
        for gap in found.gaps:
            assert taken[Path(gap.path)] == range(gap.start, gap.start + gap.count)
            assert Path(gap.path).name in gap.problem
        if not taken:
            assert found == whole == storage.get_checkpoint(id_)
            continue
        with pytest.raises((CorruptObjectError, IncompleteError)) as caught:
            storage.get_checkpoint(id_)
        assert isinstance(caught.value, CorruptObjectError | IncompleteError)
        path = Path(caught.value.path or "")
        assert path in taken
        # Whoever needs the file is named, as far as its own object is here to say so.
        needing = [each for each, files_ in long.needs.items() if path in files_]
        readable = [each for each in needing if long.own[each] not in harmed]
        assert set(caught.value.checkpoints) <= set(readable)
        if len(harmed) == 1:
            assert set(caught.value.checkpoints) == set(readable)


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_SETTLE_SECONDS", 0.0)


def test_of_an_undamaged_checkpoint_nothing_is_lacking(long: History) -> None:
    check(long, open_store(long.root), [])
    assert all(each.gaps == list[Gap]() for each in long.whole.values())


@pytest.mark.usefixtures("patience")
@pytest.mark.parametrize("harm", [damaged, missing, replaced])
def test_each_object(long: History, harm: Any, counted: Counted) -> None:
    rng = random.Random(harm.__name__)
    paths = rng.sample(long.objects, min(FILES, len(long.objects)))
    for path in paths:
        sound = path.read_bytes()
        harm(path)
        check(long, open_store(long.root), [path])
        restore(path, sound)
    counted("checkpoints read in parts", len(paths) * len(long.whole))


@pytest.mark.usefixtures("patience")
def test_several_objects(long: History, counted: Counted) -> None:
    rng = random.Random("several")
    for _ in range(FILES):
        paths = rng.sample(long.objects, rng.randrange(2, 5))
        sound = {path: path.read_bytes() for path in paths}
        for path in paths:
            rng.choice([damaged, missing])(path)
        check(long, open_store(long.root), paths)
        for path, data in sound.items():
            restore(path, data)
    counted("checkpoints read in parts", FILES * len(long.whole))


def restore(path: Path, data: bytes) -> None:
    path.unlink(missing_ok=True)
    path.write_bytes(data)
