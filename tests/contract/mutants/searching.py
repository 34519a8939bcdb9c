"""Search: what is found, in which order and pages, and what a hit says."""

from __future__ import annotations

import copy
import random
import re
import unicodedata
from typing import Any
from uuid import UUID

import msgspec
from msgspec.structs import replace

from sessionfs import (
    CreateSessionRequest,
    CreateSessionResult,
    FileStorage,
    InvalidRequestError,
    ListSessionsQuery,
    NotFoundError,
    SearchHit,
    SearchQuery,
    SearchResult,
    SessionStatus,
    SessionSummary,
)
from sessionfs.queries import search as right
from sessionfs.queries.transcript import SearchableMessage, read_transcript
from sessionfs.queries.search import CheckedQuery

from .register import ALL, caught_by

Found = tuple[SessionSummary, SearchableMessage]


class Searching(FileStorage):
    """Searches in Python what FileStorage searches, in steps that mutants can replace."""

    def search(self, query: SearchQuery) -> SearchResult:
        checked = right.check(query)
        searched = [each for each in self.everyone() if self.is_searched(each, checked)]
        titles = [each for each in searched if self.title_matches(each, checked)]
        messages = [
            (each, message) for each in searched for message in self.messages(each) if self.matches(message, checked)
        ]
        messages.sort(key=self.order)
        hits: list[Any] = self.together(titles, messages)
        page = hits[self.page(query)]
        return SearchResult([self.hit(each, checked) for each in page], self.total(hits, page))

    def everyone(self) -> list[SessionSummary]:
        return self.list_sessions(ListSessionsQuery(limit=ALL)).sessions

    def messages(self, session: SessionSummary) -> list[SearchableMessage]:
        return [replace(each, text=self.text(each)) for each in read_transcript(self._directory(session.id)).messages]

    def text(self, message: SearchableMessage) -> str:
        return message.text

    def is_searched(self, session: SessionSummary, checked: CheckedQuery) -> bool:
        return right.is_searched(session, checked)

    def title_matches(self, session: SessionSummary, checked: CheckedQuery) -> bool:
        query, updated = checked.query, session.updated_at
        return (
            checked.titles is not None
            and self.contains(session.title, query.text)
            and (query.since is None or updated >= query.since)
            and (query.until is None or updated < query.until)
        )

    def matches(self, message: SearchableMessage, checked: CheckedQuery) -> bool:
        anything = checked._replace(needle="")
        return self.contains(message.text, checked.query.text) and right.matches(message, anything)

    def contains(self, text: str, looked_for: str) -> bool:
        return looked_for.casefold() in text.casefold()

    def order(self, found: Found) -> Any:
        session, message = found
        return (-message.time_us, session.id.int, -message.index, message.sha)

    def together(self, titles: list[SessionSummary], messages: list[Found]) -> list[Any]:
        return [*titles, *messages]

    def page(self, query: SearchQuery) -> slice:
        start = query.offset or 0
        return slice(start, start + (100 if query.limit is None else query.limit))

    def total(self, hits: list[Any], page: list[Any]) -> int:
        return len(hits)

    def hit(self, each: Any, checked: CheckedQuery) -> SearchHit:
        text = each.title if isinstance(each, SessionSummary) else each[1].text
        if checked.needle not in text.casefold():
            checked = checked._replace(needle=text.casefold() or "\0")
        if isinstance(each, SessionSummary):
            return self.changed(right.title_hit(each, checked))
        session, message = each
        return self.changed(right.message_hit(session, message, checked))

    def changed(self, hit: SearchHit) -> SearchHit:
        return hit


# What matches


@caught_by("test_found_literally")
class MatchIsAPattern(Searching):
    def contains(self, text: str, looked_for: str) -> bool:
        parts = (".*" if c == "%" else "." if c == "_" else re.escape(c) for c in looked_for)
        return re.search("".join(parts), text, re.IGNORECASE | re.DOTALL) is not None


@caught_by("test_found_literally")
class MatchIsAGlob(Searching):
    def contains(self, text: str, looked_for: str) -> bool:
        return super().contains(text, looked_for.rstrip("*"))


@caught_by("test_found_literally")
class MatchIsARegularExpression(Searching):
    def contains(self, text: str, looked_for: str) -> bool:
        try:
            return re.search(looked_for.casefold(), text.casefold()) is not None
        except re.error:
            return False


