"""Writing to the index: within one transaction, and many sessions in steps.

Each step leaves an index which is whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from typing import TYPE_CHECKING
from uuid import UUID

from ..errors import StorageError
from ..models.maintenance import Progress
from ..store.root import Root
from ..store.session import SessionDirectory
from . import checkpoints, holders, sessions
from .fulltext.textstore import TextWriter
from .location import IndexLocation
from .workers import WorkerResult, read_all

if TYPE_CHECKING:
    from sqlite3 import Connection

WORTH_WORKERS = 500
"""From this many sessions on it is worth to start processes that read them."""

_STEP_SESSIONS = 256
_STEP_BYTES = 8 << 20
"""How much is recorded at once: others wait for the lock that long."""


class IndexWriter:
    """Records what was found of sessions.

    Attributes:
        written: sessions whose contents are as they were looked at.
        refused: sessions whose objects could not be read, and are to be looked at again.
        length: bytes of text that were added.

    """

    def __init__(self, connection: Connection, place: IndexLocation) -> None:
        self._connection, self._place = connection, place
        self._writer: TextWriter | None = None
        self.written: set[str] = set()
        self.refused: set[str] = set()
        self.length = 0

    def contents(
        self, look: checkpoints.ContentsReading, folded: Sequence[bytes] | None = None
    ) -> None:
        """Record checkpoints and messages; what others have recorded meanwhile stays."""
        key = checkpoints.put(self._connection, look)
        if key is None:
            return
        if look.messages:
            # Opened when there is a message to add: it reads what the last block holds.
            self._writer = self._writer or TextWriter(self._connection, self._place)
            length = self._writer.add(key, look.messages, folded)
            checkpoints.add_length(self._connection, key, length)
            self.length += length
        self.written.add(look.id)

    def summaries(self, looks: Iterable[sessions.SessionReading], gone: Iterable[str]) -> None:
        """Record what is listed of sessions, and forget it of those that are gone."""
        sessions.put(self._connection, looks, gone)

    def forget_contents(self, gone: Iterable[str]) -> None:
        """Forget the checkpoints and messages of sessions that are gone."""
        checkpoints.forget(self._connection, gone)

    def everything(self, directory: SessionDirectory) -> None:
        """Look at a session, and record what is not as it was."""
        id_ = str(directory.id)
        try:
            # The messages first: then what the summary needs is in memory.
            look = checkpoints.look(self._connection, directory)
            if look is None:
                listed = holders.read_names(directory)
            else:
                listed = holders.of(id_, look.fingerprint, look.settled, look.objects)
                self.contents(look)
            holders.put(self._connection, [listed], [])
        except StorageError:
            self.refused.add(id_)  # it is told to whoever asks for it
        self._summary(id_, sessions.look(directory))

    def found(self, found: WorkerResult) -> None:
        """Record what a worker read of a session."""
        look = found.contents
        if look is not None:
            listed = holders.of(look.id, look.fingerprint, look.settled, look.objects)
            holders.put(self._connection, [listed], [])
            self.contents(look, found.folded)
        else:
            self.refused.add(found.name)
        self._summary(found.name, found.summary)

    def _summary(self, id_: str, summary: sessions.SessionReading | None) -> None:
        if summary is not None:
            sessions.put(self._connection, [summary], [])
        else:
            sessions.put(self._connection, [], [id_])

    def forget(self, gone: Iterable[str]) -> None:
        """Forget sessions that are not here any more."""
        ids = list(gone)
        sessions.put(self._connection, [], ids)
        holders.put(self._connection, [], ids)
        checkpoints.forget(self._connection, ids)

    def finish(self) -> None:
        """Write what is still in memory; called before the transaction ends."""
        if self._writer is not None:
            self._writer.finish()
            self._writer.compact()


def record_all(
    recording: Callable[[], AbstractContextManager[IndexWriter]],
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


def _is_room(recorder: IndexWriter, sessions: int) -> bool:
    return sessions < _STEP_SESSIONS and recorder.length < _STEP_BYTES
