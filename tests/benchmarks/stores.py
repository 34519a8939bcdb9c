"""Makes stores to measure: the same sessions as files, as an SQLite file, and as plain texts.

The sessions are made up from a seed: words after Zipf's law, with code, paths, hexadecimal ids, numbers
and CJK among them, in turns of about 2.7 KB in 4 messages with a checkpoint each.
"""

from __future__ import annotations

import hashlib
import random
import shutil
import sqlite3
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import msgspec

from sessionfs import FileStorage, ImportedCheckpoint, ImportSessionRequest, SessionStatus

Each = TypeVar("Each")

SEED = 7
LETTERS = "etaoinshrdlucmfwypvbgkjqxz"
TOOLS = ("bash", "read", "edit")
EAST = ("日本語のテキスト", "検索の結果", "会话记录", "文件系统", "한국어 메시지")
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
DIRECTORIES = 37

# As Stakpak makes them: its migrations have this index and no other one.
SCHEMA = """
CREATE TABLE sessions(
    id TEXT PRIMARY KEY, title TEXT NOT NULL, agent_id TEXT,
    visibility TEXT NOT NULL DEFAULT 'PRIVATE', status TEXT DEFAULT 'ACTIVE', cwd TEXT,
    created_at TEXT NOT NULL, updated_at TEXT NOT NULL
);
CREATE TABLE checkpoints(
    id TEXT PRIMARY KEY, session_id TEXT NOT NULL, status TEXT, execution_depth INTEGER,
    parent_id TEXT, state TEXT, created_at TEXT NOT NULL, updated_at TEXT NOT NULL
);
CREATE INDEX idx_checkpoints_session_id ON checkpoints(session_id);
"""


class Size(NamedTuple):
    """How many sessions, and how many bytes of text each of them has."""

    name: str
    sessions: int
    length: int


QUICK = Size("quick", 500, 20_000)
DEFAULT = Size("default", 10_000, 20_000)
LARGE = Size("large", 10_000, 100_000)


class Made(msgspec.Struct):
    """A session as it was made up: its messages, turn by turn."""

    id: UUID
    title: str
    cwd: str
    status: SessionStatus
    created_at: datetime
    turns: list[list[dict[str, Any]]]

    def at(self, turn: int) -> datetime:
        """Return when a turn's checkpoint was made."""
        return self.created_at + timedelta(seconds=20 * (turn + 1))

    @property
    def updated_at(self) -> datetime:
        return self.at(len(self.turns) - 1)

    @property
    def messages(self) -> int:
        return sum(map(len, self.turns))

    @property
    def length(self) -> int:
        """Bytes of text, that of arguments as it is written."""
        return sum(len(text.encode()) for turn in self.turns for each in turn for text in written(each))


class Store(NamedTuple):
    """A directory with the same sessions in each shape."""

    directory: Path
    size: Size

    @property
    def root(self) -> Path:
        return self.directory / "store"

    @property
    def index_dir(self) -> Path:
        return self.directory / "index"

    @property
    def database(self) -> Path:
        return self.directory / "local.db"

    @property
    def texts(self) -> Path:
        return self.directory / "sessions.jsonl"

    def sessions(self) -> Iterator[Made]:
        """Give the sessions as they were made up."""
        decode = msgspec.json.Decoder(Made).decode
        with self.texts.open("rb") as lines:
            yield from map(decode, lines)

    def make(self) -> None:
        """Make what is not there yet, and remove what an interrupted run left behind."""
        if not self._is_made("files"):
            shutil.rmtree(self.directory, ignore_errors=True)
            self.directory.mkdir(parents=True)
            _make_files(self)
            self._mark("files")
        known = {str(session.id) for session in self.sessions()}
        for left in (self.root / "sessions").iterdir():
            if left.name not in known:
                shutil.rmtree(left)

    def make_database(self) -> str | None:
        """Make the SQLite file if it is not there yet; return why that cannot be."""
        if self._is_made("database"):
            return None
        turns = self.size.length / 2_700
        needed = self.size.sessions * self.size.length * (turns + 1) / 2 * 1.2
        if shutil.disk_usage(self.directory).free < 1.5 * needed:
            return f"it takes about {needed / 1e9:.0f} GB, and 1.5 times that must be free"
        for name in ("", "-wal", "-shm"):
            Path(f"{self.database}{name}").unlink(missing_ok=True)
        _make_database(self)
        self._mark("database")
        return None

    def _is_made(self, part: str) -> bool:
        mark = self.directory / f"{part}.made"
        return mark.exists() and mark.read_text() == self._version()

    def _mark(self, part: str) -> None:
        (self.directory / f"{part}.made").write_text(self._version())

    def _version(self) -> str:
        return f"{self.size} {hashlib.sha256(Path(__file__).read_bytes()).hexdigest()}"


