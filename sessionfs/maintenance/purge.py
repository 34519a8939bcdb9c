"""Removing a deleted session's objects: here, and by a record that stays from wherever it is synced.

The invariant: the record that names what was seen is on the disk before anything is removed, and what
is not hidden is not removed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ..errors import InvalidRequestError, NotFoundError
from ..format.ids import sha256_in
from ..format.refnames import ActiveRef
from ..fs import entries, files
from ..models import PurgeResult, SessionStatus
from ..store import removal
from ..store.session import SessionDirectory
from ..store.view import SessionView

_KEEPS_HISTORY = {
    "git": "git's history still holds what was committed, here and in every clone, until that is "
    "rewritten (git filter-repo); use force to remove the files all the same, and merge with "
    "-X find-renames=100% afterwards",
    "hg": "Mercurial's history still holds what was committed, here and in every clone; use force to "
    "remove the files all the same",
}


def refuse_in_work_tree(root: str, directory: SessionDirectory) -> None:
    """Raise InvalidRequestError if a version control system keeps the history of a session's files.

    Each directory may be a link into its work tree, as tools for dotfiles make them.
    """
    for path in (root, files.parent_of(directory.path), directory.path, directory.objects.directory):
        tree = entries.work_tree(path)
        if tree is not None:
            raise InvalidRequestError(
                f"{path} is in the {tree.system} work tree {tree.path}: {_KEEPS_HISTORY[tree.system]}",
                path=path,
            )


def purge(directory: SessionDirectory, *, dry_run: bool) -> PurgeResult:
    """Record what is here of a deleted session as purged, and remove it.

    Of one that was purged already, what has come back is removed.
    """
    view = directory.look()
    if view.exists():
        _require_deleted(view)
    elif not view.purged:
        raise NotFoundError(f"session {directory.id} does not exist")
    if dry_run:
        doomed = view.objects.hidden if view.purged else directory.objects.hashes()
        return _result(directory, doomed)
    with directory.exclusive():
        view = directory.look()
        if view.exists():
            _require_deleted(view)  # nobody restores it while others are kept out
            directory.put_purge(directory.objects.hashes())
        done = _result(directory, directory.look().objects.hidden)
        sweep(directory)
    return done


def _result(directory: SessionDirectory, doomed: Collection[str]) -> PurgeResult:
    paths = list(_named_after(directory, doomed))
    return PurgeResult(directory.id, len(paths), sum(entries.inspect(path).size for path in paths))


def sweep(directory: SessionDirectory) -> None:
    """Delete the files of a session that are hidden."""
    with directory.exclusive():
        for ref in _hidden_refs(directory, directory.look()):  # first: none is to name what is not here
            directory.refs.remove(ref)
        removal.remove_purged(directory)
        for path in _named_after(directory, directory.look().objects.hidden):
            if not removal.is_object(
                directory, path
            ):  # one that came meanwhile is for the next removal
                files.remove(path)
        directory.refs.sync()
        directory.objects.sync()


def hidden_files(directory: SessionDirectory) -> list[str]:
    """Return the files of a session that are hidden, and what tools, repairs and kills left of them."""
    view = directory.look()
    found = {*_named_after(directory, view.objects.hidden), *removal.files_left(directory)}
    return [*map(directory.refs.path, _hidden_refs(directory, view)), *sorted(found)]


def _hidden_refs(directory: SessionDirectory, view: SessionView) -> list[ActiveRef]:
    return [ref for ref in directory.refs.names().active if ref not in view.refs.active]


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
