"""A small store with every kind of file, and what can still be told once some of them are damaged.

What is promised follows from the undamaged files and ``spec/format/FORMAT.md`` alone: which checkpoint
needs which files is computed here once more, from the JSON, and not asked of the package.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock
from uuid import UUID

from msgspec import structs

from sessionfs import (
    Checkpoint,
    CreateCheckpointRequest,
    CreateSessionRequest,
    FileStorage,
    ListCheckpointsQuery,
    Session,
    SessionStats,
    SessionSummary,
    UpdateSessionRequest,
)
from sessionfs.models import CheckpointSummary, Message
from sessionfs.store import chains
from sessionfs.store.root import ROOT_FILES

NEEDLE = "needle"
NO_INDEX = os.path.join(os.devnull, "nowhere")
"""A place where no index can be: what is answered is what the files say."""

_SMALL_LIMIT = 150
"""While the store is made, messages of this many bytes are large: their objects are small files."""


def open_store(root: Path, index_dir: str | Path = NO_INDEX) -> FileStorage:
    """Open a store with nothing in memory."""
    return FileStorage(root, durability="relaxed", index_dir=index_dir, message_type=dict)


def said(number: int, *, large: bool = False) -> Message:
    """Return a message that no other number gives, and that a search tells apart."""
    message: dict[str, Any] = {"role": "user", "content": f"{NEEDLE} {number:03}"}
    if number % 3 == 0:
        call = {"id": f"c{number}", "function": {"name": "run", "arguments": "{}"}}
        message["role"], message["tool_calls"] = "assistant", [call]
    if large:
        message["image"] = "x" * _SMALL_LIMIT
    return message


class Place(NamedTuple):
    """A file of the store.

    Attributes:
        label: what it is to its session, the same each time that the store is made.
        kind: checkpoint, message, meta, active or root.
        session: whose it is; None: the root's.

    """

    label: str
    kind: str
    path: Path
    session: UUID | None

    @property
    def name(self) -> str:
        return self.path.name

    def below(self, root: Path, store: Store) -> Path:
        """Return where the file is in a copy of the store."""
        return root / self.path.relative_to(store.root)


class Told(NamedTuple):
    """A checkpoint as the undamaged store tells of it, and the files without which it cannot be told.

    Attributes:
        own: the name of its object.
        chain: the names of its object and of those of its bases.
        large: the names of the large messages that it needs.

    """

    checkpoint: Checkpoint
    summary: CheckpointSummary
    own: str
    chain: frozenset[str]
    large: frozenset[str]

    @property
    def needs(self) -> frozenset[str]:
        return self.chain | self.large


class ToldSession(NamedTuple):
    """A session as the undamaged store tells of it.

    Attributes:
        metas: names of its meta records with what each sets, in the order of the fold.
        behind: the name of the record that says which checkpoint was left behind, of those that a ref
            names still, and that checkpoint; None: there is none.
        objects: names of all its objects.
        texts: by object, what is said in it and stored there; of a large message what it says.
        names_large: by checkpoint object, the large messages that it names.

    """

    session: Session
    summary: SessionSummary
    stats: SessionStats
    checkpoints: dict[UUID, Told]
    metas: list[tuple[str, dict[str, Any]]]
    objects: frozenset[str]
    texts: dict[str, set[str]]
    names_large: dict[str, set[str]]
    behind: tuple[str, Told] | None

    def heads(self, harmed: frozenset[str]) -> list[CheckpointSummary]:
        """Return the heads: what was left behind is one where nobody can tell that it was."""
        found = [self.active.summary]
        if self.behind is not None and self.behind[0] in harmed and self.behind[1].own not in harmed:
            found.append(self.behind[1].summary)
        return [structs.replace(each, state=None) for each in found]

    @property
    def active(self) -> Told:
        assert self.session.active_checkpoint is not None
        return self.checkpoints[self.session.active_checkpoint.id]

    def facts(self, harmed: frozenset[str]) -> tuple[dict[str, Any], str | None]:
        """Return the fold of the records that are not damaged, and the first that is."""
        folded: dict[str, Any] = {"title": "", "visibility": "PRIVATE", "status": "ACTIVE", "cwd": None}
        # The time in a session id of version 7, which stands in for a record that is damaged.
        created = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=self.session.id.int >> 80)
        for name, facts in self.metas:
            if name not in harmed:
                folded.update({what: fact for what, fact in facts.items() if what != "left"})
        written = folded.pop("created_at", None)
        folded["created_at"] = datetime.fromisoformat(written) if written else created
        return folded, next(iter(self.damaged_metas(harmed)), None)

    def damaged_metas(self, harmed: frozenset[str]) -> list[str]:
        return [name for name, _ in self.metas if name in harmed]

    def findable(self, harmed: frozenset[str]) -> set[str]:
        """Return what a search finds where these files are damaged."""
        sound = self.objects - harmed
        reached = {name for name in sound if name in self.names_large}
        reached |= {large for name in reached for large in self.names_large[name] if large in sound}
        return {text for name in reached for text in self.texts[name]}


class Store:
    """Two sessions with bases, branches, whole states, large messages and facts, and a neighbour."""

    def __init__(self, root: Path) -> None:
        self.root = root
        storage = open_store(root)
        with mock.patch.object(chains, "LARGE_MESSAGE", _SMALL_LIMIT):
            self.first = self._rewound(storage)
            self.second = self._grown(storage)
            request = CreateSessionRequest("neighbour", [said(90), said(91)])
            self.neighbour = storage.create_session(request).session_id
        # A sync brought a ref that is lower than the active one: it names the whole state.
        top = next((root / "sessions" / str(self.first) / "refs").glob("active.*"))
        at = "20200101T000000000000Z"
        whole = self.whole.name.removesuffix(".json")
        (top.parent / f"active.{at}-{whole[:12]}").write_bytes(f"{at}-{whole}".encode())

    def _rewound(self, storage: FileStorage) -> UUID:
        """A session whose active checkpoint is neither the newest nor the oldest."""
        request = CreateSessionRequest("first of them", [said(0), said(1)], cwd="/work")
        made = storage.create_session(request)
        session = made.session_id
        storage.append_messages(session, [said(2)], metadata={"n": 1})
        rewound = storage.append_messages(session, [said(3, large=True), said(4)]).id
        branch = CreateCheckpointRequest([said(0), said(5)], parent_id=made.checkpoint.id)
        storage.create_checkpoint(session, branch)
        storage.append_messages(session, [said(6)])
        whole = CreateCheckpointRequest([said(7), said(8, large=True)], metadata={"whole": True})
        self.whole = Path(storage.checkpoint_path(storage.create_checkpoint(session, whole).id))
        storage.set_active_checkpoint(session, rewound)
        storage.update_session(session, UpdateSessionRequest(title="renamed"))
        storage.update_session(session, UpdateSessionRequest(cwd="/work/here"))
        return session

    def _grown(self, storage: FileStorage) -> UUID:
        """A session that was only appended to."""
        session = storage.create_session(CreateSessionRequest("second", [said(20)])).session_id
        storage.append_messages(session, [said(21, large=True)])
        storage.append_messages(session, [said(22)])
        storage.append_messages(session, [said(23)])
        storage.delete_session(session)
        return session

    @cached_property
    def told(self) -> dict[UUID, ToldSession]:
        """What the undamaged store tells of each session."""
        storage = open_store(self.root)
        listed = {each.id: each for each in storage.list_sessions().sessions}
        return {id_: self._told(storage, summary) for id_, summary in listed.items()}

    def _told(self, storage: FileStorage, summary: SessionSummary) -> ToldSession:
        directory = Path(storage.session_path(summary.id))
        records = {path.name: json.loads(path.read_bytes()) for path in directory.glob("objects/*")}
        listed = storage.list_checkpoints(summary.id, ListCheckpointsQuery().with_state())
        checkpoints: dict[UUID, Told] = {}
        for each in listed.checkpoints:
            name = Path(storage.checkpoint_path(each.id)).name
            checkpoint = storage.get_checkpoint(each.id)
            checkpoints[each.id] = Told(checkpoint, each, name, *_needs(records, name))
        metas = [
            (path.name, json.loads(path.read_bytes())["set"])
            for path in sorted(directory.glob("refs/meta.*"))
        ]
        texts, large = {}, {}
        for name, record in records.items():
            if record["kind"] == "message":
                texts[name] = {record["message"]["content"]}
            else:
                inline = [each for each in record["messages"] if isinstance(each, dict)]
                texts[name] = {each["content"] for each in inline}
                large[name] = {f"{each}.json" for each in record["messages"] if isinstance(each, str)}
        session, stats = storage.get_session(summary.id), storage.get_session_stats(summary.id)
        behind = None
        for name, facts in metas:
            for told in checkpoints.values():
                if _hash(Path(told.own)) in facts.get("left", ()) and told.own == self.whole.name:
                    behind = (name, told)
        return ToldSession(
            session, summary, stats, checkpoints, metas, frozenset(records), texts, large, behind
        )

    @cached_property
    def places(self) -> dict[str, Place]:
        """The files that are harmed, by their labels: all but those of the neighbour."""
        found = [Place(f"root {name}", "root", self.root / name, None) for name in ROOT_FILES]
        for which, session in (("first", self.first), ("second", self.second)):
            directory = self.root / "sessions" / str(session)
            order = {f"{_hash(each.path)}": each for each in self._objects(directory, which, session)}
            found += order.values()
            for kind in ("active", "meta"):
                for i, path in enumerate(sorted(directory.glob(f"refs/{kind}.*"))):
                    found.append(Place(f"{which} {kind} {i}", kind, path, session))
        return {each.label: each for each in found}

    def _objects(self, directory: Path, which: str, session: UUID) -> Iterator[Place]:
        """The objects of a session, in an order that does not depend on their hashes."""
        records = {path: json.loads(path.read_bytes()) for path in directory.glob("objects/*")}
        for kind in ("checkpoint", "message"):
            some = [path for path in records if records[path]["kind"] == kind]
            some.sort(key=lambda path: str(records[path].get("at") or records[path].get("message")))
            for i, path in enumerate(some):
                yield Place(f"{which} {kind} {i}", kind, path, session)

    def copy(self, root: Path) -> Path:
        """Return a copy of the store, to be harmed."""
        return Path(shutil.copytree(self.root, root))


def labels(*kinds: str) -> list[str]:
    """Return the labels of the files of some kinds, known before the store is made."""
    numbers = {
        "first checkpoint": 6,
        "first message": 2,
        "first meta": 4,
        "first active": 2,
        "second checkpoint": 4,
        "second message": 1,
        "second meta": 2,
        "second active": 1,
    }
    found = [f"{what} {i}" for what, number in numbers.items() for i in range(number)]
    found += [f"root {name}" for name in ROOT_FILES]
    return [each for each in found if not kinds or each.split()[-2 if each[0] != "r" else 0] in kinds]


def _hash(path: Path) -> str:
    return path.name.removesuffix(".json")


def _needs(records: dict[str, Any], name: str) -> tuple[frozenset[str], frozenset[str]]:
    chain: set[str] = set()
    large: set[str] = set()
    following: str | None = name
    shared = records[name]["count"]
    while following is not None:
        chain.add(following)
        record = records[following]
        for i, element in enumerate(record["messages"], record["keep"]):
            if i < shared and isinstance(element, str):
                large.add(f"{element}.json")
        shared = min(shared, record["keep"])
        following = None if record["base"] is None else f"{record['base']}.json"
    return frozenset(chain), frozenset(large)


def looks(root: Path) -> dict[str, tuple[object, ...]]:
    """Return all that reading must leave as it is: names, kinds, modes, times and bytes."""
    found: dict[str, tuple[object, ...]] = {}
    for directory, inside, names in os.walk(root):
        for name in inside + names:
            path = os.path.join(directory, name)
            status = os.lstat(path)
            content: object = None
            if stat.S_ISLNK(status.st_mode):
                content = os.readlink(path)
            elif stat.S_ISREG(status.st_mode):
                content = Path(path).read_bytes()
            found[path] = (status.st_mode, status.st_mtime_ns, status.st_ino, content)
    return found


def is_sound_header(data: bytes) -> bool:
    """Tell whether these bytes are a header that says what the undamaged one says."""
    try:
        header = json.loads(data.decode())
    except (ValueError, RecursionError):
        return False
    return isinstance(header, dict) and header.get("format") == 1 and not header.get("requires")
