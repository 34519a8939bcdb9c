"""Heads: the tips of work in a session that nobody has built upon, nor left behind.

Where more than one is left, writers met that had not seen each other. The invariant: a tip is a head
until a checkpoint follows it, or somebody who saw it makes another one active; a copy of an older ref
that a sync tool brings back makes none.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ..errors import StorageError
from ..format.facts import LeftCheckpoint
from ..format.records import CheckpointObject
from ..format.refnames import ActiveRef
from . import graph
from .view import SessionView

MOST = 16
"""So many refs of other heads a writer keeps at most; older ones are in the list of checkpoints."""


class Heads(msgspec.Struct, frozen=True):
    """The heads of a session.

    Attributes:
        hashes: the active one first, then those made active later before those made active earlier.
        sure: whether nothing is missing or damaged that could tell more.

    """

    hashes: list[str]
    sure: bool


def find_heads(view: SessionView, left: list[LeftCheckpoint], active: str) -> Heads:
    """Return the heads of a session.

    Args:
        view: of the session.
        left: what was left behind.
        active: the hash of the active checkpoint.

    """
    if all(active.startswith(ref.hash12) for ref in view.refs.active):
        return Heads([active], True)
    ancestry = _Ancestry(view)
    tips: dict[str, str] = {active: ""}
    sure = True
    for ref in reversed(view.refs.active):
        sha = ancestry.tip(ref)
        if sha is None:
            sure = False
        else:
            tips.setdefault(sha, ref.at)
    standing = [active]
    for sha, at in tips.items():
        behind = [gone.sha for gone in left if at < gone.at]
        if sha != active and sha not in behind:
            followed = ancestry.is_followed(sha, behind)
            if not followed:
                standing.append(sha)
                sure = sure and followed is not None
    found = [active]
    for sha in standing[1:]:
        followed = ancestry.is_followed(sha, standing)
        if not followed:
            found.append(sha)
            sure = sure and followed is not None
    return Heads(found, sure)


def replaced_refs(
    view: SessionView, sha: str, checkpoint: CheckpointObject | None = None
) -> list[ActiveRef]:
    """Return the active refs, of those that were seen, whose place a new checkpoint takes.

    They are those of checkpoints that it follows, and the oldest ones where there are too many.

    Args:
        view: of the session, before the checkpoint was made active.
        sha: the hash of the checkpoint.
        checkpoint: its object, where it is at hand.

    """
    ancestry = _Ancestry(view)
    before = (checkpoint or view.objects.checkpoint(sha)).follows
    done: list[ActiveRef] = []
    others: list[ActiveRef] = []
    for ref in view.refs.active:
        is_before = before is not None and before.startswith(ref.hash12)
        (done if is_before or ancestry.is_before(ref, sha) else others).append(ref)
    return done + others[: max(len(others) - MOST, 0)]


def known_tips(view: SessionView) -> dict[ActiveRef, str]:
    """Return the active refs whose checkpoints are here and sound, and these."""
    ancestry = _Ancestry(view)
    tips = {ref: ancestry.tip(ref) for ref in view.refs.active}
    return {ref: tip for ref, tip in tips.items() if tip is not None}


def tips_left_behind(view: SessionView, known: dict[ActiveRef, str], sha: str) -> list[str]:
    """Return the tips that are left behind, of refs that are known, if this becomes the only head."""
    ancestry = _Ancestry(view)
    tips = [tip for tip in dict.fromkeys(reversed(known.values())) if tip != sha]
    return [tip for tip in tips if not ancestry.is_followed(tip, (sha, *tips))]


class _Ancestry:
    """Tells which checkpoints of a session follow which; each is read once."""

    def __init__(self, view: SessionView) -> None:
        self._view = view
        self._known: dict[str, CheckpointObject] = {}

    def tip(self, ref: ActiveRef) -> str | None:
        """Return the checkpoint that a ref names; None: it is not here, or damaged."""
        try:
            sha = self._view.target(ref)
            self._checkpoint(sha)
        except StorageError:
            return None
        return sha

    def is_before(self, ref: ActiveRef, sha: str) -> bool:
        """Tell whether a ref names a checkpoint that this one is or follows."""
        tip = self.tip(ref)
        return tip is not None and (tip == sha or bool(self._follows(sha, tip)))

    def is_followed(self, sha: str, by: Iterable[str]) -> bool | None:
        """Tell whether one of these checkpoints follows this one; None: what would tell is not here."""
        sure = True
        for each in by:
            told = each != sha and self._follows(each, sha)
            if told:
                return True
            sure = sure and told is not None
        return False if sure else None

    def _follows(self, later: str, earlier: str) -> bool | None:
        """Tell whether a checkpoint follows another one, directly or not; None: see ``is_followed``.

        A base is one of those that a checkpoint follows, and leads far back: about as many objects are
        read as to open a checkpoint, however long the history is.
        """
        try:
            end = self._checkpoint(earlier).at

            def before(sha: str) -> str | None:
                checkpoint = self._checkpoint(sha)
                base = checkpoint.base
                return base if base is not None and self._is_from(end, base) else checkpoint.follows

            for each in graph.walk(later, before):
                if each == earlier:
                    return True
                if self._checkpoint(each).at <= end:
                    return False
        except StorageError:
            return None
        return False

    def _is_from(self, at: str, sha: str) -> bool:
        """Tell whether a checkpoint is here and was not made before this time."""
        try:
            return self._checkpoint(sha).at >= at
        except StorageError:
            return False

    def _checkpoint(self, sha: str) -> CheckpointObject:
        found = self._known.get(sha)
        if found is None:
            found = self._known[sha] = self._view.objects.checkpoint(sha)
        return found