@caught_by("test_found_literally", "test_any_part_of_many_texts")
class MatchMindsLetterCase(Searching):
    def contains(self, text: str, looked_for: str) -> bool:
        return looked_for in text


@caught_by("test_found_literally", "test_any_part_of_many_texts", "test_matches_are_marked")
class MatchInSmallLetters(Searching):
    def contains(self, text: str, looked_for: str) -> bool:
        return looked_for.lower() in text.lower()


@caught_by("test_found_literally")
class MatchIsNormalised(Searching):
    def contains(self, text: str, looked_for: str) -> bool:
        text, looked_for = (unicodedata.normalize("NFC", each) for each in (text, looked_for))
        return super().contains(text, looked_for)


@caught_by("test_found_literally")
class MatchIsTrimmed(Searching):
    def contains(self, text: str, looked_for: str) -> bool:
        return super().contains(text, looked_for.strip() or looked_for)


@caught_by("test_found_literally", "test_any_part_of_many_texts", "test_text_of_a_message")
class MatchOfWords(Searching):
    def contains(self, text: str, looked_for: str) -> bool:
        words = re.findall(r"\w+", text.casefold())
        return all(word in words for word in re.findall(r"\w+", looked_for.casefold()))


@caught_by("test_found_literally", "test_any_part_of_many_texts", "test_matches_are_marked")
class MatchOfThreeLettersAndMore(Searching):
    def contains(self, text: str, looked_for: str) -> bool:
        return len(looked_for) > 2 and super().contains(text, looked_for)


@caught_by("test_found_literally")
class MatchEndsAtNul(Searching):
    def contains(self, text: str, looked_for: str) -> bool:
        return super().contains(text.partition("\0")[0], looked_for)


@caught_by("test_found_literally")
class MatchOfManyLetters(Searching):
    """Looks at the beginning of what is looked for alone."""

    def contains(self, text: str, looked_for: str) -> bool:
        return super().contains(text, looked_for[:64])


@caught_by("test_any_part_of_many_texts", "test_search_in_one_session")
class SearchesAFewSessions(Searching):
    def everyone(self) -> list[SessionSummary]:
        return super().everyone()[:8]


# What is a text


@caught_by("test_nothing_across_messages")
class MessagesRunTogether(Searching):
    def messages(self, session: SessionSummary) -> list[SearchableMessage]:
        return [
            replace(each, text=f"{each.text}{session.title}{each.text}\n{after.text} {after.text}")
            for each, after in zip(
                super().messages(session), [*super().messages(session)[1:], None], strict=True
            )
            if after is not None
        ]


@caught_by("test_nothing_across_messages", "test_text_of_a_message")
class PiecesRunTogether(Searching):
    def text(self, message: SearchableMessage) -> str:
        return message.text.replace("\n", " ")


@caught_by("test_text_of_a_message")
class OnlyTheFirstPiece(Searching):
    def text(self, message: SearchableMessage) -> str:
        return message.text.partition("\n")[0]


@caught_by("test_text_of_a_message", "test_found_right_after_every_write", "test_snippets")
class LargeMessagesAreLeftOut(Searching):
    def text(self, message: SearchableMessage) -> str:
        return message.text[:65_536]


@caught_by("test_text_of_a_message", "test_nothing_across_messages", "test_search_of_nothing")
class TextIsTheJson(Searching):
    def messages(self, session: SessionSummary) -> list[SearchableMessage]:
        state = self.get_active_checkpoint(session.id).state
        raw = msgspec.json.encode([state.messages, state.metadata]).decode()
        return [replace(each, text=raw) for each in super().messages(session)]


@caught_by("test_search_of_nothing")
class DirectoryIsATitle(Searching):
    def everyone(self) -> list[SessionSummary]:
        return [replace(each, title=f"{each.title}{each.cwd or ''}") for each in super().everyone()]


@caught_by("test_search_of_nothing")
class NotFoundIsAnError(FileStorage):
    def search(self, query: SearchQuery) -> SearchResult:
        if self.list_sessions().total == 0:
            raise NotFoundError("there is nothing")
        return super().search(query)


# Which messages


@caught_by("test_every_message_once")
class OncePerCheckpoint(Searching):
    def messages(self, session: SessionSummary) -> list[SearchableMessage]:
        number = self.list_checkpoints(session.id).total
        return super().messages(session) * number


@caught_by("test_every_message_once", "test_forks_are_found")
class OnceInTheStore(Searching):
    def together(self, titles: list[SessionSummary], messages: list[Found]) -> list[Any]:
        once = {message.text: (session, message) for session, message in messages}
        return [*titles, *once.values()]


