"""Search in a part of what there is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from sessionfs import FileStorage, SearchQuery, SearchResult, SessionSummary
from sessionfs.queries.transcript import SearchableMessage
from sessionfs.queries.search import CheckedQuery

from .register import caught_by
from .searching import Searching


class AskingAnother(FileStorage):
    """Answers another query than the one that was asked."""

    def search(self, query: SearchQuery) -> SearchResult:
        super().search(query)  # for its refusals
        return super().search(self.other(query))

    def other(self, query: SearchQuery) -> SearchQuery:
        raise NotImplementedError


class Without(AskingAnother):
    """Takes no notice of a filter."""

    ignored: str

    def other(self, query: SearchQuery) -> SearchQuery:
        return replace(query, **{self.ignored: None})


@caught_by(
    "test_search_by_session_filters", "test_search_filters_together", "test_builders_of_searches"
)
class SearchWithoutStatus(Without):
    ignored = "status"


@caught_by(
    "test_search_by_session_filters", "test_search_filters_together", "test_builders_of_searches"
)
class SearchWithoutVisibility(Without):
    ignored = "visibility"


@caught_by("test_search_by_session_filters", "test_builders_of_searches")
class SearchWithoutCwd(Without):
    ignored = "cwd"


@caught_by(
    "test_search_in_a_directory_and_below", "test_search_filters_together", "test_builders_of_searches"
)
class SearchWithoutCwdBelow(Without):
    ignored = "cwd_below"


@caught_by("test_search_in_one_session", "test_search_filters_together", "test_builders_of_searches")
class SearchWithoutSession(Without):
    ignored = "session_id"


@caught_by("test_search_by_role", "test_search_filters_together", "test_builders_of_searches")
class SearchWithoutRole(Without):
    ignored = "role"


@caught_by("test_search_by_tool", "test_search_filters_together", "test_builders_of_searches")
class SearchWithoutTool(Without):
    ignored = "tool"


@caught_by("test_search_by_time", "test_search_filters_together", "test_builders_of_searches")
class SearchWithoutSince(Without):
    ignored = "since"


@caught_by("test_search_by_time", "test_builders_of_searches")
class SearchWithoutUntil(Without):
    ignored = "until"


@caught_by("test_search_by_session_filters", "test_search_in_a_directory_and_below")
class FiltersForMessagesAlone(Searching):
    def is_searched(self, session: SessionSummary, checked: CheckedQuery) -> bool:
        return True

    def matches(self, message: SearchableMessage, checked: CheckedQuery) -> bool:
        return super().matches(message, checked) and any(
            message in self.messages(each)
            for each in self.everyone()
            if Searching.is_searched(self, each, checked)
        )


@caught_by("test_search_in_a_directory_and_below")
class SearchInTheDirectoryAlone(AskingAnother):
    def other(self, query: SearchQuery) -> SearchQuery:
        return replace(query, cwd=query.cwd or query.cwd_below, cwd_below=None)


@caught_by("test_search_in_one_session")
class OneSessionOfAnyStatus(AskingAnother):
    def other(self, query: SearchQuery) -> SearchQuery:
        return query if query.session_id is None else replace(query, status=None)


@caught_by("test_search_by_role")
class RolesByLetters(Searching):
    def matches(self, message: SearchableMessage, checked: CheckedQuery) -> bool:
        query, role = checked.query, checked.query.role
        anyone = checked._replace(query=replace(query, role=None))
        return super().matches(message, anyone) and (role is None or message.role.startswith(role.lower()))


@caught_by("test_search_by_role")
class OnlyKnownRoles(Searching):
    def messages(self, session: SessionSummary) -> list[SearchableMessage]:
        known = ("user", "assistant", "tool", "system", "developer")
        return [
            each if each.role in known else replace(each, role="") for each in super().messages(session)
        ]


class Titles(Searching):
    """Finds titles where there should be none."""

    filtered: tuple[str, ...]

    def title_matches(self, session: SessionSummary, checked: CheckedQuery) -> bool:
        query = replace(checked.query, **dict.fromkeys(self.filtered))
        if query.role is None and query.tool is None:
            checked = checked._replace(titles=checked.sessions)
        return super().title_matches(session, checked)


@caught_by("test_search_by_role")
class TitlesOfARole(Titles):
    filtered = ("role",)


@caught_by("test_search_by_tool")
class TitlesOfATool(Titles):
    filtered = ("tool",)


@caught_by("test_search_by_tool")
class CallsWithoutResults(Searching):
    def messages(self, session: SessionSummary) -> list[SearchableMessage]:
        return [
            replace(each, tools=()) if each.role == "tool" else each for each in super().messages(session)
        ]


@caught_by("test_search_by_tool_in_every_shape")
class ToolsOfChatMessages(Searching):
    def messages(self, session: SessionSummary) -> list[SearchableMessage]:
        return [
            each if each.role in ("assistant", "tool") else replace(each, tools=())
            for each in super().messages(session)
        ]


@caught_by("test_search_by_tool")
class OnlyTheFirstCall(Searching):
    def messages(self, session: SessionSummary) -> list[SearchableMessage]:
        return [replace(each, tools=each.tools[:1]) for each in super().messages(session)]


@caught_by("test_search_by_tool")
class ToolsOfTheWholeStore(Searching):
    """Takes the ids of calls for the same ones in all sessions."""

    def search(self, query: SearchQuery) -> SearchResult:
        self.__dict__["results"] = {}
        return super().search(query)

    def messages(self, session: SessionSummary) -> list[SearchableMessage]:
        results: dict[str, Any] = self.__dict__.setdefault("results", {})
        return [
            replace(each, tools=results.setdefault("1", each.tools)) if each.role == "tool" else each
            for each in super().messages(session)
        ]


@caught_by("test_search_by_tool")
class ToolsByLetters(Searching):
    def matches(self, message: SearchableMessage, checked: CheckedQuery) -> bool:
        query, tool = checked.query, checked.query.tool
        anything = checked._replace(query=replace(query, tool=None))
        return super().matches(message, anything) and (
            tool is None or any(each.startswith(tool) for each in message.tools)
        )


@caught_by("test_search_by_time")
class SinceExcludesItsMoment(AskingAnother):
    def other(self, query: SearchQuery) -> SearchQuery:
        return replace(query, since=query.since and query.since + timedelta(microseconds=1))


@caught_by("test_search_by_time")
class UntilIncludesItsMoment(AskingAnother):
    def other(self, query: SearchQuery) -> SearchQuery:
        return replace(query, until=query.until and query.until + timedelta(microseconds=1))


@caught_by("test_search_by_time")
class TimesInSeconds(Searching):
    def messages(self, session: SessionSummary) -> list[SearchableMessage]:
        second = 1_000_000
        return [
            replace(each, time_us=each.time_us // second * second) for each in super().messages(session)
        ]


@caught_by("test_search_by_time")
class TitlesOfWhenCreated(Searching):
    def title_matches(self, session: SessionSummary, checked: CheckedQuery) -> bool:
        return super().title_matches(replace(session, updated_at=session.created_at), checked)


@caught_by("test_search_filters_together")
class AnyFilterWillDo(Searching):
    def matches(self, message: SearchableMessage, checked: CheckedQuery) -> bool:
        query = checked.query
        if query.role is None or query.tool is None:
            return super().matches(message, checked)
        asked = (replace(query, role=None), replace(query, tool=None))
        return any(super(AnyFilterWillDo, self).matches(message, checked._replace(query=q)) for q in asked)
