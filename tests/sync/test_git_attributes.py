"""What a repository says of all its files does not reach a store in it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from sessionfs import CreateSessionRequest, FileStorage
from tests.store.helpers import snapshot

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed"),
]


@pytest.mark.parametrize(
    "attributes",
    [
        "* ident",
        "*.json filter=one-machine",
        "* text eol=crlf",
        "*.json text working-tree-encoding=UTF-16LE",
        "* ident filter=one-machine text eol=crlf merge=union",
    ],
)
def test_attributes_of_the_outer_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, attributes: str
) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    outer, clone = tmp_path / "dotfiles", tmp_path / "clone"

    def git(*arguments: object) -> None:
        subprocess.run(["git", *map(str, arguments)], check=True, capture_output=True)

    git("config", "--global", "user.name", "x")
    git("config", "--global", "user.email", "x@example.org")
    git("init", "--quiet", outer)
    # As git-lfs or git-crypt, on a machine that has it: the other one does not.
    git("-C", outer, "config", "filter.one-machine.clean", "tr a-z n-za-m")
    git("-C", outer, "config", "filter.one-machine.smudge", "tr a-z n-za-m")
    outer.joinpath(".gitattributes").write_text(attributes + "\n")
    storage = FileStorage(outer / ".sessionfs", durability="relaxed", message_type=dict)
    said = {"role": "user", "content": "What does $Id$ expand to? Grüße"}
    session = storage.create_session(CreateSessionRequest("Keywords", [said])).session_id
    git("-C", outer, "add", "--all")
    git("-C", outer, "commit", "--quiet", "--message", "a")
    git("clone", "--quiet", outer, clone)
    there = FileStorage(clone / ".sessionfs", message_type=dict)
    assert not [each for each in there.verify(read_all=True).findings if each.severity == "error"]
    assert there.get_active_checkpoint(session).state.messages == [said]
    contents = [
        {name: data for name, (_, data) in snapshot(each / ".sessionfs").items()}
        for each in (outer, clone)
    ]
    assert contents[0] == contents[1]