@caught_by("test_every_message_once")
class OnceByItsText(Searching):
    def messages(self, session: SessionSummary) -> list[SearchableMessage]:
        return list({each.text: each for each in super().messages(session)}.values())


@caught_by("test_messages_of_all_branches")
class OnlyTheActiveBranch(Searching):
    def messages(self, session: SessionSummary) -> list[SearchableMessage]:
        active = self.get_active_checkpoint(session.id).state.messages
        texts = [each.text() if not isinstance(each, dict) else each.get("content") for each in active]
        return [each for each in super().messages(session) if each.text in texts]


@caught_by("test_messages_of_all_branches", "test_found_right_after_every_write")
class OnlyTheFirstCheckpoint(Searching):
    def messages(self, session: SessionSummary) -> list[SearchableMessage]:
        messages = super().messages(session)
        return [each for each in messages if each.sha == messages[0].sha]


@caught_by("test_found_right_after_every_write", "test_found_by_the_present_title")
class AnswersAreKept(FileStorage):
    def search(self, query: SearchQuery) -> SearchResult:
        kept: dict[str, SearchResult] = self.__dict__.setdefault("kept", {})
        return copy.deepcopy(kept.setdefault(repr(query), super().search(query)))


@caught_by("test_found_by_the_present_title")
class FirstTitlesAreSearched(Searching):
    def create_session(self, request: CreateSessionRequest) -> CreateSessionResult:
        created = super().create_session(request)
        self.__dict__.setdefault("titles", {})[created.session_id] = request.title
        return created

    def everyone(self) -> list[SessionSummary]:
        titles: dict[UUID, str] = self.__dict__.get("titles", {})
        return [replace(each, title=titles.get(each.id, each.title)) for each in super().everyone()]


@caught_by("test_deleted_sessions_are_searched")
class DeletedIsNotSearched(Searching):
    def is_searched(self, session: SessionSummary, checked: CheckedQuery) -> bool:
        active = session.status is SessionStatus.ACTIVE
        return super().is_searched(session, checked) and (active or checked.query.status is not None)


@caught_by("test_bad_searches", "test_no_search")
class LenientSearch(FileStorage):
    def search(self, query: SearchQuery) -> SearchResult:
        try:
            return super().search(query)
        except InvalidRequestError:
            return SearchResult([], 0)


# Order and pages


@caught_by("test_order_of_hits", "test_pages_of_hits")
class OldestHitsFirst(Searching):
    def order(self, found: Found) -> Any:
        return found[1].time_us


@caught_by("test_order_of_hits")
class HitsBySession(Searching):
    def order(self, found: Found) -> Any:
        return (found[0].id.int, super().order(found))


@caught_by("test_order_of_hits", "test_pages_of_hits")
class TitlesLast(Searching):
    def together(self, titles: list[SessionSummary], messages: list[Found]) -> list[Any]:
        return [*messages, *titles]


@caught_by("test_order_of_hits")
class TitlesByCreation(Searching):
    def together(self, titles: list[SessionSummary], messages: list[Found]) -> list[Any]:
        return [*sorted(titles, key=lambda each: each.created_at, reverse=True), *messages]


@caught_by("test_pages_of_hits")
class TiesInAnyOrder(Searching):
    def order(self, found: Found) -> Any:
        return (-found[1].time_us, random.random())


@caught_by("test_pages_of_hits", "test_empty_pages_of_hits", "test_default_limit_of_hits")
class TotalOfThePageOfHits(Searching):
    def total(self, hits: list[Any], page: list[Any]) -> int:
        return len(page)


@caught_by("test_pages_of_hits", "test_search_in_one_session")
class TitlesOnEveryPage(Searching):
    def search(self, query: SearchQuery) -> SearchResult:
        answer, whole = super().search(query), super().search(replace(query, limit=ALL, offset=0))
        hits = [each for each in whole.hits if each.checkpoint_id is None]
        hits += [each for each in answer.hits if each.checkpoint_id is not None]
        return SearchResult(hits, answer.total)


@caught_by("test_pages_of_hits", "test_empty_pages_of_hits", "test_default_limit_of_hits")
class OffsetOfHitsIgnored(Searching):
    def page(self, query: SearchQuery) -> slice:
        return slice(0, super().page(query).stop)


@caught_by("test_empty_pages_of_hits")
class NoHitsIsTheDefault(Searching):
    def page(self, query: SearchQuery) -> slice:
        return super().page(replace(query, limit=query.limit or None))


