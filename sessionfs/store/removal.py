"""Removing objects beside writers, which may come to stand on them meanwhile.

The invariant: what something that stays needs is not removed. An object loses its name first, and is
deleted only if nothing has come to need it by then. A writer looks after it has stored an object and
before a ref names it: where what that stands on had lost its name, it is withdrawn.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ..errors import NotFoundError
from . import purged
from .session import SessionDirectory


class PurgedMeanwhileError(NotFoundError):
    """What a new checkpoint stands on was purged while it was written."""


def remove_purged(directory: SessionDirectory) -> None:
    """Remove the objects of a session that were purged, and that nothing needs.

    The caller keeps others out who remove, where that can be done, and syncs the directory.
    """
    named = directory.refs.purged(directory.refs.names().purges) or set()
    left = directory.objects.leaving().hashes()  # in a removal that was interrupted
    _remove(directory, named, {*named, *left})


def _remove(directory: SessionDirectory, unwanted: set[str], looked_at: set[str]) -> None:
    """Remove those of some objects that are unwanted, and that nothing needs that is wanted."""
    here, leaving = directory.objects, directory.objects.leaving()
    for sha in looked_at & purged.hidden_hashes([here, leaving], unwanted):
        here.move(sha, leaving)
    gone = purged.hidden_hashes([here, leaving], unwanted)
    for sha in looked_at.intersection(leaving.hashes()):
        if sha in gone:
            leaving.remove(sha)
        else:
            leaving.move(sha, here)


def require_standing(directory: SessionDirectory, sha: str, new: Collection[str]) -> None:
    """Withdraw a checkpoint that was stored, and raise, if what it stands on was purged meanwhile.

    To be called before a ref names it: whoever purges after that sees it, and keeps what it needs.

    Args:
        directory: of the session.
        sha: the hash of the checkpoint.
        new: the hashes of the objects that were stored for it, itself among them.

    """
    if not directory.refs.names().purges:
        return
    with directory.exclusive():
        view = directory.look()
        if view.is_complete(sha):
            return
        _remove(directory, {*new, *view.objects.hidden}, {*new})
    raise PurgedMeanwhileError(f"session {directory.id} was purged while a checkpoint was stored")


def is_object(directory: SessionDirectory, path: str) -> bool:
    """Tell whether a path is that of an object, or of one that is about to be removed."""
    return any(at.sha_of(path) for at in (directory.objects, directory.objects.leaving()))


def files_left(directory: SessionDirectory) -> Iterator[str]:
    """Give the objects that lost their names in a removal that was interrupted."""
    leaving = directory.objects.leaving()
    yield from map(leaving.path, leaving.hashes())
