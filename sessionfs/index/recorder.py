"""Writing to the index within one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ..errors import StorageError
from ..session import SessionDirectory
from . import contents, names, sessions
from .place import Place
from .texts import Writer
from .workers import Found

if TYPE_CHECKING:
    from sqlite3 import Connection


class Recorder:
    """Records what was found of sessions.

    Attributes:
        written: sessions whose contents are as they were looked at.
        refused: sessions whose objects could not be read, and are to be looked at again.
        length: bytes of text that were added.

    """

    def __init__(self, connection: Connection, place: Place) -> None:
        self._connection, self._place = connection, place
        self._writer: Writer | None = None
        self.written: set[str] = set()
        self.refused: set[str] = set()
        self.length = 0

    def contents(self, look: contents.Look, folded: Sequence[bytes] | None = None) -> None:
        """Record checkpoints and messages; what others have recorded meanwhile stays."""
        key = contents.put(self._connection, look)
        if key is None:
            return
        if look.said:
            # Opened when there is a message to add: it reads what the last block holds.
            self._writer = self._writer or Writer(self._connection, self._place)
            length = self._writer.add(key, look.said, folded)
            contents.add_length(self._connection, key, length)
            self.length += length
        self.written.add(look.id)

    def summaries(self, looks: Iterable[sessions.Look], gone: Iterable[str]) -> None:
        """Record what is listed of sessions, and forget it of those that are gone."""
        sessions.put(self._connection, looks, gone)

    def forget_contents(self, gone: Iterable[str]) -> None:
        """Forget the checkpoints and messages of sessions that are gone."""
        contents.forget(self._connection, gone)

    def everything(self, directory: SessionDirectory) -> None:
        """Look at a session, and record what is not as it was."""
        id_ = str(directory.id)
        try:
            # The messages first: then what the summary needs is in memory.
            look = contents.look(self._connection, directory)
            if look is None:
                listed = names.look(directory)
            else:
                listed = names.of(id_, look.fingerprint, look.settled, look.objects)
                self.contents(look)
            names.put(self._connection, [listed], [])
        except StorageError:
            self.refused.add(id_)  # it is told to whoever asks for it
        self._summary(id_, sessions.look(directory))

    def found(self, found: Found) -> None:
        """Record what a worker read of a session."""
        look = found.contents
        if look is not None:
            listed = names.of(look.id, look.fingerprint, look.settled, look.objects)
            names.put(self._connection, [listed], [])
            self.contents(look, found.folded)
        else:
            self.refused.add(found.name)
        self._summary(found.name, found.summary)

    def _summary(self, id_: str, summary: sessions.Look | None) -> None:
        if summary is not None:
            sessions.put(self._connection, [summary], [])
        else:
            sessions.put(self._connection, [], [id_])

    def forget(self, gone: Iterable[str]) -> None:
        """Forget sessions that are not here any more."""
        ids = list(gone)
        sessions.put(self._connection, [], ids)
        names.put(self._connection, [], ids)
        contents.forget(self._connection, ids)

    def finish(self) -> None:
        """Write what is still in memory; called before the transaction ends."""
        if self._writer is not None:
            self._writer.finish()
            self._writer.compact()
