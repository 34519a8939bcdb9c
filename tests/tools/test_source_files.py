"""Transcripts that a tool compressed, as Codex does with rollouts that rest for days."""

from __future__ import annotations

import io
import json
import os
import random
import subprocess
import sys
import tracemalloc
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from sessionfs import FileStorage, InvalidRequestError, tools
from sessionfs.tools.jsonl import Lines
from sessionfs.tools.source_files import open_file

from ..cli.command import Command
from ..cli.commands.test_follow import following, until
from .helpers import FIXTURES, import_all, import_one, messages_of
from .test_common import files

pytestmark = pytest.mark.once

CODEX = FIXTURES / "codex.jsonl"
DAY = ".codex/sessions/2026/05/01"


def compress(data: bytes) -> bytes:
    """Compress as Codex does; a test is skipped where nothing here can."""
    for name in ("compression.zstd", "backports.zstd"):
        try:
            return bytes(import_module(name).compress(data))
        except ImportError:
            continue
    pytest.skip("zstd is not installed")


def write(directory: Path, data: bytes, name: str = "rollout-1.jsonl.zst") -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / name).write_bytes(data)
    return directory / name


def test_a_compressed_rollout_is_the_same_session(tmp_path: Path) -> None:
    path = write(tmp_path, compress(CODEX.read_bytes()))
    session = import_one(FileStorage(tmp_path / "compressed", durability="relaxed"), path)
    import_one(FileStorage(tmp_path / "plain", durability="relaxed"), CODEX)
    assert files(tmp_path / "compressed") == files(tmp_path / "plain")
    storage = FileStorage(tmp_path / "compressed")
    assert b"".join(tools.original(storage, session).chunks()) == CODEX.read_bytes()


def test_what_was_appended_compressed_is_read_too(storage: FileStorage, tmp_path: Path) -> None:
    lines = CODEX.read_bytes().splitlines(keepends=True)
    pieces = [b"".join(lines[:4]), b"".join(lines[4:6])[:-7], b"".join(lines[4:6])[-7:]]
    pieces.append(b"".join(lines[6:]))
    path = write(tmp_path, b"".join(map(compress, pieces)))
    session = import_one(storage, path)
    assert b"".join(tools.original(storage, session).chunks()) == CODEX.read_bytes()


def test_a_rollout_that_is_compressed_later_goes_on(storage: FileStorage, tmp_path: Path) -> None:
    lines = CODEX.read_bytes().splitlines(keepends=True)
    plain = tmp_path / "rollout-1.jsonl"
    plain.write_bytes(b"".join(lines[:5]))
    session = import_one(storage, plain)
    path = write(tmp_path, compress(plain.read_bytes()))
    [unchanged] = import_all(storage, path)[0]
    assert (unchanged.session_id, unchanged.new_checkpoints) == (session, 0)
    plain.write_bytes(b"".join(lines))  # it was made plain again, to be written to
    [grown] = import_all(storage, plain)[0]
    assert (grown.session_id, grown.branched) == (session, False)
    alone = FileStorage(tmp_path / "alone", durability="relaxed", message_type=dict)
    assert messages_of(storage, session) == messages_of(alone, import_one(alone, CODEX))


