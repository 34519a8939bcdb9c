"""The golden stores, each with the answers that a reader must give.

The answers are what the maker of a store knows that it wrote; nothing is read back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from make_records import (
    ROOT_FILES,
    S4,
    S7,
    S7_CREATED_AT,
    Json,
    Node,
    at,
    checkpoint,
    checkpoint_id,
    compact,
    message,
    meta,
    next_node,
    purge,
    sha256,
)

S8 = "019aab0f-ca00-7001-8000-00000000000c"
S9 = "019aab0f-ca00-7001-8000-00000000000d"
LARGE = 65_536
UNSET = {"title": "", "visibility": "PRIVATE", "status": "ACTIVE", "cwd": None}
CREATED = "2026-11-22T10:00:00.000000Z"


class Made:
    """A checkpoint that was written; `code`: why it cannot be read; `listed`: it can be told."""

    def __init__(self, record: Json, text: str, node: Node) -> None:
        self.record = record
        self.text = text
        self.node = node
        self.hash = sha256(text)
        self.code: str | None = None
        self.listed = True


class Session:
    """Writes the files of one session, and keeps what a reader must answer."""

    def __init__(self, store: Store, session: str) -> None:
        self.id = session
        self.files = store.files
        self.path = f"sessions/{session}"
        self.made: list[Made] = []
        self.expected: Json = {}
        store.sessions.append(self)

    def put(self, name: str, data: str) -> None:
        """Write a file, in UTF-8."""
        self.files[f"{self.path}/{name}"] = data.encode()

    def remove(self, name: str) -> None:
        """Remove a file: it has not arrived."""
        del self.files[f"{self.path}/{name}"]

    def flip(self, name: str) -> None:
        """Change one bit in the middle of a file."""
        data = bytearray(self.files[f"{self.path}/{name}"])
        data[len(data) // 2] ^= 1
        self.files[f"{self.path}/{name}"] = bytes(data)

    def checkpoint(self, second: int, state: list[Json], on: Made | None = None, **fields: Any) -> Made:
        """Write a checkpoint that builds upon another; `fields` replace what the policy gives."""
        node = next_node(on.node if on else None, state)
        base = next((made.hash for made in self.made if made.node is node.base), None)
        stored: list[Json | str] = []
        for content in state[node.keep :]:
            if len(compact(content).encode()) >= LARGE:
                text = compact(message(self.id, content))
                self.put(f"objects/{sha256(text)}.json", text)
                stored.append(sha256(text))
            else:
                stored.append(content)
        record = checkpoint(
            self.id, parent=on.hash if on else None, base=base, keep=node.keep, depth=node.depth,
            count=len(state), at=at(second), messages=stored,
        )  # fmt: skip
        if "metadata" not in fields:
            del record["metadata"]
        return self.raw(compact(record | fields), node)

    def raw(self, text: str, node: Node) -> Made:
        """Write a checkpoint object of these bytes."""
        made = Made(json.loads(text), text, node)
        self.put(f"objects/{made.hash}.json", text)
        self.made.append(made)
        return made

    def activate(self, second: int, made: Made, content: str | None = None) -> str:
        """Write an active ref and return its name."""
        name = f"refs/active.{at(second)}-{made.hash[:12]}"
        self.put(name, f"{at(second)}-{made.hash}" if content is None else content)
        return name

    def meta(self, second: int, **changes: Any) -> str:
        """Write a meta record and return its name."""
        text = compact(meta(self.id, at(second), **changes))
        name = f"refs/meta.{at(second)}-{sha256(text)[:12]}.json"
        self.put(name, text)
        return name

    def purge(self, second: int, *hashes: str) -> str:
        """Write a purge record of these objects and return its name."""
        text = compact(purge(self.id, at(second), sorted(hashes)))
        name = f"refs/purge.{at(second)}-{sha256(text)[:12]}.json"
        self.put(name, text)
        return name

    def first_meta(self, title: str, second: int = 0, **changes: Any) -> Json:
        """Write the first meta record and return the facts that it sets."""
        facts = UNSET | {"title": title, "created_at": CREATED} | changes
        self.meta(second, **facts)
        return facts

    def expect(
        self,
        facts: Json,
        updated: int,
        active: Made | None,
        code: str | None = None,
        *,
        heads: Sequence[Made] = (),
        problem: bool = False,
        purged: bool = False,
    ) -> None:
        """Say what a reader must answer; `heads` are those beside the active checkpoint."""
        self.expected = {
            "id": self.id,
            "facts": facts,
            "updated_at": at(updated),
            "active": active.hash if active else None,
            "heads": [head.hash for head in (active, *heads) if head],
            "code": code,
            "purged": purged,
            "problem": problem or purged or code is not None,
        }

    def answers(self) -> Json:
        """Return what was expected, and every checkpoint that can be told."""
        made = sorted((m for m in self.made if m.listed), key=lambda m: (m.record["at"], m.hash))
        return self.expected | {"checkpoints": [self._answer(item) for item in made]}

    @staticmethod
    def _answer(made: Made) -> Json:
        answer = {
            "hash": made.hash,
            "id": checkpoint_id(made.hash),
            "parent": made.record["parent"],
            "at": made.record["at"],
            "count": made.record["count"],
            "metadata": made.record.get("metadata"),
            "readable": made.code is None,
            "code": made.code,
        }
        if made.code is not None:
            return answer
        encoded = json.dumps(made.node.messages, separators=(",", ":"))
        if len(encoded) <= 1024:
            return answer | {"messages": made.node.messages}
        return answer | {"messages_sha256": sha256(encoded)}


class Store:
    """A store with the files of its root."""

    def __init__(self) -> None:
        self.files = {name: data.encode() for name, data in ROOT_FILES.items()}
        self.sessions: list[Session] = []

    def expected(self) -> Json:
        """Return the answers for each session, in the order in which a reader lists them."""
        answers = [s.answers() for s in sorted(self.sessions, key=lambda s: s.id) if s.expected]
        return {"sessions": sorted(answers, key=lambda a: str(a["updated_at"]), reverse=True)}


def turn(number: int) -> list[Json]:
    return [
        {"role": "user", "content": f"Question {number}"},
        {"role": "assistant", "content": f"Answer {number}"},
    ]


def appends(session: Session, count: int, start: int = 0) -> list[Made]:
    """Write `count` checkpoints, a second apart, each a turn longer than the one before."""
    chain: list[Made] = []
    messages: list[Json] = []
    for index in range(count):
        messages = messages + turn(index)
        chain.append(session.checkpoint(start + index, messages, chain[-1] if chain else None))
    return chain


def sound() -> Store:
    store = Store()

    one = Session(store, S7)  # 40 appends, a large message among them, renamed and published later
    first: Json = {"role": "user", "content": 'Grüße 😀 \u2028 \\ " \n'}
    large: Json = {"role": "tool", "tool_call_id": "t1", "content": ""}
    large["content"] = ("0123456789abcdef" * 4096)[: LARGE - len(compact(large))]
    messages: list[Json] = [first]
    made = one.checkpoint(0, messages, metadata={"model": "x", "nested": {"list": [1, None, True]}})
    for second in range(1, 41):
        messages = messages + ([large] if second == 3 else turn(second)[:1])
        extra = {"metadata": {"turn": second}} if second == 20 else {}
        made = one.checkpoint(second, messages, made, **extra)
    one.activate(40, made)
    one.first_meta("Plan", cwd="/home/ann", created_at="2025-11-22T10:15:30.048000Z")
    one.meta(50, title="Plan, Grüße 😀")
    one.meta(51, visibility="PUBLIC")
    one.expect(
        {"title": "Plan, Grüße 😀", "visibility": "PUBLIC", "status": "ACTIVE", "cwd": "/home/ann",
         "created_at": "2025-11-22T10:15:30.048000Z"}, 51, made,
    )  # fmt: skip

    two = Session(store, S4)  # branches, a compaction, and an older checkpoint made active again
    chain = appends(two, 3)
    left = two.checkpoint(10, chain[1].node.messages + turn(10), chain[1])
    two.checkpoint(11, left.node.messages[:3] + turn(11), left)
    two.checkpoint(12, [{"role": "system", "content": "Summary: three questions."}], chain[2])
    two.checkpoint(13, [*turn(13), {"role": "user", "content": "x" * 2000}])
    two.checkpoint(14, [])
    two.activate(20, left)
    two.expect(two.first_meta("Branches"), 20, left)

    three = Session(store, S8)  # deleted, and as readable as ever
    made = three.checkpoint(0, turn(1), metadata={"a": 1})
    three.activate(0, made)
    facts = three.first_meta("Gone", visibility="PUBLIC")
    three.meta(30, status="DELETED")
    three.expect(facts | {"status": "DELETED"}, 30, made)

    four = Session(store, S9)  # the largest message that stays in place; no message at first
    empty = four.checkpoint(0, [])
    kept: Json = {"role": "user", "content": ""}
    kept["content"] = "é" * ((LARGE - 1 - len(compact(kept))) // 2)
    kept["content"] += "x" * (LARGE - 1 - len(compact(kept).encode()))
    made = four.checkpoint(1, [kept], empty)
    four.activate(1, made)
    four.expect(four.first_meta("Just below"), 1, made)
    return store


def other_writer() -> Store:
    store = Store()
    session = Session(store, S7)
    base = checkpoint(S7, messages=turn(0), count=2, at=at(0), metadata={"b": 1, "a": 2}, extra=[1])
    first = session.raw(json.dumps(dict(reversed(base.items())), indent=2), Node(0, None, 0, turn(0)))
    text = compact(message(S7, turn(1)[0] | {"note": "a small one"}))
    session.put(f"objects/{sha256(text)}.json", text)
    messages = [turn(0)[0], turn(1)[0] | {"note": "a small one"}]
    record = checkpoint(
        S7,
        parent=first.hash,
        base=first.hash,
        keep=1,
        depth=77,
        count=2,
        at=at(1),
        messages=[sha256(text)],
    )
    del record["metadata"]
    made = session.raw(
        compact(record).replace('"count":2', '"count":9,"count":2'), Node(0, None, 0, messages)
    )
    later = compact({"kind": "branch", "session": S7})
    session.put(f"objects/{sha256(later)}.json", later)
    session.activate(1, made)
    text = json.dumps(
        {"set": {"color": "red", "title": "T"}, "at": at(2), "session": S7, "kind": "meta"}
    )
    session.put(f"refs/meta.{at(2)}-{sha256(text)[:12]}.json", text)
    session.expect(UNSET | {"title": "T", "created_at": S7_CREATED_AT}, 2, made)
    return store


def missing_base() -> Store:
    store = Store()

    lower = Session(store, S7)  # an active ref below names a complete checkpoint
    chain = appends(lower, 3)
    lower.remove(f"objects/{chain[1].hash}.json")
    chain[1].listed = False
    chain[2].code = "incomplete"
    lower.activate(0, chain[0])
    lower.activate(2, chain[2])
    lower.expect(lower.first_meta("Lower"), 2, chain[0], heads=[chain[2]])

    nothing = Session(store, S4)  # nothing is complete
    chain = appends(nothing, 2)
    nothing.remove(f"objects/{chain[0].hash}.json")
    chain[0].listed = False
    chain[1].code = "incomplete"
    nothing.activate(1, chain[1])
    nothing.expect(nothing.first_meta("Nothing"), 1, None, "incomplete")

    large = Session(store, S8)  # what needs the large message is incomplete, what does not is not
    big: Json = {"role": "user", "content": "x" * LARGE}
    before = large.checkpoint(0, turn(0))
    needs = large.checkpoint(1, [*turn(0), big], before)
    short = large.checkpoint(
        2, [*turn(0), *turn(2)], before, keep=2, base=needs.hash, parent=needs.hash
    )
    large.remove(f"objects/{needs.record['messages'][0]}.json")
    needs.code = "incomplete"
    large.activate(3, needs)
    large.expect(large.first_meta("Large"), 3, short)
    return store


def corrupt_object() -> Store:
    store = Store()

    active = Session(store, S7)  # the active checkpoint itself, with a sound one at a lower ref
    chain = appends(active, 2)
    active.flip(f"objects/{chain[1].hash}.json")
    chain[1].listed = False
    active.activate(0, chain[0])
    active.activate(1, chain[1])
    active.expect(active.first_meta("Active"), 1, None, "corrupt_object")

    base = Session(store, S4)  # a base of the active checkpoint
    chain = appends(base, 4)
    base.flip(f"objects/{chain[1].hash}.json")
    chain[1].listed = False
    chain[2].code = chain[3].code = "corrupt_object"
    base.activate(0, chain[0])
    base.activate(3, chain[3])
    base.expect(base.first_meta("Base"), 3, None, "corrupt_object")

    aside = Session(store, S8)  # a checkpoint that the active one does not need
    chain = appends(aside, 2)
    other = aside.checkpoint(2, turn(7))
    aside.flip(f"objects/{chain[1].hash}.json")
    chain[1].listed = False
    aside.activate(5, other)
    aside.expect(aside.first_meta("Aside"), 5, other)

    empty = Session(store, S9)  # cut to nothing
    made = empty.checkpoint(0, turn(0))
    empty.put(f"objects/{made.hash}.json", "")
    made.listed = False
    empty.activate(0, made)
    empty.expect(empty.first_meta("Empty"), 0, None, "corrupt_object")
    return store


def corrupt_large_message() -> Store:
    store = Store()
    session = Session(store, S7)
    before = session.checkpoint(0, turn(0))
    needs = session.checkpoint(1, [*turn(0), {"role": "user", "content": "x" * LARGE}], before)
    session.flip(f"objects/{needs.record['messages'][0]}.json")
    needs.code = "corrupt_object"
    session.activate(0, before)
    session.activate(1, needs)
    session.expect(session.first_meta("Large"), 1, None, "corrupt_object")
    return store


def corrupt_meta() -> Store:
    store = Store()
    for index, session in enumerate((S7, S4, S8, S9)):
        one = Session(store, session)
        made = one.checkpoint(0, turn(index))
        one.activate(0, made)
        facts = one.first_meta("Before", cwd="/x")
        name = one.meta(9, title="Damaged")
        if index == 0:
            one.flip(name)
        elif index == 1:
            one.put(name, "")
        elif index == 2:  # sound bytes of another session
            text = compact(meta(S7, at(9), title="Damaged"))
            one.remove(name)
            one.put(f"refs/meta.{at(9)}-{sha256(text)[:12]}.json", text)
        else:  # the name has another time than the record
            one.files[f"{one.path}/" + name.replace(at(9), at(8))] = one.files[f"{one.path}/{name}"]
            one.remove(name)
        one.meta(5, cwd="/y")
        one.expect(facts | {"cwd": "/y"}, 8 if index == 3 else 9, made, problem=True)
    return store


def two_active_refs() -> Store:
    store = Store()
    session = Session(store, S7)
    root = session.checkpoint(0, turn(0))
    left = session.checkpoint(5, turn(0) + turn(1), root)
    right = session.checkpoint(6, turn(0) + turn(2), root)
    session.activate(8, left)  # made earlier and activated later
    session.activate(7, right)
    session.expect(session.first_meta("Heads"), 8, left, heads=[right])

    tie = Session(store, S4)  # the same time: the higher name, so the higher hash
    root = tie.checkpoint(0, turn(0))
    heads = [tie.checkpoint(5, turn(0) + turn(number), root) for number in (1, 2)]
    for head in heads:
        tie.activate(6, head)
    heads.sort(key=lambda head: head.hash, reverse=True)
    tie.expect(tie.first_meta("Tie"), 6, heads[0], heads=heads[1:])
    return store


def ref_before_object() -> Store:
    store = Store()

    lower = Session(store, S7)
    chain = appends(lower, 2)
    lower.activate(0, chain[0])
    lower.activate(1, chain[1])
    lower.remove(f"objects/{chain[1].hash}.json")
    chain[1].listed = False
    lower.expect(lower.first_meta("A lower ref"), 1, chain[0])

    newest = Session(store, S4)  # no lower ref: the newest complete checkpoint
    chain = appends(newest, 3)
    newest.activate(2, chain[2])
    newest.remove(f"objects/{chain[2].hash}.json")
    chain[2].listed = False
    newest.expect(newest.first_meta("No lower ref"), 2, chain[1])

    alone = Session(store, S8)  # refs and no object
    made = alone.checkpoint(4, turn(0))
    alone.activate(4, made)
    alone.remove(f"objects/{made.hash}.json")
    made.listed = False
    alone.expect(alone.first_meta("Refs alone"), 4, None, "incomplete")
    return store


def foreign_files() -> Store:
    store = Store()
    session = Session(store, S7)
    chain = appends(session, 2)
    active = session.activate(3, chain[1])
    facts = session.first_meta("Plan", 2)
    session.expect(facts, 3, chain[1])
    name, last = f"{chain[1].hash}.json", at(900)
    conflict = ".sync-conflict-20261122-101530-ABCDEFG"
    oldest = chain[0].hash[:12]
    junk = [
        f"objects/{chain[1].hash}{conflict}.json",
        f"objects/{chain[1].hash} (Ann's conflicted copy 2026-11-22).json",
        f"objects/.syncthing.{name}.tmp",
        "objects/.DS_Store",
        f"objects/._{name}",
        "objects/.nfs000000000000002a0000000b",
        f"objects/{name}~",
        f"objects/.{name}.swp",
        f"objects/{name}.corrupt-1",
        "objects/.tmp-0123456789abcdef",
        "objects/nested/.DS_Store",
        f"{active}{conflict}",
        f"{active}~",
        f"refs/active.{last}-{chain[0].hash}",
        f"refs/active.{last}-{oldest}.json",
        f"refs/active.20261322T100000000000Z-{oldest}",
        f"refs/active.99991231T235959999999Z-{oldest}",
        f"refs/meta.{last}-{oldest}",
        f"refs/meta.{last}-0123456789ab (1).json",
        "refs/.tmp-0123456789abcdef",
        "refs/._active",
        "notes.txt",
    ]
    for place in junk:
        session.put(place, "foreign")
    for place in (
        "sessions/.DS_Store",
        "sessions/.tmp-0123456789abcdef/objects/.DS_Store",
        f"sessions/{checkpoint_id(chain[0].hash).upper()}/objects/{name}",
        f"sessions/{{{S4}}}/objects/{name}",
        f"sessions/{S7}{conflict}/objects/{name}",
        f"sessions/{S8}/objects/.DS_Store",  # a session's directory in which nothing is known
        f"sessions/{S9}/notes.txt",
        "sessions.bak",
    ):
        store.files[place] = b"foreign"
    return store


def no_refs() -> Store:
    store = Store()
    for session in (S7, S4):
        one = Session(store, session)
        chain = appends(one, 3, start=10)
        tied = one.checkpoint(12, turn(5))
        newest = max(chain[2], tied, key=lambda made: made.hash)
        created = S7_CREATED_AT if session == S7 else "2026-11-22T10:00:10.000000Z"
        one.expect(UNSET | {"created_at": created}, 12, newest, problem=True)
    return store


def torn_ref() -> Store:
    store = Store()
    for index, session in enumerate((S7, S4, S8, S9)):
        one = Session(store, session)
        chain = appends(one, 2)
        content = [
            "",
            f"{at(4)}-{chain[1].hash}"[:40],
            f"{at(4)}-{chain[0].hash}",
            f"{at(3)}-{chain[1].hash}\n",
        ][index]
        one.activate(4, chain[1], content)
        one.activate(3, chain[0])
        one.expect(one.first_meta("Torn"), 4, chain[1])
    return store


def no_meta() -> Store:
    store = Store()
    for session in (S7, S4):
        one = Session(store, session)
        chain = appends(one, 2, start=20)
        one.activate(25, chain[0])
        created = S7_CREATED_AT if session == S7 else "2026-11-22T10:00:20.000000Z"
        one.expect(UNSET | {"created_at": created}, 25, chain[0], problem=True)
    return store


def impossible_chain() -> Store:
    store = Store()

    keep = Session(store, S7)  # keeps more than its base has
    chain = appends(keep, 1)
    broken = keep.checkpoint(1, [*turn(0), *turn(1)], chain[0], keep=3, count=5)
    above = keep.checkpoint(
        2, [*turn(0), *turn(2)], broken, keep=1, count=4, messages=turn(2) + turn(3)[:1]
    )
    keep.activate(0, chain[0])
    keep.activate(2, above)
    broken.code = above.code = "corrupt_object"
    keep.expect(keep.first_meta("Keep"), 2, None, "corrupt_object")

    for session, kind in ((S4, "base"), (S8, "element")):  # a hash of a record of another kind
        one = Session(store, session)
        first = one.checkpoint(0, turn(0))
        if kind == "base":
            text = compact(message(session, turn(1)[0]))
            one.put(f"objects/{sha256(text)}.json", text)
            made = one.checkpoint(1, turn(0), first, base=sha256(text), keep=1, count=1)
        else:
            made = one.checkpoint(1, [*turn(0), {}], first, messages=[first.hash])
        made.code = "corrupt_object"
        one.activate(0, first)
        one.activate(1, made)
        one.expect(one.first_meta(kind), 1, None, "corrupt_object")

    other = Session(store, S9)  # a record of another session
    first = other.checkpoint(0, turn(0))
    made = other.checkpoint(1, turn(0) + turn(1), first, session=S7)
    made.listed = False
    other.activate(0, first)
    other.activate(1, made)
    other.expect(other.first_meta("Other"), 1, None, "corrupt_object")
    return store


STORES: dict[Callable[[], Store], str] = {
    sound: "Everything that a healthy store holds.",
    other_writer: "Bytes that this package would not write and every reader accepts.",
    missing_base: "A base or a large message has not arrived.",
    corrupt_object: "One bit of an object is wrong.",
    corrupt_large_message: "One bit of a large message is wrong.",
    corrupt_meta: "A meta record is damaged: the others count, and the session has a problem.",
    two_active_refs: "Two heads met in a sync.",
    ref_before_object: "A ref has arrived before the checkpoint that it names.",
    foreign_files: "What sync tools, editors and desktops leave behind is passed over.",
    no_refs: "No ref has arrived: the newest complete checkpoint is active, and the facts are unknown.",
    torn_ref: "The content of an active ref is wrong: its name says all that is needed.",
    no_meta: "Active refs and objects have arrived, meta records have not.",
    impossible_chain: "Records with sound bytes that contradict others.",
}


def golden(stores: dict[Callable[[], Store], str]) -> dict[str, bytes]:
    """Return every file of golden/."""
    files: dict[str, bytes] = {}
    for make, about in stores.items():
        name = make.__name__.replace("_", "-")
        store = make()
        files |= {f"golden/{name}/store/{place}": data for place, data in store.files.items()}
        text = json.dumps({"about": about} | store.expected(), indent=1)
        files[f"golden/{name}/expected.json"] = text.encode() + b"\n"
    return files
