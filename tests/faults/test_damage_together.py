"""Several files damaged at once, each in a way of its own."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from sessionfs.fs import files

from ..effort import Counted, chosen
from .damage import Place, Store, labels
from .harms import CONTENTS, KINDS, contents
from .promises import read, write

pytestmark = pytest.mark.slow

SEED = 20_261_125
SHARDS = 4
COMBINATIONS = chosen(few=20, usual=40, everything=4000) // SHARDS

CHOSEN_TOGETHER = {
    "a base and a large message": ["first checkpoint 0", "first message 0"],
    "the active ref and its object": ["first active 1", "first checkpoint 2"],
    "both refs": ["first active 0", "first active 1"],
    "all facts": labels("meta"),
    "all refs": labels("meta", "active"),
    "all large messages": labels("message"),
    "all checkpoints": labels("checkpoint"),
    "everything": labels("checkpoint", "message", "meta", "active"),
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("damage") / "store")


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_SETTLE_SECONDS", 0.0)


def harm(store: Store, root: Path, place: Place, rng: random.Random) -> None:
    """Damage a file in some way that leaves none of its bytes as they should be."""
    path = place.below(root, store)
    other = next(each for each in sorted(place.path.parent.iterdir()) if each != place.path)
    if rng.random() < 0.5:
        KINDS[rng.choice(sorted(KINDS.keys() - {"a link to a FIFO"}))](path, other)
        return
    sound = path.read_bytes()
    while path.read_bytes() == sound:
        contents(CONTENTS[rng.choice(sorted(CONTENTS))], path, other)


def check(store: Store, directory: Path, together: list[str], rng: random.Random) -> None:
    root = store.copy(directory / "store")
    places = [store.places[label] for label in together]
    for place in places:
        harm(store, root, place, rng)
    harmed = frozenset(place.name for place in places if place.kind != "active")
    read(store, root, harmed)
    write(store, root, harmed)
    shutil.rmtree(root)


@pytest.mark.parametrize("together", CHOSEN_TOGETHER.values(), ids=CHOSEN_TOGETHER)
def test_chosen_together(store: Store, tmp_path: Path, together: list[str]) -> None:
    check(store, tmp_path, together, random.Random(f"{SEED} {together}"))


@pytest.mark.parametrize("shard", range(SHARDS))
def test_any_together(store: Store, tmp_path: Path, shard: int, counted: Counted) -> None:
    rng = random.Random(f"{SEED} {shard}")
    everything = labels("checkpoint", "message", "meta", "active")
    for _ in range(COMBINATIONS):
        check(store, tmp_path, rng.sample(everything, rng.randrange(2, 6)), rng)
    counted("damaged stores worked with", COMBINATIONS)