@pytest.mark.parametrize("harm", ["cut", "flipped", "followed"])
def test_a_damaged_one_is_told_and_nothing_of_it_is_taken(
    storage: FileStorage, tmp_path: Path, harm: str
) -> None:
    chance = random.Random(7)
    filling = [json.dumps({"type": "x", "payload": chance.randbytes(500).hex()}) for _ in range(200)]
    whole = bytearray(compress(CODEX.read_bytes() + "\n".join(filling).encode() + b"\n"))
    if harm == "cut":
        del whole[len(whole) // 2 :]
    elif harm == "flipped":
        whole[len(whole) // 2 : len(whole) // 2 + 64] = bytes(64)
        whole[-500:] = bytes(500)
    else:
        whole += b"garbage"
    path = write(tmp_path, bytes(whole))
    with pytest.raises(InvalidRequestError, match=r"rollout-1\.jsonl\.zst: the compressed data is dam"):
        import_all(storage, path)
    assert storage.list_sessions().total == 0


@pytest.mark.slow
def test_memory_is_bounded_whatever_it_becomes(tmp_path: Path) -> None:
    line = b'{"type":"event_msg","payload":{"text":"' + b"x" * 1000 + b'"}}\n'
    path = write(tmp_path, compress(line * 100_000))
    assert path.stat().st_size < 1_000_000
    tracemalloc.start()
    try:
        count = sum(1 for _ in Lines(path))
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 100_000
    assert most < 80 << 20, "what 2 KB can become is the most"


def test_import_and_follow_find_them(tmp_path: Path) -> None:
    command = Command(tmp_path)
    old = CODEX.read_text().replace("0196a1f0-7c2e", "0196a1f0-7c2f").encode()
    write(tmp_path / DAY, compress(old), "rollout-old.jsonl.zst")
    write(tmp_path / ".codex/archived_sessions", compress(CODEX.read_bytes()), "rollout-a.jsonl.zst")
    # While Codex makes one plain again both are there: what is written to counts.
    write(tmp_path / DAY, b"not this one", "rollout-b.jsonl.zst")
    write(tmp_path / DAY, CODEX.read_bytes(), "rollout-b.jsonl")
    done = command.run("import")
    assert done.returncode == 0
    assert "codex: 2 files" in done.stderr
    assert "codex: 2 imported, 1 unchanged" in done.stdout
    named = command("import", tmp_path / DAY)
    assert named.count("unchanged") == 2
    with following(command) as printed:
        until(printed, "following")
        new = CODEX.read_text().replace("0196a1f0-7c2e", "0196a1f0-7c30").encode()
        beside = write(tmp_path / DAY, compress(new), ".part")
        beside.rename(tmp_path / DAY / "rollout-new.jsonl.zst")
        until(printed, "imported  0196a1f0-7c30")


WITHOUT = """
import sys
sys.modules["backports.zstd"] = sys.modules["compression.zstd"] = None
from sessionfs.cli import main
main()
"""


def without(home: Path, *arguments: Any) -> subprocess.CompletedProcess[str]:
    """Run the command where nothing can decompress."""
    return subprocess.run(
        [sys.executable, "-c", WITHOUT, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env=Command(home).environment,
    )


def test_where_nothing_can_read_them_they_are_told_with_what_to_do(tmp_path: Path) -> None:
    path = write(tmp_path / DAY, compress(b"{}")[:4] + bytes(100))
    write(tmp_path / DAY, CODEX.read_bytes(), "rollout-2.jsonl")
    for arguments in ([], [tmp_path / ".codex"], [path]):
        done = without(tmp_path, "import", *arguments)
        assert done.returncode == 1
        [line] = [line for line in done.stderr.splitlines() if "sessionfs: " in line]
        assert line.startswith(f"sessionfs: {path} is compressed with zstd: ")
        assert "pip install 'sessionfs-store[cli]'" in line
        assert ("0196a1f0-7c2e" in done.stdout) is (arguments != [path])
    told = json.loads(without(tmp_path, "import", "--json").stdout)["files"]
    assert {Path(each["file"]).name: "error" in each for each in told} == {
        "rollout-1.jsonl.zst": True,
        "rollout-2.jsonl": False,
    }
    assert "is compressed" in without(tmp_path, "import", "--dry-run").stderr


def test_a_compressed_file_is_closed_with_its_lines(tmp_path: Path) -> None:
    path = write(tmp_path, compress(CODEX.read_bytes()))
    before = os.listdir("/dev/fd") if Path("/dev/fd").exists() else []
    lines = iter(Lines(path))
    next(lines)
    lines.close()  # type: ignore[attr-defined]
    with open_file(path) as file:
        assert isinstance(file, io.BufferedReader)
    assert (os.listdir("/dev/fd") if before else []) == before
