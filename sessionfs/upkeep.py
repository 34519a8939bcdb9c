"""What looks after a store: its index, its sessions' directories, its health."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID

from . import checks
from .errors import CorruptObjectError, InvalidRequestError
from .files import StrPath
from .models import IndexState, MergeResult, PurgeResult, RelocateResult, VerifyResult
from .models.upkeep import Progress
from .objects import ObjectCache
from .opened import OpenedStore
from .root import Root


class Upkeep(OpenedStore):
    """The methods of ``FileStorage`` that no caller needs to store and find sessions."""

    def update_index(self, on_session: Progress | None = None, *, workers: int = 1) -> bool:
        """Do now what the next listing and search would; False where the index cannot be written.

        Args:
            on_session: told, as they are read, how many of how many changed sessions are done.
            workers: so many processes read a large store; above 1 as for ``ProcessPoolExecutor``.

        """
        return self._index.update(on_session, checks.positive(workers, "workers"))

    def rebuild_index(self, on_session: Progress | None = None, *, workers: int = 1) -> bool:
        """Throw the index away, which is never needed, and make it anew as ``update_index`` does."""
        return self._index.rebuild(on_session, checks.positive(workers, "workers"))

    def index_state(self) -> IndexState:
        """Return where the index is and what it holds."""
        return self._index.state()

    def relocate(self, old: str, new: str, *, dry_run: bool = False) -> RelocateResult:
        """Tell all sessions at or below a directory that it has another path now.

        ``update_session`` does that for one session. Deleted sessions are told too, and those whose
        messages cannot be read. Where ``new`` is inside ``old``, sessions that are there already stay,
        so that this can be interrupted and repeated; where ``old`` is inside ``new``, a second time
        moves once more what is still at or below ``old``.

        Args:
            old: the directory as sessions carry it: an absolute path; nothing is expanded.
            new: the path that it has now.
            dry_run: change nothing, and only return what would be done.

        """
        from .relocating import Move, relocate

        move = Move(checks.text(old, "old"), checks.text(new, "new"))
        self._root.check_writable()
        directories = map(self._directory, self._root.session_ids())
        return relocate(self._root, directories, move, dry_run=dry_run)

    def verify(
        self,
        *,
        session_ids: Sequence[UUID] | None = None,
        read_all: bool = False,
        sample: float = 1.0,
        on_session: Progress | None = None,
    ) -> VerifyResult:
        """Look at every file of the store, and return what is damaged, missing or odd. Changes nothing.

        Every object that a checkpoint is made of is read and verified; large messages have to be there.

        Args:
            session_ids: look at these sessions alone; None: at all.
            read_all: read and verify large messages too.
            sample: the part of the objects, chosen at random, that is read: above 0, at most 1.
            on_session: told how many of how many sessions are done.

        """
        return self._checkup(session_ids, read_all, sample, on_session, [], repairing=False)

    def repair(
        self,
        *,
        sources: Sequence[StrPath] = (),
        session_ids: Sequence[UUID] | None = None,
        read_all: bool = False,
        sample: float = 1.0,
        on_session: Progress | None = None,
    ) -> VerifyResult:
        """Do what ``verify`` does, and mend what it finds. Only what was purged is deleted.

        Bytes are taken from wherever they prove themselves by their hash: foreign files in the session,
        a file whose line ends were changed, other stores. Damaged files are set aside. What was done is
        ``repaired`` in the result; what is still wrong stands beside it.

        Args:
            sources: the roots of other stores that may have sound copies.
            session_ids: look at these sessions alone; None: at all.
            read_all: read and verify large messages too.
            sample: the part of the objects, chosen at random, that is read: above 0, at most 1.
            on_session: told how many of how many sessions are done.

        Raises:
            FormatError: the store or a source is of a newer version: nothing is done.
            InvalidRequestError: a source is no store.

        """
        with suppress(CorruptObjectError):  # a damaged header is among what can be repaired
            self._root.check_format()
        elsewhere = [self._source(source, "sources") for source in sources]
        return self._checkup(session_ids, read_all, sample, on_session, elsewhere, repairing=True)

    def merge_from(self, other_root: StrPath, *, on_session: Progress | None = None) -> MergeResult:
        """Bring what another store has and this one lacks: the union of both, each file verified.

        What a sync tool does by copying files, which needs no command; this one refuses what is damaged
        there, leaves out what was purged, and tells what it brought. The other store is only read. It
        can be interrupted and repeated: each file appears as a whole, and new sessions do.

        Args:
            other_root: the root of the other store.
            on_session: told how many of how many sessions are done.

        Raises:
            FormatError: one of the stores is of a newer version: nothing is copied.
            InvalidRequestError: the other one is no store, or is this one.

        """
        # What few programs need is loaded when it is needed.
        from .merging import Merge

        self._root.check_writable()
        source = Root(self._source(other_root, "other_root"), self._environment.files)
        reading = self._environment._replace(
            files=self._environment.files.not_sweeping(), cache=ObjectCache(0)
        )
        return Merge(self._root, self._environment, source, reading).run(on_session)

    def purge_session(
        self, session_id: UUID, *, force: bool = False, dry_run: bool = False
    ) -> PurgeResult:
        """Remove a deleted session's checkpoints and messages for good, here and wherever it is synced.

        A record with the hashes of what was seen stays: what comes back from other machines is hidden,
        and ``repair`` removes it there. Work that was not seen brings the session back, with what it
        stands on and a ``problem`` that says so. Title and directory stay in the session's records. The
        index, which has the text of messages, is thrown away on this machine.

        Args:
            session_id: a session whose status is DELETED, or one that was purged and whose files came
                back.
            force: also in a git work tree, whose history holds what was committed all the same.
            dry_run: change nothing.

        Raises:
            InvalidRequestError: the session is not deleted, or the store is in a git work tree.

        """
        from . import purging

        directory = self._directory(session_id)
        self._root.check_writable(session_id)
        if not force:
            purging.refuse_in_git(self._root.path)
        if not dry_run:
            self._root.settle(session_id)
        done = purging.purge(directory, dry_run=dry_run)
        if not dry_run:
            self._environment.cache.clear()
            self._states.clear()
            self._index.discard()
        return done

    def _checkup(
        self,
        session_ids: Sequence[UUID] | None,
        read_all: bool,
        sample: float,
        on_session: Progress | None,
        sources: list[str],
        *,
        repairing: bool,
    ) -> VerifyResult:
        # What few programs need is loaded when it is needed.
        from .doctor import Checkup, Reading

        reading = Reading(read_all, checks.part(sample, "sample"))
        checkup = Checkup(self._root, self._environment, reading, sources, repairing=repairing)
        if session_ids is None:
            return checkup.run(self._root.session_ids(), on_session)
        sessions = [self._existing(each).id for each in dict.fromkeys(session_ids)]
        return checkup.run(sessions, on_session, whole=False)

    def _source(self, source: StrPath, name: str) -> str:
        """Return the root of another store, which is of no newer version."""
        path = checks.path(source, name)
        other = Root(path, self._environment.files)
        if not other.is_store():
            raise InvalidRequestError(f"{path} is no store", path=path)
        with suppress(CorruptObjectError):  # its records verify themselves
            other.check_format()
        return path
