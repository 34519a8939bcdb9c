"""The golden stores: the package and the reference reader give the answers, and change nothing."""

from __future__ import annotations

import functools
import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from sessionfs import FileStorage, ListCheckpointsQuery, ListSessionsQuery, StorageError
from sessionfs.format.ids import checkpoint_id, is_session_name
from sessionfs.format.timestamps import from_datetime, to_rfc3339

from .support import GOLDEN, SPEC, Case

Snapshot = dict[str, tuple[bytes, int, int]]


def _expected(name: str) -> list[Case]:
    sessions: list[Case] = json.loads((SPEC / "golden" / name / "expected.json").read_bytes())[
        "sessions"
    ]
    return sessions


def _snapshot(root: Path) -> Snapshot:
    found = {}
    for path in root.rglob("*"):
        stat = path.stat()
        content = path.read_bytes() if path.is_file() else b"directory"
        found[path.relative_to(root).as_posix()] = (content, stat.st_mtime_ns, stat.st_mode)
    return found


def _code(call: Any) -> str | None:
    try:
        call()
    except StorageError as error:
        return error.code
    return None


def _state(messages: list[Any]) -> Case:
    encoded = json.dumps(messages, separators=(",", ":")).encode()
    if len(encoded) <= 1024:
        return {"messages": messages}
    return {"messages_sha256": hashlib.sha256(encoded).hexdigest()}


@pytest.fixture(params=GOLDEN)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def root(name: str, tmp_path: Path) -> Path:
    return Path(shutil.copytree(SPEC / "golden" / name / "store", tmp_path / "store"))


def _package_checkpoints(storage: FileStorage, session: UUID) -> list[Case]:
    listed = storage.list_checkpoints(session, ListCheckpointsQuery(limit=1000, include_state=True))
    assert listed.total == len(listed.checkpoints)
    answers = []
    for one in listed.checkpoints:
        assert one.created_at == one.updated_at
        code = _code(lambda id_=one.id: storage.get_checkpoint(id_))
        answer: Case = {
            "id": str(one.id),
            "parent": one.parent_id and str(one.parent_id),
            "at": from_datetime(one.created_at),
            "count": one.message_count,
            "readable": one.problem is None,
            "code": code,
        }
        if one.state is not None:
            assert storage.get_checkpoint(one.id).state == one.state
            answer |= {"metadata": one.state.metadata} | _state(one.state.messages)
        answers.append(answer)
    return answers


def _as_package(checkpoints: list[Case]) -> list[Case]:
    """The answers as far as the package's methods give them: parents by id, no unreadable metadata."""
    answers = []
    for one in checkpoints:
        answer = {key: value for key, value in one.items() if key != "hash"}
        if one["parent"] is not None:
            digits = one["parent"][:32]
            variant = "89ab"[int(digits[16], 16) & 3]
            answer["parent"] = str(UUID(f"{digits[:12]}8{digits[13:16]}{variant}{digits[17:]}"))
        if not one["readable"]:
            del answer["metadata"]
        answers.append(answer)
    return answers


def test_package(name: str, root: Path, tmp_path: Path) -> None:
    before = _snapshot(root)
    storage = FileStorage(root, index_dir=tmp_path / "indexes", message_type=dict)
    expected = _expected(name)
    listed = storage.list_sessions(ListSessionsQuery(limit=1000)).sessions
    assert [str(summary.id) for summary in listed] == [one["id"] for one in expected]
    for summary, one in zip(listed, expected, strict=True):
        assert {
            "title": summary.title,
            "visibility": summary.visibility,
            "status": summary.status,
            "cwd": summary.cwd,
            "created_at": to_rfc3339(summary.created_at),
        } == one["facts"]
        assert from_datetime(summary.updated_at) == one["updated_at"]
        code = _code(lambda id_=summary.id: storage.get_active_checkpoint(id_))
        assert code == one["code"]
        # A listing reads no large message, so damage in one shows only when it is opened.
        assert (summary.problem is not None or code is not None) == one["problem"]
        assert ("it was purged" in (summary.problem or "")) == one["purged"]
        checkpoints = _package_checkpoints(storage, summary.id)
        assert checkpoints == _as_package(one["checkpoints"])
        if one["active"]:
            active = storage.get_active_checkpoint(summary.id)
            (known,) = (item for item in one["checkpoints"] if item["hash"] == one["active"])
            assert str(active.id) == str(summary.active_checkpoint_id) == known["id"]
            assert _state(active.state.messages).items() <= known.items()
            session = storage.get_session(summary.id)
            assert session.active_checkpoint == active
            ids = {item["hash"]: item["id"] for item in one["checkpoints"]}
            assert [str(head.id) for head in session.heads] == [ids[sha] for sha in one["heads"]]
            assert summary.heads == len(one["heads"])
    storage.close()
    assert _snapshot(root) == before


