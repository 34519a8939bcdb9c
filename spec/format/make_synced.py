"""The golden stores of work at several places: heads that met, refs that came back, and purges."""

from __future__ import annotations

from collections.abc import Callable

from make_golden import LARGE, S8, S9, Made, Session, Store, appends, turn
from make_records import S4, S7, Json, checkpoint, compact, message, meta, sha256

SA, SB, SC, SD, SE, SF = (f"019aab0f-ca00-7001-8000-00000000001{digit}" for digit in "abcdef")
BIG: Json = {"role": "user", "content": "x" * LARGE}


def summary(number: int) -> list[Json]:
    return [{"role": "system", "content": f"Summary {number}"}]


def absent(session: Session, *gone: Made) -> None:
    """Take the objects of these checkpoints away: they have not arrived."""
    for made in gone:
        session.remove(f"objects/{made.hash}.json")
        made.listed = False


def large_of(made: Made) -> list[str]:
    return [element for element in made.record["messages"] if isinstance(element, str)]


def heads_that_met() -> Store:
    store = Store()

    grown = Session(store, S7)  # three met; one of them has grown since, and its old ref came back
    root = grown.checkpoint(0, turn(0))
    left, right, third = (grown.checkpoint(4 + n, turn(0) + turn(n), root) for n in (1, 2, 3))
    last = grown.checkpoint(10, right.node.messages + turn(4), right)
    for second, made in ((8, left), (7, right), (9, third), (11, last)):
        grown.activate(second, made)
    grown.expect(grown.first_meta("Grown"), 11, last, heads=[third, left])

    after = Session(store, S4)  # two that stand on nothing, both made after the same one
    root = after.checkpoint(0, turn(0))
    one, two = (after.checkpoint(n, summary(n), after=root.hash, depth=1) for n in (5, 6))
    for second, made in ((0, root), (5, one), (6, two)):
        after.activate(second, made)
    after.expect(after.first_meta("After"), 6, two, heads=[one])

    base = Session(store, S8)  # neither a parent nor `after`: both follow their base
    root = base.checkpoint(0, turn(0))
    one, two = (base.checkpoint(n, turn(0) + turn(n), root, parent=None) for n in (5, 6))
    for second, made in ((0, root), (5, one), (6, two)):
        base.activate(second, made)
    base.expect(base.first_meta("Base"), 6, two, heads=[one])

    partly = Session(store, S9)  # two heads whose base has not arrived above one that is complete
    chain = appends(partly, 2)
    other = partly.checkpoint(3, summary(0), chain[0])
    beside = partly.checkpoint(4, chain[1].node.messages + turn(4), chain[1])
    last = partly.checkpoint(5, chain[1].node.messages + turn(5), chain[1])
    absent(partly, chain[1])
    beside.code = last.code = "incomplete"
    for second, made in ((4, other), (7, beside), (6, last)):
        partly.activate(second, made)
    partly.expect(partly.first_meta("Partly"), 7, other, heads=[beside, last])

    alone = Session(store, SA)  # the only ref names one whose base has not arrived
    chain = appends(alone, 3)
    absent(alone, chain[1])
    chain[2].code = "incomplete"
    alone.activate(2, chain[2])
    alone.expect(alone.first_meta("Alone"), 2, chain[0], heads=[chain[2]])

    unread = Session(store, SB)  # no ref names what is active; it follows what a ref names
    chain = appends(unread, 3)
    last = unread.checkpoint(3, summary(0), chain[2])
    absent(unread, chain[0])
    chain[1].code = chain[2].code = "incomplete"
    unread.activate(2, chain[2])
    unread.activate(1, chain[1])
    unread.expect(unread.first_meta("Unread"), 2, last)

    nothing = Session(store, SC)  # a ref that names what is no checkpoint, and one that names nothing
    chain = appends(nothing, 1)
    text = compact(message(SC, turn(1)[0]))
    nothing.put(f"objects/{sha256(text)}.json", text)
    gone = nothing.checkpoint(1, summary(1))
    absent(nothing, gone)
    nothing.activate(2, gone)
    nothing.activate(5, chain[0])
    nothing.put(f"refs/active.20261122T100003000000Z-{sha256(text)[:12]}", "")
    nothing.expect(nothing.first_meta("Nothing"), 5, chain[0])
    return store


