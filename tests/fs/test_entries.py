"""What lies under a name, and which git work tree it is in."""

from __future__ import annotations

import os
from pathlib import Path

from sessionfs.fs import entries


def test_files_directories_and_what_is_neither(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"12345")
    file.chmod(0o640)
    os.mkfifo(tmp_path / "pipe")
    assert entries.inspect(str(file)) == entries.Entry("file", None, 0o640, 5)
    assert entries.inspect(str(tmp_path)).kind == "directory"
    assert entries.inspect(str(tmp_path / "pipe")).kind == "other"
    for nothing in (tmp_path / "nothing", file / "below"):
        assert entries.inspect(str(nothing)) == entries.Entry("none", None, 0, 0)


def test_a_link_is_what_it_leads_to_and_says_where(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    for name, target, kind in (
        ("good", "file", "file"),
        ("dangling", "none", "none"),
        ("self", "self", "none"),
    ):
        link = tmp_path / name
        link.symlink_to(target)
        found = entries.inspect(str(link))
        assert (found.kind, found.target) == (kind, str(tmp_path / target))


def test_the_git_work_tree_is_the_next_one_above(tmp_path: Path) -> None:
    below = tmp_path / "tree" / "a" / "b"
    below.mkdir(parents=True)
    assert entries.work_tree(str(below)) is None
    (tmp_path / "tree" / ".git").write_text("gitdir: elsewhere")  # as in a linked work tree
    assert entries.work_tree(str(below)) == (str(tmp_path / "tree"), "git")
    (below / ".git").mkdir()
    assert entries.work_tree(str(below)) == (str(below), "git")


def test_what_is_restricted_has_the_modes_of_a_store(tmp_path: Path) -> None:
    (tmp_path / "file").touch(0o666)
    for path, mode in ((tmp_path, 0o700), (tmp_path / "file", 0o400)):
        entries.restrict(str(path))
        assert entries.inspect(str(path)).mode == mode
