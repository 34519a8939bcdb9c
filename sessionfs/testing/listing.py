"""Listing sessions: order, pages, filters, search, and what a summary says."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from uuid import UUID

import pytest

from ..models import (
    ListSessionsQuery,
    SessionStatus,
    SessionSummary,
    SessionVisibility,
    UpdateSessionRequest,
)
from ..protocols import SessionStorage
from .base import EVERYTHING, Contract, append, assistant, checkpoint, new_session, refused, user

WRITES: dict[str, Callable[[SessionStorage, UUID, UUID], object]] = {
    "append": lambda storage, session, _: append(storage, session, user("more")),
    "checkpoint": lambda storage, session, _: checkpoint(storage, session, user("else")),
    "set active": lambda storage, session, first: storage.set_active_checkpoint(session, first),
    "update": lambda storage, session, _: storage.update_session(
        session, UpdateSessionRequest(title="new")
    ),
    "delete": lambda storage, session, _: storage.delete_session(session),
}

SEARCHES = [
    pytest.param("100%", ["100% sure"], ["1000 sure", "100 % sure"], id="percent"),
    pytest.param("%", ["100% sure"], ["sure"], id="percent alone"),
    pytest.param("a_b", ["xa_bx"], ["xaxbx", "ab"], id="underscore"),
    pytest.param("_", ["snake_case"], ["camelCase"], id="underscore alone"),
    pytest.param("a\\b", ["a\\b"], ["ab", "a\\\\ b"], id="backslash"),
    pytest.param("\\%", ["50\\%"], ["50%"], id="escaped percent"),
    pytest.param("it's", ["so it's done"], ["its done"], id="apostrophe"),
    pytest.param('"quoted"', ['a "quoted" word'], ["a quoted word"], id="quotes"),
    pytest.param("a*b", ["a*b"], ["axxb"], id="asterisk"),
    pytest.param("[ab]", ["x[ab]"], ["a", "b"], id="brackets"),
    pytest.param(".", ["v1.2"], ["v12"], id="dot"),
    pytest.param("one\ntwo", ["one\ntwo"], ["one two", "onetwo"], id="newline"),
    pytest.param(" ", ["two words"], ["oneword"], id="space"),
    pytest.param("FIX the", ["please fix THE bug"], ["fix a bug"], id="letter case"),
    pytest.param("ÉCOLE", ["une école"], ["une ecole"], id="letter case, accents"),
    pytest.param("привет", ["ПРИВЕТ мир"], ["мир"], id="letter case, Cyrillic"),
    pytest.param("🎉", ["party 🎉 on"], ["party 🎊 on"], id="emoji"),
    pytest.param("עולם", ["שלום עולם"], ["שלום"], id="right to left"),
    pytest.param("字", ["漢字かな"], ["漢"], id="part of a word without spaces"),
    pytest.param("", ["anything", ""], [], id="empty: all"),
]


class ListingContract(Contract):
    """Sessions are listed newest first, in exact pages of exactly those that match."""

    def test_empty_storage(self, storage: SessionStorage) -> None:
        """A storage without sessions lists none."""
        for query in (None, ListSessionsQuery(), ListSessionsQuery(search="x", offset=3)):
            listed = storage.list_sessions(query)
            assert (listed.sessions, listed.total) == ([], 0)

    def test_newest_first(self, storage: SessionStorage) -> None:
        """The last one that changed comes first, ties by id; no query is the empty query."""
        made = [new_session(storage, title=str(i))[0] for i in range(8)]
        for i in (5, 0, 3):
            append(storage, made[i], user("more"))
        listed = storage.list_sessions()
        assert [each.title for each in listed.sessions] == list("30576421")
        for newer, older in pairwise(listed.sessions):
            same = newer.updated_at == older.updated_at
            assert newer.id < older.id if same else newer.updated_at > older.updated_at
        assert storage.list_sessions(ListSessionsQuery()) == listed

    @pytest.mark.parametrize("write", WRITES)
    def test_every_write_makes_newest(self, storage: SessionStorage, write: str) -> None:
        """Whatever is written to a session moves it to the front."""
        session, first = new_session(storage, user("hi"))
        append(storage, session, user("more"))
        other, _ = new_session(storage)
        assert [each.id for each in storage.list_sessions().sessions] == [other, session]
        WRITES[write](storage, session, first)
        assert [each.id for each in storage.list_sessions().sessions] == [session, other]

    def test_restore_makes_newest(self, storage: SessionStorage) -> None:
        """Restoring moves a session to the front."""
        session, _ = new_session(storage)
        storage.delete_session(session)
        other, _ = new_session(storage)
        assert [each.id for each in storage.list_sessions().sessions] == [other, session]
        storage.restore_session(session)
        assert [each.id for each in storage.list_sessions().sessions] == [session, other]

    def test_pages(self, storage: SessionStorage) -> None:
        """Pages put together are the whole list; ``total`` is of all of them."""
        for i in range(7):
            new_session(storage, title=str(i))
        whole = storage.list_sessions().sessions
        paged: list[SessionSummary] = []
        for offset in (0, 3, 6, 9):
            page = storage.list_sessions(ListSessionsQuery().with_limit(3).with_offset(offset))
            assert page.total == 7
            assert page.sessions == whole[offset : offset + 3]
            paged += page.sessions
        assert paged == whole
        assert len(whole) == 7

    def test_default_limit(self, storage: SessionStorage) -> None:
        """Without a limit a page holds 100."""
        for i in range(102):
            new_session(storage, title=str(i))
        page = storage.list_sessions()
        assert (len(page.sessions), page.total) == (100, 102)
        rest = storage.list_sessions(ListSessionsQuery(offset=100))
        assert [each.title for each in rest.sessions] == ["1", "0"]
        whole = storage.list_sessions(ListSessionsQuery(limit=EVERYTHING))
        assert whole.sessions == page.sessions + rest.sessions

    @pytest.mark.parametrize(
        "query",
        [
            ListSessionsQuery(limit=0),
            ListSessionsQuery(limit=0, offset=1),
            ListSessionsQuery(offset=3),
            ListSessionsQuery(offset=2**63),
            ListSessionsQuery(limit=5, offset=10**30),
        ],
    )
    def test_empty_pages(self, storage: SessionStorage, query: ListSessionsQuery) -> None:
        """A limit of 0 and an offset past the end give an empty page and the exact total."""
        for _ in range(3):
            new_session(storage)
        page = storage.list_sessions(query)
        assert (page.sessions, page.total) == ([], 3)

    @pytest.mark.parametrize("query", [ListSessionsQuery(limit=-1), ListSessionsQuery(offset=-1)])
    def test_negative(self, storage: SessionStorage, query: ListSessionsQuery) -> None:
        """Limits and offsets below 0 are refused."""
        new_session(storage)
        with refused(storage):
            storage.list_sessions(query)

    def test_filters(self, storage: SessionStorage) -> None:
        """Each filter lists those that match, alone and with others, with their exact number."""
        everyone = {}
        for cwd in (None, "/a", "/a/b", "/A"):
            for visibility in SessionVisibility:
                for status in SessionStatus:
                    name = f"{cwd} {visibility} {status}"
                    id_, _ = new_session(storage, title=name, visibility=visibility, cwd=cwd)
                    if status is SessionStatus.DELETED:
                        storage.delete_session(id_)
                    everyone[name] = (cwd, visibility, status)
        for cwd in (None, "/a", "/none"):
            for visibility in (None, *SessionVisibility):
                for status in (None, *SessionStatus):
                    for search in (None, "PUB", "/"):
                        query = ListSessionsQuery(
                            cwd=cwd, visibility=visibility, status=status, search=search, limit=3
                        )
                        expected = {
                            name
                            for name, facts in everyone.items()
                            if cwd in (None, facts[0])
                            and visibility in (None, facts[1])
                            and status in (None, facts[2])
                            and (search is None or search in name)
                        }
                        self._assert_pages(storage, query, expected)

    def test_builders_of_filters(self, storage: SessionStorage) -> None:
        """A query made with the builders is the one made with arguments."""
        public = SessionVisibility.PUBLIC
        wanted, _ = new_session(storage, title="Wanted", visibility=public, cwd="/a")
        new_session(storage, title="Wanted", visibility=public)
        new_session(storage, title="Wanted", cwd="/a")
        new_session(storage, title="other", visibility=public, cwd="/a")
        query = ListSessionsQuery().with_search("want").with_visibility(public).with_cwd("/a")
        listed = storage.list_sessions(query.with_status(SessionStatus.ACTIVE))
        assert ([each.id for each in listed.sessions], listed.total) == ([wanted], 1)
        assert storage.list_sessions(query.with_status(SessionStatus.DELETED)).total == 0

    @pytest.mark.parametrize(("search", "found", "not_found"), SEARCHES)
    def test_search(
        self, storage: SessionStorage, search: str, found: list[str], not_found: list[str]
    ) -> None:
        """Search is a part of the title, taken literally; case-insensitive."""
        for title in found + not_found:
            new_session(storage, user("100% a_b FIX the .*"), title=title, cwd="/fix the/100%")
        listed = storage.list_sessions(ListSessionsQuery(search=search))
        assert sorted(each.title for each in listed.sessions) == sorted(found)
        assert listed.total == len(found)

    def test_search_follows_the_title(self, storage: SessionStorage) -> None:
        """A session is found by its present title, and no longer by an earlier one."""
        session, _ = new_session(storage, title="before")
        storage.update_session(session, UpdateSessionRequest(title="after"))
        assert storage.list_sessions(ListSessionsQuery(search="before")).total == 0
        assert storage.list_sessions(ListSessionsQuery(search="after")).total == 1

    def test_summary_agrees_with_the_session(self, storage: SessionStorage) -> None:
        """A summary says of a session what reading it says."""
        public = SessionVisibility.PUBLIC
        id_, _ = new_session(storage, user("hi"), title="t", visibility=public, cwd="/a")
        append(storage, id_, assistant("yes?"), user("so"))
        [summary] = storage.list_sessions().sessions
        session = storage.get_session(id_)
        for name in ("id", "title", "visibility", "status", "cwd", "created_at", "updated_at"):
            assert getattr(summary, name) == getattr(session, name)
        assert session.active_checkpoint is not None
        assert summary.active_checkpoint_id == session.active_checkpoint.id
        assert summary.last_message_at == session.active_checkpoint.created_at
        assert summary.message_count == 3
        assert summary.problem is None

    def test_message_count_counts_messages(self, storage: SessionStorage) -> None:
        """``message_count`` is of the active checkpoint's messages: not of checkpoints, nor of all."""
        session, first = new_session(storage, user("1"), assistant("2"), user("3"))
        checkpoint(storage, session, user("1"), assistant("2"), user("3"), parent=first)
        self._assert_count(storage, 3)
        append(storage, session, assistant("4"), user("5"))
        self._assert_count(storage, 5)
        append(storage, session)
        self._assert_count(storage, 5)
        checkpoint(storage, session, user("only"))
        self._assert_count(storage, 1)
        storage.set_active_checkpoint(session, first)
        self._assert_count(storage, 3)

    def test_session_without_messages(self, storage: SessionStorage) -> None:
        """A session without messages is listed with none, and no time of the last one."""
        session, _ = new_session(storage)
        [summary] = storage.list_sessions().sessions
        assert (summary.message_count, summary.last_message_at) == (0, None)
        append(storage, session, user("hi"))
        [summary] = storage.list_sessions().sessions
        assert summary.message_count == 1
        assert summary.last_message_at is not None

    @staticmethod
    def _assert_count(storage: SessionStorage, count: int) -> None:
        [summary] = storage.list_sessions().sessions
        assert summary.message_count == count

    @staticmethod
    def _assert_pages(storage: SessionStorage, query: ListSessionsQuery, expected: set[str]) -> None:
        seen: list[str] = []
        for offset in range(0, len(expected) + 1, 3):
            page = storage.list_sessions(query.with_offset(offset))
            assert page.total == len(expected), query
            seen += [each.title for each in page.sessions]
        assert len(seen) == len(expected)
        assert set(seen) == expected
