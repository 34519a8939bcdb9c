"""The objects of one session: immutable files named by the SHA-256 of their bytes.

The invariant: bytes that do not match their name are never returned, and never overwritten.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from threading import Lock
from typing import Any

import msgspec

from ..errors import CorruptObjectError, IncompleteError
from ..format import records
from ..format.ids import is_sha256
from ..format.records import (
    CheckpointObject,
    InvalidRecordError,
    MessageObject,
    TypedDecoder,
    element_hash,
    sha256,
)
from ..fs import atfork, files, fingerprints
from ..fs.files import Files
from ..fs.fingerprints import Identity

_SUFFIX = ".json"
_LEAVING = ".json.leaving"
"""The suffix of an object that is about to be removed. Readers ignore it; it may be renamed back."""

MISSING = "is missing (not synced yet, or deleted)"
"""The end of a sentence about a file of a session that is not here."""


class _CachedObject(msgspec.Struct, frozen=True):
    identity: Identity
    checkpoint: CheckpointObject
    size: int


class ObjectCache:
    """Verified checkpoint objects, the most recently used within a budget of bytes.

    Safe to share between threads. Objects are immutable, so what an entry says never goes stale, but
    what is built on an object that is not here any more, or was damaged since it was read, could be
    read by nobody else: each time the file is looked at. Keys are paths: a copy in another session is
    another object.

    Nobody waits for it: a signal handler or a finalizer may come while its thread holds the lock, and
    an object that is not held is read again.
    """

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self.renew()
        atfork.renew_after_fork(self)

    def renew(self) -> None:
        """Begin anew, empty."""
        self._used = 0
        self._entries: OrderedDict[str, _CachedObject] = OrderedDict()
        self._lock = Lock()
        self._clearing = False

    def get(self, path: str) -> CheckpointObject | None:
        """Return the object of this file, if it is held and the file is still the one that was read."""
        entry = self._entries.get(path)
        if entry is None or entry.identity != fingerprints.identity(path):
            return None
        self._used_now(path)
        return entry.checkpoint

    def line(self, sha: str, path_of: Callable[[str], str]) -> dict[str, CheckpointObject]:
        """Return a checkpoint and its bases, as far as they are held and their files are as read."""
        line: dict[str, _CachedObject] = {}
        following: str | None = sha
        while following is not None and following not in line:
            entry = self._entries.get(path_of(following))
            if entry is None:
                break
            line[following] = entry
            following = entry.checkpoint.base
        found: dict[str, CheckpointObject] = {}
        paths = [path_of(each) for each in line]
        for path, (each, entry), now in zip(
            paths, line.items(), fingerprints.identities(paths), strict=True
        ):
            if entry.identity != now:
                break
            self._used_now(path)
            found[each] = entry.checkpoint
        return found

    def _used_now(self, path: str) -> None:
        try:  # noqa: SIM105 - asked for each object of a chain, and three times as fast
            self._entries.move_to_end(path)
        except KeyError:
            pass  # another thread let go of it meanwhile

    def add(self, path: str, identity: Identity, checkpoint: CheckpointObject, size: int) -> None:
        """Hold an object of this many bytes, letting go of the least recently used ones."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            if self._clearing:
                self._clear()
            before = self._entries.pop(path, None)
            self._used -= before.size if before is not None else 0
            if size > self._budget or identity is None:
                return
            self._entries[path] = _CachedObject(identity, checkpoint, size)
            self._used += size
            while self._used > self._budget:
                self._used -= self._entries.popitem(last=False)[1].size
        finally:
            self._lock.release()

    def clear(self) -> None:
        """Let go of everything; while something is added, before the next one is."""
        self._clearing = True
        if self._lock.acquire(blocking=False):
            try:
                self._clear()
            finally:
                self._lock.release()

    def _clear(self) -> None:
        self._clearing = False
        self._entries.clear()
        self._used = 0


