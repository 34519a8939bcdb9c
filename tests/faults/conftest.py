"""The processes and stores that the tests of faults work with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .forks import Forks
from .stage import Stage
from .tracing import require_tracing


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    with Forks("tests.faults.steps:warm_up") as started:
        yield started


@pytest.fixture(scope="session")
def traceable(forks: Forks) -> Forks:
    """Forks into whose system calls faults can be put."""
    require_tracing(forks)
    return forks


@pytest.fixture
def stage(forks: Forks, tmp_path: Path) -> Stage:
    return Stage(forks, tmp_path)
