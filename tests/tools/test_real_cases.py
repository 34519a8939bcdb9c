"""What transcripts are like in practice: long, torn, written to, compacted, and with odd parents."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from sessionfs import FileStorage, tools
from sessionfs.tools import jsonl, turns

from ..effort import chosen
from .helpers import FIXTURES, import_all, import_one, messages_of, restored, write_lines
from .test_jsonl import said

pytestmark = pytest.mark.once

NAME = "22222222-2222-4222-8222-222222222222"


def test_a_compaction_keeps_what_came_before_it(storage: FileStorage, tmp_path: Path) -> None:
    boundary = {
        "type": "system",
        "subtype": "compact_boundary",
        "parentUuid": None,
        "logicalParentUuid": "b",
        "compactMetadata": {"trigger": "auto", "preTokens": 155_000},
    }
    summary = said("This session continues one that ran out of context", isCompactSummary=True)
    records = [
        said("long ago", uuid="a"),
        said("yes", "assistant", uuid="b", parentUuid="a"),
        boundary,
        summary,
        said("go on", uuid="d", parentUuid="c"),
        said("done", "assistant", uuid="e", parentUuid="d"),
    ]
    session = import_one(storage, write_lines(tmp_path / f"{NAME}.jsonl", *records))
    contents = [each["content"] for each in messages_of(storage, session)]
    assert contents == ["long ago", "yes", summary["message"]["content"], "go on", "done"]
    assert [line.record for line in restored(storage, session)] == records


def test_parents_that_do_not_exist_and_kinds_that_nobody_knows(
    storage: FileStorage, tmp_path: Path
) -> None:
    records: list[Any] = [
        said("one", uuid="x", parentUuid="nowhere"),
        {"type": "a kind of next year", "parentUuid": "x", "payload": [1]},
        said("two", "assistant", uuid="y", parentUuid="y"),
        {"no type": True},
        said("three", uuid="z", parentUuid=7),
    ]
    session = import_one(storage, write_lines(tmp_path / f"{NAME}.jsonl", *records))
    assert [each["content"] for each in messages_of(storage, session)] == ["one", "two", "three"]
    assert [line.record for line in restored(storage, session)] == records


def test_a_torn_line_is_replaced_by_what_it_becomes(storage: FileStorage, tmp_path: Path) -> None:
    path = tmp_path / f"{NAME}.jsonl"
    records = [said("one"), said("two", "assistant"), said("three")]
    texts = [json.dumps(record) for record in records]
    path.write_text("\n".join(texts)[:-20])
    results, problems = import_all(storage, path)
    session = results[0].session_id
    assert [problem.line for problem in problems] == [3]
    assert restored(storage, session)[-1].record == texts[-1][:-20]
    assert import_all(storage, path)[0][0].new_checkpoints == 0
    path.write_text("\n".join(texts) + "\n")
    import_one(storage, path)
    assert [line.record for line in restored(storage, session)] == records
    assert [each["content"] for each in messages_of(storage, session)] == ["one", "two", "three"]


def test_several_records_on_a_line_are_one_line_again(storage: FileStorage, tmp_path: Path) -> None:
    path = tmp_path / f"{NAME}.jsonl"
    first = json.dumps(said("zero")) + "\n"
    both = (
        first
        + json.dumps(said("one"))
        + json.dumps(said("two", "assistant"))
        + json.dumps(said("three"))
    )
    for text in (both[:99], both[: len(both) - 5], both, both + "\n" + json.dumps(said("four")) + "\n"):
        path.write_text(text)
        results, _ = import_all(storage, path)
    session = results[0].session_id
    said_there = [each["content"] for each in messages_of(storage, session)]
    assert said_there == ["zero", "one", "two", "three", "four"]
    given = b"".join(tools.original(storage, session).chunks()).decode()
    assert given.replace(" ", "") == text.replace(" ", "")
    assert len(storage.get_session(session).heads) == 1


def test_a_long_turn_becomes_several_checkpoints_wherever_it_was_cut(
    storage: FileStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "_PIECE", 2_000)
    path = tmp_path / f"{NAME}.jsonl"
    records = [said("begin"), *(said(f"{n} " + "x" * 300, "assistant") for n in range(40))]
    for count in (5, 17, 18, 41):
        write_lines(path, *records[:count])
        [result], _ = import_all(storage, path)
    assert result.total_checkpoints > 7
    wanted = [record["message"]["content"] for record in records]
    assert [each["content"] for each in messages_of(storage, result.session_id)] == wanted
    sizes = [each.message_count for each in storage.list_checkpoints(result.session_id).checkpoints]
    assert max(b - a for a, b in zip([0, *sizes], sizes, strict=False)) <= 10


def test_a_transcript_that_is_written_to_while_it_is_read(storage: FileStorage, tmp_path: Path) -> None:
    path = tmp_path / f"{NAME}.jsonl"
    records = [said(f"{n}", "assistant" if n % 2 else "user", n=n) for n in range(400)]
    path.write_text(json.dumps(records[0]) + "\n")
    begun = threading.Event()

    def write() -> None:
        with path.open("a", buffering=1 << 7) as file:  # so that it ends anywhere
            for record in records[1:]:
                file.write(json.dumps(record) + "\n")
                begun.set()

    writer = threading.Thread(target=write)
    writer.start()
    begun.wait()
    while writer.is_alive():
        import_all(storage, path)
    writer.join()
    session = import_one(storage, path)
    assert [line.record for line in restored(storage, session)] == records
    assert [each["content"] for each in messages_of(storage, session)] == [f"{n}" for n in range(400)]
    assert len(storage.get_session(session).heads) == 1


def test_what_comes_while_a_large_file_is_read_comes_with_the_next_import(
    storage: FileStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jsonl, "_HELD_BYTES", 0)  # as a large one, which is read more than once
    path, records = tmp_path / "s.jsonl", (FIXTURES / "gemini.jsonl").read_text().splitlines(True)
    path.write_text("".join(records[:8]))
    [transcript] = tools.read(path)
    path.write_text("".join(records))
    session = storage.import_session(transcript.request).session_id
    given = b"".join(tools.original(storage, session).chunks()).decode()
    assert given == "".join(records[:8])
    import_all(storage, path)
    assert b"".join(tools.original(storage, session).chunks()).decode() == "".join(records)


def import_big(path: str, store: str) -> None:
    """Import twice and again when it has grown, and print the memory that it took at most, in bytes."""
    storage = FileStorage(store, durability="relaxed", index_dir=f"{store}-index")
    for _ in range(3):
        [transcript] = tools.read(Path(path))
        result = storage.import_session(transcript.request)
        with Path(path).open("ab") as file:
            file.write(json.dumps(said("more")).encode() + b"\n")
    assert result.new_checkpoints == 1
    # Not what getrusage tells, which begins with what the process that started this one took.
    [most] = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    print(int(most) * 1024)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells a process's memory")
def test_memory_does_not_grow_with_the_transcript(tmp_path: Path) -> None:
    """What is held of the file does not depend on its size, which alone would reach the limit."""
    size = chosen(few=8, usual=120, everything=400) << 20
    path = tmp_path / f"{NAME}.jsonl"
    with path.open("w") as file:
        number = 0
        while file.tell() < size:
            # Long turns, long texts, and records that are no messages.
            begins = number % 500 == 0
            kept = {"type": "system", "n": number, "text": "y" * 5_000}
            content = f"{number} " + ("ask" if begins else "x" * 20_000)
            record = said(content, "user" if begins else "assistant", sessionId=NAME)
            file.write(json.dumps(record) + "\n" + json.dumps(kept) + "\n")
            number += 1
    script = f"from {__name__} import import_big; import sys; import_big(*sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", script, str(path), str(tmp_path / "store")],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert int(done.stdout.split()[-1]) < 150 << 20
