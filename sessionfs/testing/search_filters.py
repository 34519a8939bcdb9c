"""Search in a part of what there is: by session, role, tool and time."""

from __future__ import annotations

from datetime import timedelta, timezone
from itertools import product
from typing import Any

import pytest

from ..models import (
    ChatMessage,
    ListSessionsQuery,
    Role,
    SearchQuery,
    SessionStatus,
    SessionVisibility,
    UpdateSessionRequest,
)
from ..protocols import SessionStorage
from .base import EVERYTHING, Contract, append, assistant, new_session, user
from .filters import BELOW, PLACES
from .search_basics import at, calling, crowd, found, result, sent
from .tool_shapes import TOOL_SHAPES

ROLES = {
    "user": ["needle u", "needle parts"],
    "assistant": ["needle a"],
    "tool": ["needle t"],
    "system": ["needle s"],
    "developer": [],
    "wizard": ["needle w"],
    "": ["needle nobody"],
    "User": [],
    "use": [],
    "%": [],
}


class SearchFiltersContract(Contract):
    """Filters leave out what they say, of messages and of titles, and nothing else."""

    def test_search_by_session_filters(self, storage: SessionStorage) -> None:
        """Status, visibility and directory choose sessions as they do for a list."""
        for cwd, visibility, status in product((None, "/a", "/A/b"), SessionVisibility, SessionStatus):
            name = f"needle {cwd} {visibility} {status}"
            id_, _ = new_session(storage, user(name), title=name, visibility=visibility, cwd=cwd)
            if status is SessionStatus.DELETED:
                storage.delete_session(id_)
        for cwd, visibility, status in product(
            (None, "/a", "/A", "/none"), (None, *SessionVisibility), (None, *SessionStatus)
        ):
            filters: dict[str, Any] = {"cwd": cwd, "visibility": visibility, "status": status}
            listed = storage.list_sessions(ListSessionsQuery(limit=EVERYTHING, **filters)).sessions
            titles = [f"title: {each.title}" for each in listed]
            answer = found(storage, "NEEDLE", **filters)
            assert answer[: len(titles)] == titles
            assert sorted(answer[len(titles) :]) == sorted(each.title for each in listed)

    @pytest.mark.parametrize(("directory", "expected"), BELOW)
    def test_search_in_a_directory_and_below(
        self, storage: SessionStorage, directory: str, expected: set[str]
    ) -> None:
        """``cwd_below`` is the directory and what is below it, by whole names of the path."""
        for place in PLACES:
            new_session(storage, user(f"needle {place}"), title="needle", cwd=place)
        messages = [f"needle {place}" for place in expected]
        titles = ["title: needle"] * len(expected)
        assert sorted(found(storage, "needle", cwd_below=directory)) == sorted(messages + titles)

    def test_search_in_one_session(self, storage: SessionStorage) -> None:
        """Of one session its messages and its title are found, and it must match the rest too."""
        crowd(storage)
        made = [new_session(storage, user(f"needle {i}"), title=f"needle {i}")[0] for i in range(3)]
        append(storage, made[1], user("needle more"))
        expected = ["title: needle 1", "needle more", "needle 1"]
        assert found(storage, "needle", session_id=made[1]) == expected
        assert found(storage, "needle 2", session_id=made[1]) == []
        deleted = SessionStatus.DELETED
        assert found(storage, "needle", session_id=made[1], status=deleted) == []
        storage.delete_session(made[1])
        assert found(storage, "needle", session_id=made[1], status=deleted) == expected
        page = storage.search(SearchQuery("needle", limit=1, offset=1).with_session(made[1]))
        assert ([hit.snippet for hit in page.hits], page.total) == (["needle more"], 3)

    def test_search_by_role(self, storage: SessionStorage) -> None:
        """A role finds the messages of who has exactly this one, and no titles."""
        crowd(storage)
        session, _ = new_session(
            storage,
            user("needle u"),
            assistant("needle a"),
            ChatMessage(Role.TOOL, "needle t"),
            ChatMessage(Role.SYSTEM, "needle s"),
            title="needle user",
        )
        others = [("wizard", "needle w"), ("user", "needle parts"), (None, "needle nobody")]
        append(storage, session, *({"role": role, "content": text} for role, text in others))
        for role, expected in ROLES.items():
            assert sorted(found(storage, "needle", role=role)) == sorted(expected)

    def test_search_by_tool(self, storage: SessionStorage) -> None:
        """A tool finds the messages that call it, the results of these calls, and no titles."""
        session, _ = new_session(
            storage,
            user("needle bash"),
            calling("needle call 1", ("1", "bash"), ("2", "read")),
            result("needle result 1", "1"),
            result("needle result 2", "2"),
            calling("needle call 3", ("3", "bash_more")),
            result("needle result 3", "3"),
            result("needle result of nothing", "none"),
            title="needle bash",
        )
        other, _ = new_session(storage, calling("needle call other", ("1", "read")), title="")
        crowd(storage)
        append(storage, session, calling("needle call 4", ("4", "bash")))
        append(storage, session, result("needle result 4", "4"))
        append(storage, other, result("needle result other", "1"))
        expected = {
            "bash": ["call 1", "result 1", "call 4", "result 4"],
            "read": ["call 1", "result 2", "call other", "result other"],
            "bash_more": ["call 3", "result 3"],
            "bas": [],
            "BASH": [],
            "": [],
        }
        for tool, names in expected.items():
            answer = found(storage, "needle", tool=tool)
            assert sorted(answer) == sorted(f"needle {name}" for name in names)

    def test_search_by_time(self, storage: SessionStorage) -> None:
        """``since`` includes its moment, ``until`` does not; the time is that of the hit."""
        session, first = new_session(
            storage, user("needle"), sent("needle 1", 1_000), sent("needle 2", 1_001), title=""
        )
        storage.update_session(session, UpdateSessionRequest(title="needle"))
        summary = storage.list_sessions().sessions[0]
        crowd(storage)
        times = {
            "needle 1": at(1_000),
            "needle 2": at(1_001),
            "needle": storage.get_checkpoint(first).created_at,
            "title: needle": summary.updated_at,
        }
        assert len(set(times.values())) == 4
        microsecond = timedelta(microseconds=1)
        for moment in [
            each + step for each in times.values() for step in (0 * microsecond, microsecond)
        ]:
            for zone in (timezone.utc, timezone(timedelta(hours=-9))):  # noqa: UP017 - the same type
                asked = moment.astimezone(zone)
                later = {name for name, time in times.items() if time >= moment}
                assert set(found(storage, "needle", since=asked)) == later
                assert set(found(storage, "needle", until=asked)) == times.keys() - later
        assert found(storage, "needle", since=at(1_000), until=at(1_001)) == ["needle 1"]
        assert found(storage, "needle", since=at(1_001), until=at(1_000)) == []

    @pytest.mark.parametrize(("call", "reply", "outcome"), TOOL_SHAPES)
    def test_search_by_tool_in_every_shape(
        self,
        storage: SessionStorage,
        call: dict[str, Any],
        reply: dict[str, Any],
        outcome: str,  # noqa: ARG002 (for the statistics)
    ) -> None:
        """A tool finds calls and results in the shapes of OpenAI, Anthropic and Gemini."""
        session, _ = new_session(storage, user("needle"), call, title="needle")
        append(storage, session, reply)
        crowd(storage)
        for text, places in (("needle", {1, 2}), ("needle call", {1}), ("needle result", {2})):
            answer = storage.search(SearchQuery(text, tool="bash"))
            tools = {hit.message_index: hit.tools for hit in answer.hits}
            assert tools == {place: ["bash"] for place in places}
            assert answer.total == len(places)
        assert found(storage, "needle", tool="read") == []

    def test_search_filters_together(self, storage: SessionStorage) -> None:
        """A hit is what matches all filters."""
        private, public = SessionVisibility
        sessions = [
            new_session(
                storage,
                calling(f"needle {i} early", ("1", "bash"), created_at=1_000),
                calling(f"needle {i} late", ("2", "bash"), created_at=2_000),
                calling(f"needle {i} read", ("3", "read"), created_at=2_000),
                ChatMessage(Role.TOOL, f"needle {i} result", tool_call_id="2", created_at=2_000),
                title="needle",
                cwd=f"/a/{i % 2}",
                visibility=public if i > 4 else private,
            )[0]
            for i in range(9)
        ]
        for i in (3, 7):
            storage.delete_session(sessions[i])
        query: dict[str, Any] = {"role": "assistant", "tool": "bash", "since": at(1_500)}
        query |= {"cwd_below": "/a/1/", "until": at(2_001)}
        expected = [f"needle {i} late" for i in (1, 3, 5, 7)]
        assert sorted(found(storage, "needle", **query)) == expected
        query |= {"visibility": public, "status": SessionStatus.DELETED, "cwd": "/a/1"}
        assert found(storage, "needle", **query) == ["needle 7 late"]
        assert found(storage, "needle", **query, session_id=sessions[7]) == ["needle 7 late"]
        assert found(storage, "needle", **query, session_id=sessions[5]) == []
        assert found(storage, "needle 7 early", **query) == []

    def test_builders_of_searches(self, storage: SessionStorage) -> None:
        """A query made with the builders is the one made with arguments."""
        public = SessionVisibility.PUBLIC
        session, _ = new_session(
            storage,
            calling("needle 1", ("1", "bash"), created_at=1_000),
            calling("needle 2", ("2", "bash"), created_at=1_000),
            calling("needle 3", ("3", "bash"), created_at=2_000),
            user("needle 4"),
            visibility=public,
            cwd="/a/b",
        )
        twin = calling("needle 5", ("1", "bash"), created_at=1_000)
        new_session(storage, twin, visibility=public, cwd="/a/b")
        query = SearchQuery("NEEDLE").with_role("assistant").with_tool("bash").with_session(session)
        query = query.with_status(SessionStatus.ACTIVE).with_visibility(public)
        query = query.with_cwd("/a/b").with_cwd_below("/a").with_dates(at(1_000), at(2_000))
        whole = storage.search(query)
        assert sorted(hit.snippet[:8] for hit in whole.hits) == ["needle 1", "needle 2"]
        page = storage.search(query.with_limit(1).with_offset(1))
        assert (page.hits, page.total) == (whole.hits[1:], 2)
        assert storage.search(query.with_dates(until=at(1_000))).total == 0
        for other in (
            query.with_role("user"),
            query.with_tool("read"),
            query.with_status(SessionStatus.DELETED),
            query.with_visibility(SessionVisibility.PRIVATE),
            query.with_cwd("/a"),
            query.with_cwd_below("/b"),
            query.with_dates(since=at(2_001)),
        ):
            assert storage.search(other).total == 0
