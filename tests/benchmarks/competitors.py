"""The stores that are measured, behind one protocol; sessionfs and the floor are here.

``stakpak`` and ``frameworks`` have the others. Each does what it does when an
agent uses it; where that leaves a choice, the cheaper one is taken for all but sessionfs.
"""

from __future__ import annotations

import os
import shutil
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID, uuid4

import msgspec

import sessionfs
from sessionfs import (
    ChatMessage,
    CreateCheckpointRequest,
    CreateSessionRequest,
    FileStorage,
    ListSessionsQuery,
    SearchQuery,
)
from tests.benchmarks.measuring import DURABILITIES, Durability
from tests.benchmarks.workloads import Turn, raw

PAGE = 20


class Conversation(ABC):
    """A session as the one program that writes it holds it.

    Attributes:
        id: what opens it again.
        checkpoints: of each turn that was written, the messages by then and what opens them again.

    """

    id: str

    def __init__(self) -> None:
        self.checkpoints: list[tuple[int, Any]] = []

    @abstractmethod
    def write(self, prepared: Any) -> None:
        """Write a turn, as durable as the store was opened."""

    @abstractmethod
    def seed(self, turns: list[Turn]) -> None:
        """Write turns that nobody measures; what is measured afterwards finds the same as else."""

    def earlier(self) -> list[tuple[int, Any]]:
        """Return the checkpoints that can be opened again."""
        return self.checkpoints

    def close(self) -> None:  # noqa: B027
        """Release what belongs to this session alone."""


class Store(ABC):
    """A store in a directory, opened.

    Attributes:
        name: what the tables call it.
        whole: a write carries the whole list of messages, not only the new ones.
        kept: what a turn becomes.
        shipped: as how durable it comes.

    """

    name: ClassVar[str]
    whole: ClassVar[bool] = False
    kept: ClassVar[str]
    shipped: ClassVar[str]
    durabilities: ClassVar[tuple[Durability, ...]] = DURABILITIES

    def __init__(self, directory: Path, durability: Durability) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory, self.durability = directory, durability

    @classmethod
    @abstractmethod
    def about(cls) -> str:
        """Return the version of what is measured."""

    @classmethod
    @abstractmethod
    def load(cls) -> None:
        """Import what opening the store imports."""

    def prepare(self, turn: Turn) -> Any:
        """Return a turn in the shape that this store is used with, which is not measured."""
        return turn

    @abstractmethod
    def begin(self, title: str) -> Conversation:
        """Begin a session without messages."""

    def resume(self, session: str) -> Conversation:
        """Open a session to write the next turn."""
        raise NotImplementedError

    def newest(self, session: str) -> int:
        """Open what was written last, with all messages; return how many."""
        raise NotImplementedError

    def at(self, session: str, checkpoint: Any) -> int:
        """Open an earlier state, with all messages; return how many."""
        raise NotImplementedError

    def listing(self) -> int | None:
        """List the newest sessions; return how many, or None if the store cannot do that."""
        return None

    def titles(self, text: str) -> int | None:
        """Search the titles; return how many of the first page were found."""
        return None

    def texts(self, text: str) -> int | None:
        """Search what was said last in all sessions; return how many of the first page were found."""
        return None

    def resuming(self, session: str) -> str:
        """Return Python code that opens the session in a new process, leaving its messages in ``m``."""
        raise NotImplementedError

    def close(self) -> None:  # noqa: B027
        """Release everything."""


class SessionFS(Store):
    """sessionfs by ``append_messages``."""

    name = "sessionfs, append"
    kept = "a file with the new messages, and an empty one that names it"
    shipped = "full"

    def __init__(self, directory: Path, durability: Durability) -> None:
        super().__init__(directory, durability)
        self.root, self.index = directory / "store", directory.with_name(f"{directory.name}.index")
        self.storage = FileStorage(self.root, durability=durability, index_dir=self.index)

    @classmethod
    def about(cls) -> str:
        return f"sessionfs {sessionfs.__version__}"

    @classmethod
    def load(cls) -> None:
        pass  # this module has

    def begin(self, title: str) -> Conversation:
        return _Appended(self, self.storage.create_session(CreateSessionRequest(title)).session_id)

    def resume(self, session: str) -> Conversation:
        return _Appended(self, UUID(session))

    def adopt(self, other: SessionFS, session: str) -> Conversation:
        """Go on with a session of another store; links will do, as no file ever changes."""
        beside = Path(self.storage.session_path(UUID(self.begin("Another session").id)))
        theirs = other.storage.session_path(UUID(session))
        shutil.copytree(theirs, beside.with_name(session), copy_function=os.link)
        return self.resume(session)

    def newest(self, session: str) -> int:
        return len(self.storage.get_active_checkpoint(UUID(session)).state.messages)

    def at(self, session: str, checkpoint: Any) -> int:
        return len(self.storage.get_checkpoint(checkpoint).state.messages)

    def listing(self) -> int | None:
        return len(self.storage.list_sessions(ListSessionsQuery(limit=PAGE)).sessions)

    def titles(self, text: str) -> int | None:
        return len(self.storage.list_sessions(ListSessionsQuery(limit=PAGE, search=text)).sessions)

    def texts(self, text: str) -> int | None:
        return len(self.storage.search(SearchQuery(text).with_limit(PAGE)).hits)

    def resuming(self, session: str) -> str:
        return (
            "from uuid import UUID; from sessionfs import FileStorage;"
            f"storage = FileStorage({str(self.root)!r}, index_dir={str(self.index)!r});"
            f"m = storage.get_session(UUID({session!r})).active_checkpoint.state.messages"
        )

    def close(self) -> None:
        self.storage.close()


