"""Reading many sessions in several processes, for the index of a large store.

The invariant: what a worker returns is what a look in this process would show; nothing depends on how
many there are, or on whether they could be started.
"""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple
from uuid import UUID

from msgspec.structs import replace

from ..errors import StorageError
from ..format.timestamps import wall_clock
from ..fs.files import Files
from ..store.objects import ObjectCache
from ..store.root import Root
from ..store.session import Environment, SessionDirectory
from . import checkpoints, sessions
from .fulltext.blocks import fold

_CACHE_BYTES = 16 << 20
_CHUNK = 64


class WorkerResult(NamedTuple):
    """A session as a worker read it; None: it cannot be read, or nothing of it is here.

    Attributes:
        folded: the texts of its messages, which stand there alone.

    """

    name: str
    contents: checkpoints.ContentsReading | None
    folded: list[bytes]
    summary: sessions.SessionReading | None


def read_all(root: Root, names: list[str], workers: int) -> Iterator[list[WorkerResult]]:
    """Give what the sessions of a store hold, some at a time, in the order of their names.

    OSError, or a RuntimeError, where processes cannot be had.
    """
    # Not above: nobody else needs what these bring with them.
    from concurrent.futures import Future, ProcessPoolExecutor
    from multiprocessing import get_context

    chunks = [names[i : i + _CHUNK] for i in range(0, len(names), _CHUNK)]
    # Not forked: other threads of this process may hold locks.
    context = get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_leave_interrupts) as pool:
        begun: deque[Future[list[WorkerResult]]] = deque()
        try:
            for chunk in chunks:
                begun.append(pool.submit(read, root.path, root.limit, chunk))
                if len(begun) > 2 * workers:
                    yield begun.popleft().result()
            while begun:
                yield begun.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def read(root: str, limit: int, names: list[str]) -> list[WorkerResult]:
    """Read some sessions of a store."""
    writer = Files("relaxed", limit)
    environment = Environment(writer, ObjectCache(_CACHE_BYTES), wall_clock)
    store, found = Root(root, writer), []
    for name in names:
        directory = SessionDirectory(store.session_path(UUID(name)), UUID(name), environment)
        content, folded = None, list[bytes]()
        with suppress(StorageError):  # it is told to whoever asks for it
            content = checkpoints.look(None, directory)
        if content is not None:
            folded = [fold(each.text) for each in content.messages]
            content = content._replace(messages=[replace(each, text="") for each in content.messages])
        found.append(WorkerResult(name, content, folded, sessions.look(directory)))
    return found


def _leave_interrupts() -> None:
    """Let the process that waits for this one decide what an interrupt means."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
