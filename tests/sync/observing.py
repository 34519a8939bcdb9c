"""What must be true of what a replica tells, at every moment and at the end."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from uuid import UUID

import msgspec

from sessionfs import (
    CorruptObjectError,
    FileStorage,
    ListCheckpointsQuery,
    ListSessionsQuery,
    NotFoundError,
    SearchQuery,
    Session,
    SessionStatus,
    StorageError,
)
from sessionfs.format.ids import checkpoint_id

from .causality import ACTIVE, STATUS, TITLE, Edit, History, Names
from .replicas import Replica
from .transfers import exchange
from .world import View, Violation, World, require

EVERYTHING = ListCheckpointsQuery(limit=10_000).with_state()


def check(world: World, replica: Replica) -> None:
    """Look at everything that a replica tells of each session."""
    require(replica.look() == replica.names, "reading has changed what is there")
    listed = replica.storage.list_sessions(ListSessionsQuery(limit=1000))
    summaries = {str(each.id): each for each in listed.sessions}
    for each in listed.sessions:
        named = each.active_checkpoint_id is not None or each.problem is not None
        require(named, "an empty session in the place of one that cannot be read:", each)
    here = set(world.sessions(replica))
    for session in here:
        view = world.view(replica, session)
        if not view.torn:
            require(view.is_gone == (session not in summaries), "listed or not:", session, view.names)
        _check_session(world, replica, session, view)
    require(summaries.keys() <= here, "sessions from nowhere:", summaries.keys() - here)


def _check_session(world: World, replica: Replica, session: str, view: View) -> None:
    history = world.histories[session]
    try:
        found = replica.storage.get_session(UUID(session))
    except (NotFoundError, CorruptObjectError) as error:
        require(view.torn or not view.complete, "not readable although all is here:", repr(error))
        require(view.torn or isinstance(error, NotFoundError), "no damage here:", repr(error))
        return
    except StorageError as error:
        raise Violation(f"not documented: {error!r}") from error
    heads = [_hash(history, each.id) for each in found.heads]
    require(found.active_checkpoint is not None and heads, "no active checkpoint:", found)
    assert found.active_checkpoint is not None
    same = found.active_checkpoint.state.messages == history.states[heads[0]]
    require(same, "other messages than were written:", found)
    if not view.torn:
        _check_newest(history, found, heads, view.edits, view)


def _check_newest(history: History, found: Session, heads: list[str], among: Names, view: View) -> None:
    for what, told in ((TITLE, found.title), (STATUS, str(found.status)), (ACTIVE, heads[0])):
        newest = history.newest(what, among)
        if what == ACTIVE and view.purges:
            newest += _where_purged(history, view, among)
        values = {each.sets[what] for each in newest}
        require(not values or told in values, what, "is", told, "and not of", newest)
    for edit in history.newest(ACTIVE, among):
        told_of = view.purges or history.is_told(edit, heads, among)
        require(told_of, "neither a head nor built upon:", edit, "heads:", heads)


def _where_purged(history: History, view: View, among: Names) -> list[Edit]:
    """Return what else may be active where a purge has taken refs away with what it had seen.

    Where somebody who did not know of the purge went to a checkpoint that it took, or nothing is left
    that the purge had not seen, nobody can tell what would be active in its place.
    """
    seen: set[str] = set().union(*(history.edits[each].seen for each in view.purges))
    work = [name for name, each in history.edits.items() if ACTIVE in each.sets and name not in seen]
    if any(history.edits[name].sets[ACTIVE] in view.hidden for name in work):
        return [each for each in history.edits.values() if each.sets.get(ACTIVE) in view.complete]
    return history.newest(ACTIVE, among.intersection(work)) or [
        history.edits[name] for name in among if ACTIVE in history.edits[name].sets
    ]


def _hash(history: History, checkpoint: UUID) -> str:
    return next(sha for sha in history.objects if checkpoint_id(sha) == checkpoint)


# At the end


def check_readable(world: World, replica: Replica) -> None:
    """Read every checkpoint that was acknowledged anywhere and that no purge names."""
    for session, history in world.histories.items():
        view = world.view(replica, session)
        wanted = history.states.keys() - set().union(*history.purges.values())
        told = {}
        if wanted or not view.is_gone:
            listed = replica.storage.list_checkpoints(UUID(session), EVERYTHING)
            require(not listed.problems, "damage at the end:", listed.problems)
            told = {_hash(history, each.id): each for each in listed.checkpoints}
        require(not wanted - told.keys(), "lost:", session, wanted - told.keys())
        for sha, each in told.items():
            if sha in view.complete:
                require(each.state is not None, "cannot be read at the end:", each)
            if each.state is not None:
                same = each.state.messages == history.states[sha]
                require(same, "other messages than were written:", each)
            require(each.state is not None or sha not in wanted, "cannot be read:", each)
            if each.state is not None:
                direct = replica.storage.get_checkpoint(each.id)
                require(direct.state == each.state, "not the same by its id:", each)


def answers(storage: FileStorage, root: Path, sessions: Iterable[str]) -> bytes:
    """Return everything that can be asked of a store, without the paths in it."""
    told: list[object] = []
    listed = storage.list_sessions()
    told.append(listed)
    queries = [
        ListSessionsQuery(limit=2, offset=1),
        ListSessionsQuery(search="TITLE 1"),
        *(ListSessionsQuery(status=status) for status in SessionStatus),
        ListSessionsQuery(cwd_below="/home"),
    ]
    if listed.sessions:
        queries.append(ListSessionsQuery(updated_since=listed.sessions[-1].created_at))
    told += [storage.list_sessions(each) for each in queries]
    told += [storage.search(SearchQuery(text)) for text in ("turn", "title")]
    told.append(storage.get_store_stats())
    for session in sorted(sessions):
        for ask in (
            storage.get_session,
            storage.get_session_stats,
            lambda id_: storage.list_checkpoints(id_, EVERYTHING),
        ):
            try:
                told.append(ask(UUID(session)))
            except StorageError as error:
                told.append([error.code, error.message])
    return msgspec.json.encode(told).replace(str(root).encode(), b"")


def check_end(world: World) -> None:
    """Let everything reach everyone: all tell the same, and what they tell is the newest."""
    for replica in world.replicas:
        replica.meanwhile = None
        replica.storage.update_index()  # what changes from now on has to be noticed
    exchange(world.replicas)
    one = world.replicas[len(world.written) % len(world.replicas)]
    fresh = one.opened(Path(os.devnull) / "nowhere")
    told = {answers(fresh, one.root, world.histories)}
    for replica in world.replicas:
        world.arrive(replica)
        require(replica.look() == one.names, "not the same files")
        told.add(answers(replica.storage, replica.root, world.histories))
        require(len(told) == 1, "not the same answers:", *sorted(told))
    check(world, one)
    check_readable(world, one)
    for session, history in world.histories.items():
        view = world.view(one, session)
        everything = frozenset(
            name
            for name, edit in history.edits.items()
            if ACTIVE not in edit.sets or edit.sets[ACTIVE] in view.complete
        )
        if not view.is_gone:
            found = one.storage.get_session(UUID(session))
            heads = [_hash(history, each.id) for each in found.heads]
            _check_newest(history, found, heads, everything, view)
