"""Count how often the main paths move from one module of the package to another.

``python -m tests.benchmarks.moves`` prints, for each path, the calls of functions of the package, the
different functions and modules, and the moves between modules: a call into another module is one, and
so is the return from it. A path that moves less is easier to follow; the figures are exact, and do not
depend on the machine.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import NamedTuple

import sessionfs
from sessionfs import CreateCheckpointRequest, CreateSessionRequest, FileStorage, SearchQuery
from sessionfs.fs import fingerprints

PACKAGE = str(Path(sessionfs.__file__).parent)
TURNS = 100


class Counts(NamedTuple):
    """What was counted while one call of the library ran."""

    calls: int
    functions: int
    modules: int
    moves: int


def counted(action: Callable[[], object]) -> Counts:
    """Run an action, and count what it calls in the package."""
    calls = moves = 0
    functions: set[object] = set()
    modules: set[str] = set()
    stack: list[str] = []

    def profile(frame: FrameType, event: str, _: object) -> None:
        nonlocal calls, moves
        module = frame.f_code.co_filename
        if not module.startswith(PACKAGE):
            return
        if event == "call":
            calls += 1
            functions.add(frame.f_code)
            modules.add(module)
            moves += bool(stack) and stack[-1] != module
            stack.append(module)
        elif event == "return":
            if stack:
                stack.pop()
            moves += bool(stack) and stack[-1] != module

    sys.setprofile(profile)
    try:
        action()
    finally:
        sys.setprofile(None)
    return Counts(calls, len(functions), len(modules), moves)


def turn(number: int) -> list[dict[str, str]]:
    return [
        {"role": "user", "content": f"Question {number} about the tomatoes"},
        {"role": "assistant", "content": f"Answer {number}: water them at six"},
    ]


def paths(directory: Path) -> dict[str, Counts]:
    """Return the figures of each path, in a store with a session of ``TURNS`` turns."""
    root, index = directory / "store", directory / "index"

    def opened() -> FileStorage:
        return FileStorage(root, index_dir=index, durability="relaxed", message_type=dict)

    storage = opened()
    session = storage.create_session(CreateSessionRequest("Tomatoes", turn(0))).session_id
    for number in range(1, TURNS):
        storage.append_messages(session, turn(number))
    fingerprints.RACY_NS = 0  # the index trusts what it has just seen
    found: dict[str, Counts] = {}
    found["append_messages"] = counted(lambda: storage.append_messages(session, turn(TURNS)))
    cold = opened()
    found["get_active_checkpoint, new storage"] = counted(lambda: cold.get_active_checkpoint(session))
    query = SearchQuery("tomatoes", limit=5)
    storage.search(query)
    storage.list_sessions()
    found["search, settled index"] = counted(lambda: storage.search(query))
    found["list_sessions, settled index"] = counted(storage.list_sessions)
    state = storage.get_active_checkpoint(session).state.messages
    request = CreateCheckpointRequest([*state, *turn(TURNS + 1)])
    found["create_checkpoint, whole state"] = counted(
        lambda: storage.create_checkpoint(session, request)
    )
    source = directory / "claude-code.jsonl"
    source.write_bytes(Path(__file__).parent.parent.joinpath("fixtures", source.name).read_bytes())
    found["import of one file"] = counted(lambda: import_file(storage, source))
    return found


def import_file(storage: FileStorage, source: Path) -> None:
    from sessionfs import tools

    for transcript in tools.read(source):
        storage.import_session(transcript.request)


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        print(f"{'':36}{'calls':>8}{'functions':>11}{'modules':>9}{'moves':>7}")
        for name, found in paths(Path(directory)).items():
            print(f"{name:36}{found.calls:>8}{found.functions:>11}{found.modules:>9}{found.moves:>7}")


if __name__ == "__main__":
    main()
