"""Search: what is found, in which order and pages, and what a hit says."""

from __future__ import annotations

import copy
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from ..models import (
    ChatMessage,
    ContentPart,
    ListSessionsQuery,
    Message,
    Role,
    SearchHit,
    SearchQuery,
    SessionStatus,
    SessionSummary,
    UpdateSessionRequest,
)
from ..protocols import SessionStorage
from .base import (
    EVERYTHING,
    NOBODY,
    Contract,
    append,
    assistant,
    checkpoint,
    new_session,
    refused,
    user,
)
from .search_basics import (
    FILLING,
    KINDS,
    LITERALS,
    at,
    calling,
    crowd,
    found,
    result,
    sent,
    shown,
    told,
)

BAD_SEARCHES: list[dict[str, Any]] = [
    {"text": ""},
    {"text": None},
    {"text": 5},
    {"text": b"x"},
    {"text": ["x"]},
    {"text": "\ud800"},
    {"text": "a\udfffb"},
    {"limit": -1},
    {"limit": 1.5},
    {"limit": "5"},
    {"offset": -(2**70)},
    {"offset": "0"},
    {"role": 5},
    {"role": ["user"]},
    {"role": "\ud800"},
    {"tool": 5},
    {"tool": b"bash"},
    {"tool": "\udfff"},
    {"session_id": NOBODY.hex},
    {"session_id": 5},
    {"status": "GONE"},
    {"visibility": "public"},
    {"cwd": b"/"},
    {"cwd": "/\udcff"},
    {"cwd_below": 5},
    {"cwd_below": "/\udcff"},
    {"since": datetime(2026, 1, 1)},
    {"since": "2026-01-01"},
    {"until": datetime(2026, 1, 1)},
    {"until": 0},
]


