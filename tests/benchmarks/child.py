"""What other processes do: write beside each other, or tell how much memory a write takes.

They are forked from a server that has imported everything, so that none of it is measured.
"""

from __future__ import annotations

import multiprocessing
import sqlite3
from multiprocessing.context import ForkServerContext
from multiprocessing.synchronize import Barrier
from pathlib import Path
from queue import Queue
from time import perf_counter

import msgspec

from tests.benchmarks.competitors import Store
from tests.benchmarks.measuring import Durability
from tests.benchmarks.probe import most_memory
from tests.benchmarks.workloads import Turn

PATIENCE = 600
"""Seconds to wait for a process, which may have died."""

Answers = Queue[int]


def server() -> ForkServerContext:
    """Return where processes come from."""
    context = multiprocessing.get_context("forkserver")
    imported = ("langgraph.checkpoint.sqlite", "agents", "strands.session", "strands.storage")
    context.set_forkserver_preload(["sessionfs", "pyperf", *imported])
    return context


def at_once(store: Store, sessions: list[str], turns: Path) -> tuple[float, int]:
    """Let a process for each session write turns; return the seconds, and how many were refused."""
    context = server()
    answers, barrier = context.Queue(), context.Barrier(len(sessions) + 1)
    arguments = type(store), store.directory, store.durability
    writers = [
        context.Process(target=_write, args=(*arguments, session, turns, barrier, answers))
        for session in sessions
    ]
    for each in writers:
        each.start()
    barrier.wait(PATIENCE)
    begin = perf_counter()
    refused = sum(answers.get(timeout=PATIENCE) for _ in writers)
    taken = perf_counter() - begin
    for each in writers:
        each.join()
    return taken, refused


def _write(
    kind: type[Store],
    directory: Path,
    durability: Durability,
    session: str,
    turns: Path,
    barrier: Barrier,
    answers: Answers,
) -> None:
    store = kind(directory, durability)
    conversation = store.resume(session)
    prepared = [store.prepare(turn) for turn in _turns(turns)]
    barrier.wait(PATIENCE)
    refused = 0
    for each in prepared:
        try:
            conversation.write(each)
        except sqlite3.OperationalError:  # it waited too long for another writer
            refused += 1
    answers.put(refused)
    conversation.close()
    store.close()


def memory(store: Store, session: str, turns: Path) -> int:
    """Return the bytes that a process takes to go on with a session and write turns, at most."""
    context = server()
    answers = context.Queue()
    arguments = type(store), store.directory, store.durability, session, turns, answers
    process = context.Process(target=_memory, args=arguments)
    process.start()
    taken: int = answers.get(timeout=PATIENCE)
    process.join()
    return taken


def _memory(
    kind: type[Store],
    directory: Path,
    durability: Durability,
    session: str,
    turns: Path,
    answers: Answers,
) -> None:
    kind.load()
    decoded = _turns(turns)
    before = most_memory()
    store = kind(directory, durability)
    conversation = store.resume(session)
    for turn in decoded:
        conversation.write(store.prepare(turn))
    answers.put(most_memory() - before)
    conversation.close()
    store.close()


def _turns(file: Path) -> list[Turn]:
    return msgspec.json.decode(file.read_bytes(), type=list[Turn])