class Words:
    """Makes texts.

    Attributes:
        vocabulary: the words, most frequent first.

    """

    def __init__(self, rng: random.Random, number: int = 60_000) -> None:
        self._rng = rng
        made: dict[str, None] = {}
        while len(made) < number:
            length = rng.choice((2, 3, 3, 4, 4, 5, 5, 6, 7, 8, 9, 11))
            made["".join(rng.choices(LETTERS, weights=range(26, 0, -1), k=length))] = None
        self.vocabulary = sorted(made, key=lambda word: len(word) + 12 * rng.random())
        self._weights = [*accumulate(1 / (rank + 10) for rank in range(number))]

    def word(self) -> str:
        """Return any word, each as likely."""
        return self._rng.choice(self.vocabulary)

    def text(self, size: int) -> str:
        """Return a text of about so many bytes."""
        rng = self._rng
        words = rng.choices(self.vocabulary, cum_weights=self._weights, k=size // 4)
        for _ in range(size // 250 + 1):
            at = rng.randrange(len(words))
            words[at] = words[at].capitalize() + ".\n"
            words[rng.randrange(len(words))] = self._token()
        return " ".join(words)[:size]

    def _token(self) -> str:
        rng = self._rng
        kind = rng.randrange(12)
        if kind < 2:
            return f"fn{rng.randrange(999)}(a, b)"
        if kind < 4:
            return f"--flag={rng.randrange(99)}"
        if kind < 6:
            return f"/src/{self.word()}/{self.word()}.py:{rng.randrange(999)}"
        if kind < 8:
            return f"{rng.getrandbits(128):032x}"
        if kind < 10:
            return str(rng.randrange(10**6))
        return rng.choice(EAST) + self.word() if kind == 10 else "Straße"


def written(message: dict[str, Any]) -> list[str]:
    """Return the texts of a message: its content, the names and arguments of its calls."""
    calls = message.get("tool_calls", ())
    return [message["content"], *(text for call in calls for text in call["function"].values())]


def progress(what: str, items: Iterable[Each], total: int) -> Iterator[Each]:
    """Give the items, and tell on stderr how far it is."""
    begin = told = time.monotonic()
    for done, item in enumerate(items):
        now = time.monotonic()
        if now > told + 1:
            told = now
            print(f"\r{what}: {done:,} of {total:,}\033[K", end="", file=sys.stderr, flush=True)
        yield item
    print(f"\r{what}: {time.monotonic() - begin:.0f} s\033[K", file=sys.stderr)


def turn(words: Words, rng: random.Random, number: int, at: datetime | None) -> list[dict[str, Any]]:
    """Return a turn of about 2.7 KB in 4 messages, which tell their times if ``at`` is given."""
    command = words.text(190).replace("\n", "")
    if rng.random() < 0.3:
        command = f'echo "{command[:140]}"'
    arguments = msgspec.json.encode({"command": command}).decode()
    call = {
        "id": f"call_{number}",
        "type": "function",
        "function": {"name": rng.choice(TOOLS), "arguments": arguments},
    }
    messages: list[dict[str, Any]] = [
        {"role": "user", "content": words.text(300)},
        {"role": "assistant", "content": words.text(200), "tool_calls": [call]},
        {"role": "tool", "content": words.text(1_300), "tool_call_id": call["id"]},
        {"role": "assistant", "content": words.text(700)},
    ]
    for i, message in enumerate(messages if at is not None else ()):
        assert at is not None
        message["created_at"] = round(at.timestamp() * 1_000) - 1_000 * (3 - i)
    return messages


def _session(words: Words, rng: random.Random, number: int, length: int) -> Made:
    made = Made(
        id=UUID(int=rng.getrandbits(128), version=4),
        title=words.text(40),
        cwd=f"/work/project-{number % DIRECTORIES}",
        status=SessionStatus.DELETED if number % 10 == 9 else SessionStatus.ACTIVE,
        created_at=BEGIN + timedelta(minutes=number, microseconds=number),
        turns=[],
    )
    timed, done = number % 3 != 2, rng.randrange(2_700)
    while done < length:
        at = made.at(len(made.turns)) if timed else None
        added = turn(words, rng, len(made.turns), at)
        done += sum(len(text.encode()) for message in added for text in written(message))
        made.turns.append(added)
    return made


def _request(made: Made) -> ImportSessionRequest:
    checkpoints = [
        ImportedCheckpoint(
            messages=messages, created_at=made.at(i), parent=i - 1 if i else None, appends=i > 0
        )
        for i, messages in enumerate(made.turns)
    ]
    return ImportSessionRequest(
        session_id=made.id,
        title=made.title,
        checkpoints=checkpoints,
        created_at=made.created_at,
        status=made.status,
        cwd=made.cwd,
    )


def _make_files(store: Store) -> None:
    rng = random.Random(SEED)
    words, number = Words(rng), store.size.sessions
    storage = FileStorage(store.root, durability="relaxed", index_dir=store.index_dir)
    with storage, store.texts.open("wb") as texts:
        for i in progress("store", range(number), number):
            made = _session(words, rng, i, store.size.length)
            storage.import_session(_request(made))
            texts.write(msgspec.json.encode(made) + b"\n")


def _make_database(store: Store) -> None:
    rng = random.Random(SEED)
    with closing(sqlite3.connect(store.database, isolation_level=None)) as database:
        database.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;" + SCHEMA)
        database.execute("BEGIN")
        made = progress("SQLite file", store.sessions(), store.size.sessions)
        for number, session in enumerate(made, 1):
            times = session.created_at.isoformat(), session.updated_at.isoformat()
            database.execute(
                "INSERT INTO sessions VALUES (?,?,NULL,'PRIVATE',?,?,?,?)",
                (str(session.id), session.title, session.status.value, session.cwd, *times),
            )
            parent, state = None, ""
            for i, messages in enumerate(session.turns):
                id_, at = str(UUID(int=rng.getrandbits(128), version=4)), session.at(i).isoformat()
                state += ("," if i else "") + msgspec.json.encode(messages).decode()[1:-1]
                whole = f'{{"messages":[{state}],"metadata":null}}'
                database.execute(
                    "INSERT INTO checkpoints VALUES (?,?,NULL,NULL,?,?,?,?)",
                    (id_, str(session.id), parent, whole, at, at),
                )
                parent = id_
            if number % 100 == 0:
                database.execute("COMMIT")
                database.execute("BEGIN")
        database.execute("COMMIT")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
