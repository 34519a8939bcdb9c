"""Sessions and transcripts that the tests of several commands use."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from sessionfs import CreateSessionRequest, FileStorage

from ..tools.test_stakpak import checkpoint, database, message
from .command import CLAUDE, CLAUDE_ID, CODEX, FIXTURES, Command

PROJECT = Path(".claude/projects/-home-ana-garden")
"""Where Claude Code keeps the sessions of a project, below the home directory."""

TITLES = ("題名" * 100, "T" * 300, "Words of a title " * 20, "")
"""Titles that are long, wide, or empty."""


def make(command: Command, title: str, messages: list[Any]) -> str:
    storage = FileStorage(command.home / ".sessionfs")
    return str(storage.create_session(CreateSessionRequest(title, messages)).session_id)


def lay_out(claude: Path, codex: Path, gemini: Path, stakpak: Path) -> None:
    """Lay transcripts out as the tools do, below these directories."""
    for source, target in (
        (CLAUDE, claude / "projects" / "-home-ana-garden" / f"{CLAUDE_ID}.jsonl"),
        (CODEX, codex / "sessions" / "2026" / "04" / "10" / "rollout-2026-04-10T08-00-00-x.jsonl"),
        (CODEX, codex / "archived_sessions" / "rollout-2026-04-10T08-00-00-x.jsonl"),
        (FIXTURES / "gemini.json", gemini / "tmp" / "3f0a9b" / "chats" / "session-a.json"),
        (FIXTURES / "gemini.jsonl", gemini / "tmp" / "garden" / "chats" / "session-b.jsonl"),
    ):
        target.parent.mkdir(parents=True)
        shutil.copy(source, target)
    (stakpak / "data").mkdir(parents=True)
    database(stakpak / "data" / "local.db", checkpoint(1, None, {"messages": [message("hello")]}))


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}
