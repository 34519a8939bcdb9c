"""Recording many sessions, in steps that each leave an index which is whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from uuid import UUID

from ..models.upkeep import Progress
from ..root import Root
from ..session import SessionDirectory
from .recorder import Recorder
from .workers import read_all

WORTH_WORKERS = 500
"""From this many sessions on it is worth to start processes that read them."""

_STEP_SESSIONS = 256
_STEP_BYTES = 8 << 20
"""How much is recorded at once: others wait for the lock that long."""


def record_all(
    recording: Callable[[], AbstractContextManager[Recorder]],
    root: Root,
    directory_of: Callable[[UUID], SessionDirectory],
    todo: list[str],
    on_session: Progress | None,
    workers: int,
) -> Iterator[list[str]]:
    """Record sessions as they are now, and give after each step the names of those that were read.

    Args:
        recording: begins a transaction.
        root: the store's.
        directory_of: gives the directory of a session.
        todo: the names of the sessions.
        on_session: told how many are done.
        workers: how many processes read, if there are sessions enough.

    """
    done = 0
    if workers > 1 and len(todo) >= WORTH_WORKERS:
        # Where there are no processes to be had, the rest is done here.
        with suppress(OSError, RuntimeError):
            chunks = iter(read_all(root, todo, workers))
            found = next(chunks, None)
            while found is not None:
                begin = done
                with recording() as recorder:
                    while found is not None and _is_room(recorder, done - begin):
                        for each in found:
                            recorder.found(each)
                        done += len(found)
                        if on_session is not None:
                            on_session(done, len(todo))
                        found = next(chunks, None)
                yield [name for name in todo[begin:done] if name not in recorder.refused]
    while done < len(todo):
        begin = done
        with recording() as recorder:
            while done < len(todo) and _is_room(recorder, done - begin):
                recorder.everything(directory_of(UUID(todo[done])))
                done += 1
                if on_session is not None:
                    on_session(done, len(todo))
        yield [name for name in todo[begin:done] if name not in recorder.refused]


def _is_room(recorder: Recorder, sessions: int) -> bool:
    return sessions < _STEP_SESSIONS and recorder.length < _STEP_BYTES