@caught_by("test_default_limit_of_hits")
class NoDefaultLimitOfHits(Searching):
    def page(self, query: SearchQuery) -> slice:
        return super().page(query if query.limit is not None else replace(query, limit=ALL))


@caught_by("test_default_limit_of_hits")
class NeverMoreThanAHundredHits(Searching):
    def page(self, query: SearchQuery) -> slice:
        return super().page(replace(query, limit=min(100 if query.limit is None else query.limit, 100)))


# What a hit says


@caught_by("test_every_message_once", "test_messages_of_all_branches")
class PlacesInTheActiveCheckpoint(Searching):
    def changed(self, hit: SearchHit) -> SearchHit:
        active = self.get_active_checkpoint(hit.session.id)
        index = min(hit.message_index or 0, len(active.state.messages) - 1)
        return (
            hit
            if hit.checkpoint_id is None
            else replace(hit, checkpoint_id=active.id, message_index=index)
        )


@caught_by("test_what_a_hit_says", "test_found_right_after_every_write")
class PlacesFromOne(Searching):
    def changed(self, hit: SearchHit) -> SearchHit:
        messages = self.get_checkpoint(hit.checkpoint_id).state.messages if hit.checkpoint_id else []
        index = hit.message_index
        return replace(hit, message_index=None if index is None else (index + 1) % len(messages))


@caught_by("test_what_a_hit_says")
class EverySpeakerIsSomebody(Searching):
    def changed(self, hit: SearchHit) -> SearchHit:
        return replace(hit, role=hit.role or "user")


@caught_by("test_what_a_hit_says")
class ResultsHaveNoTools(Searching):
    def changed(self, hit: SearchHit) -> SearchHit:
        return replace(hit, tools=[]) if hit.role == "tool" else hit


@caught_by("test_what_a_hit_says")
class TimesOfTheSession(Searching):
    def changed(self, hit: SearchHit) -> SearchHit:
        return replace(hit, created_at=hit.session.created_at)


@caught_by("test_what_a_hit_says")
class SummaryInPart(Searching):
    def changed(self, hit: SearchHit) -> SearchHit:
        return replace(hit, session=replace(hit.session, cwd=None, message_count=0))


@caught_by("test_snippets", "test_text_of_a_message")
class SnippetsAreWhole(Searching):
    def hit(self, each: Any, checked: CheckedQuery) -> SearchHit:
        hit = super().hit(each, checked)
        text = each.title if isinstance(each, SessionSummary) else each[1].text
        at = [match.span() for match in re.finditer(re.escape(checked.query.text), text, re.IGNORECASE)]
        return replace(hit, snippet=text, matches=at or hit.matches)


@caught_by("test_snippets")
class SnippetsWithoutDots(Searching):
    def changed(self, hit: SearchHit) -> SearchHit:
        cut = int(hit.snippet.startswith("…"))
        moved = [(start - cut, stop - cut) for start, stop in hit.matches]
        return replace(hit, snippet=hit.snippet.strip("…"), matches=moved)


@caught_by("test_snippets")
class SnippetsInOneLine(Searching):
    def changed(self, hit: SearchHit) -> SearchHit:
        return replace(hit, snippet=hit.snippet.replace("\n", " "))


@caught_by("test_matches_are_marked")
class OnlyTheFirstMatch(Searching):
    def changed(self, hit: SearchHit) -> SearchHit:
        return replace(hit, matches=hit.matches[:1])


@caught_by("test_matches_are_marked")
class MatchesInBytes(Searching):
    def changed(self, hit: SearchHit) -> SearchHit:
        def in_bytes(place: int) -> int:
            return len(hit.snippet[:place].encode())

        return replace(hit, matches=[(in_bytes(a), in_bytes(b)) for a, b in hit.matches])


@caught_by("test_matches_are_marked")
class MatchesInFoldedText(Searching):
    def changed(self, hit: SearchHit) -> SearchHit:
        def in_folded(place: int) -> int:
            return len(hit.snippet[:place].casefold())

        return replace(hit, matches=[(in_folded(a), in_folded(b)) for a, b in hit.matches])


@caught_by("test_hits_are_the_callers_own")
class HitsAreShared(FileStorage):
    def search(self, query: SearchQuery) -> SearchResult:
        kept: dict[str, SearchResult] = self.__dict__.setdefault("kept", {})
        return kept.setdefault(repr(query), super().search(query))