class _Appended(Conversation):
    def __init__(self, store: SessionFS, session: UUID) -> None:
        super().__init__()
        self.id, self._store, self._session, self._messages = str(session), store, session, 0

    def write(self, prepared: Any) -> None:
        done = self._store.storage.append_messages(self._session, prepared)
        self._messages += len(prepared)
        self.checkpoints.append((self._messages, done.id))

    def seed(self, turns: list[Turn]) -> None:
        for turn in turns:
            self.write(turn)


class SessionFSWhole(SessionFS):
    """sessionfs by ``create_checkpoint`` with the whole state, of plain dicts as every peer gets."""

    name = "sessionfs, whole state"
    whole = True

    def begin(self, title: str) -> Conversation:
        return self._created(super().begin(title).id, [])

    def resume(self, session: str) -> Conversation:
        with FileStorage(self.root, index_dir=self.index, message_type=dict) as plain:
            messages = plain.get_active_checkpoint(UUID(session)).state.messages
        # Made anew, because these would remember the bytes that they were read from.
        return self._created(
            session, [{**message} for message in messages if isinstance(message, dict)]
        )

    def _created(self, session: str, messages: list[Any]) -> Conversation:
        return _Created(self, session, messages)


class _Created(Conversation):
    def __init__(self, store: SessionFS, session: str, messages: list[Any]) -> None:
        super().__init__()
        self.id, self._store, self._session, self._messages = session, store, UUID(session), messages

    def write(self, prepared: Any) -> None:
        self._messages += prepared
        request = CreateCheckpointRequest(self._messages)
        done = self._store.storage.create_checkpoint(self._session, request)
        self.checkpoints.append((len(self._messages), done.id))

    def seed(self, turns: list[Turn]) -> None:
        for turn in turns:
            self.write(self._store.prepare(turn))


class SessionFSReturned(SessionFSWhole):
    """The same, going on with the state that the checkpoint before returned."""

    name = "sessionfs, whole state as returned"

    def prepare(self, turn: Turn) -> Any:
        return msgspec.convert(turn, list[ChatMessage])

    def resume(self, session: str) -> Conversation:
        messages = self.storage.get_active_checkpoint(UUID(session)).state.messages
        return self._created(session, list(messages))

    def _created(self, session: str, messages: list[Any]) -> Conversation:
        return _Returned(self, session, messages)


class _Returned(_Created):
    def write(self, prepared: Any) -> None:
        request = CreateCheckpointRequest([*self._messages, *prepared])
        done = self._store.storage.create_checkpoint(self._session, request)
        self._messages = done.state.messages
        self.checkpoints.append((len(self._messages), done.id))


class Floor(Store):
    """One new file a turn, with fsync of file and directory where that is asked for."""

    name = "floor: a new file"
    kept = "a new file"
    shipped = "–"

    @classmethod
    def about(cls) -> str:
        return "open, write, close"

    @classmethod
    def load(cls) -> None:
        pass

    def prepare(self, turn: Turn) -> Any:
        return raw(turn)

    def begin(self, title: str) -> Conversation:
        directory = self.directory / str(uuid4())
        directory.mkdir()
        return self.resume(str(directory))

    def resume(self, session: str) -> Conversation:
        return _Filed(session, self.durability == "full")


class _Filed(Conversation):
    def __init__(self, directory: str, sync: bool) -> None:
        super().__init__()
        self.id, self._sync, self._written = directory, sync, 0
        self._path = f"{directory}/{uuid4()}-"  # others may write there too

    def write(self, prepared: Any) -> None:
        self._written += 1
        path = f"{self._path}{self._written}"
        descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o400)
        os.write(descriptor, prepared)
        if self._sync:
            os.fsync(descriptor)
        os.close(descriptor)
        if self._sync:
            directory = os.open(self.id, os.O_RDONLY)
            os.fsync(directory)
            os.close(directory)

    def seed(self, turns: list[Turn]) -> None:
        for turn in turns:
            self._written += 1
            Path(f"{self._path}{self._written}").write_bytes(raw(turn))
