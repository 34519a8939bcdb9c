"""Meta and purge records to facts: the package and the reference reader against the vectors."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from sessionfs import FileStorage
from sessionfs.format.timestamps import to_rfc3339

from .support import Case, case_id, reference_reader, vectors

READER = reference_reader()


@pytest.mark.parametrize("case", vectors("fold", "folds"), ids=case_id)
def test_fold(case: Case, tmp_path: Path) -> None:
    directory = tmp_path / "sessions" / case["session"]
    for name in ("objects", "refs"):
        (directory / name).mkdir(parents=True)
    for text in case["records"]:
        record, sha256 = json.loads(text), hashlib.sha256(text.encode()).hexdigest()
        kind, at = record["kind"], record["at"]
        name = f"refs/{kind}.{at}-{sha256[:12]}.json"
        name = f"objects/{sha256}.json" if kind == "checkpoint" else name
        (directory / name).write_bytes(text.encode())
    (summary,) = FileStorage(tmp_path).list_sessions().sessions
    assert {
        "title": summary.title,
        "visibility": summary.visibility,
        "status": summary.status,
        "cwd": summary.cwd,
        "created_at": to_rfc3339(summary.created_at),
    } == case["facts"]
    assert READER.Session(str(tmp_path), case["session"]).facts() == case["facts"]
