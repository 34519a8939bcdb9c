"""Listing by place and by time, and going on page after page while sessions arrive."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from uuid import UUID

import pytest

from ..models import ListSessionsQuery, SessionSummary, UpdateSessionRequest
from ..protocols import SessionStorage
from .base import EVERYTHING, Contract, append, new_session, refused, user

BELOW = [
    ("/a/b", {"/a/b", "/a/b/", "/a/b/c", "/a/b/c/d"}),
    ("/a/b/", {"/a/b", "/a/b/", "/a/b/c", "/a/b/c/d"}),
    ("/a/b/c", {"/a/b/c", "/a/b/c/d"}),
    ("/a/bc", {"/a/bc"}),
    ("/A", {"/A"}),
    ("/a/%", {"/a/%"}),
    ("/", {"/", "/a", "/a/b", "/a/b/", "/a/b/c", "/a/b/c/d", "/a/bc", "/A", "/a/%"}),
    ("relative", {"relative", "relative/x"}),
]
PLACES = (*sorted(BELOW[6][1]), "relative", "relative/x", None)
TIMES = ("created_since", "created_until", "updated_since", "updated_until")


class FiltersContract(Contract):
    """Filters list exactly what they say; a cursor goes on where the page before it ended."""

    @pytest.mark.parametrize(("directory", "expected"), BELOW)
    def test_directory_and_below(
        self, storage: SessionStorage, directory: str, expected: set[str]
    ) -> None:
        """``cwd_below`` is the directory and what is below it, by whole names of the path."""
        for place in PLACES:
            new_session(storage, title=str(place), cwd=place)
        listed = storage.list_sessions(ListSessionsQuery().with_cwd_below(directory))
        assert {each.title for each in listed.sessions} == expected
        assert listed.total == len(expected)

    def test_times_include_since_and_exclude_until(self, storage: SessionStorage) -> None:
        """``since`` includes its moment, ``until`` does not; the times are exact to the microsecond."""
        sessions = [new_session(storage, title=str(i))[0] for i in range(4)]
        append(storage, sessions[0], user("later"))
        listed = storage.list_sessions().sessions
        for name in ("created", "updated"):
            times = sorted(getattr(each, f"{name}_at") for each in listed)
            for moment in (times[0], times[2], times[3], times[3] + timedelta(microseconds=1)):
                for zone in (None, timezone(timedelta(hours=-9))):
                    asked = moment.astimezone(zone) if zone else moment
                    since = ListSessionsQuery(**{f"{name}_since": asked})
                    until = ListSessionsQuery(**{f"{name}_until": asked})
                    assert self._times(storage, since, name) == {t for t in times if t >= moment}
                    assert self._times(storage, until, name) == {t for t in times if t < moment}

    def test_builders_of_times(self, storage: SessionStorage) -> None:
        """The builders set both ends of a span."""
        for i in range(4):
            new_session(storage, title=str(i))
        ordered = storage.list_sessions().sessions[::-1]
        first, last = ordered[1], ordered[3]
        for query in (
            ListSessionsQuery().with_created(first.created_at, last.created_at),
            ListSessionsQuery().with_updated(first.updated_at, last.updated_at),
        ):
            assert [each.title for each in storage.list_sessions(query).sessions] == ["2", "1"]

    @pytest.mark.parametrize("name", TIMES)
    def test_times_without_a_zone(self, storage: SessionStorage, name: str) -> None:
        """A time without a zone is refused, and so is anything but a time."""
        for wrong in (datetime(2026, 1, 1), "2026-01-01", 0):
            with refused(storage):
                storage.list_sessions(ListSessionsQuery(**{name: wrong}))  # type: ignore[arg-type]

    def test_cursor_goes_on(self, storage: SessionStorage) -> None:
        """Pages by cursor are the whole list, each with the total; the last one has no cursor."""
        for i in range(7):
            new_session(storage, title=f"wanted {i}")
            new_session(storage, title="other")
        query = ListSessionsQuery(limit=3, search="wanted")
        whole = storage.list_sessions(ListSessionsQuery(search="wanted", limit=EVERYTHING))
        assert whole.next_cursor is None
        paged, pages = self._all_pages(storage, query)
        assert paged == whole.sessions
        assert pages == 3
        exact, pages = self._all_pages(storage, ListSessionsQuery(limit=7, search="wanted"))
        assert (exact, pages) == (whole.sessions, 1)
        assert storage.list_sessions(ListSessionsQuery(limit=0)).next_cursor is None

    def test_cursor_while_sessions_arrive(self, storage: SessionStorage) -> None:
        """What arrives meanwhile is neither in the way nor shown twice."""
        made = [new_session(storage, title=str(i))[0] for i in range(9)]
        seen: list[UUID] = []
        cursor = None
        while True:
            page = storage.list_sessions(ListSessionsQuery(limit=2).with_cursor(cursor))
            seen += [each.id for each in page.sessions]
            new_session(storage, title="new")
            append(storage, seen[0], user("shown already"))
            cursor = page.next_cursor
            if cursor is None:
                break
        assert seen == made[::-1]

    def test_cursor_of_a_session_that_moved(self, storage: SessionStorage) -> None:
        """The place stays where it was, though the session that marked it moved to the front."""
        for i in range(4):
            new_session(storage, title=str(i))
        page = storage.list_sessions(ListSessionsQuery(limit=2))
        storage.update_session(page.sessions[-1].id, UpdateSessionRequest(title="moved"))
        rest = storage.list_sessions(ListSessionsQuery().with_cursor(page.next_cursor))
        assert [each.title for each in rest.sessions] == ["1", "0"]
        assert rest.total == 4

    @pytest.mark.parametrize(
        "cursor", ["", "x", ".", "20260101T000000000000Z", "20260101T000000000000Z.x", "now.x", 5]
    )
    def test_foreign_cursors(self, storage: SessionStorage, cursor: str) -> None:
        """What no listing gave is refused, and so is a cursor with an offset."""
        with refused(storage):
            storage.list_sessions(ListSessionsQuery(cursor=cursor))
        for _ in range(3):
            new_session(storage)
        given = storage.list_sessions(ListSessionsQuery(limit=1)).next_cursor
        with refused(storage):
            storage.list_sessions(ListSessionsQuery(cursor=given, offset=1))

    @staticmethod
    def _times(storage: SessionStorage, query: ListSessionsQuery, name: str) -> set[datetime]:
        listed = storage.list_sessions(query)
        assert listed.total == len(listed.sessions)
        return {getattr(each, f"{name}_at") for each in listed.sessions}

    @staticmethod
    def _all_pages(
        storage: SessionStorage, query: ListSessionsQuery
    ) -> tuple[list[SessionSummary], int]:
        seen: list[SessionSummary] = []
        page = storage.list_sessions(query)
        total, pages = page.total, 1
        while page.next_cursor is not None:
            seen += page.sessions
            page = storage.list_sessions(query.with_cursor(page.next_cursor))
            assert page.total == total
            pages += 1
        return seen + page.sessions, pages
