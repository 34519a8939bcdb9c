"""The root of a store: the four fixed files, the sessions directory, and the format's version."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated
from uuid import UUID

import msgspec

from ..errors import CorruptObjectError, FormatError, InvalidRequestError
from ..format.decoders import decoder
from ..format.ids import session_names
from ..fs import files
from ..fs.files import Files

FORMAT = 1
HEADER = "sessionfs.json"
SESSIONS = "sessions"
OBJECTS = "objects"
REFS = "refs"
_READ_PREFIX = "read:"

ROOT_FILES: dict[str, bytes] = {
    HEADER: b'{"format":1,"requires":[]}',
    "README.md": b"""\
# A sessionfs store
This directory holds sessions of AI agents and their checkpoints, as plain files that never change.

    sessions/<id>/objects/<sha256>.json     checkpoints and large messages, named by their bytes
    sessions/<id>/refs/active.<time>-<hash> which checkpoint is active: the highest name wins
    sessions/<id>/refs/meta.<time>-*.json   title, visibility, status, working directory

Read it with jq: the title is in `jq -s 'map(.set) | add' refs/meta.*.json`; a checkpoint's messages
are the first `keep` messages of its `base`, then its `messages`. Check it with sha256sum: every
object hashes to its name. Sync it with anything that copies files (rsync, git, Syncthing): the union
of two copies is complete. Never edit a file here: its name would no longer be true.

The format is described in full by spec/FORMAT.md of the sessionfs project.
""",
    ".gitattributes": b"* -text -merge -ident -filter !working-tree-encoding\n",
    ".gitignore": b".tmp-*\n",
}
"""What lies in the root of every store, the same bytes on every machine."""


class _Header(msgspec.Struct):
    format: Annotated[int, msgspec.Meta(ge=1)]
    requires: list[str] = []


_decode_header: Callable[[bytes], _Header] = decoder(_Header)


class Root:
    """Opens the directory of a store, and makes it when the first session is written."""

    def __init__(self, path: str, writer: Files) -> None:
        self.path = path
        self.limit = writer.limit
        self.sessions = files.join(path, SESSIONS)
        self._header_path = files.join(path, HEADER)
        self._files = writer

    def check_readable(self) -> None:
        """Raise FormatError if the store says that this program cannot read it."""
        try:
            header = self._header()
        except CorruptObjectError:
            return  # the sessions verify themselves
        unknown = [entry for entry in header.requires if entry.startswith(_READ_PREFIX)]
        if unknown:
            raise self._too_new(header, "read")

    def check_writable(self, session: UUID | None = None) -> None:
        """Raise FormatError, or CorruptObjectError for a damaged header, if writing could harm.

        InvalidRequestError if it would lead out of the store, through a link instead of a directory
        to anything but the same directory of another store.
        """
        self.check_format()
        for path, target, within in self.links(session):
            if not within:
                raise InvalidRequestError(
                    f"{path} is a link to {target}, which is not the same directory of a store: "
                    "nothing is written through it",
                    path=path,
                )

    def check_format(self) -> None:
        """Raise FormatError if the store is of a newer version; CorruptObjectError as above."""
        header = self._header()
        if header.format > FORMAT or header.requires:
            raise self._too_new(header, "written")

    def links(self, session: UUID | None = None) -> Iterator[tuple[str, str, bool]]:
        """Yield the links instead of directories, where they lead, and whether that is a store."""
        places = [self.sessions]
        if session is not None:
            path = self.session_path(session)
            places += [path, path + files.SEPARATOR + OBJECTS, path + files.SEPARATOR + REFS]
        for path, target in files.link_targets(places).items():
            yield path, target, _is_inside_a_store(target, path.removeprefix(self.path))

    def is_store(self) -> bool:
        """Tell whether there is a store, however little of it has arrived."""
        return files.is_directory(self.sessions) or files.exists(self._header_path)

    def make(self) -> None:
        """Create what is missing of the root; files that are there stay as they are."""
        self._files.sweep(self.path)
        if not (files.is_directory(self.sessions) and files.exists(self._header_path)):
            self._files.make_directory(self.path)
            for name, data in ROOT_FILES.items():
                if not files.exists(files.join(self.path, name)):
                    self._files.publish(self.path, name, data)
            if files.is_directory(self.sessions):
                self._files.sync_directory(self.path)
            else:
                self._files.make_directory(self.sessions)
        self._files.sync_name(self.path)
        self._files.sync_name(self.sessions)

    def writing(self, session: UUID | None = None) -> None:
        """Prepare for a write to a session, or to the store; to be called before each.

        The same errors as ``check_writable``. The names of the directories that are written into are
        put on the disk, once: their maker may have been killed before, and what is written inside must
        not go with them.
        """
        self.check_writable(session)
        if session is not None:
            self._files.sync_names((self.path, self.sessions, self.session_path(session)))

    def session_names(self) -> list[str]:
        """Return the names of directories here that are session ids, unsorted."""
        return session_names(files.names(self.sessions))

    def session_ids(self) -> list[UUID]:
        """Return the ids that directories here are named by, in ascending order."""
        return sorted(UUID(name) for name in self.session_names())

    def session_path(self, session: UUID) -> str:
        """Return where a session's directory is, or would be."""
        return f"{self.sessions}{files.SEPARATOR}{session}"

    def _header(self) -> _Header:
        path = self._header_path
        try:
            data = files.read_file(path, self.limit)
        except files.NotRegularError as error:
            raise CorruptObjectError(error.message, path=path, finding="not-regular") from error
        if data is None:
            return _Header(FORMAT)  # not written or not arrived yet
        try:
            data.decode()
            return _decode_header(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise CorruptObjectError(
                f"{path} is damaged ({error}); a sound one reads {ROOT_FILES[HEADER].decode()}",
                path=path,
                finding="header-damaged",
            ) from error

    def _too_new(self, header: _Header, how: str) -> FormatError:
        requires = ", ".join(header.requires) or "nothing"
        return FormatError(
            f"{self.path} cannot be {how} by this version: it has format {header.format} and "
            f"requires {requires}; known are format {FORMAT} and no requirements",
            path=self.path,
        )


def _is_inside_a_store(path: str, place: str) -> bool:
    """Tell whether a path is that of a place, as ``/sessions/<id>``, in the root of some store."""
    root = path.removesuffix(place)
    return root != path and files.exists(files.join(root, HEADER))
