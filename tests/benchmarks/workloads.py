"""What is written in every store alike: turns, images, and how often each thing is done."""

from __future__ import annotations

import base64
import random
from typing import Any, NamedTuple

import msgspec

from tests.benchmarks import stores

Turn = list[dict[str, Any]]
"""The messages of a turn: user, assistant with a tool call, tool result, assistant."""

LENGTHS = (10, 100, 1_000, 5_000)
MILESTONES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000)
"""Turns after which the bytes on disk are counted."""

PROCESSES = 8


class Effort(NamedTuple):
    """How much is done.

    Attributes:
        name: what the tables call it.
        rounds: writes at each of the lengths.
        passes: that these are parted into.
        whole: turns of the session that every store writes from its first turn on.
        openings: of the newest and of a random checkpoint.
        sessions: of 5 turns each, in one store.
        images: of 2 MB each, in one session.
        starts: new processes that resume a session.
        runs: of the processes that write at once, and of those whose memory is looked at.
        turns_each: that each of them writes.
        budget: seconds after which a store that is slow sits out what is left of the rounds.
        left_out: stores that are too slow to prepare a session of the greatest length for.

    """

    name: str
    rounds: dict[int, int]
    passes: int
    whole: int
    openings: int
    sessions: int
    images: int
    starts: int
    runs: int
    turns_each: int
    budget: float
    left_out: tuple[str, ...] = ()


QUICK = Effort(
    "quick",
    rounds={10: 20, 100: 20, 1_000: 20, 5_000: 5},
    passes=2,
    whole=100,
    openings=8,
    sessions=200,
    images=4,
    starts=3,
    runs=1,
    turns_each=10,
    budget=1,
    left_out=("Strands FileSessionManager", "Strands snapshots"),
)
FULL = Effort(
    "full",
    rounds={10: 200, 100: 200, 1_000: 200, 5_000: 100},
    passes=5,
    whole=1_000,
    openings=30,
    sessions=10_000,
    images=50,
    starts=20,
    runs=3,
    turns_each=100,
    budget=15,
)


def turns(number: int) -> list[Turn]:
    """Return so many turns of about 2.7 KB of text, the same ones every time."""
    rng = random.Random(stores.SEED)
    words = stores.Words(rng)
    return [stores.turn(words, rng, i, None) for i in range(number)]


def image_turns(number: int) -> list[Turn]:
    """Return turns in which the user shows an image of 2 MB, and the assistant answers."""
    rng = random.Random(stores.SEED)
    made: list[Turn] = []
    for i in range(number):
        url = "data:image/png;base64," + base64.b64encode(rng.randbytes(2_000_000)).decode()
        parts = [
            {"type": "text", "text": f"What is on image {i}?"},
            {"type": "image_url", "image_url": {"url": url}},
        ]
        answer = {"role": "assistant", "content": f"Noise, as on the {i} before."}
        made.append([{"role": "user", "content": parts}, answer])
    return made


def raw(turn: Turn) -> bytes:
    """Return a turn as JSON: what it is to be written at least."""
    return msgspec.json.encode(turn)
