"""What the commands that give a session to other programs do where some of it is damaged or missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .command import CLAUDE, CODEX, Command

pytestmark = pytest.mark.once


@pytest.fixture
def damaged(tmp_path: Path) -> Command:
    """A session of 12 messages whose first 6 are in a file that is damaged."""
    command = Command(tmp_path)
    command("import", CLAUDE, CODEX)
    oldest = command.json("log", "6f1c")["checkpoints"][0]["id"].replace("-", "")
    [path] = tmp_path.glob(f".sessionfs/sessions/6f1c*/objects/{oldest[:12]}*.json")
    path.chmod(0o600)
    path.write_bytes(b"damage")
    return command


def partly(command: Command) -> list[dict[str, Any]]:
    found = command.json("show", "6f1c", "--partial")["active_checkpoint"]
    assert [(gap["start"], gap["count"]) for gap in found["gaps"]] == [(0, 6)]
    messages: list[dict[str, Any]] = found["state"]["messages"]
    assert len(messages) == 6
    return messages


@pytest.mark.parametrize("command", ["show", "cat", "export"])
def test_one_line_says_how_to_have_what_is_left(damaged: Command, command: str) -> None:
    done = damaged.run(command, "6f1c")
    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert "objects" in line
    assert "--partial reads the rest" in line
    assert "sessionfs doctor" in line
    assert damaged.json(command, "6f1c", code=1)["code"] == "corrupt_object"


def test_a_comparison_with_what_is_not_whole_is_refused(damaged: Command) -> None:
    for sides in (("6f1c", "@1"), ("@1", "6f1c")):
        done = damaged.run("diff", *sides)
        assert (done.returncode, done.stdout) == (1, "")
        [line] = done.stderr.splitlines()
        assert "show --partial shows what can be read" in line
        assert "sessionfs doctor" in line


def test_cat_of_what_is_left(damaged: Command) -> None:
    left = partly(damaged)
    done = damaged.run("cat", "6f1c", "--partial")
    assert [json.loads(line) for line in done.stdout.splitlines()] == left
    assert done.stderr.startswith("! messages 0 to 5 cannot be read: ")
    assert len(done.stderr.splitlines()) == 1
    # The numbers are those that show tells.
    assert json.loads(damaged("cat", "6f1c", "--partial", "7")) == left[1]
    assert json.loads(damaged("cat", "6f1c", "--partial", "--", "-1")) == left[-1]
    for number, why in (("5", "message 5 cannot be read: "), ("12", "no message 12: ")):
        refused = damaged.run("cat", "6f1c", "--partial", "11", number)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert refused.stderr.startswith(f"sessionfs: {why}")
    told = damaged.json("cat", "6f1c", "--partial")
    assert (told["messages"], told["gaps"][0]["count"]) == (left, 6)


def test_export_of_what_is_left(damaged: Command, tmp_path: Path) -> None:
    left = partly(damaged)
    for name, says in (("md", "6 messages cannot be read"), ("html", "6 messages cannot be read")):
        done = damaged.run("export", "6f1c", "--partial", "-f", name)
        assert says in done.stdout
        assert done.stderr.startswith("! messages 0 to 5 cannot be read: ")
    whole = json.loads(damaged("export", "6f1c", "--partial", "-f", "json"))["active_checkpoint"]
    assert (whole["state"]["messages"], whole["gaps"][0]["count"]) == (left, 6)
    file = tmp_path / "left.jsonl"
    done = damaged.run("export", "6f1c", "--partial", "-o", str(file))
    assert [json.loads(line) for line in file.read_text().splitlines()] == left
    assert done.stderr.startswith("! messages 0 to 5 cannot be read: ")


def test_the_original_is_all_of_it_or_nothing(damaged: Command) -> None:
    done = damaged.run("export", "6f1c", "-f", "original")
    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert "show --partial shows what can be read" in line
    assert (
        "be combined with --partial"
        in damaged.run("export", "6f1c", "-f", "original", "--partial").stderr
    )


def test_another_checkpoint_is_given_where_the_active_one_is_damaged(tmp_path: Path) -> None:
    command = Command(tmp_path)
    command("import", CLAUDE)
    oldest = command.json("log", "6f1c")["checkpoints"][0]["id"]
    before = command("cat", "6f1c", "-c", oldest), command("export", "6f1c", "-c", oldest)
    active = Path(command("path", "6f1c", "--active").strip())
    active.chmod(0o600)
    active.write_bytes(b"damage")
    after = command("cat", "6f1c", "-c", oldest), command("export", "6f1c", "-c", oldest)
    assert after == before
    # Nothing of the active one is left: what is, is of the newest that can be read.
    assert len(command("cat", "6f1c", "--partial").splitlines()) == 10
