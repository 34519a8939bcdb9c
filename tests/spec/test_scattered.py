"""Any files of any histories: the package answers as the reference reader does.

Sessions of random checkpoints, refs, records of what was left behind and purge records lie in a store,
each as a sync that goes on may leave it: some files have come back, others have not arrived.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from sessionfs import FileStorage, ListCheckpointsQuery, ListSessionsQuery, StorageError
from sessionfs.format.ids import checkpoint_id
from sessionfs.format.timestamps import from_datetime

from ..effort import Counted, chosen
from .support import reference_reader

READER = reference_reader()
SESSIONS = 25
"""So many are in each store."""
UNKNOWN = "19700101T000000000000Z"
"""What the package tells where neither a ref nor a checkpoint has arrived."""


def _at(second: int) -> str:
    return f"20261122T1000{second:02}000000Z"


class _Scattered:
    """Writes a session of a random history, and leaves out some of its files."""

    def __init__(self, random: Random, root: Path) -> None:
        self.random = random
        self.id = str(UUID(int=random.getrandbits(128), version=4))
        self.directory = root / "sessions" / self.id
        self.lost = random.choice([0, 0, 0.1, 0.3, 0.6])
        self.hashes: list[str] = []
        self.objects: list[str] = []
        self.counts: list[int] = []
        self.followed: list[set[int]] = []
        for number in range(random.randint(1, 9)):
            self._checkpoint(number)
        for _ in range(random.randint(0, 4)):
            at, sha = _at(random.randint(0, 12)), random.choice(self.hashes)
            self._put(f"refs/active.{at}-{sha[:12]}", f"{at}-{sha}")
        for _ in range(random.randint(0, 3)):
            self._meta(_at(random.randint(0, 12)))
        for _ in range(random.choice([0, 1, 1, 2])):
            some = random.choice([self.objects, self._some(), self.objects[: random.randint(1, 9)]])
            self._record(_at(random.randint(0, 12)), "purge", {"objects": some})

    def _checkpoint(self, number: int) -> None:
        random = self.random
        on = random.randrange(number) if number and random.random() < 0.85 else None
        before = set() if on is None else {on, *self.followed[on]}
        how = "nothing" if on is None else random.choice(["parent", "parent", "after", "base"])
        choice = [on] if how == "base" else [None, *sorted(before)]
        base = random.choice(choice)
        keep = 0 if base is None else random.randint(0, self.counts[base])
        if keep == 0 and how == "base":
            how, before = "nothing", set()
        own: list[Any] = [{"n": number}] * random.randint(0 if keep else 1, 2)
        if random.random() < 0.2:
            own.append(self._object({"kind": "message", "message": {"large": random.randint(0, 1)}}))
        fields = {
            "kind": "checkpoint",
            "parent": self.hashes[on] if on is not None and how == "parent" else None,
            "base": self.hashes[base] if base is not None and keep else None,
            "keep": keep,
            "depth": 0,
            "count": keep + len(own),
            "at": _at(number),
            "messages": own,
        }
        if on is not None and (how == "after" or (how == "parent" and random.random() < 0.1)):
            fields["after"] = self.hashes[on] if how == "after" else random.choice(self.hashes)
        self.hashes.append(self._object(fields))
        self.counts.append(keep + len(own))
        self.followed.append(before)

    def _meta(self, at: str) -> None:
        left = self.random.choice([[], self._some()[:3]])
        status = self.random.choice([{}, {"status": "DELETED"}, {"status": "ACTIVE"}])
        self._record(at, "meta", {"set": status | {"left": left, "title": at}})

    def _some(self) -> list[str]:
        return self.random.sample(self.objects, self.random.randint(0, len(self.objects)))

    def _object(self, fields: dict[str, Any]) -> str:
        data = json.dumps(fields | {"session": self.id})
        sha = hashlib.sha256(data.encode()).hexdigest()
        self._put(f"objects/{sha}.json", data)
        self.objects.append(sha)
        return sha

    def _record(self, at: str, kind: str, fields: dict[str, Any]) -> None:
        data = json.dumps(fields | {"kind": kind, "session": self.id, "at": at})
        self._put(f"refs/{kind}.{at}-{hashlib.sha256(data.encode()).hexdigest()[:12]}.json", data)

    def _put(self, name: str, data: str) -> None:
        if self.random.random() >= self.lost:
            path = self.directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(data)


def _package(storage: FileStorage, summary: Any) -> dict[str, Any]:
    """What the package tells of a session, in the words of the reference reader."""
    query = ListCheckpointsQuery(limit=100)
    listed = storage.list_checkpoints(summary.id, query).checkpoints
    heads, code = [], None
    try:
        heads = [str(each.id) for each in storage.get_session(summary.id).heads]
    except StorageError as error:
        code = error.code
    assert summary.heads == len(heads)
    return {
        "id": str(summary.id),
        "title": summary.title,
        "status": summary.status,
        "updated_at": from_datetime(summary.updated_at),
        "heads": heads,
        "code": code,
        "purged": "it was purged" in (summary.problem or ""),
        "problem": summary.problem is not None,
        "checkpoints": [(str(each.id), each.problem is None) for each in listed],
    }


def _reference(session: Any) -> dict[str, Any]:
    told = session.answers()
    kept = ("id", "code", "purged", "problem")
    return {
        **{name: told[name] for name in kept},
        "updated_at": told["updated_at"] or UNKNOWN,
        "title": told["facts"]["title"],
        "status": told["facts"]["status"],
        "heads": [str(checkpoint_id(sha)) for sha in told["heads"]],
        "checkpoints": [(each["id"], each["readable"]) for each in told["checkpoints"]],
    }


def test_scattered_files(tmp_path: Path, counted: Counted) -> None:
    seen = {"heads met": 0, "revived": 0, "purged": 0, "incomplete": 0}
    stores = chosen(few=2, usual=12, everything=300)
    for seed in range(stores):
        random = Random(seed)
        root = tmp_path / str(seed)
        made = [_Scattered(random, root) for _ in range(SESSIONS)]
        with FileStorage(root, index_dir=tmp_path / f"{seed} index", message_type=dict) as storage:
            listed = storage.list_sessions(ListSessionsQuery(limit=SESSIONS)).sessions
            found = [_package(storage, each) for each in listed]
        expected = [_reference(each) for each in READER.sessions(str(root))]
        for one, other in zip(found, expected, strict=False):
            assert one == other, root / "sessions" / other["id"]
        assert len(found) == len(expected)
        seen["heads met"] += sum(len(each["heads"]) > 1 for each in expected)
        seen["revived"] += sum(each["purged"] for each in expected)
        seen["incomplete"] += sum(each["code"] is not None for each in expected)
        seen["purged"] += sum(each.directory.is_dir() for each in made) - len(expected)
    assert min(seen.values()) > 0
    counted("scattered sessions read", stores * SESSIONS)
