"""The stores of agent frameworks, as their programs use them, behind the protocol of ``competitors``.

Each framework is imported when its store is opened, so that a process has only what it measures.
"""

from __future__ import annotations

import asyncio
import base64
import sqlite3
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec

from tests.benchmarks.competitors import Conversation, Store
from tests.benchmarks.measuring import Durability
from tests.benchmarks.workloads import Turn


class LangGraph(Store):
    """langgraph-checkpoint-sqlite: ``SqliteSaver.put`` once a turn; a graph puts once a step."""

    name = "LangGraph SqliteSaver"
    whole = True
    kept = "a row with all messages"
    shipped = "full (WAL, SQLite's own synchronous FULL)"

    def __init__(self, directory: Path, durability: Durability) -> None:
        super().__init__(directory, durability)
        from langgraph.checkpoint.sqlite import SqliteSaver

        self._path = directory / "checkpoints.sqlite"
        self._connection = sqlite3.connect(self._path, check_same_thread=False)
        if durability == "relaxed":
            self._connection.execute("PRAGMA synchronous=NORMAL")
        self.saver = SqliteSaver(self._connection)
        self.saver.setup()

    @classmethod
    def about(cls) -> str:
        return f"langgraph-checkpoint-sqlite {version('langgraph-checkpoint-sqlite')}"

    @classmethod
    def load(cls) -> None:
        import langgraph.checkpoint.sqlite  # noqa: F401

    def begin(self, title: str) -> Conversation:
        return _Thread(self.saver, str(uuid4()), [])

    def resume(self, session: str) -> Conversation:
        return _Thread(self.saver, session, self._messages(session))

    def newest(self, session: str) -> int:
        return len(self._messages(session))

    def at(self, session: str, checkpoint: Any) -> int:
        return len(self._messages(session, checkpoint_id=checkpoint))

    def _messages(self, session: str, **more: str) -> list[Any]:
        found = self.saver.get_tuple(_config(session, **more))
        messages: list[Any] = found.checkpoint["channel_values"]["messages"] if found else []
        return messages

    def resuming(self, session: str) -> str:
        return (
            "from langgraph.checkpoint.sqlite import SqliteSaver\n"
            f"with SqliteSaver.from_conn_string({str(self._path)!r}) as saver:\n"
            f"    found = saver.get_tuple({_config(session)!r})\n"
            "    m = found.checkpoint['channel_values']['messages']"
        )

    def close(self) -> None:
        self._connection.close()


def _config(session: str, **more: str) -> Any:
    return {"configurable": {"thread_id": session, "checkpoint_ns": "", **more}}


class _Thread(Conversation):
    def __init__(self, saver: Any, session: str, messages: list[Any]) -> None:
        from langgraph.checkpoint.base import empty_checkpoint

        super().__init__()
        self.id, self._saver, self._messages = session, saver, messages
        self._empty, self._config, self._step = empty_checkpoint, _config(session), 0

    def write(self, prepared: Any) -> None:
        self._messages += prepared
        self._put()

    def _put(self) -> None:
        self._step += 1
        checkpoint = self._empty()
        checkpoint["channel_values"] = {"messages": self._messages}
        checkpoint["channel_versions"] = versions = {"messages": self._step}
        metadata = {"source": "loop", "step": self._step, "parents": {}}
        self._config = self._saver.put(self._config, checkpoint, metadata, versions)
        self.checkpoints.append((len(self._messages), checkpoint["id"]))

    def seed(self, turns: list[Turn]) -> None:
        self._messages += [message for turn in turns for message in turn]
        self._put()


