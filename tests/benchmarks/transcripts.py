"""Imports transcripts in the tools' shapes: how many a second, and in how much memory.

    python tests/benchmarks/transcripts.py [--quick] [--directory DIR]

Prints sessions a second for the first import of 10,000 transcripts, for the second, which finds nothing
new, and the memory that each took at most; then the same of one file of 200 MB. Copying the same files
is measured beside it: what the file system alone takes. With --quick 500 transcripts and 20 MB.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

_WORDS = [
    *["water", "the", "beans", "and", "move", "pots", "before", "frost", "comes", "to", "north"],
    *["beds", "with", "old", "straw"],
]
_START = datetime(2026, 1, 1, tzinfo=UTC)


class Effort(NamedTuple):
    """How many transcripts, and how many bytes in one."""

    transcripts: int
    big: int


FULL, QUICK = Effort(10_000, 200 << 20), Effort(500, 20 << 20)

Record = dict[str, Any]


def _text(chance: random.Random, words: int) -> str:
    return " ".join(chance.choices(_WORDS, k=words))


def claude_code(chance: random.Random, name: UUID, turns: int, words: int = 120) -> Iterator[Record]:
    """Give the records of a transcript of Claude Code: each turn calls a tool, which gives so much."""
    yield {"type": "summary", "summary": _text(chance, 5), "leafUuid": str(name)}
    for n, turn in enumerate(range(turns)):
        at = (_START + timedelta(minutes=n)).isoformat().replace("+00:00", "Z")
        common = {
            "sessionId": str(name),
            "cwd": "/home/ana/garden",
            "timestamp": at,
            "isSidechain": False,
        }
        call = {"type": "tool_use", "id": f"t{turn}", "name": "Bash", "input": {"command": "ls"}}
        result = {"type": "tool_result", "tool_use_id": f"t{turn}", "content": _text(chance, words)}
        for kind, content in (
            ("user", _text(chance, 20)),
            ("assistant", [{"type": "text", "text": _text(chance, 30)}, call]),
            ("user", [result]),
            ("assistant", [{"type": "text", "text": _text(chance, 60)}]),
        ):
            yield {**common, "type": kind, "message": {"role": kind, "content": content}}


def codex(chance: random.Random, name: UUID, turns: int) -> Iterator[Record]:
    """Give the records of a rollout of Codex."""
    at = _START.isoformat().replace("+00:00", "Z")
    yield {"timestamp": at, "type": "session_meta", "payload": {"id": str(name), "cwd": "/home/ana"}}
    for n in range(turns):
        at = (_START + timedelta(minutes=n)).isoformat().replace("+00:00", "Z")
        for payload in (
            {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": _text(chance, 20)}],
            },
            {"type": "reasoning", "summary": [], "encrypted_content": _text(chance, 30)},
            {"type": "function_call", "name": "shell", "arguments": "{}", "call_id": f"c{n}"},
            {"type": "function_call_output", "call_id": f"c{n}", "output": _text(chance, 120)},
            {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "output_text", "text": _text(chance, 60)}],
            },
        ):
            yield {"timestamp": at, "type": "response_item", "payload": payload}


def gemini(chance: random.Random, name: UUID, turns: int) -> Iterator[Record]:
    """Give the records of a conversation of Gemini CLI."""
    at = _START.isoformat().replace("+00:00", "Z")
    yield {"sessionId": str(name), "projectHash": "3f0a9b", "startTime": at, "lastUpdated": at}
    for n in range(turns):
        at = (_START + timedelta(minutes=n)).isoformat().replace("+00:00", "Z")
        response = {"output": _text(chance, 120)}
        call = {"id": f"c{n}", "name": "read_file", "args": {"path": "plan.md"}, "status": "success"}
        result = [{"functionResponse": {"id": f"c{n}", "name": "read_file", "response": response}}]
        answer = {"id": f"g{n}", "timestamp": at, "type": "gemini", "content": _text(chance, 60)}
        yield {"id": f"u{n}", "timestamp": at, "type": "user", "content": [{"text": _text(chance, 20)}]}
        yield answer
        yield {**answer, "toolCalls": [{**call, "result": result}]}


_SHAPES: tuple[tuple[Callable[[random.Random, UUID, int], Iterator[Record]], str], ...] = (
    (claude_code, ".claude/projects/-home-ana-{0:03}/{1}.jsonl"),
    (codex, ".codex/sessions/2026/01/{0:03}/rollout-{1}.jsonl"),
    (gemini, ".gemini/tmp/p{0:03}/chats/session-{1}.jsonl"),
)


def write(home: Path, count: int) -> int:
    """Write transcripts as the tools lay them out; return their bytes."""
    chance, written = random.Random(7), 0
    for i in range(count):
        make, place = _SHAPES[i % len(_SHAPES)]
        name = UUID(int=chance.getrandbits(128), version=4)
        path = home / place.format(i % 200, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = (json.dumps(record, separators=(",", ":")) for record in make(chance, name, 1 + i % 5))
        written += path.write_bytes("".join(line + "\n" for line in lines).encode())
    return written


def write_big(path: Path, size: int) -> int:
    """Write one transcript of so many bytes."""
    chance, written = random.Random(7), 0
    with path.open("wb") as file:
        for record in claude_code(chance, UUID(int=1), 1 << 30, words=4_000):
            written += file.write(json.dumps(record, separators=(",", ":")).encode() + b"\n")
            if written > size:
                return written
    return written


def imported(home: Path, *arguments: str) -> tuple[float, float]:
    """Import in a process of its own; return the seconds and the MB that it took at most."""
    before = time.perf_counter()
    script = (
        "import resource, sys; from sessionfs.cli.app import app\n"
        "try: app(sys.argv[1:], prog_name='sessionfs')\n"
        "finally: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "import", "--relaxed", *arguments],
        env={"HOME": str(home), "PATH": "", "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=True,
    )
    return time.perf_counter() - before, int(done.stderr.split()[-1]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_const", const=QUICK, dest="effort")
    parser.add_argument(
        "--directory", type=Path, help="on the disk to measure; default: a temporary one"
    )
    parser.set_defaults(effort=FULL)
    arguments = parser.parse_args()
    count, big_size = arguments.effort
    if arguments.directory is not None:
        arguments.directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=arguments.directory) as directory:
        home = Path(directory).resolve()
        size = write(home, count)
        print(f"{count:,} transcripts, {size / 1e6:,.0f} MB")
        before = time.perf_counter()
        for name in (".claude", ".codex", ".gemini"):
            shutil.copytree(home / name, home / "copy" / name)
        copied = time.perf_counter() - before
        shutil.rmtree(home / "copy")
        print(f"copied: {count / copied:,.0f} a second")
        for what in ("first import", "second import"):
            seconds, most = imported(home)
            rate = f"{count / seconds:,.0f} a second, {seconds / copied:.1f} times as long as copying"
            print(f"{what}: {rate}, {most:,.0f} MB")
        big = home / "big.jsonl"
        size = write_big(big, big_size)
        for what in ("first import", "second import"):
            seconds, most = imported(home, str(big))
            print(f"{size / 1e6:,.0f} MB, {what}: {size / 1e6 / seconds:,.0f} MB/s, {most:,.0f} MB")


if __name__ == "__main__":
    main()
