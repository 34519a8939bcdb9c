"""What a store must tell after a power cut where nothing was fsynced: never anything that is wrong.

Work may be lost. An independent reader, written from the format alone, says what the files that are
left amount to; the package must say the same of every session and checkpoint, and write on.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from sessionfs import (
    CorruptObjectError,
    CreateCheckpointRequest,
    FileStorage,
    IncompleteError,
    ListCheckpointsQuery,
    NotFoundError,
    UpdateSessionRequest,
)
from sessionfs.store.root import HEADER, ROOT_FILES

from ..spec.support import reference_reader
from .checking import SessionPromise, create, promise
from .disk import State
from .workloads import IMAGE, STORE, Made, Record, facts_of, small

_READER: Any = reference_reader()
_UNSET = {"title": "", "visibility": "PRIVATE", "status": "ACTIVE", "cwd": None}
_HEADER = f"{STORE}/{HEADER}"


def check(record: Record, position: int, state: State, open_: Callable[[], FileStorage]) -> None:
    """Raise an error if anything that is told of a state is wrong; see ``checking.check``."""
    storage = open_()
    promised = promise(record, position)
    root = storage.backend_info().store_path
    assert root is not None
    expected = {UUID(one.id): one for one in _READER.sessions(root)}
    summaries = {each.id: each for each in storage.list_sessions().sessions}
    assert summaries.keys() == expected.keys() <= promised.keys(), "not the sessions that are here"
    for id_, known in promised.items():
        if not known.touched:
            _look_at_neighbour(storage, id_, known)
        elif id_ not in expected:
            with pytest.raises(NotFoundError) as caught:
                storage.get_session(id_)
            assert caught.type is NotFoundError
        else:
            answers = expected[id_].answers()
            if _may_go_on(expected[id_], storage, id_, answers):
                continue
            unread = _look_at_session(storage, id_, known, answers)
            _look_at_checkpoints(storage, id_, known, answers)
            # A listing does not read large messages.
            told = summaries[id_].problem is not None or unread in _message_files(record)
            assert told == answers["problem"], summaries[id_].problem
    _write(storage, open_, state, {id_: one for id_, one in promised.items() if id_ in expected})


def _may_go_on(session: Any, storage: FileStorage, id_: UUID, answers: dict[str, Any]) -> bool:
    """Tell whether a reader met what is missing first, where something else is damaged, and went on.

    The format leaves it open in which order a reader looks at what a checkpoint needs.
    """
    if answers["code"] != "corrupt_object":
        return False
    try:
        found = storage.get_session(id_).active_checkpoint
    except (IncompleteError, CorruptObjectError):
        return False
    assert found is not None
    for name, _, _, start in reversed(session.active_refs):
        for sha in (each for each in session.hashes if each.startswith(start)):
            if _id(sha) == str(found.id):
                return True
            assert _lacks(session, sha), f"{name} was passed over, though nothing is missing"
    return True


def _lacks(session: Any, sha: str) -> bool:
    """Tell whether something that a checkpoint needs is missing."""
    following: str | None = sha
    while following is not None:
        try:
            record = session.record(following, "checkpoint")
        except _READER.Problem as problem:
            return bool(problem.code == "incomplete")
        if any(each not in session.hashes for each in record["messages"] if isinstance(each, str)):
            return True
        following = record["base"]
    return False


def _message_files(record: Record) -> set[str]:
    """Return the names of the files that are message objects, if they are whole."""
    start = b'{"kind":"message"'
    names = (each for each in record.after.values() if isinstance(each, dict))
    files = ((name, record.after[number]) for each in names for name, number in each.items())
    return {name for name, data in files if isinstance(data, bytes) and data.startswith(start)}


def _look_at_neighbour(storage: FileStorage, id_: UUID, known: SessionPromise) -> None:
    session = storage.get_session(id_)
    assert session.active_checkpoint is not None
    assert {session.active_checkpoint.id} == known.active, "a session that nobody touched changed"
    _compare(session.active_checkpoint, known.must)


def _look_at_session(
    storage: FileStorage, id_: UUID, known: SessionPromise, answers: dict[str, Any]
) -> str:
    """Compare a session, or the error in its place; return which file stands in the way."""
    refused: IncompleteError | CorruptObjectError | None
    try:
        session = storage.get_session(id_)
    except (IncompleteError, CorruptObjectError) as error:
        refused = error
    else:
        refused = None
    if refused is not None:
        # Where a file is missing and another one damaged, a reader may meet either first.
        assert answers["code"] is not None, f"the reader by the format can read it: {refused}"
        assert refused.path, "the error does not name a file"
        return os.path.basename(refused.path)
    assert answers["code"] is None, f"the reader by the format says {answers['code']}"
    assert session.active_checkpoint is not None
    assert str(session.active_checkpoint.id) == _id(answers["active"]), "another one is active"
    _compare(session.active_checkpoint, known.must | known.may)
    assert [str(each.id) for each in session.heads] == [_id(sha) for sha in answers["heads"]], "heads"
    facts = facts_of(session)
    for name, value in facts.items():
        assert value == answers["facts"][name], f"{name} is {value}"
        assert value == _UNSET[name] or value in known.ever[name], f"{name} was never {value}"
    return ""


def _look_at_checkpoints(
    storage: FileStorage, id_: UUID, known: SessionPromise, answers: dict[str, Any]
) -> None:
    made = known.must | known.may
    readable = {UUID(one["id"]): one["readable"] for one in answers["checkpoints"]}
    listed = storage.list_checkpoints(id_, ListCheckpointsQuery(include_state=True)).checkpoints
    assert {each.id: each.problem is None for each in listed} == readable
    for each in listed:
        if each.problem is None:
            _compare(each, made)
    named: list[str | None] = []
    for checkpoint in made:
        try:
            found = storage.get_checkpoint(checkpoint)
        except (IncompleteError, CorruptObjectError) as error:
            assert not readable.get(checkpoint, False)
            named.append(error.path)
        except NotFoundError:
            assert checkpoint not in readable
        else:
            assert readable[checkpoint]
            _compare(found, made)
    assert all(named), "an error does not name a file"


def _write(
    storage: FileStorage,
    open_: Callable[[], FileStorage],
    state: State,
    here: dict[UUID, SessionPromise],
) -> None:
    """Write whole states, which need nothing of what was lost; all of it is there afterwards."""
    header = state.get(_HEADER)
    if header is not None and header != ROOT_FILES[HEADER]:
        # A header that cannot be read may be one that forbids writing: its owner has to decide.
        with pytest.raises(CorruptObjectError, match=HEADER):
            create(storage)
        return
    # A large message whose object was torn is in hand once more.
    large = (
        [IMAGE]
        if any(IMAGE in made[0] for one in here.values() for made in (one.must | one.may).values())
        else []
    )
    promised: dict[UUID, Made] = {}
    titles: dict[UUID, str] = {}
    for id_, known in here.items():
        if known.touched:
            messages = [small(0), *large, small(99)]
            made = storage.create_checkpoint(id_, CreateCheckpointRequest(messages, metadata={"n": 1}))
            promised[made.id] = (messages, {"n": 1})
            titles[id_] = storage.update_session(id_, UpdateSessionRequest(title="after")).title
            assert storage.get_active_checkpoint(id_).id == made.id
    new = create(storage)
    again = open_()
    for id_, title in titles.items():
        session = again.get_session(id_)
        assert session.title == title == "after"
        assert session.active_checkpoint is not None
        _compare(session.active_checkpoint, promised)
    for id_, known in new.items():
        _look_at_neighbour(again, id_, known)
    assert {each.id for each in again.list_sessions().sessions} == here.keys() | new.keys()


def _compare(found: Any, known: dict[UUID, Made]) -> None:
    assert found.state is not None, "a checkpoint cannot be read"
    assert (found.state.messages, found.state.metadata) == known[found.id], "a state is another one"


def _id(sha: str) -> str:
    made: str = _READER.checkpoint_id(sha)
    return made
