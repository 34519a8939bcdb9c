"""Which base a checkpoint gets: the package against the vectors."""

from __future__ import annotations

import json
from math import ceil, log
from typing import Any, cast

import pytest

from sessionfs.format import records
from sessionfs.format.records import CheckpointObject
from sessionfs.store import chains, graph
from sessionfs.store.objects import Objects

from .support import SPEC, Case, case_id, vectors

CHAINS = vectors("bases", "chains")


class _Memory:
    """Objects without files, as far as opening a chain needs them."""

    def __init__(self) -> None:
        self.found: dict[str, CheckpointObject] = {}

    def held(self, sha: str) -> dict[str, CheckpointObject]:
        return {}

    def checkpoint(self, sha: str) -> CheckpointObject:
        return self.found[sha]

    def add(self, checkpoint: CheckpointObject) -> str:
        sha = records.sha256(records.encode_checkpoint("s", checkpoint))
        self.found[sha] = checkpoint
        return sha


@pytest.mark.parametrize("case", CHAINS, ids=case_id)
def test_bases(case: Case) -> None:
    columns = json.loads((SPEC / "vectors/bases.json").read_bytes())["columns"]
    memory, hashes, fresh = _Memory(), list[str](), 0
    objects = cast("Objects", memory)
    for number, step in enumerate(case["steps"]):
        row: dict[str, Any] = dict(zip(columns, step, strict=True))
        onto = None if row["on"] is None else graph.open_chain(objects, hashes[row["on"]])
        before = chains.elements(onto) if onto else []
        state = before[: len(before) - row["drop"]]
        state += [b'{"n":%d}' % n for n in range(fresh, fresh + row["add"])]
        fresh += row["add"]
        common = chains.common_prefix(chains.elements(onto), state) if onto else 0
        made = chains.build(
            onto=onto,
            parent=None if row["on"] is None else hashes[row["on"]],
            at=f"20261122T{number:012}Z",
            added=state[common:],
            common=common,
            metadata=None,
            limit=1 << 30,
        )
        hashes.append(memory.add(made))
        base = None if row["base"] is None else hashes[row["base"]]
        assert (made.depth, made.base, made.keep) == (row["depth"], base, row["keep"])
        assert chains.elements(graph.open_chain(objects, hashes[-1])) == state


def test_chains_of_appends_are_as_short_as_the_prose_says() -> None:
    steps = CHAINS[0]["steps"]
    lengths: list[int] = []
    for depth, step in enumerate(steps):
        lengths.append(1 if step[4] is None else 1 + lengths[step[4]])
        assert lengths[-1] <= 15 * ceil(log(depth + 1, 16)) + 1
    assert len(steps) > 256
    assert {step[4] for step in steps if step[3] in (16, 256)} == {0}
