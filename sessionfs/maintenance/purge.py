"""Removing a deleted session's objects: here, and by a record that stays from wherever it is synced.

The invariant: the record that names what was seen is on the disk before anything is removed, and what
is not hidden is not removed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ..errors import InvalidRequestError, NotFoundError
from ..format.ids import sha256_in
from ..fs import entries, files
from ..models import PurgeResult, SessionStatus
from ..store.session import SessionDirectory
from ..store.view import SessionView


def refuse_in_git(root: str) -> None:
    """Raise InvalidRequestError if a directory is in a git work tree: history keeps what it had."""
    tree = entries.git_work_tree(root)
    if tree is not None:
        raise InvalidRequestError(
            f"{root} is in the git work tree {tree}: git's history still holds what was committed, "
            "here and in every clone, until that is rewritten (git filter-repo); use force to remove "
            "the files all the same, and merge with -X find-renames=100% afterwards",
            path=root,
        )


def purge(directory: SessionDirectory, *, dry_run: bool) -> PurgeResult:
    """Record what is here of a deleted session as purged, and remove it.

    Of one that was purged already, what has come back is removed.
    """
    view = directory.look()
    if view.exists():
        _require_deleted(view)
        if not dry_run:
            directory.put_purge(directory.objects.hashes())
    elif not view.purged:
        raise NotFoundError(f"session {directory.id} does not exist")
    doomed: Collection[str]
    if not dry_run:
        doomed = directory.look().objects.hidden  # others may have written meanwhile
    elif view.purged:
        doomed = view.objects.hidden
    else:
        doomed = directory.objects.hashes()
    paths = list(_named_after(directory, doomed))
    size = sum(entries.inspect(path).size for path in paths)
    if not dry_run:
        sweep(directory)
    return PurgeResult(directory.id, len(paths), size)


def sweep(directory: SessionDirectory) -> None:
    """Delete the files of a session that are hidden."""
    for path in hidden_files(directory):
        files.remove(path)
    directory.refs.sync()
    directory.objects.sync()


def hidden_files(directory: SessionDirectory) -> list[str]:
    """Return the files of a session that are hidden, and copies that tools and repairs left of them.

    Refs come first: none is to name what is not here.
    """
    view = directory.look()
    refs = [ref for ref in directory.refs.names().active if ref not in view.refs.active]
    return [*map(directory.refs.path, refs), *_named_after(directory, view.objects.hidden)]


def _named_after(directory: SessionDirectory, hashes: Collection[str]) -> Iterator[str]:
    for name in sorted(files.names(directory.objects.directory)):
        if sha256_in(name) in hashes:
            yield files.join(directory.objects.directory, name)


def _require_deleted(view: SessionView) -> None:
    facts = view.facts()
    if facts.damage is not None:
        raise facts.damage  # it may say that the session was restored
    if facts.status is not SessionStatus.DELETED:
        raise InvalidRequestError(
            f"session {view.id} is not deleted: delete it first (`sessionfs rm`), then purge it"
        )
