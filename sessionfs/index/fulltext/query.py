"""Search in the index: the answer that ``search.answer`` gives for the files.

The invariant: what is shown was read from its file at last, and matched there once more.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

import msgspec
from msgspec.structs import replace

from ...errors import StorageError
from ...messages.parts import searchable_text
from ...models import SearchHit, SearchResult, SessionSummary
from ...queries import listing, search
from ...queries.search import CheckedQuery
from ...queries.transcript import SearchableMessage, unique
from ...store.objects import Objects
from ...store.session import SessionDirectory
from .. import sessions
from ..checkpoints import ContentsReading
from ..location import IndexLocation
from . import textstore, wordfilter
from .blocks import SEPARATOR, Block, consecutive, finder, fold

if TYPE_CHECKING:
    from sqlite3 import Connection

_FEW = 0.5

_decode = msgspec.json.Decoder().decode


class StaleError(Exception):
    """A session's messages are not on disk as they were indexed."""

    def __init__(self, id_: str) -> None:
        super().__init__(id_)
        self.id = id_


class IndexDelta(NamedTuple):
    """What the files say that the index does not.

    Attributes:
        summaries: of sessions that changed, as they are listed now.
        contents: of sessions whose objects changed.
        gone: recorded sessions that are not here any more.

    """

    summaries: dict[str, SessionSummary]
    contents: dict[str, ContentsReading]
    gone: set[str]


class _Source(NamedTuple):
    """A block with matches; of one that is in memory alone, whose its messages are, and they."""

    block: Block
    ids: dict[int, str]
    unwritten: list[SearchableMessage]


_Match = tuple[int, int, int]
"""A message that matches: its time, negative so that the newest comes first, its source, its place."""


