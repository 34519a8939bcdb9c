"""Lines as files have them: long ones, exact ones, deep ones, several on one, and none at all."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sessionfs import FileStorage, InvalidRequestError, ListCheckpointsQuery, tools
from sessionfs.tools.jsonl import read_lines

from .helpers import FIXTURES, import_all, import_one, messages_of, restored, write_lines

CLAUDE = FIXTURES / "claude-code.jsonl"


def said(text: str, role: str = "user", **fields: Any) -> dict[str, Any]:
    return {"type": role, "message": {"role": role, "content": text}, **fields}


@pytest.mark.parametrize(
    "stamp",
    ["9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+05:00"],
)
def test_a_time_beyond_the_calendar_is_reported_and_kept(
    storage: FileStorage, tmp_path: Path, stamp: str
) -> None:
    good = said("a", timestamp="2026-01-01T00:00:00Z")
    records = [good, said("b", timestamp=stamp), {"type": "system", "timestamp": stamp}]
    results, problems = import_all(storage, write_lines(tmp_path / "late.jsonl", *records))
    assert [(problem.line, stamp in problem.message) for problem in problems] == [(2, True), (3, True)]
    session = results[0].session_id
    assert [line.record for line in restored(storage, session)] == records
    assert storage.get_active_checkpoint(session).created_at == datetime(2026, 1, 1, tzinfo=UTC)
    assert "created_at" not in messages_of(storage, session)[1]


@pytest.mark.parametrize(
    "before",
    [
        [said("x" * 100_000)],
        [{"type": "other", "n": n} for n in range(5000)],
        ["", "no JSON", "\ufeff", "a line that was never written: \0\0\0"],
    ],
    ids=["long", "many", "odd"],
)
def test_a_transcript_is_recognised_by_a_later_record(
    storage: FileStorage, tmp_path: Path, before: list[Any]
) -> None:
    path = write_lines(tmp_path / "late.jsonl", *before, said("hello"))
    results, _ = import_all(storage, path)
    assert messages_of(storage, results[0].session_id)[-1]["content"] == "hello"


def test_a_byte_order_mark_on_the_only_line(storage: FileStorage, tmp_path: Path) -> None:
    path = tmp_path / "bom.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(said("hello")).encode())
    assert messages_of(storage, import_one(storage, path))[0]["content"] == "hello"


@pytest.mark.parametrize("make", [os.mkfifo, None], ids=["fifo", "descriptor"])
def test_a_pipe_is_refused(tmp_path: Path, make: Any) -> None:
    path, ends = tmp_path / "pipe", os.pipe()
    if make is None:
        os.write(ends[1], CLAUDE.read_bytes())
        path = Path(f"/dev/fd/{ends[0]}")
    else:
        make(path)
    os.close(ends[1])
    with pytest.raises(InvalidRequestError, match="not a regular file"):
        list(tools.read(path))
    os.close(ends[0])


EXACT = [
    '{"type":"system","a":1,"a":2}',
    '{"type":"system","n":-0}',
    '{"type":"system","n":0.10000000000000000000000000001}',
    '{"type":"system","n":1E5, "m":{"x":[1.50]}}',
    '{"type":"user","message":{"role":"user","content":"hi"},"cost":1.0e0}',
]
PLAIN = [
    '{"type":"system","n":-0.0,"m":0.1,"big":123456789012345678901234567890}',
    '{"type": "system", "text": "\\u00e9 \\/ 1E5 {\\"a\\":1,\\"a\\":2}", "é": [ ] }',
]


def test_what_decoding_does_not_keep_is_kept_as_it_was_written(
    storage: FileStorage, tmp_path: Path
) -> None:
    path = write_lines(tmp_path / "exact.jsonl", *EXACT, *PLAIN, EXACT[0] + " " + EXACT[0], EXACT[0])
    session = import_one(storage, path)
    lines = restored(storage, session)
    texts = [*EXACT, None, None, EXACT[0], EXACT[0], EXACT[0]]
    assert [line.text for line in lines] == texts
    assert [(line.number, line.part) for line in lines[-3:]] == [(8, 0), (8, 1), (9, 0)]
    assert [line.record for line in lines[:7]] == [json.loads(line) for line in (*EXACT, *PLAIN)]


@pytest.mark.parametrize("depth", range(190, 203))
def test_a_record_of_any_depth_is_taken_over_or_told(
    storage: FileStorage, tmp_path: Path, depth: int
) -> None:
    deep = '{"a":' * depth + "1" + "}" * depth
    results, problems = import_all(storage, write_lines(tmp_path / "deep.jsonl", said("a"), deep))
    session = results[0].session_id
    _, kept = restored(storage, session)
    assert [problem.line for problem in problems] == ([] if depth <= 196 else [2])
    assert kept.record == (json.loads(deep) if depth <= 196 else deep)


def test_many_records_on_one_line_cost_what_they_are_worth(tmp_path: Path) -> None:
    taken = []
    for count in (2_000, 32_000):
        path = tmp_path / f"{count}.jsonl"
        path.write_bytes(json.dumps(said("hello world")).encode() + b"\r")
        path.write_bytes(path.read_bytes() * count)
        started = time.process_time()
        assert len(list(read_lines(path))) == count
        taken.append(time.process_time() - started)
    assert taken[1] < taken[0] * 16 * 4


def test_records_of_a_copy_that_grew_are_had_once(storage: FileStorage, tmp_path: Path) -> None:
    records = [
        said("hi", sessionId="g", timestamp="2026-01-01T00:00:00Z"),
        {"type": "system", "n": 1, "timestamp": "2026-01-01T00:00:01Z"},
        said("yo", "assistant", sessionId="g", timestamp="2026-01-01T00:00:02Z"),
        {"type": "system", "n": 2, "timestamp": "2026-01-01T00:00:03Z"},
    ]
    for end in (2, 3, 4):
        results, _ = import_all(storage, write_lines(tmp_path / "g.jsonl", *records[:end]))
    session = results[0].session_id
    assert [line.record for line in restored(storage, session)] == records
    page = storage.list_checkpoints(session, ListCheckpointsQuery().with_state()).checkpoints
    assert len(page) == 3
    every = [each.state.metadata for each in page if each.state]
    lines = tools.originals(messages_of(storage, session), every)
    assert [line.record for line in lines] == records
