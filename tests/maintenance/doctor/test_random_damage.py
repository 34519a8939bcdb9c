"""Random damage: with an intact copy all comes back, without one nothing that can be read is lost."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from ...effort import Counted, chosen
from .helpers import Store, answers, contents, write

ROUNDS = chosen(few=10, usual=60, everything=2000)
PARTS = 4

Harm = Callable[[random.Random, Path, Path], object]


def flip(chance: random.Random, path: Path, _: Path) -> None:
    data = bytearray(path.read_bytes())
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    write(path, bytes(data))


def swap(_: random.Random, path: Path, other: Path) -> None:
    one, two = path.read_bytes(), other.read_bytes()
    write(path, two)
    write(other, one)


def replace(make: Callable[[Path], object]) -> Harm:
    def harm(_: random.Random, path: Path, __: Path) -> None:
        path.unlink()
        make(path)

    return harm


HARMS: list[Harm] = [
    flip,
    swap,
    lambda chance, path, _: write(path, path.read_bytes()[: chance.randrange(path.stat().st_size)]),
    lambda _, path, __: write(path, b""),
    lambda _, path, __: write(path, path.read_bytes() + b"\r\n"),
    lambda _, path, __: write(path, b"\xef\xbb\xbf" + path.read_bytes()),
    lambda _, path, __: path.rename(f"{path}.sync-conflict-20260101-120000-ABCDEFG"),
    replace(lambda path: None),
    replace(Path.mkdir),
    replace(os.mkfifo),
    replace(lambda path: path.symlink_to("nothing")),
    replace(lambda path: path.symlink_to("/dev/null")),
]


def damage(chance: random.Random, store: Store) -> int:
    """Damage up to five files of the sessions in random ways."""
    files = [path for path in sorted((store.root / "sessions").rglob("*")) if path.is_file()]
    number = chance.randint(1, 5)
    chosen_files = chance.sample(files, number * 2)
    for path, other in zip(chosen_files[:number], chosen_files[number:], strict=True):
        harm = chance.choice(HARMS)
        harm(chance, path, other if other.is_file() else path)
    return number


@pytest.mark.parametrize("part", range(PARTS))
def test_random_damage(tmp_path: Path, counted: Counted, part: int) -> None:
    made = Store(tmp_path / "made")
    damaged = 0
    for seed in range(part, ROUNDS, PARTS):
        chance = random.Random(seed)
        shutil.copytree(made.root, tmp_path / "store")
        store = made.at(tmp_path / "store")
        damaged += damage(chance, store)
        if chance.random() < 0.5:
            _without_help(store, seed)
        else:
            _with_a_copy(store, made.root, seed)
        shutil.rmtree(store.root)
    counted("stores damaged at random and repaired", len(range(part, ROUNDS, PARTS)))
    counted("files damaged at random", damaged)


def _with_a_copy(store: Store, copy: Path, seed: int) -> None:
    before = contents(store.root)
    result = store.repair(copy, read_all=True)
    assert not before - contents(store.root), seed
    again = store.verify(read_all=True)
    assert again.sound, (seed, again.findings, result.findings)
    assert answers(store.open()) == store.whole, seed


def _without_help(store: Store, seed: int) -> None:
    before, readable = contents(store.root), store.readable()
    facts = _facts(store)
    store.repair(read_all=True)
    assert not before - contents(store.root), seed
    assert readable <= store.readable(), seed
    after = _facts(store)
    assert all(facts[id_] <= after[id_] for id_ in facts), seed
    done = [each for each in store.repair(read_all=True).findings if each.repaired]
    assert not done, (seed, done)


def _facts(store: Store) -> dict[UUID, int]:
    """Return for each session how much of what was set about it is known."""
    order = ["", "title", "newer title", "neighbour"]
    return {each.id: order.index(each.title) for each in store.open().list_sessions().sessions}
