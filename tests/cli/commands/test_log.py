"""``sessionfs log``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sessionfs import (
    FileStorage,
)

from ..command import Command


def test_log_of_a_session_without_checkpoints_says_what_is_missing(imported: Command) -> None:
    directory = Path(imported("path", "6f1c").strip())
    for file in (directory / "objects").iterdir():
        file.unlink()
    done = imported.run("log", "6f1c")
    assert (done.returncode, done.stdout) == (1, "")
    assert "is missing (not synced yet, or deleted)" in done.stderr
    assert imported.json("log", "6f1c", code=1)["code"] == "incomplete"


def test_log_reads_few_of_the_messages_of_a_long_session(
    imported: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    sound = FileStorage.list_checkpoints

    def counting(*arguments: Any) -> Any:
        result = sound(*arguments)
        read.extend(each.message_count for each in result.checkpoints if each.state is not None)
        return result

    monkeypatch.setattr(FileStorage, "list_checkpoints", counting)
    long = imported.home / "long.jsonl"
    record = {"type": "user", "message": {"role": "user", "content": "x"}}
    answer = {"type": "assistant", "message": {"role": "assistant", "content": "y"}}
    long.write_text((json.dumps(record) + "\n" + json.dumps(answer) + "\n") * 600)
    imported("import", "--relaxed", long)
    done = imported.run("log", "x")
    assert 1_000 < sum(read) <= 10_000
    assert "50 long checkpoints" not in done.stderr
    assert "texts of" in done.stderr
