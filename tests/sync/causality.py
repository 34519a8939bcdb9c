"""What is known of a session from the outside: which edit had seen which, what each checkpoint needs.

An edit is a file of ``refs/``. What its writer had seen are the edits whose files had arrived, intact
and with all that they need, and what the writers of those had seen. Of edits of one thing the causally
newest are those that no other one of that thing has seen: one of them has to win, and where there is
only one, that one, whatever the clocks say. Records are read with ``json``, by no code of the package.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

Names = frozenset[str]

TITLE, STATUS, ACTIVE = "title", "status", "active"
"""What an edit sets; the value of ACTIVE is the hash of a checkpoint."""


class Edit(NamedTuple):
    """A file of ``refs/``, what it sets, and the edits that its writer had seen."""

    name: str
    at: str
    sets: dict[str, str]
    seen: Names


class Object(NamedTuple):
    """What an object says of others. ``large``: hashes of large messages, by the index in the state."""

    is_checkpoint: bool
    parent: str | None = None
    follows: str | None = None
    base: str | None = None
    keep: int = 0
    length: int = 0
    large: tuple[tuple[int, str], ...] = ()


class History:
    """All that ever happened to one session, at whichever replica.

    Attributes:
        states: the messages of each checkpoint that was acknowledged, by its hash.
        purges: the hashes that each purge record names, by the record's name.

    """

    def __init__(self) -> None:
        self.edits: dict[str, Edit] = {}
        self.objects: dict[str, Object] = {}
        self.states: dict[str, list[Any]] = {}
        self.purges: dict[str, Names] = {}
        self._left: list[tuple[str, str, str]] = []
        self._made_by: dict[str, str] = {}
        self._needs: dict[str, Names] = {}

    def learn(self, name: str, data: bytes, seen: Iterable[str]) -> None:
        """Take up a file that a writer made who had seen these edits."""
        place, _, file = name.partition("/")
        if place == "objects":
            self.objects[file.removesuffix(".json")] = _object(json.loads(data))
            return
        kind, _, rest = file.partition(".")
        at = rest[:22]
        sets: dict[str, str] = {}
        known = set(seen)
        if kind == "active":
            sets[ACTIVE] = made = data.decode().partition("-")[2]
            self._made_by.setdefault(made, name)
            known |= self._makers(made) - {name}
        else:
            record = json.loads(data)
            if kind == "purge":
                self.purges[name] = frozenset(record["objects"])
                sets[STATUS] = "ACTIVE"
            else:
                sets |= {key: record["set"][key] for key in (TITLE, STATUS) if key in record["set"]}
                self._left += [(name, at, sha) for sha in record["set"].get("left", ())]
        before = self.edits.get(name)  # clones do the same at the same time: one file
        closed = known.union(*(self.edits[each].seen for each in known))
        both = closed if before is None else closed | before.seen
        self.edits[name] = Edit(name, at, sets, frozenset(both))

    def _makers(self, sha: str) -> set[str]:
        """Return the edits that made a checkpoint and the one that it follows, where there are such."""
        follows = self.objects[sha].follows
        return {self._made_by[each] for each in (sha, follows) if each in self._made_by}

    def needs(self, sha: str) -> Names:
        """Return the objects without which the state of a checkpoint cannot be read."""
        found = self._needs.get(sha)
        if found is None:
            needed: set[str] = set()
            link: str | None = sha
            shared = self.objects[sha].length
            while link is not None:
                needed.add(link)
                each = self.objects[link]
                needed.update(large for i, large in each.large if i < shared)
                shared = min(shared, each.keep)
                link = each.base
            found = self._needs[sha] = frozenset(needed)
        return found

    def follows(self, later: str, earlier: str) -> bool:
        """Tell whether a checkpoint is another one or follows it."""
        link: str | None = later
        while link is not None and link != earlier:
            link = self.objects[link].follows
        return link == earlier

    def hidden(self, purged: Iterable[str], here: set[str]) -> set[str]:
        """Return what these purge records hide from a reader to whom these objects are here, intact."""
        named: set[str] = set().union(*(self.purges[each] for each in purged))
        visible: set[str] = set()
        following = [sha for sha in here if sha not in named] if named else []
        while following:
            sha = following.pop()
            if sha not in visible:
                visible.add(sha)
                if sha in here:
                    each = self.objects[sha]
                    needed = (each.follows, each.base, *(large for _, large in each.large))
                    following += [other for other in needed if other is not None]
        return named - visible

    def newest(self, what: str, among: Iterable[str]) -> list[Edit]:
        """Return the causally newest of these edits, of those that set this."""
        found = [each for name in among if what in (each := self.edits[name]).sets]
        seen: set[str] = set().union(*(each.seen for each in found))
        return [each for each in found if each.name not in seen]

    def is_told(self, edit: Edit, heads: list[str], among: Names) -> bool:
        """Tell whether what an edit made active is a head, built upon by one, or left behind later."""
        made = edit.sets[ACTIVE]
        return any(self.follows(head, made) for head in heads) or any(
            name in among and at > edit.at and self.follows(sha, made) for name, at, sha in self._left
        )


def _object(record: dict[str, Any]) -> Object:
    if record["kind"] != "checkpoint":
        return Object(is_checkpoint=False)
    keep = record["keep"]
    large = [(keep + i, each) for i, each in enumerate(record["messages"]) if isinstance(each, str)]
    follows = record["parent"] or record.get("after") or record["base"]
    return Object(True, record["parent"], follows, record["base"], keep, record["count"], tuple(large))
