"""Files that are exported: private, whole or not there, and never through a link."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sessionfs import InvalidRequestError, UnauthorizedError
from sessionfs.exporters import write_file


@pytest.fixture(params=[True, False], ids=["nameless", "named"])
def _both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Try both ways: a file that has no name before it is whole, and one that has a random one."""
    if not request.param:
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)


both_ways = pytest.mark.usefixtures("_both_ways")


@both_ways
def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        assert write_file(tmp_path / "page.html", [b"one", b"two"]) == 6
    finally:
        os.umask(before)
    assert (tmp_path / "page.html").read_bytes() == b"onetwo"
    assert stat.S_IMODE((tmp_path / "page.html").stat().st_mode) == 0o600


@both_ways
def test_a_file_that_is_there_is_replaced_only_when_asked(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("mine")
    with pytest.raises(InvalidRequestError, match="already exists"):
        write_file(tmp_path / "a", [b"new"])
    assert (tmp_path / "a").read_text() == "mine"
    write_file(tmp_path / "a", [b"new"], replace=True)
    assert (tmp_path / "a").read_text() == "new"


@both_ways
def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "private").write_text("mine")
    (tmp_path / "out").symlink_to(tmp_path / "private")
    write_file(tmp_path / "out", [b"new"], replace=True)
    assert (tmp_path / "private").read_text() == "mine"
    assert not (tmp_path / "out").is_symlink()


@both_ways
def test_a_name_of_the_greatest_length(tmp_path: Path) -> None:
    name = "x" * 255
    write_file(tmp_path / name, [b"new"])
    assert os.listdir(tmp_path) == [name]


@both_ways
def test_nothing_is_left_when_it_fails(tmp_path: Path) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"half"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_file(tmp_path / "a", chunks())
    assert os.listdir(tmp_path) == []


@both_ways
def test_a_pipe_is_written_into(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    assert write_file(pipe, [b"one", b"two"], replace=True) == 6
    reader.join()
    assert read == [b"onetwo"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@both_ways
def test_what_appears_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    def chunks() -> Iterator[bytes]:
        (tmp_path / "a").write_text("theirs")
        yield b"new"

    with pytest.raises(InvalidRequestError, match="already exists"):
        write_file(tmp_path / "a", chunks())
    assert (tmp_path / "a").read_text() == "theirs"
    assert write_file(tmp_path / "a", [b"new"], replace=True) == 3
    assert os.listdir(tmp_path) == ["a"]


KILLED = """
import os, signal, sys
from sessionfs.exporters import write_file

def chunks():
    yield b"x" * 100_000
    os.kill(os.getpid(), signal.SIGKILL)

if sys.argv[2] == "named":
    del os.O_TMPFILE
write_file(sys.argv[1], chunks())
"""


def kill(tmp_path: Path, how: str) -> list[str]:
    """Kill an export in the middle, and return what it leaves."""
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "a"), how], check=False)
    assert done.returncode == -signal.SIGKILL
    return os.listdir(tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="every file has a name here")
def test_a_kill_leaves_nothing(tmp_path: Path) -> None:
    assert kill(tmp_path, "nameless") == []


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="every file has a name here")
def test_what_a_kill_leaves_is_removed_after_a_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (left,) = kill(tmp_path, "named")
    assert stat.S_IMODE((tmp_path / left).stat().st_mode) == 0o600
    monkeypatch.delattr(os, "O_TMPFILE")
    write_file(tmp_path / "b", [b"new"])
    assert sorted(os.listdir(tmp_path)) == [left, "b"]
    os.utime(tmp_path / left, (0, 0))
    write_file(tmp_path / "c", [b"new"])
    assert sorted(os.listdir(tmp_path)) == ["b", "c"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can plant it")
def test_the_pipe_of_another_user_gets_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    os.chown(tmp_path / "pipe", 2001, 2001)
    descriptor = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        with pytest.raises(UnauthorizedError, match="belongs to another user"):
            write_file(tmp_path / "pipe", [b"secret"], replace=True)
        assert os.read(descriptor, 100) == b""
    finally:
        os.close(descriptor)
