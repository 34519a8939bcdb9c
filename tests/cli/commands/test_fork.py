"""``sessionfs fork``, and where sessions were forked from: log, JSON, and the page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sessionfs import CreateSessionRequest, FileStorage

from ..command import CLAUDE_ID, Command


@pytest.fixture
def garden(tmp_path: Path) -> Command:
    """A session with three checkpoints."""
    command = Command(tmp_path)
    storage = FileStorage(tmp_path / ".sessionfs")
    made = storage.create_session(CreateSessionRequest("Garden", [{"role": "user", "content": "1"}]))
    for text in ("2", "3"):
        storage.append_messages(made.session_id, [{"role": "user", "content": text}])
    return command


def checkpoints(command: Command, session: str) -> list[str]:
    """Return the digits of a session's checkpoints, newest first."""
    return [each["id"].replace("-", "")[:12] for each in command.json("log", session)["checkpoints"]][
        ::-1
    ]


def short(command: Command, id_: str) -> str:
    """Return an id as ls shows it."""
    listed = command("ls", "--all", "--format", "{id} {short}").splitlines()
    return dict(line.split() for line in listed)[id_]


def test_fork_and_rename(imported: Command) -> None:
    before = imported.json("show", "6f1c")
    oldest = imported("log", "6f1c").splitlines()[-1].split()[1]
    told = imported.json("fork", "6f1c", "-c", oldest, "--title", "Another way")
    assert (told["message_count"], told["forked_from"]["session_id"]) == (6, CLAUDE_ID)
    assert imported.json("show", "another way")["id"] == told["id"]
    assert imported("fork", "6f1c").split()[2:4] == ["12", "messages"]
    assert imported.json("show", "6f1c") == before
    done = imported.run("rename", "6f1c", "Peas", "and\n beans")
    assert done.stdout.split()[:2] == ["renamed", CLAUDE_ID]
    assert done.stderr == "before: Watering schedule for the garden controller\n"
    assert imported.json("rename", "6f1c", "Roses")["before"] == "Peas and\n beans"
    assert imported.json("show", "6f1c")["title"] == "Roses"


def test_log_tells_each_fork_at_its_checkpoint_and_where_a_fork_is_from(garden: Command) -> None:
    newest, middle, oldest = checkpoints(garden, "Garden")
    roses = garden.json("fork", "Garden", "-c", middle, "--title", "Roses")
    beans = garden.json("fork", "Roses", "--title", "Beans")
    garden("rename", "Garden", "All", "beds")
    lines = garden("log", "All").splitlines()
    assert [line.split()[1] for line in lines] == [newest, middle, "→", oldest]
    assert lines[2] == f"| → forked at {middle}  {short(garden, roses['id'])}  Roses"
    origin = garden.json("show", "All")["id"]
    [roses_at] = checkpoints(garden, "Roses")
    lines = garden("log", "Roses").splitlines()
    assert lines[1].strip() == f"→ forked at {roses_at}  {short(garden, beans['id'])}  Beans"
    assert lines[-1] == f"forked from All beds {short(garden, origin)} at {middle}"
    # Neither goes away with the checkpoints that are shown.
    garden("rm", "Roses")
    lines = garden("log", "All", "-n", "1").splitlines()
    assert lines[1:] == [f"→ forked at {middle}  {short(garden, roses['id'])}  Roses  deleted"]


def test_a_fork_of_what_is_not_here_says_so(garden: Command) -> None:
    origin = garden.json("show", "Garden")["id"]
    newest = checkpoints(garden, "Garden")[0]
    garden("fork", "Garden", "--title", "Roses")
    garden("rm", "Garden")
    garden("purge", "Garden", "--yes", "--force")
    assert garden("log", "Roses").splitlines()[-1] == (
        f"forked from {origin}, which is not here, at {newest}"
    )


def test_json_has_where_a_fork_is_from_and_the_forks(garden: Command) -> None:
    middle = garden.json("log", "Garden")["checkpoints"][1]["id"]
    origin = garden.json("show", "Garden")["id"]
    forked = {"session_id": origin, "checkpoint_id": middle}
    made = garden.json("fork", "Garden", "-c", middle, "--title", "Roses")
    assert made["forked_from"] == forked
    assert garden.json("show", "Roses")["forked_from"] == forked
    assert garden.json("show", "Roses", "--partial")["forked_from"] == forked
    assert garden.json("log", "Roses")["forked_from"] == forked
    assert {each["title"]: each["forked_from"] for each in garden.json("ls")["sessions"]} == {
        "Garden": None,
        "Roses": forked,
    }
    told = garden.json("log", "Garden")
    assert told["forked_from"] is None
    assert told["forks"] == [
        {"session_id": made["id"], "checkpoint_id": middle, "title": "Roses", "status": "ACTIVE"}
    ]


def test_the_page_tells_where_a_fork_is_from_and_the_forks(garden: Command) -> None:
    middle = checkpoints(garden, "Garden")[1]
    origin = garden.json("show", "Garden")["id"]
    made = garden.json("fork", "Garden", "-c", middle, "--title", "<b>Roses")
    hidden = garden.json("fork", "Garden", "--title", "Secret")["id"]
    garden("rm", "Secret")
    page = garden("export", "Garden", "-f", "html")
    [item] = [line for line in page.splitlines() if line.startswith("<li>") and middle in line]
    assert f"→ forked: &lt;b&gt;Roses <code>{made['id']}</code>" in item
    assert re.search(r"<details class=\"checkpoints\" open><summary>3 checkpoints, 1 fork<", page)
    assert hidden not in page  # it is for others to read
    of_fork = garden("export", "roses", "-f", "html")
    assert f"forked from Garden <code>{origin}</code> at <code>{middle}</code>" in of_fork
