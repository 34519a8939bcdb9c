"""A store in the shape of Stakpak's: one SQLite file, a row for every checkpoint."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec

from tests.benchmarks import probe, stores
from tests.benchmarks.competitors import PAGE, Conversation, Store
from tests.benchmarks.measuring import Durability
from tests.benchmarks.workloads import Turn


class Stakpak(Store):
    """Two statements a checkpoint, committed one by one, with the whole state as JSON."""

    name = "Stakpak-shaped SQLite"
    whole = True
    kept = "a row with all messages"
    shipped = "relaxed (WAL, synchronous NORMAL)"

    def __init__(self, directory: Path, durability: Durability) -> None:
        super().__init__(directory, durability)
        self.path = directory / "local.db"
        new = not self.path.exists()
        self.connection = sqlite3.connect(self.path, isolation_level=None)
        synchronous = "FULL" if durability == "full" else "NORMAL"
        self.connection.execute("PRAGMA journal_mode=WAL").fetchone()
        self.connection.execute(f"PRAGMA synchronous={synchronous}")
        if new:
            self.connection.executescript(stores.SCHEMA)

    @classmethod
    def about(cls) -> str:
        return f"SQLite {sqlite3.sqlite_version}"

    @classmethod
    def load(cls) -> None:
        pass  # this module has

    def begin(self, title: str) -> Conversation:
        session, now = str(uuid4()), datetime.now(UTC).isoformat()
        self.connection.execute(
            "INSERT INTO sessions VALUES (?,?,NULL,'PRIVATE','ACTIVE',NULL,?,?)",
            (session, title, now, now),
        )
        return _Rows(self.connection, session, [])

    def resume(self, session: str) -> Conversation:
        return _Rows(self.connection, session, self._newest(session))

    def newest(self, session: str) -> int:
        return len(self._newest(session))

    def _newest(self, session: str) -> list[Any]:
        return self._decoded(
            "SELECT state FROM checkpoints WHERE session_id = ? ORDER BY created_at DESC LIMIT 1",
            session,
        )

    def at(self, session: str, checkpoint: Any) -> int:
        return len(self._decoded("SELECT state FROM checkpoints WHERE id = ?", checkpoint))

    def _decoded(self, query: str, value: str) -> list[Any]:
        row = self.connection.execute(query, (value,)).fetchone()
        messages: list[Any] = msgspec.json.decode(row[0])["messages"] if row else []
        return messages

    def listing(self) -> int | None:
        return len(self.connection.execute(probe.OWN_LISTING).fetchall())

    def titles(self, text: str) -> int | None:
        query = "SELECT * FROM sessions WHERE title LIKE ? ORDER BY updated_at DESC LIMIT ?"
        return len(self.connection.execute(query, (f"%{text}%", PAGE)).fetchall())

    def texts(self, text: str) -> int | None:
        like = f"%{text}%"
        values = {"status": None, "cwd": None, "in_state": like, "in_title": like, "limit": PAGE}
        return len(self.connection.execute(_SEARCH, values).fetchall())

    def resuming(self, session: str) -> str:
        return (
            f"import json, sqlite3; c = sqlite3.connect({str(self.path)!r});"
            f"m = json.loads(c.execute({_NEWEST!r}, ({session!r},)).fetchone()[0])['messages']"
        )

    def close(self) -> None:
        self.connection.close()


_NEWEST = "SELECT state FROM checkpoints WHERE session_id = ? ORDER BY created_at DESC LIMIT 1"

# Sessions here have no directory, which the filter would compare with itself.
_SEARCH = probe.SEARCH.replace(" AND cwd = coalesce(:cwd, cwd)", "")


class _Rows(Conversation):
    def __init__(self, connection: sqlite3.Connection, session: str, messages: list[Any]) -> None:
        super().__init__()
        self.id, self._connection, self._messages = session, connection, messages
        self._parent: str | None = None

    def write(self, prepared: Any) -> None:
        self._messages += prepared
        self._put()

    def _put(self) -> None:
        id_, now = str(uuid4()), datetime.now(UTC).isoformat()
        # As bytes, because to make a str of them first would cost it time that its own language saves.
        state = msgspec.json.encode({"messages": self._messages, "metadata": None})
        self._connection.execute(
            "INSERT INTO checkpoints VALUES (?,?,NULL,NULL,?,CAST(? AS TEXT),?,?)",
            (id_, self.id, self._parent, state, now, now),
        )
        self._connection.execute("UPDATE sessions SET updated_at = ? WHERE id = ?", (now, self.id))
        self._parent = id_
        self.checkpoints.append((len(self._messages), id_))

    def seed(self, turns: list[Turn]) -> None:
        self._messages += [message for turn in turns for message in turn]
        self._put()
