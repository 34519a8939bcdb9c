"""Four processes write to one store, and each is killed at any moment, again and again."""

from __future__ import annotations

import json
import random
import signal
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from sessionfs import CreateSessionRequest, FileStorage, ListSessionsQuery

from ..effort import Counted, chosen
from .expecting import MANY, shown
from .forks import Forks
from .killed_writers import digest

pytestmark = pytest.mark.once

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


def check(lines: Lines, found: Iterator[tuple[str, dict[str, Any]]]) -> set[str]:
    """Assert that all that was acknowledged is there, and beside it nothing that nobody attempted.

    Returns the sessions that are there.
    """
    titles, messages = {"shared"}, set[tuple[str, int]]()
    promised: defaultdict[str, Lines] = defaultdict(list)
    for line in lines:
        if "session" in line:
            promised[line["session"]].append(line)
        elif isinstance(line["attempt"], str):
            titles.add(line["attempt"])
        else:
            titles.add(line["attempt"]["writer"])
            messages.add((line["attempt"]["writer"], line["attempt"]["n"]))
    here: set[str] = set()
    for id_, session in found:
        here.add(id_)
        assert session["title"] in titles
        for state in session["states"].values():
            assert {(each["writer"], each["n"]) for each in state} <= messages
        for line in promised[id_]:
            check_line(line, session)
    assert promised.keys() <= here, "a session is lost"
    return here


def check_line(line: dict[str, Any], session: dict[str, Any]) -> None:
    """Assert that what a call that returned had done to a session is still there."""
    if "checkpoint" in line:
        state = session["states"].get(line["checkpoint"])
        assert state is not None, f"checkpoint {line['checkpoint']} is lost"
        assert line.get("state") in (None, digest(state))
        assert line.get("last") in (None, state[-1])
    if "title" in line:
        assert renamed(session["title"]) >= renamed(line["title"]), "a new title is lost"


def renamed(title: str) -> int:
    """Return the number of the operation that gave a title; the first one has none."""
    return int(title.partition("/")[2] or 0)


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
        assert known <= check(lines, shown(root, place))
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
