"""Files that hash to their names and are meant to do harm: named as damage, or read as they say.

Whatever one session holds, the others are listed, found and written, and nothing in it is lost.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sessionfs import CorruptObjectError, IncompleteError, ListCheckpointsQuery, UpdateSessionRequest

from ..effort import Counted, chosen
from ..spec.support import SPEC
from .hostile import (
    AT,
    HASH,
    SESSION,
    Hostile,
    answers,
    reads,
    record,
    unchanged,
    with_message,
    writes,
    written,
)


@pytest.fixture
def store(tmp_path: Path) -> Hostile:
    return Hostile(tmp_path)


def nested(levels: int, opening: str = "[", closing: str = "]") -> str:
    return '{"role":"user","content":' + opening * levels + '"x"' + closing * levels + "}"


PART, CALL = '[{"type":"text","content":', '{"kind":"x","arguments":'
DEEP = [
    nested(levels, opening, closing)
    for levels in (150, 300, 480, 900, 990, 100_000)
    for opening, closing in (("[", "]"), ('{"a":', "}"), (PART, "}]"), (CALL, "}"))
]
ODD = [
    '{"n":1e400}',
    '{"n":-1e400}',
    '{"kind":1,"n":' + "9" * 5_000 + "}",
    '{"n":' + "9" * 5_000 + "}",
    '{"a":"\\u0000","n":' + "9" * 5_000 + "}",
    '{"n":NaN}',
    '{"n":-Infinity}',
    '{"n":1,"n":2}',
    '{"__proto__":{"x":1},"constructor":1,"\\u0000":1,"":2}',
    '{"n":"\\ud800"}',
    '{"n":"\\udc00\\ud800"}',
    '{"n":01}',
    '{"n":+1}',
    '{"n":.5}',
    "{'n':1}",
    '{"n":1,}',
    '{"n":1}/**/',
    '{"n":"\x01"}',
    "[]",
    "null",
    "1",
    '"x"',
    '{"role":[],"content":{},"tool_calls":7,"created_at":1e99,"usage":[],"metadata":0}',
    '{"role":"user","content":"x","created_at":1180591620717411303424}',
    '{"kind":"message","session":"x","message":{}}',
]
DEPTHS = [2**31, 2**53 - 1, 2**53, 2**63, 2**64, 10**30, 10**4000]
COUNTS = [2**31, 2**32 - 1, 2**32, 2**53, 2**63 - 1, 2**63, 2**64, 10**30]
RECORDS: dict[str, bytes] = {
    **{f"deep {i}": with_message(message) for i, message in enumerate(DEEP)},
    **{f"deep metadata {i}": with_message("{}", message) for i, message in enumerate(DEEP[::4])},
    **{f"odd {i}": with_message(message) for i, message in enumerate(ODD)},
    **{f"depth {i}": written(record(depth=depth)) for i, depth in enumerate(DEPTHS)},
    **{f"count {n}": written(record(base=HASH, keep=n - 1, count=n)) for n in COUNTS},
    "in the year 1": written(record(at="00010101T000000000000Z")),
    "in the year 9999": written(record(at="99991231T235959999998Z")),
}


@pytest.mark.parametrize("name", [*RECORDS][:: chosen(few=9, usual=1, everything=1)])
def test_a_hostile_record_is_read_or_named(store: Hostile, name: str, counted: Counted) -> None:
    sha = store.put_checkpoint(RECORDS[name])
    store.put_title("hostile")
    path = store.objects / f"{sha}.json"
    with unchanged(store.session), store.open() as storage:
        found = answers(reads(storage))
        whole = {
            "verify",
            "rebuild_index",
            "list_checkpoints",
            "with states",
            "list_sessions",
            "search",
            "get_store_stats",
        }
        assert {name for name, code in found.items() if code != "ok"} <= reads(storage).keys() - whole
        assert set(found.values()) <= {"ok", "corrupt_object", "incomplete"}
        if found["get_session"] != "ok":
            with pytest.raises((CorruptObjectError, IncompleteError)) as caught:
                storage.get_session(SESSION)
            assert sha in str(caught.value) or HASH in str(caught.value)
            told = storage.list_checkpoints(SESSION, ListCheckpointsQuery(include_state=True))
            assert told.problems or any(each.problem for each in told.checkpoints)
            findings = storage.verify(read_all=True).findings
            errors = [each.path for each in findings if each.severity == "error"]
            assert any(sha in each or HASH in each for each in errors)
        store.require_peace(storage)
    with store.open() as storage:
        changed = answers(writes(storage))
        assert changed["create_checkpoint"] == "ok"
        assert set(changed.values()) <= {"ok", "corrupt_object", "incomplete"}
    with store.open() as storage:
        last = storage.get_active_checkpoint(SESSION).state.messages
        assert last == [{"role": "user", "content": "mine"}]
        assert storage.update_session(SESSION, UpdateSessionRequest(title="after")).title == "after"
        store.require_peace(storage)
    assert path.read_bytes() == RECORDS[name]
    counted("hostile records opened", 1)


def test_depth_goes_no_further_than_every_number_can(store: Hostile) -> None:
    """A writer that adds to any depth would write a record that no reader takes."""
    store.put_checkpoint(written(record(depth=10**4000)))
    with store.open() as storage:
        made = storage.append_messages(SESSION, [{"n": 1}])
        written_as = json.loads(Path(storage.checkpoint_path(made.id)).read_bytes())
        assert (written_as["depth"], written_as["base"], written_as["count"]) == (0, None, 2)
        assert storage.get_checkpoint(made.id).state.messages[1] == {"n": 1}


JSON_TYPES: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    1,
    2**64,
    1.5,
    "",
    "x",
    HASH,
    HASH.upper(),
    AT,
    [],
    [{}],
    {},
    {"a": 1},
]


def variants(sound: dict[str, Any], schema: dict[str, Any]) -> list[dict[str, Any]]:
    """The record with each field of the schema left out, or with a value of another type."""
    found = []
    for field, rule in schema["properties"].items():
        found.append({key: value for key, value in sound.items() if key != field})
        found += [sound | {field: value} for value in JSON_TYPES]
        if "properties" in rule:
            inside = variants(sound.get(field, {}), rule)
            found += [sound | {field: each} for each in inside]
    return found


def test_a_field_of_another_type_is_what_the_schema_says_it_is(
    store: Hostile, counted: Counted
) -> None:
    """Each variant lies in the store at once: the sound ones are listed, the others are told."""
    jsonschema = pytest.importorskip("jsonschema")
    schemas = {
        kind: json.loads((SPEC / "schema" / f"{kind}.json").read_bytes())
        for kind in ("checkpoint", "message", "meta", "purge")
    }
    message = {"kind": "message", "session": str(SESSION), "message": {}}
    created = "2026-11-22T10:15:30.123456Z"
    facts = {
        "title": "t",
        "visibility": "PUBLIC",
        "status": "ACTIVE",
        "cwd": "/",
        "created_at": created,
        "left": [HASH],
    }
    purge = {"kind": "purge", "session": str(SESSION), "at": AT, "objects": [HASH]}
    meta = {"kind": "meta", "session": str(SESSION), "at": AT, "set": facts}

    def is_valid(each: dict[str, Any], kind: str) -> bool:
        """By the schema, and by what it says that it cannot express."""
        if not jsonschema.Draft202012Validator(schemas[kind]).is_valid(each):
            return False
        if each["session"] != str(SESSION):
            return False
        return kind != "checkpoint" or each["keep"] + len(each["messages"]) == each["count"]

    objects = {
        written(each)
        for each in variants(record(parent=HASH, after=HASH, metadata={}), schemas["checkpoint"])
    }
    messages = {written(each) for each in variants(message, schemas["message"])}
    checkpoints, problems = set(), 0
    for data in objects | messages:
        sha, each = store.put_object(data), json.loads(data)
        if each.get("kind") == "checkpoint" and is_valid(each, "checkpoint"):
            checkpoints.add(sha)
        elif each.get("kind") == "message" and is_valid(each, "message"):
            continue
        elif not isinstance(each.get("kind"), str) or each["kind"] in ("checkpoint", "message"):
            problems += 1
    with store.open() as storage:
        listed = storage.list_checkpoints(SESSION, ListCheckpointsQuery(limit=10_000))
        assert {
            Path(storage.checkpoint_path(each.id)).stem for each in listed.checkpoints
        } == checkpoints
        assert len(listed.problems) == problems
        store.require_peace(storage)
    store.put_checkpoint(written(record(messages=[{"n": 1}])))
    metas = {written(each) for each in variants(meta, schemas["meta"])}
    with store.open() as storage:
        for data in metas:
            path, each = store.put_meta(data), json.loads(data)
            problem = storage.get_session(SESSION).problem
            assert (problem is None) == (is_valid(each, "meta") and each["at"] == AT), data
            assert problem is None or path.name in problem
            path.unlink()
    purges = {written(each) for each in variants(purge, schemas["purge"])}
    with store.open() as storage:
        for data in purges:
            path, each = store.put_purge(data), json.loads(data)
            problem = storage.get_session(SESSION).problem
            assert problem is not None, data
            is_told = is_valid(each, "purge") and each["at"] == AT
            assert ("it was purged" in problem, path.name in problem) == (is_told, not is_told), data
            path.unlink()
        store.require_peace(storage)
    records = (objects, messages, metas, purges)
    counted("records with a field of another type", sum(map(len, records)))