def heads_left_behind() -> Store:
    store = Store()

    rewound = Session(store, S7)  # and all refs came back
    chain = appends(rewound, 4)
    for second in range(4):
        rewound.activate(second, chain[second])
    rewound.activate(20, chain[0])
    rewound.meta(20, left=[chain[3].hash])
    rewound.expect(rewound.first_meta("Rewound"), 20, chain[0])

    before = Session(store, S4)  # only that of one before the one that was left behind
    chain = appends(before, 4)
    before.activate(2, chain[2])
    before.activate(20, chain[0])
    before.meta(20, left=[chain[3].hash])
    before.expect(before.first_meta("Before"), 20, chain[0])

    on = Session(store, S8)  # work on one that was left behind, by a writer that did not know
    root = on.checkpoint(0, turn(0))
    left, right = (on.checkpoint(4 + n, turn(0) + turn(n), root) for n in (1, 2))
    unseen = on.checkpoint(9, right.node.messages + turn(3), right)
    for second, made in ((5, left), (6, right), (9, unseen), (20, left)):
        on.activate(second, made)
    on.meta(20, left=[right.hash])
    on.expect(on.first_meta("On"), 20, left, heads=[unseen])

    again = Session(store, S9)  # made active again after it was left behind, and then another one
    root = again.checkpoint(0, turn(0))
    left, right = (again.checkpoint(4 + n, turn(0) + turn(n), root) for n in (1, 2))
    for second, made in ((6, right), (20, left), (30, right), (40, left)):
        again.activate(second, made)
    again.meta(20, left=[right.hash])
    again.expect(again.first_meta("Again"), 40, left, heads=[right])

    lists = Session(store, SA)  # the lists of all records count, whatever they are in beside them
    root = lists.checkpoint(0, turn(0))
    made = [lists.checkpoint(4 + n, turn(0) + turn(n), root) for n in range(4)]
    for second in range(4):
        lists.activate(4 + second, made[second])
    lists.activate(30, root)
    lists.meta(20, left=[made[1].hash], title="Lists")
    lists.meta(30, left=[made[0].hash, made[3].hash])
    lists.meta(31, left=[])
    facts = lists.first_meta("Before") | {"title": "Lists"}
    lists.expect(facts, 31, root, heads=[made[2]])

    same = Session(store, SB)  # a record that is not later than the ref, and one that is damaged
    root = same.checkpoint(0, turn(0))
    left, right = (same.checkpoint(4 + n, turn(0) + turn(n), root) for n in (1, 2))
    for second, made_ in ((5, left), (20, right), (21, root)):
        same.activate(second, made_)
    same.meta(20, left=[right.hash])
    same.flip(same.meta(21, left=[left.hash]))
    same.expect(same.first_meta("Same"), 21, root, heads=[right, left], problem=True)

    missing = Session(
        store, SC
    )  # what was left behind has not arrived: what it followed cannot be told
    chain = appends(missing, 4)
    missing.activate(2, chain[2])
    missing.activate(20, chain[0])
    missing.meta(20, left=[chain[3].hash])
    absent(missing, chain[3])
    missing.expect(missing.first_meta("Missing"), 20, chain[0], heads=[chain[2]])

    hides = Session(store, SD)  # what was left behind and came back follows a head, which stays one
    chain = appends(hides, 4)
    unseen = hides.checkpoint(30, turn(0) + turn(9), chain[0])
    for second, made_ in ((2, chain[2]), (20, chain[1]), (30, unseen)):
        hides.activate(second, made_)
    hides.meta(20, left=[chain[3].hash])
    hides.expect(hides.first_meta("Hides"), 30, unseen, heads=[chain[1]])
    return store


