"""Ways to damage a file: what disks, crashes, sync tools, editors and people leave in its place."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

from ..store.helpers import overwrite

Other = Path
"""Another file of the same directory."""

CONTENTS: dict[str, Callable[[bytes, bytes], bytes]] = {
    "nothing": lambda data, _: b"",
    "zeros": lambda data, _: bytes(len(data)),
    "zeros from the middle on": lambda data, _: (
        data[: len(data) // 2] + bytes(len(data) - len(data) // 2)
    ),
    "zeros up to the middle": lambda data, _: bytes(len(data) // 2) + data[len(data) // 2 :],
    "ones": lambda data, _: b"\xff" * len(data),
    "a line feed more": lambda data, _: data + b"\n",
    "CRLF more": lambda data, _: data + b"\r\n",
    "spaces more": lambda data, _: data + b"  ",
    "a space before": lambda data, _: b" " + data,
    "a NUL more": lambda data, _: data + b"\0",
    "zeros to the end of a block": lambda data, _: data + bytes(-len(data) % 4096),
    "twice": lambda data, _: data + data,
    "a byte order mark": lambda data, _: b"\xef\xbb\xbf" + data,
    "UTF-16": lambda data, _: data.decode().encode("utf-16"),
    "line ends converted": lambda data, _: data.replace(b"\n", b"\r\n").replace(b",", b",\r\n"),
    "formatted": lambda data, _: data.replace(b",", b", ").replace(b":", b": "),
    "upper case": lambda data, _: data.upper(),
    "reversed": lambda data, _: data[::-1],
    "two bytes exchanged": lambda data, _: data[1::-1] + data[2:],
    "an empty object": lambda data, _: b"{}",
    "null": lambda data, _: b"null",
    "nested without end": lambda data, _: b"[" * 100_000,
    "conflict markers": lambda data, other: (
        b"<<<<<<< ours\n" + data + b"\n=======\n" + other + b"\n>>>>>>> theirs\n"
    ),
    "another's bytes": lambda data, other: other,
    "the beginning of another's bytes": lambda data, other: (
        other[: len(data) // 2] + data[len(data) // 2 :]
    ),
    "a pointer of git-lfs": lambda data, _: b"version https://git-lfs.github.com/spec/v1\nsize 9\n",
}
"""New contents, made from those of the file and of another file of the same directory."""


def contents(change: Callable[[bytes, bytes], bytes], path: Path, other: Other) -> None:
    overwrite(path, change(path.read_bytes(), other.read_bytes()))


def exchange(path: Path, other: Other) -> None:
    """Two files change names, as a confused tool may leave them."""
    between = path.with_name("between")
    path.rename(between)
    other.rename(path)
    between.rename(other)


def make_socket(path: Path) -> None:
    before = Path.cwd()
    os.chdir(path.parent)  # the paths of sockets are short
    try:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind("short")
        Path("short").rename(path.name)
    finally:
        os.chdir(before)


def _directory_with_the_file(path: Path) -> None:
    inside = path.with_name("moved away")
    path.rename(inside)
    path.mkdir()
    inside.rename(path / path.name)


def _link_chain(path: Path) -> None:
    """A link to a FIFO: opening it must not wait either."""
    fifo = path.parent.parent / "fifo"
    os.mkfifo(fifo)
    path.symlink_to(fifo)


def _anew(make: Callable[[Path], object]) -> Callable[[Path, Other], None]:
    def replace(path: Path, other: Other) -> None:
        path.unlink()
        make(path)

    return replace


KINDS: dict[str, Callable[[Path, Other], None]] = {
    "a directory": _anew(Path.mkdir),
    "a directory that holds the file": lambda path, _: _directory_with_the_file(path),
    "a FIFO": _anew(os.mkfifo),
    "a socket": _anew(make_socket),
    "a link to itself": _anew(lambda path: path.symlink_to(path)),
    "a link to nothing": _anew(lambda path: path.symlink_to(path.with_name("nothing"))),
    "a link through a file": _anew(lambda path: path.symlink_to("/dev/null/x")),
    "a link to a directory": _anew(lambda path: path.symlink_to("/")),
    "a link to /dev/null": _anew(lambda path: path.symlink_to("/dev/null")),
    "a link to /dev/zero": _anew(lambda path: path.symlink_to("/dev/zero")),
    "a link to a FIFO": _anew(_link_chain),
    "a link to a name that is too long": _anew(lambda path: path.symlink_to("x" * 300)),
    "a link to a file outside": _anew(lambda path: path.symlink_to("/etc/passwd")),
    "a link to another": lambda path, other: _anew(lambda each: each.symlink_to(other))(path, other),
}
"""Other kinds of files in the place of one."""
