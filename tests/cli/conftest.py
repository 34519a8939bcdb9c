"""The command in a home directory of its own, empty or with two sessions."""

from __future__ import annotations

from pathlib import Path

import pytest

from .command import CLAUDE, CODEX, Command


@pytest.fixture
def sessionfs(tmp_path: Path) -> Command:
    return Command(tmp_path)


@pytest.fixture
def imported(sessionfs: Command) -> Command:
    sessionfs("import", CLAUDE, CODEX)
    return sessionfs