def stale_refs() -> Store:
    store = Store()

    parents = Session(store, S7)  # the way to it is by parents, a large part of it faster by bases
    chain = appends(parents, 20)
    for second in (5, 13, 19):
        parents.activate(second, chain[second])
    parents.expect(parents.first_meta("Parents"), 19, chain[19])

    bases = Session(
        store, S4
    )  # parents have not arrived: the way is by bases; to the other, there is none
    chain = appends(bases, 20)
    absent(bases, *chain[10:13])
    chain[13].code = chain[14].code = chain[15].code = "incomplete"
    for second in (0, 5, 19):
        bases.activate(second, chain[second])
    bases.expect(bases.first_meta("Bases"), 19, chain[19], heads=[chain[5]])

    broken = Session(store, S8)  # a base has not arrived: the way is by parents
    root = broken.checkpoint(0, turn(0))
    stale = broken.checkpoint(1, summary(1), root)
    last = broken.checkpoint(2, [*turn(0), *turn(2)], root, parent=stale.hash)
    other = broken.checkpoint(3, summary(3))
    absent(broken, root)
    last.code = "incomplete"
    for second, made in ((1, stale), (9, last), (8, other)):
        broken.activate(second, made)
    broken.expect(broken.first_meta("Broken"), 9, other, heads=[last])

    after = Session(store, S9)  # through `after`, twice, to what was replaced long ago
    chain = appends(after, 2)
    first = after.checkpoint(5, summary(1), after=chain[1].hash, depth=2)
    second_ = after.checkpoint(6, summary(2), after=first.hash, depth=3)
    last = after.checkpoint(7, summary(2) + turn(7), second_)
    for second, made in ((0, chain[0]), (1, chain[1]), (5, first), (6, second_), (7, last)):
        after.activate(second, made)
    after.expect(after.first_meta("After"), 7, last)

    parent = Session(store, SA)  # where there is a parent, `after` says nothing
    root = parent.checkpoint(0, turn(0))
    other = parent.checkpoint(1, summary(1), root)
    last = parent.checkpoint(2, turn(0) + turn(2), root, after=other.hash)
    for second, made in ((0, root), (1, other), (2, last)):
        parent.activate(second, made)
    parent.expect(parent.first_meta("Parent"), 2, last, heads=[other])
    return store


def deleted(session: Session, title: str) -> Json:
    """Write that a session was made and deleted; return its facts once it was purged."""
    facts = session.first_meta(title)
    session.meta(20, status="DELETED")
    return facts


def purged_chain(session: Session, count: int = 3) -> list[Made]:
    """Write a chain that was active, was purged, and came back with all its refs."""
    chain = appends(session, count)
    for second, made in enumerate(chain):
        session.activate(second, made)
    session.purge(30, *(made.hash for made in chain))
    return chain


def purged() -> Store:
    store = Store()

    nothing = Session(store, S7)
    absent(nothing, *purged_chain(nothing))
    deleted(nothing, "Nothing is left")

    back = Session(store, S4)
    purged_chain(back)
    deleted(back, "Everything came back")

    odd = Session(store, S8)  # a large message, what is damaged, and what is of another kind
    made = odd.checkpoint(0, [BIG])
    bad = odd.checkpoint(1, turn(1))
    odd.flip(f"objects/{bad.hash}.json")
    later = compact({"kind": "branch", "session": S8})
    odd.put(f"objects/{sha256(later)}.json", later)
    odd.activate(1, bad)
    odd.purge(30, made.hash, bad.hash, sha256(later), *large_of(made))
    deleted(odd, "Odd")

    parts = Session(store, S9)  # two records, each of a part
    chain = appends(parts, 3)
    parts.activate(2, chain[2])
    parts.purge(30, chain[0].hash, chain[1].hash)
    parts.purge(31, chain[2].hash)
    deleted(parts, "Parts")

    ref = Session(store, SA)  # made active later than the purge: a ref is no work
    ref.activate(50, purged_chain(ref)[1])
    deleted(ref, "A ref")

    alone = Session(store, SB)  # the record alone
    alone.purge(30)

    renamed = Session(store, SC)  # what was set after the purge is no work either
    purged_chain(renamed)
    deleted(renamed, "Renamed")
    renamed.meta(40, title="New", status="ACTIVE")

    kept = Session(store, SD)
    made = kept.checkpoint(0, turn(0))
    kept.activate(0, made)
    kept.expect(kept.first_meta("Kept"), 0, made)
    return store


