"""What every importer owes: nothing lost, nothing twice, and what was done here left alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

from ..errors import InvalidRequestError
from ..models import ImportSessionResult
from ..storage import FileStorage
from ..tools import IMPORTERS, Importer, original, recognise

_MINE = {"role": "user", "content": "what was said here since"}


def check_importer(importer: Importer, source: Path, directory: Path) -> None:
    """Import a transcript as a whole, again, cut anywhere and grown, and see that all of it is kept.

    Args:
        importer: the module, or whatever has what ``Importer`` names.
        source: a transcript of its tool with one session: JSON Lines, or a JSON object with
            ``messages``. It is read only.
        directory: an empty one, to write to.

    """
    _Check(importer, source, directory).run()


class _Check:
    def __init__(self, importer: Importer, source: Path, directory: Path) -> None:
        self.importer = importer
        self.whole = source.read_bytes()
        self.directory = directory
        self.copy = directory / source.name
        self.stores = 0

    def run(self) -> None:
        self.check_places()
        self.copy.write_bytes(self.whole)
        everybody = (*(each for each in IMPORTERS if each is not self.importer), self.importer)
        assert recognise(self.copy, everybody) is self.importer, "another importer takes it for its own"
        whole = self.store("whole")
        result = self.bring(whole)
        assert result.created
        assert self.given(whole, result.session_id) == _records(self.whole), "a record was lost"
        self.check_again(whole, result)
        other = self.store("other")
        self.bring(other)
        assert _files(other) == _files(whole), "two machines make other files of one transcript"
        for cut in _cuts(self.whole):
            self.check_grown(cut, whole, result.session_id)
        self.check_growing(whole, result.session_id)
        self.check_continued(whole, result.session_id)

    def check_places(self) -> None:
        """Look at nothing but what is given, and name directories below it."""
        home = self.directory / "home"
        places = self.importer.places({}, home)
        assert places, "it does not say where the tool keeps its sessions"
        for place in places:
            assert place.directory.is_relative_to(home)
            assert place.patterns

    def check_again(self, storage: FileStorage, result: ImportSessionResult) -> None:
        before = _files(storage)
        again = self.bring(storage)
        assert (again.created, again.new_checkpoints) == (False, 0), "it brings the same twice"
        assert again.total_checkpoints == result.total_checkpoints
        assert _files(storage) == before, "importing again changes files"

    def check_grown(self, cut: bytes, whole: FileStorage, session: UUID) -> None:
        """Import a shorter copy, as the file was earlier, and then all of it."""
        storage = self.store()
        first = self.bring_if_known(storage, cut)
        if first is None:
            return
        assert self.given(storage, first.session_id) == _records(cut), f"lost of {cut!r}"
        self.copy.write_bytes(self.whole)
        then = self.bring(storage)
        if first.session_id == session:  # else what names the session was cut off
            self.check_same(storage, whole, session)
            assert not then.branched
        self.check_again(storage, then)

    def check_growing(self, whole: FileStorage, session: UUID) -> None:
        """Import while the tool writes, at every moment."""
        storage = self.store("growing")
        for cut in (*_cuts(self.whole), self.whole):
            self.bring_if_known(storage, cut)
        self.check_same(storage, whole, session)

    def check_continued(self, whole: FileStorage, session: UUID) -> None:
        """Import more of a session that was continued here: it gets a branch."""
        for cut in _cuts(self.whole):
            storage = self.store()
            first = self.bring_if_known(storage, cut)
            if first is None or first.session_id != session:
                continue
            mine = storage.append_messages(session, [_MINE])
            self.copy.write_bytes(self.whole)
            for _ in range(2):
                self.bring(storage)
                assert storage.get_active_checkpoint(session).id == mine.id, "work done here is lost"
                assert self.given(storage, session) == _records(self.whole)
            heads = storage.get_session(session).heads
            if len(heads) > 1:
                storage.set_active_checkpoint(session, heads[1].id)
                self.check_same(storage, whole, session)

    def check_same(self, storage: FileStorage, whole: FileStorage, session: UUID) -> None:
        assert self.given(storage, session) == _records(self.whole)
        said = [each.get_active_checkpoint(session).state.messages for each in (storage, whole)]
        assert said[0] == said[1], "the conversation depends on when it was imported"
        assert len(storage.get_session(session).heads) == 1, "an import makes two heads"

    def bring_if_known(self, storage: FileStorage, content: bytes) -> ImportSessionResult | None:
        """Import a copy; None: it is so short that it is not known what it is."""
        self.copy.write_bytes(content)
        try:
            recognise(self.copy, (self.importer,))
        except InvalidRequestError:
            return None
        return self.bring(storage)

    def bring(self, storage: FileStorage) -> ImportSessionResult:
        [result] = [
            storage.import_session(transcript.request) for transcript in self.importer.read(self.copy)
        ]
        return result

    def store(self, name: str | None = None) -> FileStorage:
        self.stores += 1
        place = self.directory / (name or f"store-{self.stores}")
        return FileStorage(
            place / "store", durability="relaxed", index_dir=place / "index", message_type=dict
        )

    def given(self, storage: FileStorage, session: UUID) -> list[Any]:
        """Return what the store gives back of the source."""
        return _records(b"".join(original(storage, session).chunks()))


def _records(data: bytes) -> list[Any]:
    """Return the records of a file; a line that that is not JSON as it is."""
    whole = _document(data)
    return (
        [whole] if whole is not None else [_as_json(line) for line in data.split(b"\n") if line.strip()]
    )


def _document(data: bytes) -> dict[str, Any] | None:
    try:
        whole = json.loads(data)
    except ValueError:
        return None
    return whole if isinstance(whole, dict) and isinstance(whole.get("messages"), list) else None


def _as_json(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return line


def _cuts(data: bytes) -> Iterator[bytes]:
    """Give shorter copies of a transcript, some of which end in the middle of a record."""
    whole = _document(data)
    if whole is not None and b"\n" in data.strip():
        for count in range(len(whole["messages"])):
            shorter = {**whole, "messages": whole["messages"][:count]}
            yield json.dumps(shorter, indent=2).encode()
        return
    begin = 0
    while (end := data.find(b"\n", begin) + 1) and end < len(data):
        yield data[: begin + (end - begin) // 2]
        yield data[: end - 1]
        yield data[:end]
        begin = end


def _files(storage: FileStorage) -> dict[str, bytes]:
    root = Path(storage.backend_info().store_path or "")
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}
