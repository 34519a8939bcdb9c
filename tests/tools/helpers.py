"""Importing real files, and holding what is stored against the source."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID

from sessionfs import FileStorage, ImportSessionResult, tools
from sessionfs.tools import Problem

FIXTURES = Path(__file__).parent.parent / "fixtures"


def write_lines(path: Path, *records: Any) -> Path:
    """Write a JSON Lines file; a text is written as it is."""
    lines = [each if isinstance(each, str) else json.dumps(each) for each in records]
    path.write_text("".join(line + "\n" for line in lines))
    return path


def import_all(storage: FileStorage, path: Path) -> tuple[list[ImportSessionResult], list[Problem]]:
    results, problems = [], []
    for transcript in tools.read(path):
        results.append(storage.import_session(transcript.request))
        problems += transcript.problems
    return results, problems


def import_one(storage: FileStorage, path: Path) -> UUID:
    results, problems = import_all(storage, path)
    assert problems == []
    assert len(results) == 1
    return results[0].session_id


def messages_of(storage: FileStorage, session: UUID) -> list[Any]:
    return storage.get_active_checkpoint(session).state.messages


def restored(storage: FileStorage, session: UUID) -> list[tools.Line]:
    """Return the source's records as what is stored gives them back."""
    checkpoint = storage.get_active_checkpoint(session)
    messages: list[Any] = checkpoint.state.messages
    metadata = [checkpoint.state.metadata]
    while checkpoint.parent_id is not None:
        checkpoint = storage.get_checkpoint(checkpoint.parent_id)
        metadata.append(checkpoint.state.metadata)
    return tools.originals(messages, metadata)


def source_records(path: Path) -> list[str]:
    """Return the records of a JSON Lines file, each as JSON, so that key order counts."""
    return [json.dumps(json.loads(line)) for line in path.read_text().splitlines() if line.strip()]
