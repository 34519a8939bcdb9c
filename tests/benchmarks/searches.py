"""What is searched for, and what a plain scan of the texts finds: every answer is compared with it."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from sessionfs import FileStorage, ListSessionsQuery, SearchHit, SearchQuery, SessionStatus
from tests.benchmarks.stores import BEGIN, Made, Store, Words, progress, written

_SAMPLE = 50
_PAGE = 50_000
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_US = timedelta(microseconds=1)


class Case(NamedTuple):
    """A query, and what is special about it."""

    name: str
    query: SearchQuery


class Found(NamedTuple):
    """What a scan found, and what the order of the hits depends on.

    Attributes:
        titles: sessions whose titles match.
        numbers: of each message, its session's number.
        places: its place in the session.
        times: when it was said, in microseconds since 1970.

    """

    titles: list[int]
    numbers: array[int]
    places: array[int]
    times: array[int]

    @property
    def total(self) -> int:
        return len(self.titles) + len(self.places)


def cases(store: Store, words: Words) -> list[Case]:
    """Return 20 queries, with texts that stand somewhere in the store."""
    sample = list(islice(store.sessions(), _SAMPLE))
    texts = [visible(message) for made in sample for turn in made.turns for message in turn]
    joined, vocabulary = "\n".join(texts), words.vocabulary
    ranks = {word: rank for rank, word in enumerate(vocabulary)}
    rarest = sorted(ranks.keys() & set(joined.split()), key=lambda word: ranks[word], reverse=True)

    def first(pattern: str) -> str:
        found = re.search(pattern, joined)
        assert found is not None, pattern
        return found[0]

    late = BEGIN + timedelta(minutes=0.95 * store.size.sessions)
    common, rare = vocabulary[10], next(word for word in rarest if len(word) > 5)
    queries = {
        "a rare word": SearchQuery(rare),
        "a part of one": SearchQuery(next(word for word in rarest if len(word) > 8)[1:-1]),
        "a common word": SearchQuery(common),
        "no such word": SearchQuery("zqxxjkqzv"),
        "one letter": SearchQuery("e"),
        "two letters": SearchQuery("qx"),
        "CJK": SearchQuery("本語のテ"),
        "code": SearchQuery("fn12(a, b)"),
        "a flag": SearchQuery("--flag=7"),
        "a path with line": SearchQuery(first(r"/src/\w+/\w+\.py:\d{3}")),
        "a hex id": SearchQuery(first(r"\b[0-9a-f]{32}\b")),
        "an exact phrase": SearchQuery(first(r"\b(?:[a-z]+ ){5}[a-z]+\b")),
        "mixed case": SearchQuery("sTRASSE"),
        "punctuation only": SearchQuery("--"),
        "role": SearchQuery(vocabulary[300]).with_role("user"),
        "tool": SearchQuery('echo "').with_tool("bash"),
        "cwd": SearchQuery(vocabulary[100]).with_cwd("/work/project-7"),
        "status": SearchQuery(vocabulary[100]).with_status(SessionStatus.DELETED),
        "since": SearchQuery(vocabulary[100]).with_dates(since=late),
        "a title": SearchQuery(sample[-1].title[5:30]),
    }
    return [Case(*each) for each in queries.items()]


def visible(message: dict[str, Any]) -> str:
    """Return what people read of a message; arguments with escapes also as they are meant."""
    pieces = written(message)
    for call in message.get("tool_calls", ()):
        arguments = call["function"]["arguments"]
        if "\\" in arguments:
            pieces += msgspec.json.decode(arguments).values()
    return "\n".join(pieces)


def scan(store: Store, wanted: list[Case]) -> list[Found]:
    """Look at every message for every query."""
    found = [Found([], array("L"), array("L"), array("q")) for _ in wanted]
    needles = [(case.query, case.query.text.casefold()) for case in wanted]
    for number, made in enumerate(progress("plain scan", store.sessions(), store.size.sessions)):
        searched = [
            (query, needle, into)
            for (query, needle), into in zip(needles, found, strict=True)
            if query.status in (None, made.status) and query.cwd in (None, made.cwd)
        ]
        for query, needle, into in searched:
            in_titles = query.role is query.tool is None
            late_enough = query.since is None or made.updated_at >= query.since
            if in_titles and late_enough and needle in made.title.casefold():
                into.titles.append(number)
        for place, (message, tool, time_us) in enumerate(_said(made)):
            text, role = visible(message).casefold(), message["role"]
            for query, needle, into in searched:
                if (
                    needle in text
                    and query.role in (None, role)
                    and query.tool in (None, tool)
                    and (query.since is None or time_us >= _us(query.since))
                ):
                    into.numbers.append(number)
                    into.places.append(place)
                    into.times.append(time_us)
    return found


def _said(made: Made) -> Iterator[tuple[dict[str, Any], str | None, int]]:
    """Give the messages of a session, each with the tool that it is about, and its time."""
    for i, messages in enumerate(made.turns):
        at = _us(made.at(i))
        (call,) = messages[1]["tool_calls"]
        for message in messages:
            about_tool = "tool_calls" in message or "tool_call_id" in message
            tool = call["function"]["name"] if about_tool else None
            yield message, tool, message["created_at"] * 1_000 if "created_at" in message else at


def _us(moment: datetime) -> int:
    return (moment - _EPOCH) // _US


class Comparison:
    """Compares what search answers with what the scan found, hit by hit, in the order of the hits."""

    def __init__(self, store: Store, storage: FileStorage) -> None:
        self._storage = storage
        self._ids: list[UUID] = []
        self._updated: list[int] = []
        self._messages: list[int] = []
        for made in store.sessions():
            self._ids.append(made.id)
            self._updated.append(_us(made.updated_at))
            self._messages.append(made.messages)
        self._checkpoints: dict[tuple[int, int], UUID] = {}

    def newest(self, number: int) -> list[str]:
        """Return the ids of the sessions that changed last, the last one first."""
        order = sorted(range(len(self._ids)), key=lambda i: (-self._updated[i], self._ids[i]))
        return [str(self._ids[i]) for i in order[:number]]

    def listing_difference(self) -> str | None:
        """Return how the list of all sessions differs, or None."""
        result = self._storage.list_sessions(ListSessionsQuery(limit=len(self._ids) + 1))
        if result.total != len(self._ids):
            return f"total {result.total}, not {len(self._ids)}"
        if [str(each.id) for each in result.sessions] != self.newest(result.total):
            return "the order is another one"
        counts = dict(zip(self._ids, self._messages, strict=True))
        wrong = [each for each in result.sessions if each.message_count != counts[each.id]]
        return f"it has {wrong[0]}" if wrong else None

    def difference(self, case: Case, found: Found) -> str | None:
        """Return how the answer differs, or None."""
        ids, updated = self._ids, self._updated
        titles = sorted(found.titles, key=lambda number: (-updated[number], ids[number]))
        messages = sorted(
            zip(found.times, found.numbers, found.places, strict=True),
            key=lambda each: (-each[0], ids[each[1]].int, -each[2]),
        )
        for offset in range(0, found.total + 1, _PAGE):
            query = case.query.with_limit(_PAGE).with_offset(offset)
            result = self._storage.search(query)
            if result.problems or result.total != found.total:
                return f"total {result.total}, not {found.total}; problems {result.problems}"
            if len(result.hits) != min(_PAGE, found.total - offset):
                return f"{len(result.hits)} hits from {offset} on, of {found.total}"
            for i, hit in enumerate(result.hits, offset):
                if i < len(titles):
                    right = self._is_title(hit, titles[i])
                else:
                    right = self._is_message(hit, *messages[i - len(titles)])
                if not (right and self._is_marked(hit, case.query.text.casefold())):
                    return f"hit {i} is {hit}"
        return None

    def _is_title(self, hit: SearchHit, number: int) -> bool:
        same = hit.session.id == self._ids[number] and hit.message_index is None
        return same and _us(hit.created_at) == self._updated[number]

    def _is_message(self, hit: SearchHit, time_us: int, number: int, place: int) -> bool:
        if hit.checkpoint_id is None:
            return False
        # One turn is one checkpoint, whatever its id.
        known = self._checkpoints.setdefault((number, place // 4), hit.checkpoint_id)
        return (
            hit.session.id == self._ids[number]
            and hit.message_index == place
            and _us(hit.created_at) == time_us
            and hit.checkpoint_id == known
        )

    def _is_marked(self, hit: SearchHit, needle: str) -> bool:
        return bool(hit.matches) and all(
            needle in hit.snippet[begin:end].casefold() for begin, end in hit.matches
        )
