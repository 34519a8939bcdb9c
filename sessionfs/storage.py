"""FileStorage: the contract of ``sessionfs.contract``, kept in plain files.

Opens a root, checks what it is asked, and wires the rest. Every check comes before the first write.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from . import bulk, checkpointing, checks, history, listing, needs, stats, views
from .files import MAX_BYTES, Durability, StrPath
from .listing import Listed
from .messages import encode_messages, encode_metadata
from .models import (
    BackendInfo,
    BackendKind,
    ChatMessage,
    Checkpoint,
    CheckpointSummary,
    CreateCheckpointRequest,
    CreateSessionRequest,
    CreateSessionResult,
    ImportSessionRequest,
    ImportSessionResult,
    ListCheckpointsQuery,
    ListCheckpointsResult,
    ListSessionsQuery,
    ListSessionsResult,
    Message,
    SearchQuery,
    SearchResult,
    Session,
    SessionStats,
    SessionStatus,
    UpdateSessionRequest,
)
from .models.events import RELIST_SECONDS
from .upkeep import Upkeep
from .watch import Watcher

if TYPE_CHECKING:
    from .watch.opening import AnyWatcher


class FileStorage(Upkeep):
    """Sessions in a directory of plain files; see ``spec/FORMAT.md`` for what lies where.

    Any number of storages, threads and processes may use one root at a time. Reading changes
    nothing, and a root that does not exist is an empty store until the first session is created.

    Args:
        root: the directory of the store. ``~`` is not expanded.
        durability: "full": what a method has written when it returns survives a power cut.
            "relaxed": it survives the end of the process; faster.
        index_dir: where to keep the index, which only makes listing fast and may be lost at any
            time; None: in the user's cache directory.
        message_type: as what messages are read: ``ChatMessage``, ``dict``, or a ``msgspec.Struct``
            of your own declared with ``dict=True``. A message that does not fit is read as a dict.
        max_object_bytes: the largest record, a message or a checkpoint's own messages together, that
            is written or read; a limit against what would take all memory.

    Raises:
        FormatError: the store needs a newer version of this package to be read.
        InvalidRequestError: an argument is none of the above.

    """

    def __init__(
        self,
        root: StrPath,
        *,
        durability: Durability = "full",
        index_dir: StrPath | None = None,
        message_type: type[Any] = ChatMessage,
        max_object_bytes: int = MAX_BYTES,
    ) -> None:
        super().__init__(root, durability, index_dir, message_type, max_object_bytes)

    def backend_info(self) -> BackendInfo:
        """Return which backend this is, and the path of its root."""
        return BackendInfo(BackendKind.LOCAL, store_path=self._root.path)

    def session_path(self, session_id: UUID) -> str:
        """Return the directory of a session, for use by hand."""
        return self._existing(session_id).path

    def checkpoint_path(self, checkpoint_id: UUID) -> str:
        """Return the object file of a checkpoint, for use by hand."""
        directory, sha = self._find(checkpoint_id)
        return directory.objects.path(sha)

    # Sessions

    def list_sessions(self, query: ListSessionsQuery | None = None) -> ListSessionsResult:
        """Return a page of the sessions that match, newest ``updated_at`` first.

        A session that is damaged or has not arrived as a whole is listed with its ``problem``.
        """
        checked = listing.check(query if query is not None else ListSessionsQuery())
        return self._index.list_sessions(checked)

    def get_session(self, session_id: UUID) -> Session:
        """Return a session, deleted ones too, with its active checkpoint and that one's state.

        Raises NotFoundError, IncompleteError, or CorruptObjectError: never an empty session in the
        place of one that cannot be read.
        """
        directory = self._directory(session_id)
        with needs.named(directory):
            return self._views.session(directory)

    def create_session(self, request: CreateSessionRequest) -> CreateSessionResult:
        """Create a session with its first checkpoint; all of it or nothing."""
        checks.request(request, CreateSessionRequest)
        metadata = encode_metadata(request.metadata)
        encoded = encode_messages(request.messages)
        facts = bulk.new_facts(request.title, request.visibility, request.cwd)
        return self._create(facts, encoded, metadata)

    def update_session(self, session_id: UUID, request: UpdateSessionRequest) -> Session:
        """Set what the request names, and return the session; errors as for ``get_session``."""
        checks.request(request, UpdateSessionRequest)
        facts = bulk.changed_facts(request)
        self._root.check_writable(session_id)
        session = self.get_session(session_id)
        if not facts:
            return session
        self._root.settle(session_id)
        self._directory(session_id).set_facts(facts)
        return self.get_session(session_id)

    def delete_session(self, session_id: UUID) -> None:
        """Mark a session as deleted. Everything stays readable."""
        self._set_status(session_id, SessionStatus.DELETED)

    def restore_session(self, session_id: UUID) -> None:
        """Undo ``delete_session``."""
        self._set_status(session_id, SessionStatus.ACTIVE)

    def fork_session(
        self, session_id: UUID, *, checkpoint_id: UUID | None = None, title: str | None = None
    ) -> CreateSessionResult:
        """Create a session that starts from a checkpoint of another one.

        Args:
            session_id: the session to start from; it stays as it is.
            checkpoint_id: one of its checkpoints; None: the active one.
            title: of the new session; None: the same.

        """
        directory = self._directory(session_id)
        refs = directory.names()
        if checkpoint_id is None:
            chain = directory.active(refs)
        else:
            chain = directory.open(checkpointing.require(directory, checkpoint_id))
        origin = directory.refs.facts(refs)
        name = origin.title if title is None else title
        facts = bulk.new_facts(name, origin.visibility, origin.cwd)
        facts["forked_from"] = {"session": str(session_id), "checkpoint": chain[0].sha}
        self._views.state(directory, chain)  # what cannot be read is not written once more
        encoded = history.messages(directory.objects, chain)
        return self._create(facts, encoded, chain[0].checkpoint.metadata)

    def import_session(self, request: ImportSessionRequest) -> ImportSessionResult:
        """Store a session that was made elsewhere, with its own id and times.

        The same request stores the same bytes, so a second time nothing changes. Checkpoints that
        are not here yet are added; what was done to the session here since stays active. A function
        in the place of the checkpoints is told how far the last import had come, and goes on from
        there: what it gives becomes a branch if the session was continued here.
        """
        checks.request(request, ImportSessionRequest)
        plan, facts = bulk.plan(request)
        self._root.check_writable(request.session_id)
        directory = self._directory(request.session_id)
        return bulk.bring_in(self._root, directory, self._environment, request, plan, facts)

    # Checkpoints

    def list_checkpoints(
        self, session_id: UUID, query: ListCheckpointsQuery | None = None
    ) -> ListCheckpointsResult:
        """Return a page of a session's checkpoints, oldest first.

        One whose state cannot be opened is listed with its ``problem``.
        """
        query = query if query is not None else ListCheckpointsQuery()
        checks.request(query, ListCheckpointsQuery)
        wanted = checks.page(query.limit, query.offset)
        directory, with_state = self._directory(session_id), bool(query.include_state)
        recorded = self._index.checkpoints(session_id, wanted)
        if recorded is not None:
            shown, total = recorded
            page = self._views.checkpoints(directory, shown, with_state=with_state)
            return ListCheckpointsResult(page, total)
        found, damage = listing.checkpoints(self._existing(session_id))
        some = [Listed.of(*each) for each in found[wanted]]
        page = self._views.checkpoints(directory, some, with_state=with_state)
        return ListCheckpointsResult(page, len(found), [error.message for error in damage])

    def list_metadata(self, session_id: UUID) -> dict[UUID, dict[str, Any] | None]:
        """Return the metadata of each checkpoint of a session, without reading the messages.

        Oldest first; what is damaged is left out: ``list_checkpoints`` tells of it.
        """
        return views.all_metadata(self._existing(session_id))

    def get_checkpoint(self, checkpoint_id: UUID, *, partial: bool = False) -> Checkpoint:
        """Return a checkpoint by its id alone.

        Raises NotFoundError, IncompleteError, or CorruptObjectError, which names the damaged file and
        the checkpoints that need it.

        Args:
            checkpoint_id: the checkpoint.
            partial: return what can be read also where files that the state needs are damaged or have
                not arrived: ``gaps`` tells which messages are not in it. The checkpoint's own file
                must be sound.

        """
        directory, sha = self._find(checkpoint_id)
        if partial:
            return self._views.partial(directory, sha)
        with needs.named(directory):
            return self._views.opened(directory, sha)

    def get_active_checkpoint(self, session_id: UUID) -> Checkpoint:
        """Return a session's active checkpoint. The same errors as ``get_session``."""
        directory = self._directory(session_id)
        with needs.named(directory):
            return self._views.active(directory)

    def create_checkpoint(
        self,
        session_id: UUID,
        request: CreateCheckpointRequest,
        *,
        expected_active: UUID | None = None,
    ) -> Checkpoint:
        """Store a whole state as a checkpoint, and make it active.

        What it shares with its parent, or else with the active checkpoint, is not stored again.

        Args:
            session_id: the session.
            request: the state, and the checkpoint that it follows, one of the same session.
            expected_active: raise ConflictError, and leave what is active, if that is another one.

        """
        checks.request(request, CreateCheckpointRequest)
        metadata = encode_metadata(request.metadata)
        directory = self._growing(session_id)
        state = self._states.given(session_id, request.messages)
        sha, built = checkpointing.put_state(
            directory, state, metadata, request.parent_id, expected_active
        )
        return views.made(directory, sha, built, state.stored(sha))

    def append_messages(
        self,
        session_id: UUID,
        messages: Sequence[Message],
        *,
        metadata: dict[str, Any] | None = None,
        expected_active: UUID | None = None,
    ) -> CheckpointSummary:
        """Store the active checkpoint's messages and these as a checkpoint, and make it active.

        The cost does not depend on how long the session is. Metadata is not inherited.

        Args:
            session_id: the session.
            messages: what is new; may be empty.
            metadata: a JSON object that the checkpoint carries.
            expected_active: raise ConflictError, and leave what is active, if that is another one.

        """
        encoded = encode_messages(messages)
        raw_metadata = encode_metadata(metadata)
        directory = self._growing(session_id)
        sha, built = checkpointing.append(directory, encoded, raw_metadata, expected_active)
        return views.summary(session_id, Listed.of(sha, built))

    def set_active_checkpoint(self, session_id: UUID, checkpoint_id: UUID) -> CheckpointSummary:
        """Make a checkpoint of the session active: rewind to an older one, or redo.

        It becomes the only head: where writers met that had not seen each other, this settles it.
        """
        directory = self._writable(session_id)
        sha, checkpoint = checkpointing.activate(directory, checkpoint_id)
        return views.summary(session_id, Listed.of(sha, checkpoint))

    def get_session_stats(self, session_id: UUID) -> SessionStats:
        """Return figures counted from the messages of the active checkpoint."""
        return views.stats(self._directory(session_id))

    def get_store_stats(self, query: ListSessionsQuery | None = None) -> SessionStats:
        """Return the figures of all sessions together, or of those that a query's filters match.

        Limit, offset and cursor of the query do not count. A session that cannot be read is counted
        in ``unreadable_sessions``.
        """
        checked = listing.check(query if query is not None else ListSessionsQuery())
        matching = (each for each in self._index.scan() if listing.matches(each, checked))
        return stats.combined(views.stats_or_unreadable(self._directory(each.id)) for each in matching)

    def search(self, query: SearchQuery) -> SearchResult:
        """Find a text in the messages and titles of all sessions, exactly and with letter case aside.

        The first search of a large store indexes it, which takes a while: see ``update_index``.
        """
        from . import searching

        return self._index.search(searching.check(query))

    def watch(self, *, relist_seconds: float = RELIST_SECONDS) -> Watcher:
        """Return an iterator over what changes in the store from now on, by whichever process or tool.

        To be closed, or used in a ``with`` block. While it is open, listing and search in this storage
        look at what changed and at nothing else: what this storage writes they tell at once, what
        others write to a session a tenth of a second later.

        Args:
            relist_seconds: how often to compare everything, for what the system gave no notice of.

        """
        return self._watching(Watcher, relist_seconds)

    # What the methods share

    def _watching(self, kind: Callable[..., AnyWatcher], relist_seconds: float) -> AnyWatcher:
        from .watch.opening import open_watch

        seconds = checks.seconds(relist_seconds, "relist_seconds")
        return open_watch(kind, self._root, self._environment, self._index, seconds)

    def _create(
        self, facts: dict[str, Any], encoded: list[bytes], metadata: bytes | None
    ) -> CreateSessionResult:
        self._root.check_writable()
        session_id, sha = bulk.start(self._root, self._environment, facts, encoded, metadata)
        directory = self._directory(session_id)
        checkpoint = self._views.opened(directory, sha)
        return CreateSessionResult(session_id, checkpoint)

    def _set_status(self, session_id: UUID, status: SessionStatus) -> None:
        directory = self._writable(session_id)
        known = directory.refs.facts(directory.names())
        # A damaged record may say otherwise once it is mended, and must not win then.
        if known.status != status or known.damage is not None:
            directory.set_facts({"status": status})
        else:
            directory.refs.sync()  # whoever set it may have been killed before it was on the disk