class OpenAIAgents(Store):
    """openai-agents: ``SQLiteSession.add_items`` once a turn; it keeps no earlier states."""

    name = "OpenAI Agents SQLiteSession"
    kept = "a row a message; no earlier states"
    shipped = "full (WAL, SQLite's own synchronous FULL)"

    def __init__(self, directory: Path, durability: Durability) -> None:
        super().__init__(directory, durability)
        self.load()
        self._path = directory / "conversations.db"
        self.run = asyncio.Runner().run
        self._opened: list[Any] = []

    @classmethod
    def about(cls) -> str:
        return f"openai-agents {version('openai-agents')}"

    @classmethod
    def load(cls) -> None:
        import agents  # noqa: F401

    def begin(self, title: str) -> Conversation:
        return self.resume(str(uuid4()))

    def resume(self, session: str) -> Conversation:
        return _Items(self, self._session(session))

    def _session(self, session: str) -> Any:
        from agents import SQLiteSession

        opened = SQLiteSession(session, self._path)
        if self.durability == "relaxed":
            # It has no setting for this; connections are made as they are needed.
            made = opened._configure_connection

            def configure(connection: sqlite3.Connection) -> None:
                made(connection)
                connection.execute("PRAGMA synchronous=NORMAL")

            opened._configure_connection = configure
        self._opened.append(opened)
        return opened

    def close(self) -> None:
        for each in self._opened:
            each.close()

    def newest(self, session: str) -> int:
        return len(self.run(self._session(session).get_items()))

    def resuming(self, session: str) -> str:
        return (
            "import asyncio; from agents import SQLiteSession;"
            f"m = asyncio.run(SQLiteSession({session!r}, {str(self._path)!r}).get_items())"
        )


class _Items(Conversation):
    def __init__(self, store: OpenAIAgents, opened: Any) -> None:
        super().__init__()
        self.id, self._run, self._opened = opened.session_id, store.run, opened

    def write(self, prepared: Any) -> None:
        self._run(self._opened.add_items(prepared))

    def seed(self, turns: list[Turn]) -> None:
        if turns:
            self.write([message for turn in turns for message in turn])

    def close(self) -> None:
        self._opened.close()


class _Strands(Store):
    """What both of strands-agents' managers need: an agent that says nothing."""

    durabilities = ("relaxed",)
    shipped = "relaxed (files without fsync); cannot be full"

    @classmethod
    def about(cls) -> str:
        return f"strands-agents {version('strands-agents')}"

    @classmethod
    def load(cls) -> None:
        import strands.models
        import strands.session
        import strands.storage  # noqa: F401

    def prepare(self, turn: Turn) -> Any:
        return [_converse(message) for message in turn]

    def manager(self, session: str) -> Any:
        raise NotImplementedError

    def agent(self, manager: Any) -> Any:
        from strands import Agent
        from strands.models import Model

        # Only what an agent asks of a model before the first question.
        names = ("get_config", "update_config", "stream", "structured_output")
        silent = type("Silent", (Model,), {name: lambda *_, **__: {} for name in names})()
        return Agent(model=silent, agent_id="agent", session_manager=manager, callback_handler=None)

    def begin(self, title: str) -> Conversation:
        return self.resume(str(uuid4()))

    def newest(self, session: str) -> int:
        return len(self.agent(self.manager(session)).messages)

    _resuming = """
from strands import Agent
from strands.models import Model
names = ("get_config", "update_config", "stream", "structured_output")
silent = type("Silent", (Model,), {name: lambda *_, **__: {} for name in names})()
m = Agent(model=silent, agent_id="agent", session_manager=manager, callback_handler=None).messages
"""


class StrandsFiles(_Strands):
    """strands-agents: ``FileSessionManager``, by what it does when an agent adds a message."""

    name = "Strands FileSessionManager"
    kept = "a file a message"

    def manager(self, session: str) -> Any:
        from strands.session import FileSessionManager

        return FileSessionManager(session, storage_dir=str(self.directory))

    def resume(self, session: str) -> Conversation:
        def again() -> tuple[Any, Any]:
            manager = self.manager(session)
            return manager, self.agent(manager)

        return _Files(session, again)

    def at(self, session: str, checkpoint: Any) -> int:
        return len(self.manager(session).list_messages(session, "agent", limit=checkpoint))

    def resuming(self, session: str) -> str:
        return (
            "from strands.session import FileSessionManager\n"
            f"manager = FileSessionManager({session!r}, storage_dir={str(self.directory)!r})"
            + self._resuming
        )


