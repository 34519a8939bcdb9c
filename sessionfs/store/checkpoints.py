"""Writing checkpoints to a session that exists, and finding one by its id."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import wraps
from typing import ParamSpec, TypeVar
from uuid import UUID

from ..errors import (
    ConflictError,
    CorruptObjectError,
    IncompleteError,
    InvalidRequestError,
    NotFoundError,
    StorageError,
)
from ..format.ids import checkpoint_id
from ..format.records import CheckpointObject
from . import chains, heads, removal
from .graph import Chain
from .removal import PurgedMeanwhileError
from .session import SessionDirectory
from .state_cache import NewState
from .view import SessionView

_Arguments = ParamSpec("_Arguments")
_Written = TypeVar("_Written")


def _again_if_purged(write: Callable[_Arguments, _Written]) -> Callable[_Arguments, _Written]:
    """Begin a write again where it had to be withdrawn: what is here then tells what comes of it."""

    @wraps(write)
    def until_standing(*arguments: _Arguments.args, **options: _Arguments.kwargs) -> _Written:
        while True:
            with suppress(PurgedMeanwhileError):
                return write(*arguments, **options)

    return until_standing


@_again_if_purged
def put_state(
    directory: SessionDirectory,
    state: NewState,
    metadata: bytes | None,
    parent_id: UUID | None,
    expected_active: UUID | None,
) -> tuple[str, CheckpointObject]:
    """Store a whole state, make it active, and return its hash and object.

    What it shares with its parent, or else with the active checkpoint, is not stored again.
    """
    with _comparing(directory, expected_active):
        view = directory.look()
        onto = active = _active_if_readable(view, expected_active)
        parent, after = None, None
        if parent_id is not None:
            parent = _parent(view, parent_id)
            onto = _open_if_readable(view, parent)
        elif active is not None:
            after = active[0].sha
        elif view.refs.active:
            after = directory.refs.target(view.refs.active[-1], view.objects)
        going = state.going_on(onto)
        built = chains.build(
            onto=onto,
            parent=parent,
            after=after,
            at=directory.next_at(view, onto, active),
            added=going.added,
            common=going.common,
            metadata=metadata,
            limit=directory.limit,
        )
        return _write(directory, view, built, going.large, expected_active), built


@_again_if_purged
def append(
    directory: SessionDirectory,
    encoded: list[bytes],
    metadata: bytes | None,
    expected_active: UUID | None,
) -> tuple[str, CheckpointObject]:
    """Store the active checkpoint's messages and these, make that active, return hash and object."""
    with _comparing(directory, expected_active):
        view = directory.look()
        active = view.active()
        _compare(view, active, expected_active)
        state = chains.prepare_state(str(directory.id), encoded)
        built = chains.build(
            onto=active,
            parent=active[0].sha,
            at=directory.next_at(view, active),
            added=state.elements,
            common=active[0].checkpoint.count,
            metadata=metadata,
            limit=directory.limit,
        )
        return _write(directory, view, built, state.large, expected_active), built


def activate(directory: SessionDirectory, checkpoint: UUID) -> tuple[str, CheckpointObject]:
    """Make a checkpoint that is here active and the only head; return its hash and object.

    Refs whose checkpoints are missing stay: these were not seen, and are reported when they arrive.
    """
    view = directory.look()
    sha = require(view, checkpoint)
    chain = view.require_complete(sha)
    at = directory.next_at(view, chain, _active_if_readable(view, None))
    known = heads.known_tips(view)
    left = heads.tips_left_behind(view, known, sha)
    directory.replace([*known], directory.publish(sha, at, left))
    return sha, chain[0].checkpoint


def require(view: SessionView, checkpoint: UUID) -> str:
    """Return the hash of the checkpoint with this id; NotFoundError if the session has none."""
    sha = view.find(checkpoint)
    if sha is None:
        raise NotFoundError(f"session {view.id} has no checkpoint {checkpoint}")
    return sha


def _comparing(directory: SessionDirectory, expected: UUID | None) -> AbstractContextManager[None]:
    """Keep out others that compare, where this call does."""
    if expected is None:
        return nullcontext()
    return directory.exclusive()


def _compare(view: SessionView, active: Chain, expected: UUID | None) -> None:
    if expected is not None and (found := checkpoint_id(active[0].sha)) != expected:
        raise ConflictError(f"the active checkpoint of session {view.id} is {found}, not {expected}")


def _parent(view: SessionView, parent: UUID) -> str:
    sha = view.find(parent)
    if sha is None:
        raise InvalidRequestError(f"the parent {parent} is not a checkpoint of session {view.id}")
    return sha


def _open_if_readable(view: SessionView, sha: str) -> Chain | None:
    """Return a checkpoint's chain; one that cannot be opened may still be a parent."""
    try:
        return view.open(sha)
    except (IncompleteError, CorruptObjectError):
        return None


def _active_if_readable(view: SessionView, expected: UUID | None) -> Chain | None:
    """Return the active checkpoint's chain, which a whole state can do without."""
    try:
        active = view.active()
    except (IncompleteError, CorruptObjectError):
        if expected is not None:
            raise
        return None
    _compare(view, active, expected)
    return active


def _write(
    directory: SessionDirectory,
    seen: SessionView,
    checkpoint: CheckpointObject,
    large: dict[str, bytes],
    expected: UUID | None,
) -> str:
    """Store a checkpoint and make it active.

    All large messages of the state are put, those that should be here already too: one that has not
    arrived or is damaged is in hand.
    """
    sha = directory.objects.put_checkpoint(checkpoint, large.values())
    removal.require_standing(directory, sha, {sha, *large})
    mine = directory.publish(sha, checkpoint.at, stored=True)
    if expected is not None:
        directory.withdraw_if_late(sha, mine, seen)
    directory.replace(heads.replaced_refs(seen, sha, checkpoint), mine)
    return sha


def find(holding: Iterable[SessionDirectory], checkpoint_id: UUID) -> tuple[SessionDirectory, str]:
    """Return the session and hash of a checkpoint; a sound copy is preferred to a damaged one."""
    unsound: tuple[SessionDirectory, str] | None = None
    refused: StorageError | None = None
    for directory in holding:
        try:
            view = directory.look()
            sha = view.find(checkpoint_id)
        except StorageError as error:
            refused = refused or error
            continue
        if sha is not None and view.is_sound(sha):
            return directory, sha
        unsound = unsound or (None if sha is None else (directory, sha))
    if unsound is not None:
        return unsound
    raise refused or NotFoundError(f"checkpoint {checkpoint_id} does not exist")