class SearchContract(Contract):
    """A message is a hit if it contains the text, case-insensitively, and only then."""

    @pytest.mark.parametrize("text", ["x", "%", '"', " "])
    def test_search_of_nothing(self, storage: SessionStorage, text: str) -> None:
        """Nothing is found where there are no sessions, nor in those without messages and title."""
        assert found(storage, text) == []
        new_session(storage, title="", cwd="/x % x")
        new_session(storage, user(""), title="", metadata={"x": 'x " %'})
        assert found(storage, text) == []

    @pytest.mark.parametrize(("text", "those", "others"), LITERALS)
    def test_found_literally(
        self, storage: SessionStorage, text: str, those: list[str], others: list[str]
    ) -> None:
        """Every character stands for itself; those that are one letter in two cases are the same."""
        new_session(storage, *map(user, those + others), title="")
        for title in those + others:
            new_session(storage, title=title)
        expected = those + [f"title: {title}" for title in those]
        assert sorted(found(storage, text)) == sorted(expected)

    def test_any_part_of_many_texts(self, storage: SessionStorage) -> None:
        """Among many texts in many sessions too, exactly those that contain a part of one are found."""
        texts = sorted({text for _, those, others in map(_values, LITERALS) for text in those + others})
        for i in range(0, len(texts), 8):
            new_session(storage, *map(user, texts[i : i + 8]), title="")
        ends = {text[:2] for text in texts} | {text[-1:] for text in texts}
        for part in ends | {text[1:-1].swapcase() for text in texts} - {""}:
            expected = [each for each in texts if part.casefold() in each.casefold()]
            assert sorted(found(storage, part)) == expected, part

    def test_nothing_across_messages(self, storage: SessionStorage) -> None:
        """What begins in one message, or in a title, does not go on in the next."""
        parts = [ContentPart("text", "three"), ContentPart("text", "four")]
        session, _ = new_session(storage, user("one"), user("two"), title="title")
        append(storage, session, ChatMessage(Role.USER, parts))
        new_session(storage, user("five"), title="another")
        for text in ("onetwo", "one two", "one\ntwo", "twothree", "two\nthree", "threefour"):
            assert found(storage, text) == []
        for text in ("three four", "fourfive", "four\nfive", "titleone", "title one", "title\none"):
            assert found(storage, text) == []
        assert len(found(storage, "four")) == 1

    @pytest.mark.parametrize(("message", "those", "others"), KINDS)
    def test_text_of_a_message(
        self,
        storage: SessionStorage,
        plain: SessionStorage,
        message: Message,
        those: list[str],
        others: list[str],
    ) -> None:
        """What people read of a message is its text: not what is for machines, nor what is beside."""
        new_session(storage, user("-"), message, title="")
        for text in those:
            [hit] = storage.search(SearchQuery(text)).hits
            assert told(plain, hit, text) == shown(message)
            assert len(hit.snippet) < 500
        for text in others:
            assert found(storage, text) == []

    def test_every_message_once(self, storage: SessionStorage) -> None:
        """A message counts once in a session, wherever; the hit is in the oldest checkpoint."""
        session, first = new_session(storage, user("a needle"), title="")
        append(storage, session, assistant("yes"))
        checkpoint(storage, session, user("a needle"), assistant("no"), parent=first)
        checkpoint(storage, session, user("in short"), user("a needle"))
        storage.set_active_checkpoint(session, first)
        append(storage, session, assistant("another"), user("a needle"))
        assert found(storage, "needle") == ["a needle"]
        [hit] = storage.search(SearchQuery("needle")).hits
        assert (hit.checkpoint_id, hit.message_index) == (first, 0)
        append(storage, session, assistant("a needle"))
        new_session(storage, user("a needle"), title="")
        assert found(storage, "needle") == ["a needle"] * 3

    def test_messages_of_all_branches(self, storage: SessionStorage) -> None:
        """What was said before somebody went back and on from there is found as well."""
        session, first = new_session(storage, user("needle 1"), title="")
        append(storage, session, user("needle 2"), user("needle 3"))
        storage.set_active_checkpoint(session, first)
        append(storage, session, user("needle 4"))
        checkpoint(storage, session, user("needle 5"), parent=first)
        checkpoint(storage, session, user("needle 6"))
        storage.set_active_checkpoint(session, first)
        assert sorted(found(storage, "needle")) == [f"needle {i}" for i in range(1, 7)]

    def test_found_right_after_every_write(
        self, storage: SessionStorage, plain: SessionStorage
    ) -> None:
        """What a method has written is found when it returns, by another view of the sessions too."""
        crowd(storage)
        expected: list[str] = []

        def assert_found(new: str) -> None:
            expected.append(new)
            for view in (storage, plain):
                assert sorted(found(view, "needle")) == sorted(expected)

        for view in (storage, plain):
            assert found(view, "needle") == []
        session, first = new_session(storage, user("needle 1"), title="")
        assert_found("needle 1")
        append(storage, session, user("needle 2"))
        assert_found("needle 2")
        checkpoint(storage, session, user("needle 3"), parent=first)
        assert_found("needle 3")
        append(plain, session, user(f"{FILLING}needle"))
        assert_found(f"{FILLING}needle")
        storage.update_session(session, UpdateSessionRequest(title="needle"))
        assert_found("title: needle")

    def test_found_by_the_present_title(self, storage: SessionStorage) -> None:
        """A session is found by its present title, and no longer by an earlier one."""
        session, _ = new_session(storage, title="before")
        assert found(storage, "before") == ["title: before"]
        storage.update_session(session, UpdateSessionRequest(title="after"))
        assert found(storage, "before") == []
        assert found(storage, "after") == ["title: after"]

    def test_forks_are_found(self, storage: SessionStorage) -> None:
        """A fork has its own copies, of the messages before it."""
        session, first = new_session(storage, user("needle 1"), title="a needle")
        append(storage, session, user("needle 2"))
        early = storage.fork_session(session, checkpoint_id=first, title="").session_id
        late = storage.fork_session(session, title="").session_id
        append(storage, late, user("needle 3"))
        for id_, number in ((session, 2), (early, 1), (late, 3)):
            expected = [f"needle {i}" for i in range(1, number + 1)]
            title = ["title: a needle"] if id_ == session else []
            assert sorted(found(storage, "needle", session_id=id_)) == expected + title
        assert len(found(storage, "needle")) == 7

    def test_deleted_sessions_are_searched(self, storage: SessionStorage) -> None:
        """Deleted sessions are found unless ``status`` says otherwise."""
        session, _ = new_session(storage, user("needle"), title="a needle")
        other, _ = new_session(storage, user("needle 2"), title="")
        storage.delete_session(session)
        assert found(storage, "needle") == ["title: a needle", "needle 2", "needle"]
        deleted = ["title: a needle", "needle"]
        assert found(storage, "needle", status=SessionStatus.DELETED) == deleted
        assert found(storage, "needle", status=SessionStatus.ACTIVE) == ["needle 2"]
        storage.restore_session(session)
        storage.delete_session(other)
        assert found(storage, "needle", status=SessionStatus.ACTIVE) == deleted

    @pytest.mark.parametrize("query", BAD_SEARCHES, ids=ascii)
    def test_bad_searches(self, storage: SessionStorage, query: dict[str, Any]) -> None:
        """An empty text is refused, and so is what is not of the right type, or no text at all."""
        new_session(storage, user("ok"))
        with refused(storage):
            storage.search(SearchQuery(**{"text": "ok", **query}))

    @pytest.mark.parametrize("query", [None, "ok", {"text": "ok"}, ListSessionsQuery(search="ok")])
    def test_no_search(self, storage: SessionStorage, query: Any) -> None:
        """What is searched for is a SearchQuery."""
        new_session(storage, user("ok"))
        with refused(storage):
            storage.search(query)

    def test_order_of_hits(self, storage: SessionStorage) -> None:
        """Titles first, the session that changed last first; then messages, newest first."""
        early, _ = new_session(storage, sent("needle 3", 3_000), title="needle A")
        append(storage, early, user("needle 5"), sent("needle 1", 1_000))
        new_session(storage, sent("needle 2", 2_000), sent("needle 4", 3_001), title="needle B")
        late, _ = new_session(storage, user("needle 6"), title="needle C")
        append(storage, late, user("needle 7"))
        append(storage, early, user("needle 8"))
        messages = [f"needle {i}" for i in range(8, 0, -1)]
        titles = [f"title: needle {c}" for c in "ACB"]
        assert found(storage, "needle") == titles + messages

    def test_pages_of_hits(self, storage: SessionStorage) -> None:
        """Pages put together are all the hits, each once, also where many are of one time."""
        for i in range(9):
            spoken = [sent(f"needle {i} {n}", 1_000 * (n % 2)) for n in range(4)]
            new_session(storage, *spoken, user(f"needle {i}"), user("hay"), title="needle"[: i + 3])
        whole = storage.search(SearchQuery("needle", limit=EVERYTHING))
        places = {(hit.session.id, hit.checkpoint_id, hit.message_index) for hit in whole.hits}
        assert (len(whole.hits), len(places), whole.total) == (51, 51, 51)
        assert [hit.checkpoint_id is None for hit in whole.hits] == [True] * 6 + [False] * 45
        times = [hit.created_at for hit in whole.hits[6:]]
        assert times == sorted(times, reverse=True)
        for size in (1, 4, 25):
            paged: list[SearchHit] = []
            for offset in range(0, 60, size):
                query = SearchQuery("needle").with_limit(size).with_offset(offset)
                page = storage.search(query)
                assert page.total == 51
                assert page.hits == whole.hits[offset : offset + size]
                paged += page.hits
            assert paged == whole.hits

    @pytest.mark.parametrize(
        "page", [{"limit": 0}, {"limit": 0, "offset": 1}, {"offset": 3}, {"limit": 5, "offset": 10**30}]
    )
    def test_empty_pages_of_hits(self, storage: SessionStorage, page: dict[str, int]) -> None:
        """A limit of 0 and an offset past the end give no hits and the exact total."""
        new_session(storage, user("needle 1"), user("needle 2"), title="a needle")
        empty = storage.search(SearchQuery("needle", **page))  # type: ignore[arg-type]
        assert (empty.hits, empty.total) == ([], 3)

    def test_default_limit_of_hits(self, storage: SessionStorage) -> None:
        """Without a limit a page holds 100; there is no limit that is too high."""
        new_session(storage, *(user(f"needle {i}") for i in range(101)), title="a needle")
        page = storage.search(SearchQuery("needle"))
        assert (len(page.hits), page.total) == (100, 102)
        whole = storage.search(SearchQuery("needle", limit=10**30))
        assert (len(whole.hits), whole.total) == (102, 102)
        assert whole.hits[:100] == page.hits
        rest = storage.search(SearchQuery("needle", offset=100))
        assert (rest.hits, rest.total) == (whole.hits[100:], 102)

    def test_what_a_hit_says(self, storage: SessionStorage) -> None:
        """A hit says where it is, who speaks, of which tools, and when."""
        session, _ = new_session(storage, user("hay"), user("needle a"), title="needle t", cwd="/a")
        calls = (("1", "bash"), ("2", "read"), ("3", "bash"))
        appended = append(
            storage,
            session,
            user("hay"),
            calling("needle b", *calls, created_at=1_750_000_000_123),
            result("needle c", "2"),
            {"kind": "note", "content": "needle d"},
            {"role": "wizard", "content": "needle e"},
            result("needle f", "nobody's"),
        )
        new_session(storage, user("hay"), title="hay")
        hits = {hit.snippet: hit for hit in storage.search(SearchQuery("needle")).hits}
        expected: dict[str, tuple[str | None, list[str]]] = {
            "needle t": (None, []),
            "needle a": ("user", []),
            "needle b": ("assistant", ["bash", "read"]),
            "needle c": ("tool", ["read"]),
            "needle d": ("", []),
            "needle e": ("wizard", []),
            "needle f": ("tool", []),
        }
        said = {snippet.partition("\n")[0]: (hit.role, hit.tools) for snippet, hit in hits.items()}
        assert said == expected
        stored_at = storage.get_checkpoint(appended).created_at
        for snippet, hit in hits.items():
            assert told(storage, hit, "needle").removeprefix("title: ") == snippet.partition("\n")[0]
            assert hit.session == _summary(storage, session)
            if snippet.startswith("needle b"):
                assert hit.created_at == at(1_750_000_000_123)
            elif hit.checkpoint_id is not None:
                assert (hit.created_at == stored_at) is (snippet != "needle a")
            assert hit.created_at.utcoffset() == timedelta(0)

    def test_snippets(self, storage: SessionStorage) -> None:
        """A snippet is the text, of a long one the part around the match, "…" where it was cut."""
        filling = "🎉 filling, " * 9_000
        texts = {
            "short": "a Needle\n in hay",
            "begins": f"Needle {filling}",
            "ends": f"{filling} Needle",
            "middle": f"{filling}Needle{filling}",
        }
        for name, text in texts.items():
            session, _ = new_session(storage, user(text), title=name)
            [hit] = storage.search(SearchQuery("needle", session_id=session)).hits
            cut_before, cut_after = name in ("ends", "middle"), name in ("begins", "middle")
            assert hit.snippet[int(cut_before) : len(hit.snippet) - int(cut_after)] in text
            assert hit.snippet.startswith("…") is cut_before
            assert hit.snippet.endswith("…") is cut_after
            assert [hit.snippet[start:stop] for start, stop in hit.matches] == ["Needle"]
            assert len(hit.snippet) < 500
        [short] = storage.search(SearchQuery("A NEEDLE\n")).hits
        assert short.snippet == texts["short"]
        long = filling[:3_000]
        assert len(found(storage, long)) == 3
        new_session(storage, title=f"{filling}needle")
        [title] = storage.search(SearchQuery("needle", limit=1)).hits
        assert (len(title.snippet) < 500, title.snippet[0], title.checkpoint_id) == (True, "…", None)

    @pytest.mark.parametrize(
        ("text", "message", "marked"),
        [
            ("needle", "a needle, a NEEDLE", "a [needle], a [NEEDLE]"),
            ("aa", "aaaa", "[aa][aa]"),
            ("STRASSE", "die Straße, 🎉 Straße", "die [Straße], 🎉 [Straße]"),
            ("x", "ßßx ŉx", "ßß[x] ŉ[x]"),
            ("e\u0301", "🎉 cafe\u0301!", "🎉 caf[e\u0301]!"),
            ("[x]", "a[x][X]", "a[[x]][[X]]"),
            (" ", "a b", "a[ ]b"),
            ("\n", "a\nb", "a[\n]b"),
        ],
    )
    def test_matches_are_marked(
        self, storage: SessionStorage, text: str, message: str, marked: str
    ) -> None:
        """Every match in the snippet is told, in characters of the text as it is written."""
        new_session(storage, user(message), title=message)
        hits = storage.search(SearchQuery(text)).hits
        assert [hit.marked() for hit in hits] == [marked] * 2
        for hit in hits:
            assert {hit.snippet[a:b].casefold() for a, b in hit.matches} == {text.casefold()}
            assert hit.marked("", "") == message

    def test_hits_are_the_callers_own(self, storage: SessionStorage) -> None:
        """What was found can be changed by who searched."""
        new_session(storage, calling("needle", ("1", "bash")), title="a needle")
        query = SearchQuery("needle")
        before = copy.deepcopy(storage.search(query))
        for _ in range(2):
            answer = storage.search(query)
            for hit in answer.hits:
                hit.session.title = "spoilt"
                hit.tools.append("spoilt")
                hit.matches.clear()
                hit.snippet = "spoilt"
            answer.hits.clear()
            answer.problems.append("spoilt")
            assert storage.search(query) == before
            assert storage.list_sessions().sessions[0] == before.hits[0].session


def _values(case: Any) -> tuple[str, list[str], list[str]]:
    text, those, others = case.values
    return text, those, others


def _summary(storage: SessionStorage, session: UUID) -> SessionSummary:
    listed = storage.list_sessions(ListSessionsQuery(limit=EVERYTHING)).sessions
    return next(each for each in listed if each.id == session)
