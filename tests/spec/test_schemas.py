"""The schemas: they accept what is valid and reject what they can express."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from sessionfs import (
    CreateCheckpointRequest,
    CreateSessionRequest,
    FileStorage,
    SessionVisibility,
    UpdateSessionRequest,
)

from .support import SPEC, Case, case_bytes, case_id, vectors

KINDS = ("checkpoint", "message", "meta", "purge", "store")
SCHEMAS: dict[str, Any] = {
    kind: json.loads((SPEC / "schema" / f"{kind}.json").read_bytes()) for kind in KINDS
}
RECORDS = vectors("records", "records")


def _accepts(kind: str, data: bytes) -> bool:
    return bool(Draft202012Validator(SCHEMAS[kind]).is_valid(json.loads(data.decode())))


@pytest.mark.parametrize("kind", KINDS)
def test_schemas_are_sound(kind: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[kind])


@pytest.mark.parametrize("case", [c for c in RECORDS if c.get("schema", True)], ids=case_id)
def test_schema_says_what_the_vector_says(case: Case) -> None:
    assert _accepts(case["kind"], case_bytes(case)) == case["valid"]


@pytest.mark.parametrize("case", [c for c in RECORDS if not c.get("schema", True)], ids=case_id)
def test_only_prose_can_reject_what_is_marked_so(case: Case) -> None:
    try:
        accepted = _accepts(case["kind"], case_bytes(case))
    except (ValueError, RecursionError):
        return  # no JSON that a schema could look at
    assert accepted
    assert not case["valid"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_valid_and_invalid_vectors(kind: str) -> None:
    verdicts = [case["valid"] for case in RECORDS if case["kind"] == kind]
    assert verdicts.count(True) >= 3
    assert verdicts.count(False) >= 10


def test_there_are_vectors_of_no_other_kind_and_no_name_twice() -> None:
    assert {case["kind"] for case in RECORDS} == set(KINDS)
    assert len({case_id(case) for case in RECORDS}) == len(RECORDS)


@pytest.mark.parametrize("text", ["\n", "x", "0"])
@pytest.mark.parametrize("field", ["session", "at", "parent", "after"])
def test_patterns_allow_nothing_after_the_end(field: str, text: str) -> None:
    case = next(case for case in RECORDS if case["name"] == "a parent, and after")
    record = json.loads(case_bytes(case))
    assert _accepts("checkpoint", json.dumps(record).encode())
    record[field] += text
    assert not _accepts("checkpoint", json.dumps(record).encode())


def test_everything_that_is_written_validates(tmp_path: Path) -> None:
    storage = FileStorage(tmp_path, durability="relaxed", message_type=dict)
    large = {"role": "user", "content": "x" * 70_000}
    request = CreateSessionRequest("Plan", [{"role": "user", "content": "Hi"}], cwd="/x")
    made = storage.create_session(request.with_metadata({"a": 1}))
    session = made.session_id
    for index in range(18):
        storage.append_messages(session, [large if index == 3 else {"role": "user", "content": "é"}])
    storage.create_checkpoint(session, CreateCheckpointRequest([large], parent_id=made.checkpoint.id))
    storage.create_checkpoint(session, CreateCheckpointRequest())
    storage.set_active_checkpoint(session, made.checkpoint.id)
    storage.create_checkpoint(session, CreateCheckpointRequest([large]))
    changes = UpdateSessionRequest(title="Grüße", visibility=SessionVisibility.PUBLIC)
    storage.update_session(session, changes)
    storage.delete_session(session)
    storage.fork_session(session, checkpoint_id=made.checkpoint.id)
    gone = storage.create_session(CreateSessionRequest("Gone", [large])).session_id
    storage.delete_session(gone)
    storage.purge_session(gone)

    seen = set()
    for path in tmp_path.rglob("*.json"):
        record = json.loads(path.read_bytes())
        kind = record.get("kind", "store")
        seen |= {kind, *record.keys() & {"after"}, *record.get("set", {}).keys() & {"left"}}
        errors = Draft202012Validator(SCHEMAS[kind]).iter_errors(record)
        assert [error.message for error in errors] == []
    assert seen == {*KINDS, "after", "left"}