class Objects:
    """The ``objects/`` directory of one session.

    Attributes:
        hidden: hashes of objects that count as not here, because they were purged.

    """

    def __init__(
        self,
        directory: str,
        session: str,
        writer: Files,
        cache: ObjectCache,
        hidden: frozenset[str] = frozenset(),
        suffix: str = _SUFFIX,
    ) -> None:
        self.directory = directory
        self._suffix = suffix
        self._inside = directory + files.SEPARATOR
        self._session = session
        self._files = writer
        self._cache = cache
        self.hidden = hidden
        self._buffer = bytearray()

    def hiding(self, hidden: frozenset[str]) -> Objects:
        """Return these objects without those of some hashes."""
        return Objects(self.directory, self._session, self._files, self._cache, hidden, self._suffix)

    def leaving(self) -> Objects:
        """Return the objects that are about to be removed from here, which readers do not see."""
        return Objects(self.directory, self._session, self._files, self._cache, suffix=_LEAVING)

    def path(self, sha: str) -> str:
        """Return where the object with this hash lies."""
        return self._inside + sha + self._suffix

    def sha_of(self, path: str) -> str | None:
        """Return the hash of the object that lies at a path; None: none of this session may."""
        sha = path.removeprefix(self._inside).removesuffix(self._suffix)
        return sha if is_sha256(sha) and self.path(sha) == path else None

    def hashes(self, prefix: str = "") -> list[str]:
        """Return the hashes that names here promise, sorted; only those with this prefix."""
        found = (
            name.removesuffix(self._suffix)
            for name in files.names(self.directory)
            if name.startswith(prefix) and name.endswith(self._suffix)
        )
        return sorted(sha for sha in found if is_sha256(sha) and sha not in self.hidden)

    def put(self, data: bytes) -> str:
        """Store bytes and return their hash; the caller syncs the directory.

        A good file of that name stays as it is; a bad one is set aside first.
        """
        sha = sha256(data)
        path = self.path(sha)
        if files.exists(path):
            if self._holds(path, data):
                return sha
            files.keep_aside(path)
        self._files.publish(self.directory, sha + self._suffix, data)
        return sha

    def move(self, sha: str, to: Objects) -> None:
        """Give an object the name that it has elsewhere, unless it is gone or there already."""
        files.rename_if_free(self.path(sha), to.path(sha))

    def remove(self, sha: str) -> None:
        """Remove an object, if it is there."""
        files.remove(self.path(sha))

    def put_checkpoint(self, checkpoint: CheckpointObject, large: Iterable[bytes] = ()) -> str:
        """Store the objects of large messages and a checkpoint's, and return that one's hash.

        Raises InvalidRequestError, before anything is written, if one of them is above the limit.
        """
        data = records.encode_checkpoint(self._session, checkpoint)
        needed = [*large, data]
        self._files.check_size(max(map(len, needed)))
        *_, sha = [self.put(each) for each in needed]
        path = self.path(sha)
        self._cache.add(path, fingerprints.identity(path), checkpoint, len(data))
        return sha

    def sync(self) -> None:
        """Put the names of what was stored on the disk."""
        self._files.sync_directory(self.directory)

    def checkpoint(self, sha: str) -> CheckpointObject:
        """Return a checkpoint object; IncompleteError or CorruptObjectError names its file."""
        if not self.hidden:
            held = self._cache.get(self._inside + sha + self._suffix)
            if held is not None:
                return held
        found = self.load(sha)
        if found is None:
            raise self._not_a_checkpoint(sha)
        return found

    def held(self, sha: str) -> dict[str, CheckpointObject]:
        """Return a checkpoint and its bases, as far as they are in memory and unchanged on disk."""
        found = self._cache.line(sha, self.path)
        if self.hidden:
            return {each: checkpoint for each, checkpoint in found.items() if each not in self.hidden}
        return found

    def checkpoint_with_messages(
        self, sha: str, typed: TypedDecoder
    ) -> tuple[CheckpointObject, list[Any] | None]:
        """Return what ``checkpoint`` does, and its own messages, large ones as their hashes.

        The messages are the caller's. They are None where they have to be decoded one by one.
        """
        path = self.path(sha)
        self._require_shown(sha)
        held = self._cache.get(path)
        if held is not None:
            stored = held.stored
            return held, typed(stored).messages if isinstance(stored, bytes) else None
        # Before reading: a change in between shows the next time.
        identity = fingerprints.identity(path)
        data = self.read(sha)
        decoded = records.decode_typed(data, self._session, typed, self._buffer)
        checkpoint, messages = decoded or (self._decode(sha, data), None)
        if not isinstance(checkpoint, CheckpointObject):
            raise self._not_a_checkpoint(sha)
        self._cache.add(path, identity, checkpoint, len(data))
        return checkpoint, messages

    def checkpoint_or_none(self, sha: str) -> CheckpointObject | None:
        """Like ``checkpoint``, but None for an object of another kind or one that vanished."""
        try:
            return self.load(sha)
        except IncompleteError:
            return None

    def message(self, sha: str) -> bytes:
        """Return the message that a message object stores; the same errors as ``checkpoint``."""
        found = self.record(sha)
        if not isinstance(found, MessageObject):
            raise self._damaged(sha, "is not a message object", "chain-broken")
        return found.message

    def stored_message(self, sha: str, index: int) -> bytes:
        """Return a message that a checkpoint's own object stores or names; IndexError: it has none."""
        checkpoint = self.checkpoint(sha)
        return self.resolve(checkpoint.elements[index - checkpoint.keep])

    def resolve(self, element: bytes) -> bytes:
        """Return the message that an element of a checkpoint is or names."""
        large = element_hash(element)
        return element if large is None else self.message(large)

    def record(self, sha: str) -> CheckpointObject | MessageObject | None:
        """Return an object read from its file; None: of a kind not known. Errors as before."""
        return self._decode(sha, self.read(sha))

    def require(self, sha: str) -> None:
        """Raise IncompleteError if no object has this name; its bytes are not looked at."""
        if not self.has(sha):
            raise self._missing(sha)

    def has(self, sha: str) -> bool:
        """Tell whether an object has this name; its bytes are not looked at."""
        return sha not in self.hidden and files.exists(self.path(sha))

    def load(self, sha: str) -> CheckpointObject | None:
        """Return a checkpoint object, or None for a sound object of another kind.

        IncompleteError if it is not here or still being written; CorruptObjectError if it is damaged.
        """
        path = self.path(sha)
        self._require_shown(sha)
        held = self._cache.get(path)
        if held is not None:
            return held
        # Before reading: a change in between shows the next time.
        identity = fingerprints.identity(path)
        data = self.read(sha)
        found = self._decode(sha, data)
        if not isinstance(found, CheckpointObject):
            return None
        self._cache.add(path, identity, found, len(data))
        return found

    def read(self, sha: str) -> bytes:
        """Return an object's bytes, which are those that its name promises; errors as before."""
        path = self.path(sha)
        self._require_shown(sha)
        try:
            data = files.read_file(path, self._files.limit)
            if data is not None and sha256(data) == sha:
                return data
            settled = True
            if data is not None:
                data, settled = files.read_settled(path, data, self._files.limit)
        except files.NotRegularError as error:
            raise self._damaged(sha, "is not a regular file", "not-regular") from error
        if data is None:
            raise self._missing(sha)
        if sha256(data) == sha:
            return data
        if not settled:
            raise IncompleteError(f"{path} is still being written", path=path, missing=(path,))
        raise self._damaged(sha, f"holds {len(data)} bytes that do not hash to its name")

    def _decode(self, sha: str, data: bytes) -> CheckpointObject | MessageObject | None:
        try:
            return records.decode_object(data, self._session)
        except InvalidRecordError as error:
            raise self._damaged(sha, f"is not a valid record: {error}", "object-invalid") from error

    def _holds(self, path: str, data: bytes) -> bool:
        """Tell whether a file holds these bytes, or does once a tool has finished writing it."""
        try:
            found = files.read_file(path, self._files.limit)
            if found != data:
                found, _ = files.read_settled(path, found, self._files.limit)
        except (files.NotRegularError, CorruptObjectError):
            return False  # too large, or a bad sector
        return found == data

    def _require_shown(self, sha: str) -> None:
        if sha in self.hidden:
            raise self._missing(sha)

    def _missing(self, sha: str) -> IncompleteError:
        path = self.path(sha)
        why = "was purged" if sha in self.hidden else MISSING
        return IncompleteError(f"{path} {why}", path=path, missing=(path,))

    def _not_a_checkpoint(self, sha: str) -> CorruptObjectError:
        return self._damaged(sha, "is not a checkpoint object", "chain-broken")

    def _damaged(self, sha: str, how: str, finding: str = "object-damaged") -> CorruptObjectError:
        path = self.path(sha)
        return CorruptObjectError(f"{path} {how}", path=path, finding=finding)
