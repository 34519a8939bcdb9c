"""FileStorage: the contract of ``sessionfs.protocols``, kept in plain files.

Opens a root, checks what it is asked, and wires the rest. Every check comes before the first write.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, overload
from uuid import UUID

from . import validation
from .errors import CorruptObjectError, InvalidRequestError, NotFoundError
from .format.ids import hash12_of
from .format.timestamps import wall_clock
from .fs import files
from .fs.files import MAX_BYTES, Durability, Files, StrPath
from .messages import stats
from .messages.codec import encode_messages, encode_metadata
from .models import (
    BackendInfo,
    BackendKind,
    ChatMessage,
    Checkpoint,
    CheckpointSummary,
    CreateCheckpointRequest,
    CreateSessionRequest,
    CreateSessionResult,
    Id,
    ImportSessionRequest,
    ImportSessionResult,
    IndexState,
    ListCheckpointsQuery,
    ListCheckpointsResult,
    ListSessionsQuery,
    ListSessionsResult,
    MergeResult,
    Message,
    MessageT,
    PurgeResult,
    RelocateResult,
    SearchQuery,
    SearchResult,
    Session,
    SessionStats,
    SessionStatus,
    UpdateSessionRequest,
    VerifyResult,
)
from .models.events import RELIST_SECONDS
from .models.maintenance import Progress
from .queries import listing, load
from .queries.listing import CheckpointRow
from .queries.load import Loader
from .store import chains, checkpoints, dependents, imports
from .store.objects import ObjectCache
from .store.root import Root
from .store.session import Environment, SessionDirectory
from .store.state_cache import StateCache
from .store.view import SessionView
from .watch import Watcher

if TYPE_CHECKING:
    from .index import Index, Watch

_AnyWatcher = TypeVar("_AnyWatcher", bound="Watch")

_CACHE_BYTES = 64 << 20
_WATCH_CACHE_BYTES = 16 << 20
_STATE_BYTES = 16 << 20
"""Bytes of packed messages; as Python values they take a few times as much."""
_EVERYTHING = ListSessionsQuery(limit=1 << 60)


class FileStorage(Generic[MessageT]):
    """Sessions in a directory of plain files; see ``spec/format/FORMAT.md`` for what lies where.

    Any number of storages, threads and processes may use one root at the same time. Reading changes
    nothing, and a root that does not exist is an empty store until the first session is created.

    ``FileStorage("store")`` reads messages as ``ChatMessage``. With ``message_type=dict`` they are
    dicts, and type checkers know it: the storage is a ``FileStorage[dict[str, Any]]``.
    """

    @overload
    def __init__(
        self: FileStorage[ChatMessage],
        root: StrPath,
        *,
        durability: Durability = "full",
        index_dir: StrPath | None = None,
        max_object_bytes: int = MAX_BYTES,
    ) -> None: ...

    @overload
    def __init__(
        self: FileStorage[dict[str, Any]],
        root: StrPath,
        *,
        durability: Durability = "full",
        index_dir: StrPath | None = None,
        message_type: type[dict[Any, Any]],
        max_object_bytes: int = MAX_BYTES,
    ) -> None: ...

    @overload
    def __init__(
        self,
        root: StrPath,
        *,
        durability: Durability = "full",
        index_dir: StrPath | None = None,
        message_type: type[MessageT],
        max_object_bytes: int = MAX_BYTES,
    ) -> None: ...

    def __init__(
        self,
        root: StrPath,
        *,
        durability: Durability = "full",
        index_dir: StrPath | None = None,
        message_type: type[Any] = ChatMessage,
        max_object_bytes: int = MAX_BYTES,
    ) -> None:
        """Open a store.

        Args:
            root: the directory of the store. ``~`` is not expanded.
            durability: "full": what a method has written when it returns survives a power cut.
                "relaxed": it survives the end of the process; faster.
            index_dir: where to keep the index, a cache that makes listing and search fast; None: in the
                user's cache directory.
            message_type: the type that messages are read as: ``ChatMessage``, ``dict``, or a
                ``msgspec.Struct`` of your own declared with ``dict=True``. A message that does not fit
                is read as a dict.
            max_object_bytes: the largest record that is written or read, in bytes: a message, or the
                messages that one checkpoint stores. It keeps a hostile store from taking all memory.

        Raises:
            FormatError: the store needs a newer version of this package.
            InvalidRequestError: an argument is not one of the above, or the root is not a directory.

        """
        if durability not in ("full", "relaxed"):
            raise InvalidRequestError(f'durability must be "full" or "relaxed", not {durability!r}')
        path = validation.path(root, "root")
        if files.is_other_than_directory(path):
            raise InvalidRequestError(f"{path} is not a directory", path=path)
        writer = Files(durability, validation.positive(max_object_bytes, "max_object_bytes"))
        self._root = Root(path, writer)
        index_parent = None if index_dir is None else validation.path(index_dir, "index_dir")
        self._options: dict[str, Any] = {
            "durability": durability,
            "index_dir": index_parent,
            "message_type": message_type,
            "max_object_bytes": max_object_bytes,
        }
        self._made: dict[str, Index] = {}
        self._environment = Environment(writer, ObjectCache(_CACHE_BYTES), wall_clock, self._wrote)
        self._views = Loader(message_type)
        self._states = StateCache(self._views.codec, _STATE_BYTES)
        self._grown: set[UUID] = set()
        self._root.check_readable()

    def __reduce__(self) -> tuple[Callable[[], Self], tuple[()]]:
        """Pickle the arguments: unpickling opens the same root."""
        return partial(type(self), self._root.path, **self._options), ()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release memory and close the index. There is never anything left to write."""
        self._environment.cache.clear()
        self._states.clear()
        index = self._made.get("index")
        if index is not None:
            index.close()

    @property
    def root(self) -> str:
        """The directory of the store, as an absolute path."""
        return self._root.path

    def backend_info(self) -> BackendInfo:
        """Return which backend this is, and the path of its root."""
        return BackendInfo(BackendKind.LOCAL, store_path=self._root.path)

    def session_path(self, session_id: Id) -> str:
        """Return the directory of a session, for use by hand."""
        session_id = validation.uuid(session_id, "session_id")
        directory = self._directory(session_id)
        self._require(directory)
        return directory.path

    def checkpoint_path(self, checkpoint_id: Id) -> str:
        """Return the object file of a checkpoint, for use by hand."""
        checkpoint_id = validation.uuid(checkpoint_id, "checkpoint_id")
        directory, sha = self._find(checkpoint_id)
        return directory.objects.path(sha)

    # Sessions

    def session_ids(self) -> list[UUID]:
        """Return the ids of all sessions here, in ascending order; no file of theirs is read."""
        return self._root.session_ids()

    def list_sessions(self, query: ListSessionsQuery | None = None) -> ListSessionsResult:
        """Return a page of the sessions that match, newest ``updated_at`` first.

        A session that is damaged or has not arrived as a whole is listed with its ``problem``.
        """
        checked = listing.check(query if query is not None else ListSessionsQuery())
        return self._index.list_sessions(checked)

    def get_session(self, session_id: Id) -> Session[MessageT]:
        """Return a session, deleted ones too, with its active checkpoint and that one's state.

        Raises NotFoundError, IncompleteError, or CorruptObjectError: never an empty session in the
        place of one that cannot be read.
        """
        session_id = validation.uuid(session_id, "session_id")
        view = self._directory(session_id).look()
        with dependents.naming_dependents(view):
            return self._views.session(view)

    def create_session(self, request: CreateSessionRequest) -> CreateSessionResult[MessageT]:
        """Create a session with its first checkpoint; all of it or nothing."""
        validation.request(request, CreateSessionRequest)
        metadata = encode_metadata(request.metadata)
        encoded = encode_messages(request.messages)
        facts = imports.new_facts(request.title, request.visibility, request.cwd)
        return self._create(facts, encoded, metadata)

    def update_session(self, session_id: Id, request: UpdateSessionRequest) -> Session[MessageT]:
        """Set what the request names, and return the session; errors as for ``get_session``."""
        session_id = validation.uuid(session_id, "session_id")
        validation.request(request, UpdateSessionRequest)
        facts = imports.changed_facts(request)
        self._root.writing(session_id)
        session = self.get_session(session_id)
        if not facts:
            return session
        self._directory(session_id).set_facts(facts)
        return self.get_session(session_id)

    def delete_session(self, session_id: Id) -> None:
        """Mark a session as deleted. Everything stays readable."""
        session_id = validation.uuid(session_id, "session_id")
        self._set_status(session_id, SessionStatus.DELETED)

    def restore_session(self, session_id: Id) -> None:
        """Undo ``delete_session``."""
        session_id = validation.uuid(session_id, "session_id")
        self._set_status(session_id, SessionStatus.ACTIVE)

    def fork_session(
        self, session_id: Id, *, checkpoint_id: Id | None = None, title: str | None = None
    ) -> CreateSessionResult[MessageT]:
        """Create a session that starts from a checkpoint of another one.

        Args:
            session_id: the session to start from; it stays as it is.
            checkpoint_id: one of its checkpoints; None: the active one.
            title: of the new session; None: the same.

        """
        session_id = validation.uuid(session_id, "session_id")
        checkpoint_id = validation.uuid_or_none(checkpoint_id, "checkpoint_id")
        directory = self._directory(session_id)
        view = directory.look()
        if checkpoint_id is None:
            chain = view.active()
        else:
            chain = view.open(checkpoints.require(view, checkpoint_id))
        origin = view.facts()
        name = origin.title if title is None else title
        facts = imports.new_facts(name, origin.visibility, origin.cwd)
        facts["forked_from"] = {"session": str(session_id), "checkpoint": chain[0].sha}
        self._views.state(view, chain)  # what cannot be read is not written once more
        encoded = chains.read_messages(view.objects, chain)
        return self._create(facts, encoded, chain[0].checkpoint.metadata)

    def import_session(self, request: ImportSessionRequest) -> ImportSessionResult:
        """Store a session that was made elsewhere, with its own id and times.

        The same request stores the same bytes, so a second time nothing changes. Checkpoints that
        are not here yet are added; what was done to the session here since stays active. A function
        instead of the checkpoints is passed how far the last import had come, and continues from
        there: what it gives becomes a branch if the session was continued here.
        """
        validation.request(request, ImportSessionRequest)
        plan, facts = imports.plan_import(request)
        directory = self._directory(validation.uuid(request.session_id, "session_id"))
        return imports.import_history(self._root, directory, self._environment, request, plan, facts)

    # Checkpoints

    def list_checkpoints(
        self, session_id: Id, query: ListCheckpointsQuery | None = None
    ) -> ListCheckpointsResult[MessageT]:
        """Return a page of a session's checkpoints, oldest first.

        One whose state cannot be opened is listed with its ``problem``.
        """
        session_id = validation.uuid(session_id, "session_id")
        query = query if query is not None else ListCheckpointsQuery()
        validation.request(query, ListCheckpointsQuery)
        wanted = validation.page(query.limit, query.offset)
        directory, with_state = self._directory(session_id), bool(query.include_state)
        recorded = self._index.checkpoints(session_id, wanted)
        if recorded is not None:
            shown, total = recorded
            page = self._views.checkpoints(directory.look(), shown, with_state=with_state)
            return ListCheckpointsResult(page, total)
        view = self._require(directory)
        found, damage = listing.checkpoints(view)
        if not found:
            self._require(directory)  # it may have been purged while it was read
        some = [CheckpointRow.of(*each) for each in found[wanted]]
        page = self._views.checkpoints(view, some, with_state=with_state)
        return ListCheckpointsResult(page, len(found), [error.message for error in damage])

    def list_metadata(self, session_id: Id) -> dict[UUID, dict[str, Any] | None]:
        """Return the metadata of each checkpoint of a session, without reading the messages.

        Oldest first. Damaged checkpoints are left out: ``list_checkpoints`` reports them.
        """
        session_id = validation.uuid(session_id, "session_id")
        return load.all_metadata(self._require(self._directory(session_id)))

    def get_checkpoint(self, checkpoint_id: Id, *, partial: bool = False) -> Checkpoint[MessageT]:
        """Return a checkpoint by its id alone.

        Raises NotFoundError, IncompleteError, or CorruptObjectError, which names the damaged file and
        the checkpoints that need it.

        Args:
            checkpoint_id: the checkpoint.
            partial: return what can be read also where files that the state needs are damaged or have
                not arrived: ``gaps`` tells which messages are not in it. The checkpoint's own file
                must be sound.

        """
        checkpoint_id = validation.uuid(checkpoint_id, "checkpoint_id")
        directory, sha = self._find(checkpoint_id)
        view = directory.look()
        if partial:
            return self._views.partial(view, sha)
        with dependents.naming_dependents(view):
            return self._views.opened(view, sha)

    def get_active_checkpoint(self, session_id: Id) -> Checkpoint[MessageT]:
        """Return a session's active checkpoint. The same errors as ``get_session``."""
        session_id = validation.uuid(session_id, "session_id")
        view = self._directory(session_id).look()
        with dependents.naming_dependents(view):
            return self._views.active(view)

    def create_checkpoint(
        self,
        session_id: Id,
        request: CreateCheckpointRequest,
        *,
        expected_active: Id | None = None,
    ) -> Checkpoint[MessageT]:
        """Store a whole state as a checkpoint, and make it active.

        What it shares with its parent, or else with the active checkpoint, is not stored again.

        Args:
            session_id: the session.
            request: the state, and the checkpoint that it follows, one of the same session.
            expected_active: raise ConflictError, and change nothing, if another checkpoint is active.

        """
        session_id = validation.uuid(session_id, "session_id")
        expected_active = validation.uuid_or_none(expected_active, "expected_active")
        validation.request(request, CreateCheckpointRequest)
        metadata = encode_metadata(request.metadata)
        directory = self._growing(session_id)
        parent_id = validation.uuid_or_none(request.parent_id, "parent_id")
        state = self._states.given(session_id, request.messages)
        sha, built = checkpoints.put_state(directory, state, metadata, parent_id, expected_active)
        return load.build_checkpoint(directory, sha, built, state.stored(sha))

    def append_messages(
        self,
        session_id: Id,
        messages: Sequence[Message],
        *,
        metadata: dict[str, Any] | None = None,
        expected_active: Id | None = None,
    ) -> CheckpointSummary[MessageT]:
        """Store the active checkpoint's messages and these as a checkpoint, and make it active.

        The cost does not depend on how long the session is. Metadata is not inherited.

        Args:
            session_id: the session.
            messages: the new messages; may be empty.
            metadata: a JSON object that the checkpoint carries.
            expected_active: raise ConflictError, and change nothing, if another checkpoint is active.

        """
        session_id = validation.uuid(session_id, "session_id")
        expected_active = validation.uuid_or_none(expected_active, "expected_active")
        encoded = encode_messages(messages)
        raw_metadata = encode_metadata(metadata)
        directory = self._growing(session_id)
        sha, built = checkpoints.append(directory, encoded, raw_metadata, expected_active)
        return load.summary(session_id, CheckpointRow.of(sha, built))

    def set_active_checkpoint(self, session_id: Id, checkpoint_id: Id) -> CheckpointSummary[MessageT]:
        """Make a checkpoint of the session active: rewind to an older one, or redo.

        It becomes the only head: where writers met that had not seen each other, this settles it.
        """
        session_id = validation.uuid(session_id, "session_id")
        checkpoint_id = validation.uuid(checkpoint_id, "checkpoint_id")
        directory = self._writable(session_id)
        sha, checkpoint = checkpoints.activate(directory, checkpoint_id)
        return load.summary(session_id, CheckpointRow.of(sha, checkpoint))

    def get_session_stats(self, session_id: Id) -> SessionStats:
        """Return figures counted from the messages of the active checkpoint."""
        session_id = validation.uuid(session_id, "session_id")
        return load.session_stats(self._directory(session_id))

    def get_store_stats(self, query: ListSessionsQuery | None = None) -> SessionStats:
        """Return the figures of all sessions together, or of those that a query's filters match.

        Limit, offset and cursor of the query do not count. A session that cannot be read is counted
        in ``unreadable_sessions``.
        """
        checked = listing.check(query if query is not None else ListSessionsQuery())
        matching = (each for each in self._index.scan() if listing.matches(each, checked))
        return stats.combined(
            load.session_stats_or_unreadable(self._directory(each.id)) for each in matching
        )

    def search(self, query: SearchQuery) -> SearchResult:
        """Search the messages and titles of all sessions for a text; exact and case-insensitive.

        The first search of a large store indexes it, which takes a while: see ``update_index``.
        """
        from .queries import search

        return self._index.search(search.check(query))

    def watch(self, *, relist_seconds: float = RELIST_SECONDS) -> Watcher:
        """Return an iterator over what changes in the store from now on, by whichever process or tool.

        To be closed, or used in a ``with`` block. While it is open, listing and search in this storage
        look at what changed and at nothing else: what this storage writes they tell at once, what
        others write to a session a tenth of a second later.

        Args:
            relist_seconds: how often to compare everything, for what the system gave no notice of.

        """
        return self._watching(Watcher, relist_seconds)

    # What looks after a store

    def update_index(self, on_session: Progress | None = None, *, workers: int = 1) -> bool:
        """Do now what the next listing and search would; False where the index cannot be written.

        Args:
            on_session: called with how many of how many changed sessions have been read.
            workers: so many processes read a large store; above 1 as for ``ProcessPoolExecutor``.

        """
        return self._index.update(on_session, validation.positive(workers, "workers"))

    def rebuild_index(self, on_session: Progress | None = None, *, workers: int = 1) -> bool:
        """Throw the index away, which is never needed, and make it anew as ``update_index`` does."""
        return self._index.rebuild(on_session, validation.positive(workers, "workers"))

    def index_state(self) -> IndexState:
        """Return where the index is and what it holds."""
        return self._index.state()

    def relocate(self, old: str, new: str, *, dry_run: bool = False) -> RelocateResult:
        """Tell all sessions at or below a directory that it has another path now.

        ``update_session`` does that for one session. Deleted sessions are told too, and those whose
        messages cannot be read. Where ``new`` is inside ``old``, sessions that are there already stay,
        so that this can be interrupted and repeated; where ``old`` is inside ``new``, a second time
        moves again those that are still at or below ``old``.

        Args:
            old: the directory as sessions carry it: an absolute path; nothing is expanded.
            new: the path that it has now.
            dry_run: change nothing, and only return what would be done.

        """
        from .maintenance.relocate import Move, relocate

        move = Move(validation.text(old, "old"), validation.text(new, "new"))
        self._root.check_writable()
        directories = map(self._directory, self._root.session_ids())
        return relocate(self._root, directories, move, dry_run=dry_run)

    def verify(
        self,
        *,
        session_ids: Sequence[Id] | None = None,
        read_all: bool = False,
        sample: float = 1.0,
        on_session: Progress | None = None,
    ) -> VerifyResult:
        """Check every file of the store, and report damaged, missing and odd ones. Changes nothing.

        Every object that a checkpoint is made of is read and verified; large messages have to be there.

        Args:
            session_ids: look at these sessions alone; None: at all.
            read_all: read and verify large messages too.
            sample: the part of the objects, chosen at random, that is read: above 0, at most 1.
            on_session: called with how many of how many sessions are done.

        """
        return self._checkup(session_ids, read_all, sample, on_session, [], repairing=False)

    def repair(
        self,
        *,
        sources: Sequence[StrPath] = (),
        session_ids: Sequence[Id] | None = None,
        read_all: bool = False,
        sample: float = 1.0,
        on_session: Progress | None = None,
    ) -> VerifyResult:
        """Do what ``verify`` does, and repair what it finds. Only purged files are deleted.

        Bytes are taken from wherever they prove themselves by their hash: foreign files in the session,
        a file whose line ends were changed, other stores. Damaged files are set aside. What was done is
        ``repaired`` in the result, beside the problems that remain.

        Args:
            sources: the roots of other stores that may have sound copies.
            session_ids: look at these sessions alone; None: at all.
            read_all: read and verify large messages too.
            sample: the part of the objects, chosen at random, that is read: above 0, at most 1.
            on_session: called with how many of how many sessions are done.

        Raises:
            FormatError: the store or a source is of a newer version: nothing is done.
            InvalidRequestError: a source is not a sessionfs store.

        """
        with suppress(CorruptObjectError):  # a damaged header is among what can be repaired
            self._root.check_format()
        elsewhere = [self._source(source, "sources") for source in sources]
        return self._checkup(session_ids, read_all, sample, on_session, elsewhere, repairing=True)

    def merge_from(self, other_root: StrPath, *, on_session: Progress | None = None) -> MergeResult:
        """Merge another store into this one: the union of both, each file verified.

        A sync tool does the same by copying files, and needs no command. This method refuses damaged
        files, leaves out purged ones, and reports what it brought. The other store is only read. It
        can be interrupted and repeated: each file appears as a whole, and new sessions do.

        Args:
            other_root: the root of the other store.
            on_session: called with how many of how many sessions are done.

        Raises:
            FormatError: one of the stores is of a newer version: nothing is copied.
            InvalidRequestError: the other one is not a sessionfs store, or is this one.

        """
        # What few programs need is loaded when it is needed.
        from .maintenance.merge import Merge

        self._root.check_writable()
        source = Root(self._source(other_root, "other_root"), self._environment.files)
        reading = self._environment._replace(
            files=self._environment.files.not_sweeping(), cache=ObjectCache(0)
        )
        return Merge(self._root, self._environment, source, reading).run(on_session)

    def purge_session(
        self, session_id: Id, *, force: bool = False, dry_run: bool = False
    ) -> PurgeResult:
        """Remove a deleted session's checkpoints and messages for good, here and wherever it is synced.

        A record with the hashes of what was seen stays: what comes back from other machines is hidden,
        and ``repair`` removes it there. Work that was not seen brings the session back, with what it
        stands on and a ``problem`` that says so. Title and directory stay in the session's records. The
        index, which has the text of messages, is thrown away on this machine.

        Args:
            session_id: a session whose status is DELETED, or one that was purged and whose files came
                back.
            force: also in a git or Mercurial work tree, whose history holds what was committed.
            dry_run: change nothing.

        Raises:
            InvalidRequestError: the session is not deleted, or in a work tree of git or Mercurial.

        """
        from .maintenance import purge

        session_id = validation.uuid(session_id, "session_id")
        directory = self._directory(session_id)
        self._root.writing(session_id)
        if not force:
            purge.refuse_in_work_tree(self._root.path, directory)
        done = purge.purge(directory, dry_run=dry_run)
        if not dry_run:
            self._environment.cache.clear()
            self._states.clear()
            self._index.discard()
        return done

    # What the methods share

    @property
    def _index(self) -> Index:
        """The index; made when something is listed or searched, as is what it takes to do so loaded."""
        made = self._made.get("index")
        if made is None:
            from .index import Index

            made = Index(self._root, self._options["index_dir"], self._directory)
            made = self._made.setdefault("index", made)  # another thread may have been first
        return made

    def _wrote(self, session_id: UUID) -> None:
        index = self._made.get("index")
        if index is not None:  # else nobody has read what this changes
            index.notices.mark(session_id)

    def _directory(self, session_id: UUID) -> SessionDirectory:
        path = self._root.session_path(session_id)
        return SessionDirectory(path, session_id, self._environment)

    def _require(self, directory: SessionDirectory) -> SessionView:
        """Return a look at a session; NotFoundError if nothing of it is here."""
        view = directory.look()
        if not view.exists():
            raise NotFoundError(f"session {view.id} does not exist")
        return view

    def _find(self, checkpoint_id: UUID) -> tuple[SessionDirectory, str]:
        holding = self._index.sessions_holding(hash12_of(checkpoint_id))
        return checkpoints.find(map(self._directory, holding), checkpoint_id)

    def _writable(self, session_id: UUID) -> SessionDirectory:
        directory = self._directory(session_id)
        self._require(directory)
        self._root.writing(session_id)
        return directory

    def _growing(self, session_id: UUID) -> SessionDirectory:
        """Return a session for something that looks itself whether the session is still there."""
        directory = self._directory(session_id)
        if session_id not in self._grown:
            self._require(directory)
            self._grown.add(session_id)
        self._root.writing(session_id)
        return directory

    def _watching(self, kind: Callable[..., _AnyWatcher], relist_seconds: float) -> _AnyWatcher:
        seconds = validation.seconds(relist_seconds, "relist_seconds")

        def directory(session_id: UUID) -> SessionDirectory:
            # It remembers nothing from one look to the next: what vanishes or is damaged shows.
            apart = self._environment._replace(cache=ObjectCache(_WATCH_CACHE_BYTES))
            return SessionDirectory(self._root.session_path(session_id), session_id, apart)

        watch = kind(
            self._root.path,
            directory,
            self._root.session_ids,
            baseline=lambda: self._index.list_sessions(_EVERYTHING).sessions,
            relist_seconds=seconds,
        )
        self._index.notices.add(watch)  # which relies on it while it is open
        return watch

    def _create(
        self, facts: dict[str, Any], encoded: list[bytes], metadata: bytes | None
    ) -> CreateSessionResult[MessageT]:
        session_id, sha = imports.start_session(self._root, self._environment, facts, encoded, metadata)
        directory = self._directory(session_id)
        checkpoint = self._views.opened(directory.look(), sha)
        return CreateSessionResult(session_id, checkpoint)

    def _set_status(self, session_id: UUID, status: SessionStatus) -> None:
        directory = self._writable(session_id)
        with directory.exclusive():  # a purge looks at the status, and is not to be overtaken
            known = directory.look().facts()
            # A damaged record may say otherwise once it is mended, and must not win then.
            if known.status != status or known.damage is not None:
                directory.set_facts({"status": status})
            else:
                directory.refs.sync()  # whoever set it may have been killed before it was on the disk
            self._require(directory)

    def _checkup(
        self,
        session_ids: Sequence[Id] | None,
        read_all: bool,
        sample: float,
        on_session: Progress | None,
        sources: list[str],
        *,
        repairing: bool,
    ) -> VerifyResult:
        # What few programs need is loaded when it is needed.
        from .maintenance.doctor import Checkup, ReadingScope

        reading = ReadingScope(read_all, validation.part(sample, "sample"))
        checkup = Checkup(self._root, self._environment, reading, sources, repairing=repairing)
        if session_ids is None:
            return checkup.run(self._root.session_ids(), on_session)
        ids = dict.fromkeys(validation.uuid(each, "session_ids") for each in session_ids)
        sessions = [self._require(self._directory(each)).id for each in ids]
        return checkup.run(sessions, on_session, whole=False)

    def _source(self, source: StrPath, name: str) -> str:
        """Return the root of another store, which is of no newer version."""
        path = validation.path(source, name)
        other = Root(path, self._environment.files)
        if not other.is_store():
            raise InvalidRequestError(
                f"{path} is not a sessionfs store (no sessionfs.json, no sessions/)", path=path
            )
        with suppress(CorruptObjectError):  # its records verify themselves
            other.check_format()
        return path