def test_what_was_purged_is_not_found(name: str, root: Path, tmp_path: Path) -> None:
    """Neither a session that is not listed, nor a sound checkpoint that is not: they are hidden."""
    storage = FileStorage(root, index_dir=tmp_path / "indexes", message_type=dict)
    before = _snapshot(root)
    listed = {one["id"]: {item["hash"] for item in one["checkpoints"]} for one in _expected(name)}
    for path in filter(lambda path: is_session_name(path.name), (root / "sessions").iterdir()):
        session = UUID(path.name)
        if path.name not in listed:
            assert _code(lambda session=session: storage.get_session(session)) == "not_found"
            assert _code(lambda session=session: storage.list_checkpoints(session)) == "not_found"
            assert _code(lambda session=session: storage.append_messages(session, [{}])) == "not_found"
            assert _code(lambda session=session: storage.restore_session(session)) == "not_found"
        for sha in _sound_checkpoints(path) - listed.get(path.name, set()):
            id_ = checkpoint_id(sha)
            assert _code(lambda id_=id_: storage.get_checkpoint(id_)) == "not_found"
            activate = functools.partial(storage.set_active_checkpoint, session, id_)
            assert _code(activate) == "not_found"
    storage.close()
    assert _snapshot(root) == before


def _sound_checkpoints(session: Path) -> set[str]:
    """The hashes of the checkpoints in a session's directory whose own bytes are sound."""
    found = set()
    for path in session.glob("objects/*.json"):
        if hashlib.sha256(data := path.read_bytes()).hexdigest() == path.stem:
            record = json.loads(data)
            if (record["kind"], record["session"]) == ("checkpoint", session.name):
                found.add(path.stem)
    return found


def test_reference_reader(name: str, root: Path) -> None:
    before = _snapshot(root)
    command = [sys.executable, "-B", str(SPEC / "reference_reader.py"), str(root)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["sessions"] == _expected(name)
    assert _snapshot(root) == before


def test_an_unknown_session_is_not_found(root: Path) -> None:
    unknown = UUID("0" * 32)
    storage = FileStorage(root, message_type=dict)
    assert _code(lambda: storage.get_active_checkpoint(unknown)) == "not_found"


def test_the_stores_show_every_answer() -> None:
    sessions = [one for name in GOLDEN for one in _expected(name)]
    assert {one["code"] for one in sessions} == {None, "incomplete", "corrupt_object"}
    assert {one["facts"]["status"] for one in sessions} == {"ACTIVE", "DELETED"}
    assert max(len(one["checkpoints"]) for one in sessions) >= 20
    codes = {item["code"] for one in sessions for item in one["checkpoints"]}
    assert codes == {None, "incomplete", "corrupt_object"}
    assert {len(one["heads"]) for one in sessions} >= {0, 1, 2, 3}
    assert {(one["purged"], one["code"]) for one in sessions if one["purged"]} == {
        (True, None), (True, "incomplete"), (True, "corrupt_object")
    }  # fmt: skip
    assert len(list((SPEC / "golden/purged/store/sessions").iterdir())) > len(_expected("purged"))


def test_the_sound_store_holds_a_large_message_and_a_short_chain() -> None:
    objects = [
        json.loads(path.read_bytes()) for path in (SPEC / "golden/sound/store").rglob("objects/*.json")
    ]
    large = [record["message"] for record in objects if record["kind"] == "message"]
    encoded = [len(json.dumps(m, ensure_ascii=False, separators=(",", ":")).encode()) for m in large]
    assert encoded == [65_536]
    jumps = [r for r in objects if r["kind"] == "checkpoint" and r["depth"] and r["depth"] % 16 == 0]
    assert {record["depth"] for record in jumps} == {16, 32}
