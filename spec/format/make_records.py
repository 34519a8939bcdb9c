"""What the vectors and the golden stores are made of: names, hashes and the bytes of records."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

Json = dict[str, Any]

ROOT_FILES = {
    "sessionfs.json": '{"format":1,"requires":[]}',
    "README.md": """\
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
    ".gitattributes": "* -text -merge -ident -filter !working-tree-encoding\n",
    ".gitignore": ".tmp-*\n",
}

S7 = "019aab0f-ca00-7001-8000-00000000000a"  # version 7: made 2025-11-22T10:15:30.048Z
S4 = "c0ffee00-0000-4000-8000-00000000000b"  # version 4: says nothing about time
S7_CREATED_AT = "2025-11-22T10:15:30.048000Z"


def compact(value: object) -> str:
    """Return JSON as a writer makes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def sha256(data: str | bytes) -> str:
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


def checkpoint_id(hash_: str) -> str:
    """Section 3, digit by digit: the 13th digit is 8, the two high bits of the 17th are 10."""
    variant = f"{int(hash_[16], 16) & 3 | 8:x}"
    return str(UUID(hash_[:12] + "8" + hash_[13:16] + variant + hash_[17:32]))


def at(second: int, micros: int = 0) -> str:
    """Return a timestamp in the hour that every vector plays in."""
    return f"20261122T10{second // 60:02}{second % 60:02}{micros:06}Z"


def checkpoint(session: str, **fields: Any) -> Json:
    """Return a sound checkpoint record with `fields` in place of its own."""
    record: Json = {
        "kind": "checkpoint", "session": session, "parent": None, "base": None, "keep": 0, "depth": 0,
        "count": 0, "at": at(0), "metadata": {}, "messages": [],
    }  # fmt: skip
    return record | fields


def message(session: str, content: Json) -> Json:
    return {"kind": "message", "session": session, "message": content}


def meta(session: str, time: str, **changes: Any) -> Json:
    return {"kind": "meta", "session": session, "at": time, "set": changes}


def purge(session: str, time: str, hashes: list[str]) -> Json:
    return {"kind": "purge", "session": session, "at": time, "objects": hashes}


@dataclass
class Node:
    """A checkpoint as the policy for bases sees it."""

    depth: int
    base: Node | None
    keep: int
    messages: list[Any]


def next_node(on: Node | None, messages: list[Any]) -> Node:
    """Section 4.1: choose the base of a checkpoint that holds `messages` and builds upon `on`."""
    if on is None:
        return Node(0, None, 0, messages)
    depth = on.depth + 1
    power = 1
    while depth % (power * 16) == 0:
        power *= 16
    base = on
    while base.base is not None and base.base.depth >= depth - power:
        base = base.base
    keep = 0
    while keep < min(len(base.messages), len(messages)) and base.messages[keep] == messages[keep]:
        keep += 1
    return Node(depth, base if keep else None, keep, messages)
