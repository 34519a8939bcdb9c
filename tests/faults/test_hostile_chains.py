"""Records that point where no honest record does: cycles, other kinds, shared digits, other times."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sessionfs import (
    ConflictError,
    CorruptObjectError,
    CreateCheckpointRequest,
    IncompleteError,
    InvalidRequestError,
    UpdateSessionRequest,
)
from sessionfs.format import records
from sessionfs.format.refnames import ActiveRef
from sessionfs.format.timestamps import wall_clock
from sessionfs.fs.files import Files
from sessionfs.store.heads import _Ancestry
from sessionfs.store.objects import ObjectCache, Objects
from sessionfs.store.session import Environment, SessionDirectory

from .hostile import AT, HASH, SESSION, Hostile, answers, reads, record, unchanged, writes, written

FAR = "99991231T235959999998Z"
"""The last timestamp of all."""


@pytest.fixture
def store(tmp_path: Path) -> Hostile:
    return Hostile(tmp_path)


@pytest.fixture
def cycle(store: Hostile, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Write records that name each other, as if SHA-256 were broken; return their hashes."""

    def make(*fields: dict[str, Any]) -> list[str]:
        shas = [f"{i:x}" * 64 for i in range(1, len(fields) + 1)]
        names: dict[bytes, str] = {}
        for sha, each in zip(shas, fields, strict=True):
            named = {
                key: shas[value] if key in ("base", "parent") else value for key, value in each.items()
            }
            data = written(record(**named))
            names[data] = sha
            (store.objects / f"{sha}.json").write_bytes(data)
        honest = records.sha256
        monkeypatch.setattr(
            "sessionfs.store.objects.sha256", lambda data: names.get(data) or honest(data)
        )
        return shas

    return make


@pytest.mark.parametrize("length", [1, 2, 3, 7])
def test_bases_in_a_circle_are_damage(
    store: Hostile, cycle: Callable[..., list[str]], length: int
) -> None:
    at = [f"20261122T10000{i}000000Z" for i in range(length)]
    shas = cycle(
        *({"base": (i + 1) % length, "keep": 1, "count": 2, "at": at[i]} for i in range(length))
    )
    store.put_active(shas[0])
    with store.open() as storage, unchanged(store.session):
        found = answers(reads(storage))
        assert found["get_session"] == found["get_active_checkpoint"] == "corrupt_object"
        assert found["list_sessions"] == found["search"] == found["rebuild_index"] == "ok"
        with pytest.raises(CorruptObjectError, match="closes on itself"):
            storage.get_session(SESSION)
        assert len(storage.list_checkpoints(SESSION).checkpoints) == length
        assert all(each.problem for each in storage.list_checkpoints(SESSION).checkpoints)
        broken = [each for each in storage.verify().findings if each.kind == "chain-broken"]
        assert len({id_ for each in broken for id_ in each.checkpoints}) == length
        store.require_peace(storage)
    with store.open() as storage:
        assert answers(writes(storage))["create_checkpoint"] == "ok"
        assert storage.update_session(SESSION, UpdateSessionRequest(title="x")).title == "x"


