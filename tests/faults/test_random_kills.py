"""Four processes write to one store, and each is killed at any moment, again and again."""

from __future__ import annotations

import json
import random
import signal
import time
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from sessionfs import CreateSessionRequest, FileStorage, ListSessionsQuery

from ..effort import Counted, chosen
from .expecting import MANY, Picture, picture
from .forks import Forks

KILLS = chosen(few=5, usual=25, everything=500)
LOOK_AFTER = 25
WRITERS = 4
LONGEST_SECONDS = 0.08

Lines = list[dict[str, Any]]


def acknowledged(logs: Path) -> Lines:
    """Return all that was logged; the last line of a killed process may be cut short."""
    lines: Lines = []
    for log in sorted(logs.iterdir()):
        *whole, _ = log.read_bytes().split(b"\n")
        lines += map(json.loads, whole)
    return lines


def check(lines: Lines, found: Picture) -> None:
    """Assert that all that was acknowledged is there, and beside it nothing that nobody attempted."""
    attempted = [each["attempt"] for each in lines if "attempt" in each]
    titles = {"shared", *(each for each in attempted if isinstance(each, str))}
    titles |= {each["writer"] for each in attempted if isinstance(each, dict)}
    messages = {json.dumps(each, sort_keys=True) for each in attempted}
    for line in lines:
        if "session" in line:
            assert line["session"] in found, f"session {line['session']} is lost"
        if "checkpoint" in line:
            state = found[line["session"]]["states"].get(line["checkpoint"])
            assert state is not None, f"checkpoint {line['checkpoint']} is lost"
            assert state == line["state"] if "state" in line else state[-1] == line["last"]
    latest = {line["session"]: line["title"] for line in lines if "title" in line}
    for id_, session in found.items():
        assert session["title"] in titles
        if "/" not in session["title"] and id_ in latest:
            assert latest[id_] == session["title"], "a new title is lost"
        for state in session["states"].values():
            assert all(json.dumps(each, sort_keys=True) in messages for each in state)


def titles_are_no_older(lines: Lines, found: Picture) -> None:
    """Assert that no session has a title from before the last one that was acknowledged."""

    def number(title: str) -> int:
        return int(title.partition("/")[2] or 0)

    for line in lines:
        if "title" in line:
            assert number(found[line["session"]]["title"]) >= number(line["title"])


@pytest.mark.parametrize("seed", [1, 2])
def test_writers_that_are_killed_lose_nothing(
    seed: int, forks: Forks, tmp_path: Path, counted: Counted
) -> None:
    root, index, logs = tmp_path / "store", tmp_path / "index", tmp_path / "logs"
    logs.mkdir()
    shared = new_shared(root)
    chance, number = random.Random(seed), 0

    def start() -> int:
        nonlocal number
        number += 1
        arguments = {
            "name": f"{seed}.{number}",
            "root": str(root),
            "index": str(index),
            "log": str(logs / str(number)),
            "shared": shared,
        }
        return forks.start("tests.faults.killed_writers:write", arguments)

    writers = [start() for _ in range(WRITERS)]
    known = set(shared)
    for n in range(KILLS):
        time.sleep(chance.uniform(0, LONGEST_SECONDS))  # the moment of the kill is what is tried
        victim = chance.randrange(WRITERS)
        assert forks.kill(writers[victim]) == signal.SIGKILL
        writers[victim] = start()
        if n % LOOK_AFTER == 0:
            known |= {line["session"] for line in acknowledged(logs) if "session" in line}
            check_listing(root, index, known)
            shared = new_shared(root)  # of no great length, each of whose states is read in the end
            known.update(shared)
    for writer in writers:
        assert forks.kill(writer) == signal.SIGKILL
    lines = acknowledged(logs)
    for place in (index, tmp_path / "an index of its own"):
        found = picture(root, place)
        check(lines, found)
        titles_are_no_older(lines, found)
    assert known <= found.keys()
    counted("processes killed at any moment", KILLS + WRITERS)
    counted("acknowledged operations checked", sum("checkpoint" in line for line in lines))


def new_shared(root: Path) -> list[str]:
    """Create the sessions to which every writer that starts from now on writes."""
    with FileStorage(root, durability="relaxed") as storage:
        request = CreateSessionRequest("shared", [])
        return [str(storage.create_session(request).session_id) for _ in range(2)]


def check_listing(root: Path, index: Path, known: set[str]) -> None:
    """While others write: what was acknowledged before is listed, and nothing is damaged."""
    with FileStorage(root, durability="relaxed", index_dir=index, message_type=dict) as storage:
        listed = storage.list_sessions(ListSessionsQuery(limit=MANY))
        assert [each.problem for each in listed.sessions if each.problem] == []
        assert known <= {str(each.id) for each in listed.sessions}
        for id_ in known:
            assert storage.get_session(UUID(id_)).active_checkpoint is not None
