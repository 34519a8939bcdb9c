"""Listing sessions."""

from __future__ import annotations

import msgspec

from sessionfs import (
    CreateSessionRequest,
    CreateSessionResult,
    FileStorage,
    InvalidRequestError,
    ListSessionsQuery,
    ListSessionsResult,
    NotFoundError,
    SessionStatus,
    SessionSummary,
)

from .register import ALL, caught_by


class Listing(FileStorage):
    """Lists in Python what FileStorage lists, in steps that mutants can replace."""

    def list_sessions(self, query: ListSessionsQuery | None = None) -> ListSessionsResult:
        query = query or ListSessionsQuery()
        super().list_sessions(query)  # for its refusals
        everyone = super().list_sessions(ListSessionsQuery(limit=ALL)).sessions
        found = [each for each in self.order(everyone) if self.matches(each, query)]
        start, limit = self.start(query), self.limit(query)
        page = found[start : start + limit]
        return ListSessionsResult(page, self.total(found, page))

    def order(self, everyone: list[SessionSummary]) -> list[SessionSummary]:
        return everyone

    def matches(self, each: SessionSummary, query: ListSessionsQuery) -> bool:
        return (
            query.status in (None, each.status)
            and query.visibility in (None, each.visibility)
            and self.cwd_matches(each, query)
            and (query.search is None or self.title_matches(each.title, query.search))
        )

    def cwd_matches(self, each: SessionSummary, query: ListSessionsQuery) -> bool:
        return query.cwd in (None, each.cwd)

    def title_matches(self, title: str, search: str) -> bool:
        return search.casefold() in title.casefold()

    def start(self, query: ListSessionsQuery) -> int:
        return query.offset or 0

    def limit(self, query: ListSessionsQuery) -> int:
        return 100 if query.limit is None else query.limit

    def total(self, found: list[SessionSummary], page: list[SessionSummary]) -> int:
        return len(found)


@caught_by("test_pages", "test_default_limit", "test_filters")
class TotalOfThePage(Listing):
    def total(self, found: list[SessionSummary], page: list[SessionSummary]) -> int:
        return len(page)


@caught_by("test_filters", "test_search", "test_builders_of_filters")
class TotalOfAll(Listing):
    def total(self, found: list[SessionSummary], page: list[SessionSummary]) -> int:
        return len(self.list_everyone())

    def list_everyone(self) -> list[SessionSummary]:
        return FileStorage.list_sessions(self, ListSessionsQuery(limit=ALL)).sessions


@caught_by("test_search")
class SearchIsAPattern(Listing):
    def title_matches(self, title: str, search: str) -> bool:
        import re

        parts = (".*" if c == "%" else "." if c == "_" else re.escape(c) for c in search)
        return re.search("".join(parts), title, re.IGNORECASE | re.DOTALL) is not None


@caught_by("test_search")
class SearchIsARegularExpression(Listing):
    def title_matches(self, title: str, search: str) -> bool:
        import re

        try:
            return re.search(search, title, re.IGNORECASE) is not None
        except re.error:
            return False


@caught_by("test_search")
class SearchMindsLetterCase(Listing):
    def title_matches(self, title: str, search: str) -> bool:
        return search in title


@caught_by("test_search")
class SearchKnowsOnlyAscii(Listing):
    def title_matches(self, title: str, search: str) -> bool:
        return search.encode().lower() in title.encode().lower()


@caught_by("test_search")
class SearchOfWords(Listing):
    def title_matches(self, title: str, search: str) -> bool:
        words = title.casefold().split()
        return all(word in words for word in search.casefold().split())


@caught_by("test_filters")
class CwdIsAPrefix(Listing):
    def cwd_matches(self, each: SessionSummary, query: ListSessionsQuery) -> bool:
        return query.cwd is None or (each.cwd or "").startswith(query.cwd)


@caught_by("test_deleted_sessions_stay_readable", "test_filters")
class DeletedIsNotListed(Listing):
    def matches(self, each: SessionSummary, query: ListSessionsQuery) -> bool:
        return super().matches(each, query) and (
            query.status is not None or each.status is SessionStatus.ACTIVE
        )


@caught_by("test_newest_first", "test_default_limit")
class OldestFirst(Listing):
    def order(self, everyone: list[SessionSummary]) -> list[SessionSummary]:
        return everyone[::-1]


@caught_by("test_newest_first", "test_every_write_makes_newest", "test_restore_makes_newest")
class OrderOfCreation(Listing):
    def order(self, everyone: list[SessionSummary]) -> list[SessionSummary]:
        return sorted(everyone, key=lambda each: each.created_at, reverse=True)


@caught_by(
    "test_message_count_counts_messages", "test_rewind_and_redo", "test_summary_agrees_with_the_session"
)
class CountOfCheckpoints(Listing):
    def order(self, everyone: list[SessionSummary]) -> list[SessionSummary]:
        for each in everyone:
            each.message_count = self.list_checkpoints(each.id).total
        return everyone


@caught_by("test_session_without_messages", "test_times_are_aware_utc_and_do_not_fall")
class NaiveTimeOfTheLastMessage(Listing):
    def order(self, everyone: list[SessionSummary]) -> list[SessionSummary]:
        for each in everyone:
            moment = each.last_message_at or each.created_at
            each.last_message_at = moment.replace(tzinfo=None)
        return everyone


@caught_by("test_pages", "test_empty_pages")
class OffsetIgnored(Listing):
    def start(self, query: ListSessionsQuery) -> int:
        return 0


@caught_by("test_empty_pages")
class LimitOfZeroIsNone(Listing):
    def limit(self, query: ListSessionsQuery) -> int:
        return query.limit or 100


@caught_by("test_default_limit")
class NoDefaultLimit(Listing):
    def limit(self, query: ListSessionsQuery) -> int:
        return ALL if query.limit is None else query.limit


@caught_by("test_negative", "test_bad_filters")
class LenientQueries(FileStorage):
    def list_sessions(self, query: ListSessionsQuery | None = None) -> ListSessionsResult:
        try:
            return super().list_sessions(query)
        except InvalidRequestError:
            return ListSessionsResult([], 0)


@caught_by("test_empty_storage")
class NotFoundWhereEmpty(FileStorage):
    def list_sessions(self, query: ListSessionsQuery | None = None) -> ListSessionsResult:
        listed = super().list_sessions(query)
        if not listed.total:
            raise NotFoundError("no session")
        return listed


@caught_by("test_search_follows_the_title")
class SearchOfTheFirstTitle(Listing):
    def order(self, everyone: list[SessionSummary]) -> list[SessionSummary]:
        return everyone

    def create_session(self, request: CreateSessionRequest) -> CreateSessionResult:
        created = super().create_session(request)
        self.__dict__.setdefault("titles", {})[created.session_id] = request.title
        return created

    def matches(self, each: SessionSummary, query: ListSessionsQuery) -> bool:
        first = self.__dict__.get("titles", {}).get(each.id, each.title)
        return super().matches(msgspec.structs.replace(each, title=first), query)
