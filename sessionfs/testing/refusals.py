"""Requests that are refused, each before anything is written."""

from __future__ import annotations

import datetime
import decimal
import math
import uuid
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from ..models import (
    ChatMessage,
    ContentPart,
    CreateCheckpointRequest,
    CreateSessionRequest,
    ImageUrl,
    ListCheckpointsQuery,
    ListSessionsQuery,
    Role,
    UpdateSessionRequest,
)
from ..protocols import SessionStorage
from .base import Contract, new_session, refused, user
from .lossless import nested

Write = Callable[[SessionStorage, UUID, Any, Any], object]

WRITES: list[Write] = [
    lambda storage, _, messages, metadata: storage.create_session(
        CreateSessionRequest("t", messages, metadata=metadata)
    ),
    lambda storage, session, messages, metadata: storage.create_checkpoint(
        session, CreateCheckpointRequest(messages, metadata=metadata)
    ),
    lambda storage, session, messages, metadata: storage.append_messages(
        session, messages, metadata=metadata
    ),
]


def _cycle() -> dict[str, Any]:
    cycle: dict[str, Any] = {}
    cycle["again"] = [cycle]
    return cycle


UNSTORABLE: list[Any] = [
    pytest.param(math.nan, id="nan"),
    pytest.param(math.inf, id="inf"),
    pytest.param(-math.inf, id="-inf"),
    pytest.param("\ud800", id="lone surrogate"),
    pytest.param("a\udfffb", id="lone surrogate inside"),
    pytest.param("\ude00\ud83d", id="surrogates in the wrong order"),
    pytest.param({"\ud800": 1}, id="lone surrogate in a key"),
    pytest.param(b"bytes", id="bytes"),
    pytest.param(bytearray(b"bytes"), id="bytearray"),
    pytest.param({1, 2}, id="set"),
    pytest.param(frozenset(), id="frozenset"),
    pytest.param(datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC), id="datetime"),
    pytest.param(datetime.date(2026, 1, 1), id="date"),
    pytest.param(datetime.timedelta(1), id="timedelta"),
    pytest.param(uuid.UUID(int=0), id="uuid"),
    pytest.param(decimal.Decimal("0.1"), id="decimal"),
    pytest.param(1j, id="complex"),
    pytest.param(object(), id="object"),
    pytest.param({1: "one"}, id="int key"),
    pytest.param({1.5: "x"}, id="float key"),
    pytest.param({None: "none"}, id="None key"),
    pytest.param({True: "true"}, id="bool key"),
    pytest.param({("a", "b"): 1}, id="tuple key"),
    pytest.param(nested(200), id="nesting of 201 and more"),
    pytest.param(nested(5_000), id="very deep nesting"),
    pytest.param(_cycle(), id="cycle"),
]

PLACES: dict[str, Callable[[Any], tuple[Any, Any]]] = {
    "dict": lambda value: ([user("ok"), {"value": value}], None),
    "dict, deep": lambda value: ([{"role": "user", "content": [{"x": [value]}]}], None),
    "typed": lambda value: ([ChatMessage(Role.USER, "ok", metadata=value)], None),
    "metadata": lambda value: ([user("ok")], {"value": value}),
}

NO_MESSAGE: list[Any] = ["text", "", None, [], [user("x")], 5, True, b"{}", ("role", "user")]

NO_MESSAGES: list[Any] = ["text", "", {"role": "user"}, {}, None, 5, user("x"), iter([user("x")])]

NO_METADATA: list[Any] = ["text", "", [], [("a", 1)], 5, 0, False, user("x")]

_any: Any = None
BAD_FIELDS: list[Any] = [
    pytest.param({"role": "wizard"}, id="role"),
    pytest.param({"role": "User"}, id="role in another case"),
    pytest.param({"role": None}, id="no role"),
    pytest.param({"role": 1}, id="role of another type"),
    pytest.param({"content": 7}, id="content"),
    pytest.param({"content": {"type": "text"}}, id="content that is one part"),
    pytest.param({"content": [7]}, id="part"),
    pytest.param({"content": "lone \ud800"}, id="lone surrogate in content"),
    pytest.param({"content": [ContentPart("text", "lone \ud800")]}, id="lone surrogate in a part"),
    pytest.param({"content": b"bytes"}, id="content in bytes"),
    pytest.param({"name": 5}, id="name"),
    pytest.param({"tool_calls": "x"}, id="tool_calls"),
    pytest.param({"tool_calls": [{"id": "c"}]}, id="tool call without a function"),
    pytest.param({"usage": {"prompt_tokens": "many"}}, id="usage"),
    pytest.param({"cost": math.nan}, id="cost"),
    pytest.param({"created_at": "today"}, id="created_at"),
    pytest.param({"content": [ContentPart("x", image_url=ImageUrl(url=_any))]}, id="url"),
]