class StrandsSnapshots(_Strands):
    """strands-agents: ``SnapshotSessionManager`` that keeps a snapshot of every turn."""

    name = "Strands snapshots"
    whole = True
    kept = "a file with all messages, written twice: for history and as the latest"

    def manager(self, session: str) -> Any:
        from strands.session import SnapshotSessionManager
        from strands.storage import LocalFileStorage

        storage = LocalFileStorage(str(self.directory))
        return SnapshotSessionManager(session, storage=storage, snapshot_trigger=lambda **_: True)

    def resume(self, session: str) -> Conversation:
        manager = self.manager(session)
        return _Snapshots(session, manager, self.agent(manager))

    def at(self, session: str, checkpoint: Any) -> int:
        manager = self.manager(session)
        agent = self.agent(manager)
        asyncio.run(manager.restore_snapshot(agent, snapshot_id=checkpoint))
        return len(agent.messages)

    def resuming(self, session: str) -> str:
        return (
            "from strands.session import SnapshotSessionManager\n"
            "from strands.storage import LocalFileStorage\n"
            f"storage = LocalFileStorage({str(self.directory)!r})\n"
            f"manager = SnapshotSessionManager({session!r}, storage=storage)" + self._resuming
        )


class _Files(Conversation):
    def __init__(self, session: str, again: Callable[[], tuple[Any, Any]]) -> None:
        super().__init__()
        self.id, self._again = session, again
        self._manager, self._agent = again()

    def write(self, prepared: Any) -> None:
        for message in prepared:
            self._agent.messages.append(message)
            self._manager.append_message(message, self._agent)
            self._manager.sync_agent(self._agent)
        count = len(self._agent.messages)
        self.checkpoints.append((count, count))

    def seed(self, turns: list[Turn]) -> None:
        # Not message by message as above, because an agent looks through all of them each time.
        from strands.types.session import SessionMessage

        messages = [_converse(message) for turn in turns for message in turn]
        for i, message in enumerate(messages, len(self._agent.messages)):
            made = SessionMessage.from_message(message, i)
            self._manager.create_message(self.id, "agent", made)
        self._manager, self._agent = self._again()


class _Snapshots(Conversation):
    def __init__(self, session: str, manager: Any, agent: Any) -> None:
        from strands.hooks import AfterInvocationEvent

        super().__init__()
        self.id, self._manager, self._agent = session, manager, agent
        self._ended, self._runner = AfterInvocationEvent, asyncio.Runner()

    def write(self, prepared: Any) -> None:
        self._agent.messages += prepared
        self._runner.run(self._told(self._ended(agent=self._agent)))
        self.checkpoints.append((len(self._agent.messages), None))

    async def _told(self, event: Any) -> None:
        await self._agent.hooks.invoke_callbacks_async(event)

    def seed(self, turns: list[Turn]) -> None:
        if turns:
            self.write([_converse(message) for turn in turns for message in turn])

    def earlier(self) -> list[tuple[int, Any]]:
        ids = self._runner.run(self._manager.list_snapshot_ids(self._agent))
        return [(count, id_) for (count, _), id_ in zip(self.checkpoints, ids, strict=True)]

    def close(self) -> None:
        self._runner.close()


def _converse(message: dict[str, Any]) -> dict[str, Any]:
    """Return a message in the shape of strands-agents, with the same text."""
    role = "user" if message["role"] == "tool" else message["role"]
    content = message["content"]
    parts: list[dict[str, Any]]
    if message["role"] == "tool":
        result = {"toolUseId": message["tool_call_id"], "content": [{"text": content}]}
        parts = [{"toolResult": {**result, "status": "success"}}]
    elif isinstance(content, str):
        parts = [{"text": content}]
    else:
        text, image = content
        data = base64.b64decode(image["image_url"]["url"].partition(",")[2])
        parts = [{"text": text["text"]}, {"image": {"format": "png", "source": {"bytes": data}}}]
    for call in message.get("tool_calls", ()):
        function = call["function"]
        use = {"toolUseId": call["id"], "name": function["name"]}
        parts.append({"toolUse": {**use, "input": msgspec.json.decode(function["arguments"])}})
    return {"role": role, "content": parts}
