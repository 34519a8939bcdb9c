"""Machines for each test, and the commands of ``spec/guide/sync.md`` to run on them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from . import scenarios
from .instructions import BLOCKS
from .machines import Machine, Machines

ROOM = 500_000_000
"""Bytes that have to be free for stores in memory."""


class Follow(Protocol):
    """Runs what ``spec/guide/sync.md`` says, as in ``follow("rsync: both ways", laptop)``."""

    def __call__(
        self, key: str, machine: Machine, *, ends: tuple[int, ...] = (0,), **variables: str
    ) -> str:
        """Run a block on a machine, with the shell variables that it uses; return what it prints.

        It ends with one of these exit codes.
        """


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "scenario(told): what a test with a real tool shows")


def pytest_itemcollected(item: pytest.Item) -> None:
    told = scenarios.of(item)
    if told is not None:
        item.user_properties.append((scenarios.PROPERTY, scenarios.row(told)))


@pytest.fixture
def machines(tmp_path: Path) -> Machines:
    return Machines(tmp_path)


@pytest.fixture
def many_files(tmp_path: Path) -> Iterator[Machines]:
    """Machines for stores that a disk would take minutes to remove, in memory where there is room."""
    memory = Path("/dev/shm")
    if not (os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ROOM):
        yield Machines(tmp_path)
        return
    with tempfile.TemporaryDirectory(dir=memory) as directory:
        yield Machines(Path(directory))


@pytest.fixture
def follow(request: pytest.FixtureRequest) -> Iterator[Follow]:
    """Run commands of the document; a scenario runs all that it says it follows, and no others."""
    told = scenarios.of(request.node)
    assert told is not None, "only a scenario follows instructions"
    done: set[str] = set()

    def run(key: str, machine: Machine, *, ends: tuple[int, ...] = (0,), **variables: str) -> str:
        done.add(key)
        ended = machine.tried(BLOCKS[key], **variables)
        assert ended.returncode in ends, f"{BLOCKS[key]}\n{ended.stdout}{ended.stderr}"
        return ended.stdout

    yield run
    assert done == set(told.follows)
