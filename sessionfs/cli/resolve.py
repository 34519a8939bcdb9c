"""Which session or checkpoint an argument means."""

from __future__ import annotations

import re
from contextlib import suppress
from itertools import pairwise
from uuid import UUID

from .. import validation
from ..errors import InvalidRequestError, NotFoundError
from ..models import ListCheckpointsQuery, ListSessionsQuery, SessionStatus, SessionSummary
from ..storage import FileStorage
from .text import one_line

_NEWEST = re.compile(r"@([1-9]\d*)")
_HEX = re.compile(r"[0-9a-fA-F-]{4,36}")
_MOST_DIGITS = 9
_EVERYTHING = 1 << 60


def all_sessions(storage: FileStorage) -> list[SessionSummary]:
    """Return every session of a store, newest first, deleted ones too."""
    return storage.list_sessions(ListSessionsQuery(limit=_EVERYTHING)).sessions


def session(storage: FileStorage, given: str) -> SessionSummary:
    """Return the session that a person means.

    ``@1`` is the first that ``ls`` lists; else it is a unique prefix of an id; else words that are all
    in one title, of a session that is not deleted if there is one.
    """
    return one_of(all_sessions(storage), given)


def one_of(sessions: list[SessionSummary], given: str) -> SessionSummary:
    """Return of all sessions of a store, newest first, the one that ``session`` returns."""
    newest = _NEWEST.fullmatch(given)
    if newest:
        listed = [each for each in sessions if each.status is SessionStatus.ACTIVE]
        # A number of more digits than that is never reached, and cannot always be converted.
        if len(newest[1]) > _MOST_DIGITS or int(newest[1]) > len(listed):
            count = f"the store has {len(listed)} sessions that are not deleted"
            raise NotFoundError(f"{one_line(given, 40)}: {count}")
        return listed[int(newest[1]) - 1]
    found = [each for each in sessions if _begins(each.id, given)]
    if not found:
        return _by_title(sessions, given)
    id_ = _only([each.id for each in found], given, "session")
    return next(each for each in found if each.id == id_)


def _by_title(sessions: list[SessionSummary], given: str) -> SessionSummary:
    words = given.casefold().split()
    found = [
        each for each in sessions if words and all(word in each.title.casefold() for word in words)
    ]
    found = [each for each in found if each.status is SessionStatus.ACTIVE] or found
    if len(found) > 1:
        found = [each for each in found if each.title.casefold().split() == words] or found
    if not found:
        shown = one_line(given, 80)
        raise NotFoundError(
            f"no session has an id that begins with {shown!r}, or these words in its title: "
            "sessionfs ls lists them"
        )
    if len(found) > 1:
        short = short_ids([each.id for each in sessions])
        some = ", ".join(f"{short[each.id]} {one_line(each.title, 40)!r}" for each in found[:4])
        raise InvalidRequestError(
            f"{one_line(given, 80)!r} is in {len(found)} titles: {some}{', …' * (len(found) > 4)}"
        )
    return found[0]


def state_id(storage: FileStorage, given: str, of: UUID | None = None) -> UUID:
    """Return the checkpoint that a person means: of ``SESSION``, ``SESSION:CHECKPOINT``, or by its id.

    ``:CHECKPOINT`` is one of the session ``of``.
    """
    name, colon, checkpoint = given.rpartition(":")
    if colon and _HEX.fullmatch(checkpoint):
        owner = of if not name and of is not None else session(storage, name).id
        return checkpoint_id(storage, owner, checkpoint)
    try:
        found = session(storage, given)
    except NotFoundError:
        if not _HEX.fullmatch(given):
            raise
        owners = ([of] if of is not None else []) + storage.session_ids()
        for owner in owners:
            with suppress(NotFoundError):
                return checkpoint_id(storage, owner, given)
        raise
    # None is active where something is missing: asking for it says what.
    return found.active_checkpoint_id or storage.get_active_checkpoint(found.id).id


def purgeable(storage: FileStorage, given: str) -> tuple[UUID, str]:
    """Return the id and title of a session to purge; one that was purged is told by its whole id."""
    try:
        found = session(storage, given)
    except NotFoundError:
        with suppress(InvalidRequestError):
            return validation.uuid(given, "SESSION"), ""
        raise
    return found.id, one_line(found.title, 60)


def checkpoint_id(storage: FileStorage, session: UUID, given: str) -> UUID:
    """Return the checkpoint of a session that a unique prefix of an id or of a hash means."""
    listed = storage.list_checkpoints(session, ListCheckpointsQuery(limit=_EVERYTHING))
    found = [each.id for each in listed.checkpoints if _begins(each.id, given)]
    return _only(found, given, "checkpoint")


def short_ids(ids: list[UUID], least: int = 8) -> dict[UUID, str]:
    """Return for each id its shortest prefix, of at least this length, that no other one has."""
    texts = sorted(str(id_) for id_ in ids)
    lengths: dict[str, int] = dict.fromkeys(texts, least)
    for one, other in pairwise(texts):
        shared = next(i for i, (a, b) in enumerate(zip(one, other, strict=True)) if a != b)
        for each in (one, other):
            lengths[each] = max(lengths[each], shared + 1)
    # A prefix that ends in a hyphen looks cut off.
    return {id_: str(id_)[: lengths[str(id_)]].rstrip("-") for id_ in ids}


def _begins(id_: UUID, given: str) -> bool:
    wanted = given.lower()
    return bool(wanted) and (str(id_).startswith(wanted) or id_.hex.startswith(wanted))


def _only(found: list[UUID], given: str, noun: str) -> UUID:
    if not found:
        raise NotFoundError(f"no {noun} has an id that begins with {one_line(given, 80)!r}")
    if len(found) > 1:
        some = ", ".join(short_ids(found)[id_] for id_ in found[:5])
        raise InvalidRequestError(f"{given!r} begins the ids of {len(found)} {noun}s: {some}")
    return found[0]
