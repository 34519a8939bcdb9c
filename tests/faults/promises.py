"""What is promised of a store in which some files are damaged, of every method that reads or writes.

An answer is either what the undamaged store says, or an error that names a damaged file that the answer
needs, or, of facts, the older ones with a problem that names the damaged record. Nothing else will do.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TypeVar
from uuid import UUID

import pytest
from msgspec.structs import replace

from sessionfs import (
    Checkpoint,
    CorruptObjectError,
    CreateCheckpointRequest,
    CreateSessionRequest,
    ListCheckpointsQuery,
    SearchQuery,
    SessionStatus,
    SessionVisibility,
    UpdateSessionRequest,
)

from .damage import NEEDLE, Store, Told, ToldSession, looks, open_store, said

T = TypeVar("T")

Harmed = frozenset[str]
"""The names of damaged files."""


@contextmanager
def within(seconds: int) -> Iterator[None]:
    """Turn what waits for ever, as for a writer of a FIFO, into a failure."""

    def hangs(_: int, __: FrameType | None) -> None:
        raise AssertionError(f"no answer within {seconds} s")

    before = signal.signal(signal.SIGALRM, hangs)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def names_in(text: str | None, harmed: Harmed) -> set[str]:
    """Return which of the damaged files a text names."""
    return {name for name in harmed if name in (text or "")}


class Reader:
    """Asks a harmed store everything and compares with what is promised.

    Attributes:
        named: the damaged files that some answer has named.

    """

    def __init__(self, store: Store, root: Path, harmed: Harmed, index_dir: Path | None = None) -> None:
        self.store = store
        self.harmed = harmed
        self.named: set[str] = set()
        self.storage = open_store(root) if index_dir is None else open_store(root, index_dir)

    def everything(self) -> None:
        """Ask every method that reads, of every session."""
        self.listing()
        for id_, told in self.store.told.items():
            self.session(id_, told)
            self.active(id_, told)
            self.checkpoints(id_, told, with_state=False)
            self.checkpoints(id_, told, with_state=True)
            self.search(id_, told)
            for each in told.checkpoints.values():
                self.checkpoint(each)
        self.figures()

    def briefly(self, id_: UUID) -> None:
        """Ask for all that one session holds, and no more."""
        told = self.store.told[id_]
        self.session(id_, told)
        self.checkpoints(id_, told, with_state=True)

    def checkpoint(self, told: Told) -> None:
        wanted = told.checkpoint
        answer = self._answer(lambda: self.storage.get_checkpoint(wanted.id), told.needs)
        assert answer is None or answer == wanted

    def active(self, id_: UUID, told: ToldSession) -> None:
        needs = told.active.needs
        answer = self._answer(lambda: self.storage.get_active_checkpoint(id_), needs)
        assert answer is None or answer == told.session.active_checkpoint
        stats = self._answer(lambda: self.storage.get_session_stats(id_), needs)
        assert stats is None or stats == told.stats

    def session(self, id_: UUID, told: ToldSession) -> None:
        answer = self._answer(lambda: self.storage.get_session(id_), told.active.needs)
        if answer is not None:
            facts, damaged = told.facts(self.harmed)
            self._tells(answer.problem, {damaged} - {None})
            expected = replace(told.session, **_typed(facts), problem=answer.problem)
            assert answer == replace(expected, heads=told.heads(self.harmed))

    def listing(self) -> None:
        """All sessions are listed, whatever is damaged: what can be told of them is told."""
        listed = self.storage.list_sessions()
        assert listed.total == len(self.store.told)
        for summary in listed.sessions:
            told = self.store.told[summary.id]
            facts, damaged = told.facts(self.harmed)
            expected = replace(told.summary, **_typed(facts), problem=summary.problem)
            expected.heads = len(told.heads(self.harmed))
            chain = told.active.chain & self.harmed
            if chain:
                expected = replace(
                    expected,
                    message_count=0,
                    active_checkpoint_id=None,
                    last_message_at=None,
                    heads=0,
                )
                assert names_in(summary.problem, chain)
            self._tells(summary.problem, {damaged} - {None} or chain)
            assert summary == expected

    def checkpoints(self, id_: UUID, told: ToldSession, *, with_state: bool) -> None:
        query = ListCheckpointsQuery(include_state=with_state)
        listed = self.storage.list_checkpoints(id_, query)
        objects = told.objects & self.harmed
        for name in objects:
            self._tells("; ".join(listed.problems), {name})
        assert len(listed.problems) == len(objects)
        expected = []
        found = {each.id: each for each in listed.checkpoints}
        for checkpoint, each in told.checkpoints.items():
            if each.own in self.harmed:
                assert checkpoint not in found
                continue
            # Without states the bytes of large messages are not looked at.
            harm = self.harmed & (each.needs if with_state else each.chain)
            problem = found[checkpoint].problem if checkpoint in found else None
            self._tells(problem, set(harm))
            state = each.summary.state if with_state and not harm else None
            expected.append(replace(each.summary, state=state, problem=problem))
        assert listed.checkpoints == expected
        assert listed.total == len(expected)

    def search(self, id_: UUID, told: ToldSession) -> None:
        result = self.storage.search(SearchQuery(NEEDLE, session_id=id_))
        assert sorted(hit.snippet[: len(f"{NEEDLE} 000")] for hit in result.hits) == sorted(
            told.findable(self.harmed)
        )
        reached = {name for name in told.names_large if name not in self.harmed}
        reached |= {large for name in reached for large in told.names_large[name]}
        for name in self.harmed & (reached | told.names_large.keys()):
            self._tells("; ".join(result.problems), {name})

    def figures(self) -> None:
        told = self.store.told.values()
        sound = [each for each in told if not each.active.needs & self.harmed]
        figures = self.storage.get_store_stats()
        assert figures.total_sessions == len(told)
        assert figures.unreadable_sessions == len(told) - len(sound)
        assert figures.sessions_with_activity == len(sound)
        assert figures.total_tool_calls == sum(each.stats.total_tool_calls for each in sound)

    def _answer(self, ask: Callable[[], T], needs: frozenset[str]) -> T | None:
        """Return an answer; None where it is an error, which has to name a damaged file it needs."""
        damaged = needs & self.harmed
        if not damaged:
            return ask()
        with pytest.raises(CorruptObjectError) as caught:
            ask()
        self._tells(str(caught.value), damaged)
        assert Path(caught.value.path or "").name in damaged
        return None

    def _tells(self, problem: str | None, expected: AbstractSet[str | None]) -> None:
        """Check that a problem names one of the files that it has to, or that there is none."""
        if not expected:
            assert problem is None, f"a problem where nothing is damaged: {problem}"
            return
        named = names_in(problem, self.harmed)
        assert named & expected, f"{problem!r} names none of {expected}"
        self.named |= named


def read(store: Store, root: Path, harmed: Harmed, index_dir: Path | None = None) -> None:
    """Check every promise to a reader: each damage is told of, and reading changes nothing."""
    before = looks(root)
    with within(30):
        reader = Reader(store, root, harmed, index_dir)
        reader.everything()
    # Of the meta records of a session, the first that is damaged is told of.
    later = {name for each in store.told.values() for name in each.damaged_metas(harmed)[1:]}
    assert reader.named >= harmed - later, f"nobody was told of {harmed - later - reader.named}"
    assert looks(root) == before


class Writer:
    """Goes on working with a harmed store; the damaged files stay as they are."""

    def __init__(self, store: Store, root: Path, harmed: Harmed) -> None:
        self.store = store
        self.root = root
        self.harmed = harmed

    def everything(self) -> None:
        """Write to the sessions that have damaged files, and to one that has none."""
        self.neighbour()
        for id_, told in self.store.told.items():
            if id_ != self.store.neighbour:
                self.append(id_, told)
                self.rewind(id_, told)
                self.whole(id_, told)
                self.facts(id_, told)

    def neighbour(self) -> None:
        id_, storage = self.store.neighbour, open_store(self.root)
        before = storage.get_active_checkpoint(id_).state.messages
        storage.append_messages(id_, [said(92)])
        assert self._active(id_).state.messages == [*before, said(92)]
        created = storage.create_session(CreateSessionRequest("new", [said(93)]))
        assert self._active(created.session_id) == created.checkpoint

    def append(self, id_: UUID, told: ToldSession) -> None:
        """What is appended is stored where the chain is sound, else refused by name."""
        storage, state = open_store(self.root), told.active.checkpoint.state.messages
        if told.active.chain & self.harmed:
            before = _files(self.root)
            with self._refused(told.active.chain):
                storage.append_messages(id_, [said(94)])
            assert _files(self.root) == before
            return
        made = storage.append_messages(id_, [said(94)])
        if told.active.large & self.harmed:
            # Large messages are not read by who appends; what was appended is stored all the same.
            with self._refused(told.active.large):
                self._active(id_)
            listed = open_store(self.root).list_checkpoints(id_).checkpoints
            assert made.id in {each.id for each in listed}
        else:
            assert self._active(id_).id == made.id
            assert self._active(id_).state.messages == [*state, said(94)]

    def rewind(self, id_: UUID, told: ToldSession) -> None:
        """Each checkpoint that is sound can be made active, and started from."""
        for checkpoint, each in told.checkpoints.items():
            storage = open_store(self.root)
            if each.chain & self.harmed:
                with self._refused(each.chain):
                    storage.set_active_checkpoint(id_, checkpoint)
                with self._refused(each.chain):
                    storage.fork_session(id_, checkpoint_id=checkpoint)
            elif not each.large & self.harmed:
                storage.set_active_checkpoint(id_, checkpoint)
                assert self._active(id_) == each.checkpoint
                fork = storage.fork_session(id_, checkpoint_id=checkpoint)
                assert self._active(fork.session_id).state == each.checkpoint.state

    def whole(self, id_: UUID, told: ToldSession) -> None:
        """A whole state can be stored whatever is damaged, also as what follows a damaged one."""
        storage = open_store(self.root)
        for number, parent in enumerate((None, *told.checkpoints)):
            request = CreateCheckpointRequest([said(95), said(number)], parent_id=parent)
            made = storage.create_checkpoint(id_, request)
            assert self._active(id_) == made
            assert made.state.messages == request.messages

    def facts(self, id_: UUID, told: ToldSession) -> None:
        """Facts can be set, and what is damaged is still told of."""
        storage = open_store(self.root)
        answer = storage.update_session(id_, UpdateSessionRequest(title="titled anew"))
        assert answer.title == "titled anew"
        assert open_store(self.root).get_session(id_) == answer
        harm = self.harmed & {name for name, _ in told.metas}
        assert bool(names_in(answer.problem, harm)) == bool(harm)
        storage.delete_session(id_)
        assert open_store(self.root).get_session(id_).status is SessionStatus.DELETED
        storage.restore_session(id_)
        assert open_store(self.root).get_session(id_).status is SessionStatus.ACTIVE

    @contextmanager
    def _refused(self, needs: frozenset[str]) -> Iterator[None]:
        """Expect an error that names a damaged file among these."""
        with pytest.raises(CorruptObjectError) as caught:
            yield
        assert names_in(str(caught.value), self.harmed & needs)

    def _active(self, id_: UUID) -> Checkpoint:
        """Return what somebody who remembers nothing is told."""
        return open_store(self.root).get_active_checkpoint(id_)


def write(store: Store, root: Path, harmed: Harmed) -> None:
    """Check every promise to a writer: the rest is usable, and nothing damaged is overwritten."""
    before = _files(root)
    with within(60):
        Writer(store, root, harmed).everything()
    after = _files(root)
    for path, content in before.items():
        assert after.get(path, content) == content
        # Only a ref that a later one has replaced goes.
        assert path in after or "/refs/active." in path


def _files(root: Path) -> dict[str, object]:
    """Return what lies in the store, directories left out: these change when names do."""
    found = looks(root)
    return {path: look for path, look in found.items() if not _is_place_of_files(root, path)}


def _is_place_of_files(root: Path, path: str) -> bool:
    parts = Path(path).relative_to(root).parts
    return parts[0] == "sessions" and len(parts) < 4


def _typed(facts: dict[str, object]) -> dict[str, object]:
    return {
        **facts,
        "visibility": SessionVisibility(str(facts["visibility"])),
        "status": SessionStatus(str(facts["status"])),
    }
