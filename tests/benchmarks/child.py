"""What a process of its own does for ``compare``: writes beside others, or tells its peak memory.

    child.py write STORE DIRECTORY DURABILITY SESSION TURNS
    child.py memory STORE DIRECTORY DURABILITY SESSION TURNS

STORE is ``module:Class``, TURNS a file of turns as JSON. ``write`` says that it is ready, waits for a
line, writes all turns, and prints how many were refused. ``memory`` goes on with the session, or with
SESSION "-" only imports what that takes, and prints the most bytes that it ever had.
"""

from __future__ import annotations

import importlib
import sqlite3
import sys
from pathlib import Path

import msgspec

if not __package__:  # run as a script
    sys.path.append(str(Path(__file__).parents[2]))

from tests.benchmarks.competitors import Store
from tests.benchmarks.probe import most_memory
from tests.benchmarks.workloads import Turn


def main(what: str, store: str, directory: str, durability: str, session: str, file: str) -> None:
    module, _, name = store.partition(":")
    kind: type[Store] = getattr(importlib.import_module(module), name)
    kind.load()
    turns = msgspec.json.decode(Path(file).read_bytes(), type=list[Turn])
    refused = 0
    if session != "-":
        opened = kind(Path(directory), "full" if durability == "full" else "relaxed")
        conversation = opened.resume(session)
        prepared = [opened.prepare(turn) for turn in turns]
        if what == "write":
            print("ready", flush=True)
            sys.stdin.readline()
        for each in prepared:
            try:
                conversation.write(each)
            except sqlite3.OperationalError:  # it waited for another writer for too long
                refused += 1
        conversation.close()
        opened.close()
    print(most_memory() if what == "memory" else refused)


if __name__ == "__main__":
    main(*sys.argv[1:])
