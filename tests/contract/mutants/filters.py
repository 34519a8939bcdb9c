"""Filters by place and time, cursors, and figures of the whole store."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
from msgspec.structs import replace

from sessionfs import FileStorage, ListSessionsQuery, ListSessionsResult, SessionStats, SessionSummary

from .register import ALL, caught_by


class Asking(FileStorage):
    """Answers another query than the one that was asked."""

    def list_sessions(self, query: ListSessionsQuery | None = None) -> ListSessionsResult:
        super().list_sessions(query)  # for its refusals
        return super().list_sessions(self.other(query or ListSessionsQuery()))

    def other(self, query: ListSessionsQuery) -> ListSessionsQuery:
        raise NotImplementedError


@caught_by("test_directory_and_below")
class OnlyTheDirectory(Asking):
    def other(self, query: ListSessionsQuery) -> ListSessionsQuery:
        return replace(query, cwd=query.cwd or query.cwd_below, cwd_below=None)


@caught_by("test_directory_and_below")
class BelowByLetters(FileStorage):
    """Takes /a/bc for a directory below /a/b."""

    def list_sessions(self, query: ListSessionsQuery | None = None) -> ListSessionsResult:
        if query is None or query.cwd_below is None:
            return super().list_sessions(query)
        listed = super().list_sessions(replace(query, cwd_below=None, limit=ALL)).sessions
        found = [each for each in listed if (each.cwd or "").startswith(query.cwd_below.rstrip("/"))]
        return ListSessionsResult(found, len(found))


@caught_by("test_times_include_since_and_exclude_until")
class SinceExcludes(Asking):
    def other(self, query: ListSessionsQuery) -> ListSessionsQuery:
        microsecond = timedelta(microseconds=1)
        since = query.created_since and query.created_since + microsecond
        return replace(query, created_since=since)


@caught_by("test_times_include_since_and_exclude_until")
class UntilIncludes(Asking):
    def other(self, query: ListSessionsQuery) -> ListSessionsQuery:
        until = query.updated_until and query.updated_until + timedelta(microseconds=1)
        return replace(query, updated_until=until)


@caught_by("test_times_include_since_and_exclude_until", "test_builders_of_times")
class CreatedForUpdated(Asking):
    def other(self, query: ListSessionsQuery) -> ListSessionsQuery:
        return replace(query, updated_since=query.created_since, created_since=None, updated_until=None)


@caught_by("test_times_without_a_zone", "test_foreign_cursors")
class RefusesNothing(FileStorage):
    def list_sessions(self, query: ListSessionsQuery | None = None) -> ListSessionsResult:
        try:
            return super().list_sessions(query)
        except ValueError:
            return super().list_sessions()


class Paging(FileStorage):
    """Changes what a page says of the next one."""

    def list_sessions(self, query: ListSessionsQuery | None = None) -> ListSessionsResult:
        page = super().list_sessions(query)
        return replace(page, next_cursor=self.next(page))

    def next(self, page: ListSessionsResult) -> str | None:
        raise NotImplementedError


@caught_by("test_cursor_goes_on", "test_cursor_while_sessions_arrive")
class NeverANextPage(Paging):
    def next(self, page: ListSessionsResult) -> str | None:
        return None


@caught_by("test_cursor_goes_on")
class AlwaysANextPage(Paging):
    def next(self, page: ListSessionsResult) -> str | None:
        if not page.sessions:
            return None
        last: SessionSummary = page.sessions[-1]
        return f"{last.updated_at:%Y%m%dT%H%M%S%f}Z.{last.id}"


@caught_by("test_cursor_while_sessions_arrive")
class CursorIsAnOffset(FileStorage):
    """Counts how many were shown instead of remembering where."""

    shown = 0

    def list_sessions(self, query: ListSessionsQuery | None = None) -> ListSessionsResult:
        query = query or ListSessionsQuery()
        if query.cursor is not None:
            query = replace(query, cursor=None, offset=self.shown)
        else:
            self.shown = 0
        page = super().list_sessions(query)
        self.shown += len(page.sessions)
        return page


@caught_by("test_cursor_of_a_session_that_moved")
class CursorFollowsItsSession(FileStorage):
    def list_sessions(self, query: ListSessionsQuery | None = None) -> ListSessionsResult:
        if query is None or query.cursor is None:
            return super().list_sessions(query)
        everyone = super().list_sessions(ListSessionsQuery(limit=ALL)).sessions
        marked = query.cursor.partition(".")[2]
        place = next(i for i, each in enumerate(everyone) if str(each.id) == marked)
        return ListSessionsResult(everyone[place + 1 :], len(everyone))


class StoreStats(FileStorage):
    """Changes the figures of the store."""

    def get_store_stats(self, query: ListSessionsQuery | None = None) -> SessionStats:
        return self.changed(super().get_store_stats(query))

    def changed(self, stats: SessionStats) -> SessionStats:
        raise NotImplementedError


@caught_by("test_store_without_sessions")
class CountsOneTooMany(StoreStats):
    def changed(self, stats: SessionStats) -> SessionStats:
        return replace(stats, total_sessions=stats.total_sessions + 1)


@caught_by("test_store_adds_sessions_up")
class ToolsOfTheLastSession(StoreStats):
    def changed(self, stats: SessionStats) -> SessionStats:
        return replace(stats, tools_usage=stats.tools_usage[-1:])


@caught_by("test_store_by_filter")
class StoreWithoutFilters(FileStorage):
    def get_store_stats(self, query: ListSessionsQuery | None = None) -> SessionStats:
        super().get_store_stats(query)
        return super().get_store_stats()


@caught_by("test_store_by_filter")
class StoreOfThePage(FileStorage):
    def get_store_stats(self, query: ListSessionsQuery | None = None) -> SessionStats:
        stats: Any = super().get_store_stats(query)
        if query is not None and query.limit == 0:
            return SessionStats()
        return msgspec.convert(msgspec.to_builtins(stats), SessionStats)