def purged_and_revived() -> Store:
    store = Store()

    on_top = Session(store, S7)  # work on purged history brings it back
    chain = purged_chain(on_top)
    made = on_top.checkpoint(10, chain[2].node.messages + turn(9), chain[2])
    on_top.activate(10, made)
    on_top.expect(deleted(on_top, "On top"), 30, made, purged=True)

    missing = Session(store, S4)  # as far as it is anywhere
    chain = purged_chain(missing)
    made = missing.checkpoint(10, chain[2].node.messages + turn(9), chain[2])
    missing.activate(10, made)
    absent(missing, *chain)
    made.code = "incomplete"
    missing.expect(deleted(missing, "Missing"), 30, None, "incomplete", purged=True)

    base = Session(store, SF)  # its parent has not come back, and what it needs has
    chain = purged_chain(base)
    state = chain[0].node.messages + turn(9)
    made = base.checkpoint(10, state, chain[0], parent=chain[2].hash)
    base.activate(10, made)
    absent(base, *chain[1:])
    base.expect(deleted(base, "Base"), 30, made, purged=True)

    branch = Session(store, S8)  # the rest of it stays hidden, and so do the refs that name it
    chain = purged_chain(branch, 4)
    made = branch.checkpoint(10, chain[1].node.messages + turn(9), chain[1])
    branch.activate(10, made)
    branch.activate(50, chain[3])
    chain[2].listed = chain[3].listed = False
    branch.expect(deleted(branch, "Branch"), 30, made, purged=True)

    after = Session(store, S9)  # through `after`, and a large message that is in both
    first = after.checkpoint(0, [*turn(0), BIG])
    made = after.checkpoint(1, [*summary(0), BIG], after=first.hash, depth=1)
    after.activate(0, first)
    after.activate(1, made)
    after.purge(30, first.hash, *large_of(first))
    after.expect(deleted(after, "After"), 30, made, purged=True)

    alone = Session(store, SA)  # it follows nothing: nothing but it is seen
    for each in purged_chain(alone):
        each.listed = False
    made = alone.checkpoint(1, summary(1))
    alone.expect(deleted(alone, "Alone"), 30, made, purged=True)

    again = Session(store, SB)  # deleted again after it was revived, but not yet purged again
    chain = purged_chain(again)
    made = again.checkpoint(10, chain[0].node.messages + turn(9), chain[0])
    again.activate(10, made)
    facts = deleted(again, "Again")
    again.meta(60, status="DELETED")
    chain[1].listed = chain[2].listed = False
    again.expect(facts | {"status": "DELETED"}, 60, made, purged=True)

    twice = Session(store, SC)  # purged, revived, deleted and purged again, and revived again
    chain = purged_chain(twice)
    first = twice.checkpoint(10, chain[1].node.messages + turn(9), chain[1])
    made = twice.checkpoint(40, first.node.messages + turn(10), first)
    other = twice.checkpoint(41, summary(1), chain[0])
    twice.activate(40, made)
    twice.activate(41, other)
    facts = deleted(twice, "Twice")
    twice.meta(60, status="DELETED")
    twice.purge(70, *(each.hash for each in chain), first.hash)
    chain[2].listed = False
    twice.expect(facts, 70, other, heads=[made], purged=True)

    damaged = Session(store, SD)  # what is damaged tells of no history, and is not passed over
    for each in purged_chain(damaged):
        each.listed = False
    made = damaged.checkpoint(10, turn(0) + turn(9), damaged.made[0])
    damaged.activate(10, made)
    damaged.flip(f"objects/{made.hash}.json")
    made.listed = False
    damaged.expect(deleted(damaged, "Damaged"), 30, None, "corrupt_object", purged=True)

    part = Session(store, SE)  # of the new work nothing but a large message has arrived
    for each in purged_chain(part):
        each.listed = False
    text = compact(message(SE, turn(9)[0]))
    part.put(f"objects/{sha256(text)}.json", text)
    part.expect(deleted(part, "Part"), 30, None, "incomplete", purged=True)
    return store