@pytest.mark.parametrize("length", [1, 2, 5])
def test_parents_in_a_circle_are_followed_once(
    store: Hostile, cycle: Callable[..., list[str]], length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = [f"20301122T10000{i}000000Z" for i in range(length)]
    shas = cycle(*({"parent": (i + 1) % length, "at": late[i]} for i in range(length)))
    store.put_active(shas[-1], late[-1])
    with store.open() as storage:
        assert set(answers(reads(storage)).values()) == {"ok"}
        listed = storage.list_checkpoints(SESSION).checkpoints
        assert len({each.parent_id for each in listed}) == length
        assert set(answers(writes(storage)).values()) == {"ok"}
    for ref in store.refs.iterdir():
        ref.unlink()
    store.put_active(shas[-1], late[-1])
    # A writer that compares looks whether another came first, along the parents of what is active.
    sound = Objects.checkpoint_or_none
    looks: list[str] = []

    def counting(objects: Objects, sha: str) -> object:
        looks.append(sha)
        assert len(looks) < 1_000, "parents are followed without an end"
        return sound(objects, sha)

    monkeypatch.setattr(Objects, "checkpoint_or_none", counting)
    environment = Environment(Files("relaxed"), ObjectCache(0), wall_clock)
    directory = SessionDirectory(str(store.session), SESSION, environment)
    mine = ActiveRef("20280101T000000000000Z", "0" * 12)
    seen = directory.look().with_active([])
    directory.withdraw_if_late("0" * 64, mine, seen)
    assert len(looks) <= 50


@pytest.mark.parametrize("length", [1, 2, 5])
def test_heads_beside_parents_in_a_circle(
    store: Hostile, cycle: Callable[..., list[str]], length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = [f"20301122T10000{i}000000Z" for i in range(length)]
    shas = cycle(*({"parent": (i + 1) % length, "at": late[i]} for i in range(length)))
    store.put_active(shas[-1], late[-1])
    older = store.put_checkpoint(written(record(messages=[{"n": 1}])))
    sound = _Ancestry._checkpoint
    looks: list[str] = []

    def counting(told: _Ancestry, sha: str) -> object:
        looks.append(sha)
        assert len(looks) < 1_000, "parents are followed without an end"
        return sound(told, sha)

    monkeypatch.setattr(_Ancestry, "_checkpoint", counting)
    with store.open() as storage:
        heads = storage.get_session(SESSION).heads
        assert [Path(storage.checkpoint_path(each.id)).stem for each in heads] == [shas[-1], older]


@pytest.mark.parametrize(
    "what", ["a checkpoint", "a message of another session", "nothing", "a bad file"]
)
def test_an_element_that_names_no_message(store: Hostile, what: str) -> None:
    other = {"kind": "message", "session": "019aab0f-ca00-7001-8000-00000000000b", "message": {}}
    named = {
        "a checkpoint": lambda: store.put_object(written(record())),
        "a message of another session": lambda: store.put_object(written(other)),
        "nothing": lambda: HASH,
        "a bad file": lambda: store.put_object(b"{"),
    }[what]()
    store.put_checkpoint(written(record(messages=[named], at="20261122T100001000000Z")))
    with store.open() as storage:
        with pytest.raises(IncompleteError if what == "nothing" else CorruptObjectError, match=named):
            storage.get_session(SESSION)
        assert set(answers(reads(storage)).values()) <= {"ok", "corrupt_object", "incomplete"}
        store.require_peace(storage)
        assert answers(writes(storage))["create_checkpoint"] == "ok"
        assert storage.get_active_checkpoint(SESSION)


@pytest.mark.parametrize("kind", ["message", "meta", "sealed"])
def test_a_base_or_a_ref_that_names_another_kind(store: Hostile, kind: str) -> None:
    data = {"kind": kind, "session": str(SESSION), "message": {}, "at": AT, "set": {}}
    sha = store.put_object(written(data))
    on_it = store.put_object(written(record(base=sha, keep=1, count=2)))
    for active in (sha, on_it):
        ref = store.put_active(active)
        with store.open() as storage, pytest.raises(CorruptObjectError, match=sha):
            storage.get_session(SESSION)
        with store.open() as storage:
            store.require_peace(storage)
        ref.unlink()


def test_more_kept_than_the_base_has(store: Hostile) -> None:
    base = store.put_object(written(record()))
    sha = store.put_checkpoint(written(record(base=base, keep=2, count=3)))
    with store.open() as storage:
        with pytest.raises(CorruptObjectError, match=sha):
            storage.get_session(SESSION)
        listed = storage.list_checkpoints(SESSION).checkpoints
        assert sum(each.problem is not None for each in listed) == 1
        store.require_peace(storage)


SHARED = [
    b'{"kind":"checkpoint","session":"019aab0f-ca00-7001-8000-00000000000a","parent":null,"base":null,'
    b'"keep":0,"depth":0,"count":1,"at":"20261122T100000000000Z",'
    b'"messages":[{"role":"user","content":"hello"}],"metadata":{"n":"%d"}}' % number
    for number in (7675563, 40754173)
]
"""Two records whose hashes begin with the same twelve digits, found by trying 44 million."""


def test_two_objects_of_the_same_twelve_digits(store: Hostile) -> None:
    shas = sorted(store.put_object(data) for data in SHARED)
    assert shas[0][:12] == shas[1][:12]
    assert shas[0] != shas[1]
    by_sha = {records.sha256(data): json.loads(data)["metadata"] for data in SHARED}
    with store.open() as storage:
        listed = storage.list_checkpoints(SESSION).checkpoints
        assert len({each.id for each in listed}) == 2
        for each in listed:
            path = Path(storage.checkpoint_path(each.id))
            assert storage.get_checkpoint(each.id).state.metadata == by_sha[path.stem]
            storage.set_active_checkpoint(SESSION, each.id)
            active = storage.get_session(SESSION).active_checkpoint
            assert active is not None
            assert (active.id, active.state.metadata) == (each.id, by_sha[path.stem])
        assert storage.rebuild_index()
        with pytest.raises(ConflictError):
            storage.append_messages(SESSION, [], expected_active=listed[0].id)
    for ref in store.refs.iterdir():
        ref.unlink()
    for content, meant in (
        *((f"{AT}-{sha}", sha) for sha in shas),
        *((torn, shas[-1]) for torn in ("", AT, f"{AT}-{shas[0]}\n", f"{AT}-{HASH}", "\0" * 87)),
    ):
        ref = store.put_active(shas[0], content=content)
        with store.open() as storage:
            state = storage.get_active_checkpoint(SESSION).state
            assert state.metadata == by_sha[meant], content
            assert storage.list_sessions().total == 2
        ref.unlink()


def test_two_meta_records_of_one_time_are_folded_in_the_order_of_their_names(store: Hostile) -> None:
    store.put_checkpoint(written(record()))
    paths = {store.put_title(title): title for title in ("one", "two", "three")}
    with store.open() as storage:
        assert storage.get_session(SESSION).title == paths[max(paths)]
        storage.update_session(SESSION, UpdateSessionRequest(title="mine"))
        assert storage.get_session(SESSION).title == "mine"


def test_edits_win_over_the_year_9999(store: Hostile) -> None:
    """Somebody's clock was wrong: what is done here since is later all the same."""
    far = "99991231T235959000000Z"
    sha = store.put_checkpoint(written(record(at=far)), at=far)
    store.put_title("far", far)
    with store.open() as storage:
        first = storage.list_checkpoints(SESSION).checkpoints[0].id
        assert storage.get_session(SESSION).title == "far"
        assert "clock-ahead" in {each.kind for each in storage.verify().findings}
        for title in ("one", "two"):
            assert storage.update_session(SESSION, UpdateSessionRequest(title=title)).title == title
        made = storage.append_messages(SESSION, [{"n": 1}])
        assert storage.get_active_checkpoint(SESSION).id == made.id
        assert storage.set_active_checkpoint(SESSION, first).id == first
        assert storage.get_active_checkpoint(SESSION).id == first
        whole = storage.create_checkpoint(SESSION, CreateCheckpointRequest([{"n": 2}]))
        assert storage.get_session(SESSION).active_checkpoint == whole
        storage.delete_session(SESSION)
        assert storage.get_session(SESSION).status == "DELETED"
        assert storage.list_sessions().sessions[0].id == SESSION
        assert storage.rebuild_index()
        store.require_peace(storage)
    assert (store.objects / f"{sha}.json").exists()


def test_after_the_last_timestamp_nothing_is_written_and_nothing_lost(store: Hostile) -> None:
    store.put_checkpoint(written(record(at=FAR)), at=FAR)
    store.put_title("last", FAR)
    before = {path.name for path in store.refs.iterdir()}
    with store.open() as storage:
        assert storage.get_session(SESSION).title == "last"
        assert "clock-exhausted" in {each.kind for each in storage.verify().findings}
        for name, call in writes(storage).items():
            if name in ("fork_session", "restore_session"):
                call()  # another session; and what is so already
                continue
            with pytest.raises(InvalidRequestError, match="end of the calendar"):
                call()
        assert storage.get_session(SESSION).title == "last"
        assert len(storage.list_checkpoints(SESSION).checkpoints) == 1
        store.require_peace(storage)
    assert {path.name for path in store.refs.iterdir()} == before


def test_the_year_1_is_long_ago(store: Hostile) -> None:
    first = "00010101T000000000000Z"
    store.put_checkpoint(written(record(at=first)), at=first)
    store.put_title("long ago", first)
    with store.open() as storage:
        assert set(answers(reads(storage)).values()) == {"ok"}
        assert storage.get_session(SESSION).updated_at.year == 1
        assert storage.list_sessions().sessions[-1].title == "long ago"
        assert set(answers(writes(storage)).values()) == {"ok"}
        assert storage.get_session(SESSION).title == "x"


def test_edits_win_whatever_the_clock_says(store: Hostile, monkeypatch: pytest.MonkeyPatch) -> None:
    day = 86_400_000_000
    now = wall_clock()
    store.put_checkpoint(written(record()))
    for i, jump in enumerate((0, 3_650 * day, -7_300 * day, -now, 2_900_000 * day, day)):
        monkeypatch.setattr("sessionfs.storage.wall_clock", lambda jump=jump: now + jump)
        with store.open() as storage:
            storage.update_session(SESSION, UpdateSessionRequest(title=f"title {i}"))
            made = storage.append_messages(SESSION, [{"i": i}])
            assert storage.get_session(SESSION).title == f"title {i}"
            assert storage.get_active_checkpoint(SESSION).id == made.id
            assert storage.get_checkpoint(made.id).state.messages[-1] == {"i": i}
    with store.open() as storage:
        assert len(storage.get_active_checkpoint(SESSION).state.messages) == 7
