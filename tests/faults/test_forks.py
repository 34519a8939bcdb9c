"""A process forks while its threads use a storage: nobody hangs, and nobody harms the other."""

from __future__ import annotations

import inspect
import os
import pickle
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from sessionfs import ChatMessage, CreateSessionRequest, FileStorage
from tests.effort import Counted, chosen

REPOSITORY = Path(__file__).parents[2]
FORKS = chosen(few=2, usual=20, everything=500)

# From Python 3.12 on, a fork of a process with threads is warned of: it is what is tried here.
WARNINGS = ("error", "ignore:This process:DeprecationWarning")

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="os.fork is not available"),
]


def play(scene: str, root: Path, argument: object = "") -> str:
    warnings = [option for each in WARNINGS for option in ("-W", each)]
    command = [sys.executable, *warnings, "-m", "tests.faults.forking", scene, str(root), str(argument)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def test_children_use_the_storage_of_a_parent_in_the_middle_of_its_work(
    tmp_path: Path, counted: Counted
) -> None:
    appends = play("hammer", tmp_path / "store", FORKS)
    counted("forks amid the work of threads", FORKS)
    counted("appends of threads amid forks", int(appends))


@pytest.mark.parametrize("which", ["cache", "index"])
def test_a_lock_that_a_thread_held_at_the_fork_is_free_in_the_child(tmp_path: Path, which: str) -> None:
    play("held", tmp_path / "store", which)


def test_a_child_does_not_keep_the_lock_that_its_parent_let_go(tmp_path: Path) -> None:
    play("lock", tmp_path / "store")


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_storage_can_be_given_to_another_process(tmp_path: Path, method: str) -> None:
    play("processes", tmp_path / "store", method)


class Typed(msgspec.Struct, dict=True):
    said: str


def test_a_pickled_storage_opens_the_same_root_in_the_same_way(tmp_path: Path) -> None:
    options = {"durability": "relaxed", "index_dir": tmp_path / "cache", "message_type": Typed}
    parameters = inspect.signature(FileStorage).parameters
    defaults = {name: each.default for name, each in parameters.items() if name != "root"}
    # An option that is new and given nothing here is at least carried along.
    storage = FileStorage(tmp_path / "store", **{**defaults, **options})
    session = storage.create_session(CreateSessionRequest("t", [{"said": "x"}])).session_id
    again = pickle.loads(pickle.dumps(storage))
    assert again._options.keys() == defaults.keys()
    assert again._options == storage._options
    assert again.get_session(session) == storage.get_session(session)
    assert again.get_session(session).active_checkpoint.state.messages == [Typed("x")]
    assert again.index_state().directory == storage.index_state().directory
    untyped = pickle.loads(pickle.dumps(FileStorage(tmp_path / "store")))
    assert not isinstance(untyped.get_session(session).active_checkpoint.state.messages[0], Typed)
    assert ChatMessage is untyped._options["message_type"]