def corrupt_purge() -> Store:
    store = Store()
    for session in (S7, S4, S8, S9, SA):  # it hides nothing and sets nothing
        one = Session(store, session)
        made = one.checkpoint(0, turn(0))
        one.activate(0, made)
        facts = deleted(one, "Damaged") | {"status": "DELETED"}
        name = one.purge(30, made.hash)
        data = one.files[f"{one.path}/{name}"].decode()
        if session == S7:
            one.flip(name)
        elif session == S4:
            one.put(name, "")
        elif session == S8:  # sound bytes of another session
            one.remove(name)
            data = data.replace(S8, S7)
            one.put(f"refs/purge.20261122T100030000000Z-{sha256(data)[:12]}.json", data)
        elif session == S9:  # the name has another time than the record
            one.remove(name)
            one.put(name.replace("T100030", "T100031"), data)
        else:  # a meta record
            one.remove(name)
            data = compact(meta(SA, "20261122T100030000000Z", title="x") | {"objects": [made.hash]})
            one.put(f"refs/purge.20261122T100030000000Z-{sha256(data)[:12]}.json", data)
        one.expect(facts, 31 if session == S9 else 30, made, problem=True)

    other = Session(store, SB)  # a sound one and a damaged one: what the sound one names is hidden
    chain = appends(other, 2)
    made = other.checkpoint(3, summary(3))
    other.activate(1, chain[1])
    other.purge(30, *(each.hash for each in chain))
    other.flip(other.purge(31, made.hash))
    for each in chain:
        each.listed = False
    other.expect(deleted(other, "One of two"), 31, made, problem=True, purged=True)

    alone = Session(store, SC)  # nothing but a damaged one: nobody knows that it was purged
    alone.flip(alone.purge(30, sha256(compact(checkpoint(SC)))))
    facts = {"title": "", "visibility": "PRIVATE", "status": "ACTIVE", "cwd": None}
    facts["created_at"] = "2025-11-22T10:15:30.048000Z"
    alone.expect(facts, 30, None, "incomplete")

    place = Session(store, SD)  # a purge record among the meta records, and one among the objects
    made = place.checkpoint(0, turn(0))
    place.activate(0, made)
    facts = place.first_meta("Place")
    name = place.purge(30, made.hash)
    data = place.files[f"{place.path}/{name}"].decode()
    place.remove(name)
    place.put(name.replace("purge", "meta"), data)
    place.put(f"objects/{sha256(data)}.json", data)
    place.expect(facts, 30, made, problem=True)
    return store


SYNCED: dict[Callable[[], Store], str] = {
    heads_that_met: "Work at several places met: what is active, and the heads beside it.",
    heads_left_behind: "Heads that somebody left behind, and whose refs came back.",
    stale_refs: "Refs came back that later checkpoints follow.",
    purged: "Sessions that were purged: whatever comes back of them is hidden.",
    purged_and_revived: "Sessions that were purged, and have work that the purger had not seen.",
    corrupt_purge: "A purge record is damaged: it hides nothing, and the session has a problem.",
}
