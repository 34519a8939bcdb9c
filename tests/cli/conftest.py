"""The command in a home directory of its own, empty or with two sessions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sessionfs import CreateSessionRequest, FileStorage

from .command import CLAUDE, CODEX, Command
from .samples import TITLES, user


@pytest.fixture
def sessionfs(tmp_path: Path) -> Command:
    return Command(tmp_path)


@pytest.fixture
def imported(sessionfs: Command) -> Command:
    sessionfs("import", CLAUDE, CODEX)
    return sessionfs


@pytest.fixture
def odd(tmp_path: Path) -> Command:
    """A store of titles that are long, wide, or empty, and of results and calls without line ends."""
    command = Command(tmp_path)
    storage = FileStorage(tmp_path / ".sessionfs")
    for title in TITLES:
        storage.create_session(CreateSessionRequest(title, [user("🌱 題 " * 40)]))
    function = {"name": "tool_" * 20, "arguments": '{"a":"' + "y" * 900 + '"}'}
    messages: list[Any] = [
        user("Do it"),
        {"role": "assistant", "tool_calls": [{"id": "1", "type": "function", "function": function}]},
        {"role": "tool", "tool_call_id": "1", "content": f"{'z' * 5000}\n" + "line\n" * 3},
    ]
    cwd = f"{tmp_path}/a\nb"
    made = storage.create_session(CreateSessionRequest("tools", messages, cwd=cwd))
    storage.fork_session(made.session_id, title="fork")
    return command