class Searcher:
    """Answers one query from one state of the index."""

    def __init__(
        self,
        connection: Connection,
        place: IndexLocation,
        checked: CheckedQuery,
        seen: IndexDelta,
        directory_of: Callable[[UUID], SessionDirectory],
    ) -> None:
        self._connection, self._place = connection, place
        self._checked, self._seen, self._directory_of = checked, seen, directory_of
        self._needle = fold(checked.query.text)
        self._sources: list[_Source] = []
        self._objects: dict[UUID, Objects] = {}
        self._searched = self._searched_sessions()

    def answer(self) -> SearchResult:
        """Return the page of hits."""
        titles, in_titles = self._titles()
        keys = self._keys()
        found = [*self._in_index(keys), *self._in_memory()]
        page = self._checked.page
        first, last = max(page.start - in_titles, 0), max(page.stop - in_titles, 0)
        hits = [search.title_hit(each, self._checked) for each in titles]
        hits += self._hits(found, first, last)
        return SearchResult(hits, in_titles + len(found), self._problems())

    # Which sessions

    def _searched_sessions(self) -> set[str] | None:
        """Return the ids of the sessions that the query searches, None if it searches all."""
        checked, seen = self._checked, self._seen
        recorded = sessions.matching(self._connection, checked.sessions)
        one = checked.query.session_id
        if one is None and recorded is None:
            return None
        if one is not None:
            found = self._summaries([str(one)])
            return {id_ for id_, each in found.items() if search.is_searched(each, checked)}
        changed = {id_ for id_, each in seen.summaries.items() if search.is_searched(each, checked)}
        return ((recorded or set()) - seen.summaries.keys() - seen.gone) | changed

    def _is_searched(self, id_: str) -> bool:
        return id_ not in self._seen.gone and (self._searched is None or id_ in self._searched)

    def _keys(self) -> set[int] | None:
        """Return what stands for the searched sessions among recorded messages; None: all does."""
        hidden = {id_ for id_, look in self._seen.contents.items() if look.base is None}
        dead = self._connection.execute("SELECT 1 FROM dead LIMIT 1").fetchone()
        if self._searched is None and not hidden and not self._seen.gone and dead is None:
            return None
        rows = self._connection.execute("SELECT id, key FROM contents")
        return {key for id_, key in rows if id_ not in hidden and self._is_searched(id_)}

    def _summaries(self, ids: Iterable[str]) -> dict[str, SessionSummary]:
        asked = set(ids) - self._seen.gone
        found = {id_: self._seen.summaries[id_] for id_ in asked & self._seen.summaries.keys()}
        rest = asked - found.keys()
        return found | sessions.summaries(self._connection, rest) if rest else found

    def _titles(self) -> tuple[list[SessionSummary], int]:
        """Return the sessions of the page whose titles match, and how many do in all."""
        checked, query = self._checked, self._checked.titles
        if query is None:
            return [], 0
        if checked.query.session_id is not None:
            found = self._summaries(self._searched or ())
            matching = [each for each in found.values() if listing.matches(each, query)]
            return matching[checked.page], len(matching)
        looks = [
            sessions.SessionReading(id_, 0, False, summary)
            for id_, summary in self._seen.summaries.items()
        ]
        page = sessions.answer(self._connection, query, looks, list(self._seen.gone))
        return page.sessions, page.total

    # Which messages

    def _in_index(self, keys: set[int] | None) -> Iterable[_Match]:
        connection, since, until = self._connection, self._checked.since_us, self._checked.until_us
        narrowed = keys is not None or since is not None or until is not None
        for row, text, bits in textstore.possible(connection, self._place, self._needle):
            begin, find = row.text_begin, finder(self._needle, text)
            first = begin
            if bits == wordfilter.ALL and not narrowed:
                first = find(begin, begin + row.text_length)
                if first < 0:
                    continue
            block = textstore.load(connection, row)
            if not narrowed and bits == wordfilter.ALL:
                found = block.matching(find, begin, [(block.at(first - begin), len(block))])
            else:
                chosen: Sequence[int] = range(len(block))
                if keys is not None:
                    chosen = block.of_sessions(keys)
                chosen = block.sent_between(chosen, since, until)
                # Where fewer are left than the words leave, only their text is searched.
                few = len(chosen) * wordfilter.PARTS < len(block) * bits.bit_count() * _FEW
                runs = consecutive(chosen) if few else block.runs(bits, textstore.PART_BYTES)
                found = block.matching(find, begin, runs)
                found = found if few else sorted(set(found).intersection(chosen))
            yield from self._filtered(_Source(block, {}, []), found)

    def _in_memory(self) -> Iterable[_Match]:
        if not self._seen.contents:
            return
        block, text, ids = Block(), bytearray(), dict[int, str]()
        unwritten: list[SearchableMessage] = []
        for key, (id_, look) in enumerate(self._seen.contents.items()):
            ids[key] = id_
            if self._is_searched(id_):
                folded = [fold(each.text) for each in look.messages]
                block.add(key, look.messages, folded)
                text += SEPARATOR.join([*folded, b""])
                unwritten += look.messages
        if unwritten:
            found = block.matching(finder(self._needle, text), 0, [(0, len(block))])
            found = block.sent_between(found, self._checked.since_us, self._checked.until_us)
            yield from self._filtered(_Source(block, ids, unwritten), found)

    def _filtered(self, source: _Source, found: list[int]) -> Iterable[_Match]:
        block, checked = source.block, self._checked
        if checked.query.role is not None:
            found = block.with_role(found, checked.query.role)
        if checked.query.tool is not None:
            found = block.with_tool(found, checked.query.tool)
        number, times = len(self._sources), block.times
        if found:
            self._sources.append(source)
        return [(-times[i], number, i) for i in found]

    # How they show

    def _hits(self, found: list[_Match], first: int, last: int) -> list[SearchHit]:
        if first >= min(last, len(found)):
            return []
        # Those of the same time as the last one on the page may come before it.
        newest = heapq.nsmallest(last, found) if last < len(found) else found
        latest = max(newest)[0]
        some = [match for match in found if match[0] <= latest]
        ordered = [
            (UUID(id_), self._message(match), id_)
            for match, id_ in zip(some, self._ids(some), strict=True)
        ]
        search.sort_newest_first(ordered)
        shown = ordered[first:last]
        summaries = self._summaries(id_ for *_, id_ in shown)
        return [self._hit(session, message, summaries.get(id_)) for session, message, id_ in shown]

    def _ids(self, found: list[_Match]) -> list[str]:
        """Return whose session each match is in."""
        owners = [self._sources[number].block.keys[i] for _, number, i in found]
        ids = [self._sources[number].ids for _, number, _ in found]
        recorded = {key for key, own in zip(owners, ids, strict=True) if not own}
        rows = self._connection.execute(
            "SELECT key, id FROM contents WHERE key IN (SELECT value FROM json_each(?))",
            (msgspec.json.encode(sorted(recorded)).decode(),),
        )
        known = dict(rows)
        return [(own or known)[key] for key, own in zip(owners, ids, strict=True)]

    def _message(self, match: _Match) -> SearchableMessage:
        source, i = self._sources[match[1]], match[2]
        return source.unwritten[i] if source.unwritten else source.block.message(i)

    def _hit(
        self, session: UUID, message: SearchableMessage, summary: SessionSummary | None
    ) -> SearchHit:
        if not message.text:
            message = replace(message, text=self._text(session, message))
        if summary is None:
            raise StaleError(str(session))
        return search.message_hit(summary, message, self._checked)

    def _text(self, session: UUID, message: SearchableMessage) -> str:
        """Return the text of a message from its file."""
        if session not in self._objects:
            self._objects[session] = self._directory_of(session).objects
        objects = self._objects[session]
        try:
            text = searchable_text(_decode(objects.stored_message(message.sha, message.index)))
        except (StorageError, msgspec.MsgspecError, IndexError) as error:
            raise StaleError(str(session)) from error
        if self._checked.needle not in text.casefold():
            raise StaleError(str(session))
        return text

    def _problems(self) -> list[str]:
        seen = self._seen.contents
        rows = self._connection.execute("SELECT id, problems FROM contents WHERE problems IS NOT NULL")
        found = [
            sentence
            for id_, problems in rows
            if id_ not in seen and self._is_searched(id_)
            for sentence in msgspec.msgpack.decode(problems, type=list[str])
        ]
        found += [
            sentence
            for id_, look in seen.items()
            if self._is_searched(id_)
            for sentence in look.problems
        ]
        return sorted(unique(found))
