"""Files that are exported: private, whole or not there, and never through a link."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sessionfs import InvalidRequestError
from sessionfs.exporters import write_file


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        assert write_file(tmp_path / "page.html", [b"one", b"two"]) == 6
    finally:
        os.umask(before)
    assert (tmp_path / "page.html").read_bytes() == b"onetwo"
    assert stat.S_IMODE((tmp_path / "page.html").stat().st_mode) == 0o600


def test_a_file_that_is_there_is_replaced_only_when_asked(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("mine")
    with pytest.raises(InvalidRequestError, match="already exists"):
        write_file(tmp_path / "a", [b"new"])
    assert (tmp_path / "a").read_text() == "mine"
    write_file(tmp_path / "a", [b"new"], replace=True)
    assert (tmp_path / "a").read_text() == "new"


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "private").write_text("mine")
    (tmp_path / "out").symlink_to(tmp_path / "private")
    write_file(tmp_path / "out", [b"new"], replace=True)
    assert (tmp_path / "private").read_text() == "mine"
    assert not (tmp_path / "out").is_symlink()


def test_a_name_of_the_greatest_length(tmp_path: Path) -> None:
    name = "x" * 255
    write_file(tmp_path / name, [b"new"])
    assert os.listdir(tmp_path) == [name]


def test_nothing_is_left_when_it_fails(tmp_path: Path) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"half"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_file(tmp_path / "a", chunks())
    assert os.listdir(tmp_path) == []


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
