"""A machine with transcripts of every tool."""

from __future__ import annotations

import pytest

from ..command import Command
from ..samples import PROJECT, lay_out


@pytest.fixture
def machine(sessionfs: Command) -> Command:
    home = sessionfs.home
    lay_out(home / ".claude", home / ".codex", home / ".gemini", home / ".stakpak")
    # What lies beside: nothing was said in the one yet, and the other is of no known tool.
    (home / PROJECT / "empty.jsonl").touch()
    (home / ".gemini/tmp/garden/logs.json").write_text("[]")
    return sessionfs