BAD_FACTS: list[Any] = [
    pytest.param({"title": 5}, id="title"),
    pytest.param({"title": b"t"}, id="title in bytes"),
    pytest.param({"title": ["t"]}, id="title in a list"),
    pytest.param({"title": "lone \ud800"}, id="lone surrogate in title"),
    pytest.param({"cwd": 5}, id="cwd"),
    pytest.param({"cwd": b"/"}, id="cwd in bytes"),
    pytest.param({"cwd": "/\udcff"}, id="lone surrogate in cwd"),
    pytest.param({"visibility": "public"}, id="visibility in another case"),
    pytest.param({"visibility": "SECRET"}, id="visibility"),
    pytest.param({"visibility": 1}, id="visibility of another type"),
    pytest.param({"visibility": ["PUBLIC"]}, id="visibility in a list"),
]

BAD_QUERIES: list[Any] = [
    {"limit": -1},
    {"offset": -(2**70)},
    {"limit": 1.5},
    {"limit": "5"},
    {"offset": "0"},
]


class RefusalsContract(Contract):
    """What cannot be stored as it is, is refused whole: InvalidRequestError, and nothing changed."""

    @pytest.mark.parametrize("place", PLACES)
    @pytest.mark.parametrize("value", UNSTORABLE)
    def test_unstorable_values(self, storage: SessionStorage, value: Any, place: str) -> None:
        """What JSON cannot carry is refused wherever it stands, instead of made into something else."""
        messages, metadata = PLACES[place](value)
        _assert_refused(storage, messages, metadata)

    @pytest.mark.parametrize("message", NO_MESSAGE, ids=repr)
    def test_no_message(self, storage: SessionStorage, message: Any) -> None:
        """A message is a ChatMessage or a dict."""
        _assert_refused(storage, [user("ok"), message], None)

    @pytest.mark.parametrize("messages", NO_MESSAGES, ids=lambda value: type(value).__name__)
    def test_no_list_of_messages(self, storage: SessionStorage, messages: Any) -> None:
        """Messages are a list of them: not one, and not a text or a dict, which have items too."""
        _assert_refused(storage, messages, None)

    @pytest.mark.parametrize("metadata", NO_METADATA, ids=repr)
    def test_no_metadata(self, storage: SessionStorage, metadata: Any) -> None:
        """Metadata is a dict or None."""
        _assert_refused(storage, [user("ok")], metadata)

    @pytest.mark.parametrize("fields", BAD_FIELDS)
    def test_fields_of_another_type(self, storage: SessionStorage, fields: dict[str, Any]) -> None:
        """A typed message whose fields are not of their types could not be read as one."""
        given = {"role": Role.USER, **fields}
        _assert_refused(storage, [user("ok"), ChatMessage(**given)], None)

    def test_large_before_bad(self, storage: SessionStorage) -> None:
        """Good messages before a bad one are not stored either, however large."""
        large = user("x" * 100_000)
        _assert_refused(storage, [large, {"large": "y" * 100_000}, {"bad": math.nan}], None)

    @pytest.mark.parametrize("facts", [*BAD_FACTS, pytest.param({"title": None}, id="no title")])
    def test_bad_facts(self, storage: SessionStorage, facts: dict[str, Any]) -> None:
        """Title and cwd are texts, visibility is one of two; a session is not created without."""
        new_session(storage, user("ok"))
        given = {"title": "t", "messages": [user("x")], **facts}
        with refused(storage):
            storage.create_session(CreateSessionRequest(**given))

    @pytest.mark.parametrize("facts", BAD_FACTS)
    def test_bad_updates(self, storage: SessionStorage, facts: dict[str, Any]) -> None:
        """The same holds for an update, of which no part is carried out."""
        session, _ = new_session(storage, user("ok"), title="kept", cwd="/kept")
        with refused(storage):
            storage.update_session(session, UpdateSessionRequest(**facts))
        good: dict[str, Any] = {"title": "new", "cwd": "/new", **facts}
        with refused(storage):
            storage.update_session(session, UpdateSessionRequest(**good))

    @pytest.mark.parametrize("title", [5, "lone \ud800"], ids=ascii)
    def test_bad_title_of_a_fork(self, storage: SessionStorage, title: Any) -> None:
        """The title of a fork is a text too."""
        session, _ = new_session(storage, user("ok"))
        with refused(storage):
            storage.fork_session(session, title=title)

    @pytest.mark.parametrize("query", BAD_QUERIES, ids=repr)
    def test_bad_pages(self, storage: SessionStorage, query: dict[str, Any]) -> None:
        """Limits and offsets are integers of at least 0."""
        session, _ = new_session(storage, user("ok"))
        with refused(storage):
            storage.list_sessions(ListSessionsQuery(**query))
        with refused(storage):
            storage.list_checkpoints(session, ListCheckpointsQuery(**query))

    @pytest.mark.parametrize(
        "query",
        [
            {"status": "GONE"},
            {"status": "active"},
            {"status": 1},
            {"visibility": "SECRET"},
            {"visibility": "public"},
            {"search": 5},
            {"cwd": b"/"},
        ],
        ids=repr,
    )
    def test_bad_filters(self, storage: SessionStorage, query: dict[str, Any]) -> None:
        """A filter of a value that there is not is refused, instead of finding nothing."""
        new_session(storage, user("ok"))
        with refused(storage):
            storage.list_sessions(ListSessionsQuery(**query))


def _assert_refused(storage: SessionStorage, messages: Any, metadata: Any) -> None:
    session, _ = new_session(storage, user("there"))
    for write in WRITES:
        with refused(storage):
            write(storage, session, messages, metadata)
