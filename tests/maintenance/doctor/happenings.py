"""Ways in which each kind of finding comes about, each done by hand to a real store."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from .helpers import AT, Store, write

LAST = "99991231T235959999998Z"
YOUNG, OLD = ".tmp-0123456789abcdef", ".tmp-fedcba9876543210"
NOBODYS = "f" * 64
EMPTY = UUID("01900000-0000-7000-8000-000000000000")


class Told(NamedTuple):
    """What is to be found: about which path, of which session; and what follows from it."""

    path: Path
    session: UUID | None = None
    follows: tuple[str, ...] = ()


def flipped(data: bytes) -> bytes:
    return data[:-9] + bytes([data[-9] ^ 1]) + data[-8:]


def meta_at(store: Store, time: str, **fields: object) -> Path:
    """Write a meta record of a time by hand; it hashes to its name."""
    made = {"kind": "meta", "session": str(store.session), "at": time, "set": {}} | fields
    data = json.dumps(made).encode()
    return write(store.refs / f"meta.{time}-{hashlib.sha256(data).hexdigest()[:12]}.json", data)


def active_at(store: Store, at: str, sha: str) -> Path:
    return write(store.refs / f"active.{at}-{sha[:12]}", f"{at}-{sha}".encode())


def purged(store: Store) -> Path:
    """Bring back an object of which a purge record speaks."""
    data = store.record(at="20200101T000000000000Z")
    sha = hashlib.sha256(data).hexdigest()
    made = {"kind": "purge", "session": str(store.session), "at": AT, "objects": [sha]}
    record = json.dumps(made).encode()
    write(store.refs / f"purge.{AT}-{hashlib.sha256(record).hexdigest()[:12]}.json", record)
    return write(store.objects / f"{sha}.json", data)


def erase(*paths: Path) -> Path:
    """Remove files; return the first of them."""
    for path in paths:
        path.unlink()
    return paths[0]


def enlarge(path: Path) -> Path:
    """Make a file larger than the store's limit, without using the space."""
    path.chmod(0o600)
    os.truncate(path, 1 << 20)
    return path


def in_capitals(path: Path) -> Path:
    return path.rename(path.with_name(path.name.upper()))


def link_to(target: str) -> Callable[[Path], object]:
    return lambda path: path.symlink_to(target)


def replaced(path: Path, make: Callable[[Path], object]) -> Path:
    path.unlink()
    make(path)
    return path


def linked(store: Store, target: Path) -> Told:
    """Put a link to a directory elsewhere in the place of the session's objects."""
    target.parent.mkdir(parents=True)
    store.objects.rename(target)
    store.objects.symlink_to(target)
    return Told(store.objects, store.session)


def in_another_store(store: Store) -> Told:
    other = store.root.parent / "other"
    told = linked(store, other / "sessions" / str(store.session) / "objects")
    (other / "sessionfs.json").write_bytes(b'{"format":1,"requires":[]}')
    return told


def root_file(name: str, data: bytes | None) -> Callable[[Store], Told]:
    def happen(store: Store) -> Told:
        path = store.root / name
        path.unlink()
        if data is not None:
            write(path, data)
        return Told(path)

    return happen


def object_of(
    checkpoint: str, harm: Callable[[Path], object], *follows: str
) -> Callable[[Store], Told]:
    def happen(store: Store) -> Told:
        path = store.file(getattr(store, checkpoint))
        harm(path)
        return Told(path, store.session, follows)

    return happen


def made(data: Callable[[Store], bytes]) -> Callable[[Store], Told]:
    return lambda store: Told(store.put(data(store)), store.session)


def in_refs(harm: Callable[[Store], Path], *follows: str) -> Callable[[Store], Told]:
    return lambda store: Told(harm(store), store.session, follows)


def in_session(harm: Callable[[Store], object], *follows: str) -> Callable[[Store], Told]:
    def happen(store: Store) -> Told:
        harm(store)
        return Told(store.directory, store.session, follows)

    return happen


def foreign(name: str, age: float = 0.0) -> Callable[[Store], Told]:
    def happen(store: Store) -> Told:
        path = write(store.objects / name, b"foreign")
        then = path.stat().st_mtime - age
        os.utime(path, (then, then))
        return Told(path, store.session)

    return happen


def ambiguous(store: Store) -> Told:
    """Names of two objects begin with the same digits: by hand, for nobody finds two that hash so."""
    sha = store.active.read_text().split("-")[1]
    write(store.objects / f"{sha[:12]}{'0' * 52}.json", b"by hand")
    return Told(write(store.active, b"torn"), store.session, ("object-damaged", "active-ref-damaged"))


def open_modes(store: Store) -> Told:
    for path in (store.root, store.root / "sessions", store.directory):
        path.chmod(0o755)
    store.file(store.first).chmod(0o444)
    return Told(store.directory, store.session)


def empty_session(store: Store) -> Told:
    path = store.root / "sessions" / str(EMPTY)
    path.mkdir(0o700)
    return Told(path, EMPTY)


def looping(store: Store) -> Told:
    shutil.rmtree(store.objects)
    store.objects.symlink_to(store.objects)
    return Told(store.objects, store.session)


def in_conflict(path: Path) -> Path:
    return path.with_name(f"{path.stem}.sync-conflict-20260101-120000-ABCDEFG{path.suffix}")


def renamed(store: Store) -> Told:
    path = store.file(store.lonely)
    return Told(path.rename(in_conflict(path)), store.session)


def copied(store: Store) -> Told:
    path = store.file(store.lonely)
    return Told(Path(shutil.copy2(path, in_conflict(path))), store.session)


def session_is(make: Callable[[Path], object]) -> Callable[[Store], Told]:
    def happen(store: Store) -> Told:
        path = store.root / "sessions" / str(EMPTY)
        make(path)
        return Told(path, EMPTY)

    return happen


HAPPENS: list[tuple[str, Callable[[Store], Told]]] = [
    ("header-damaged", root_file("sessionfs.json", b'{"format":1')),
    ("header-damaged", root_file("sessionfs.json", b"")),
    ("format-unknown", root_file("sessionfs.json", b'{"format":2,"requires":[]}')),
    ("format-unknown", root_file("sessionfs.json", b'{"format":1,"requires":["sealed"]}')),
    ("header-missing", root_file("sessionfs.json", None)),
    ("root-file-missing", root_file("README.md", None)),
    ("root-file-missing", root_file(".gitattributes", None)),
    ("root-file-changed", root_file("README.md", b"mine")),
    ("root-file-changed", root_file(".gitignore", b"much" * 500)),
    ("root-file-changed", root_file("sessionfs.json", b'{"format": 1, "requires": []}')),
    ("object-damaged", object_of("lonely", lambda path: write(path, flipped(path.read_bytes())))),
    ("object-damaged", object_of("first", lambda path: write(path, path.read_bytes()[:-1]))),
    ("object-damaged", object_of("third", lambda path: write(path, b""))),
    ("object-damaged", lambda store: Told(write(store.large, b"cut"), store.session)),
    ("line-ends", object_of("second", lambda path: write(path, path.read_bytes() + b"\n"))),
    ("line-ends", in_refs(lambda store: write(store.meta, store.meta.read_bytes() + b"\r\n"))),
    ("object-invalid", made(lambda store: store.record(count=7))),
    ("object-invalid", made(lambda store: store.record(messages=[5]))),
    ("object-invalid", made(lambda store: store.record().replace(b'"by hand"', b"1e400"))),
    (
        "object-invalid",
        made(lambda store: store.record().replace(str(store.session).encode(), b"nobody")),
    ),
    ("object-misplaced", made(lambda store: store.record(store.neighbour))),
    ("object-missing", object_of("first", erase)),
    ("object-missing", in_refs(lambda store: erase(store.large))),
    (
        "object-unknown",
        made(lambda store: b'{"kind":"tree","session":"%s"}' % str(store.session).encode()),
    ),
    (
        "chain-broken",
        made(lambda store: store.record(base=store.file(store.first).stem, keep=9, count=10)),
    ),
    ("chain-broken", made(lambda store: store.record(base=store.large.stem, keep=1, count=2))),
    ("chain-broken", made(lambda store: store.record(messages=[store.file(store.first).stem]))),
    (
        "chain-broken",
        made(
            lambda store: store.record(
                messages=[store.file(store.first).stem, store.file(store.second).stem], count=2
            )
        ),
    ),
    ("chain-broken", in_refs(lambda store: active_at(store, AT, store.large.stem))),
    ("parent-missing", made(lambda store: store.record(parent=NOBODYS))),
    ("not-regular", object_of("lonely", lambda path: replaced(path, os.mkfifo))),
    ("not-regular", object_of("first", lambda path: replaced(path, Path.mkdir))),
    ("not-regular", object_of("second", lambda path: replaced(path, link_to("none")))),
    (
        "not-regular",
        object_of("third", lambda path: replaced(path, link_to("/dev/null"))),
    ),
    ("not-regular", in_refs(lambda store: replaced(store.active, os.mkfifo))),
    ("not-regular", in_refs(lambda store: replaced(store.active, link_to("none")))),
    ("not-regular", in_refs(lambda store: replaced(store.meta, Path.mkdir))),
    ("not-regular", in_refs(lambda store: replaced(store.meta, link_to("none")))),
    ("not-regular", session_is(lambda path: write(path, b"a file"))),
    ("not-regular", session_is(os.mkfifo)),
    ("not-regular", lambda store: Told(replaced(store.root / "README.md", os.mkfifo))),
    ("not-regular", lambda store: Told(replaced(store.root / "sessionfs.json", Path.mkdir))),
    (
        "not-regular",
        lambda store: Told(replaced(store.root / ".gitignore", link_to("no"))),
    ),
    ("too-large", object_of("lonely", enlarge)),
    ("too-large", in_refs(lambda store: enlarge(store.meta))),
    ("unreadable", looping),
    (
        "in-flight",
        object_of("lonely", lambda path: replaced(path, link_to("/proc/uptime"))),
    ),
    (
        "in-flight",
        in_refs(lambda store: replaced(store.meta, link_to("/proc/uptime"))),
    ),
    ("meta-damaged", in_refs(lambda store: write(store.meta, flipped(store.meta.read_bytes())))),
    ("meta-damaged", in_refs(lambda store: meta_at(store, AT, session=str(store.neighbour)))),
    ("meta-damaged", in_refs(lambda store: meta_at(store, AT, kind="message", message={}))),
    ("meta-damaged", in_refs(lambda store: meta_at(store, AT, at=LAST))),
    ("meta-damaged", in_refs(lambda store: meta_at(store, AT, set={"visibility": "TEAM"}))),
    ("meta-missing", in_session(lambda store: erase(*store.refs.glob("meta.*")))),
    ("active-ref-damaged", in_refs(lambda store: write(store.active, b""))),
    (
        "active-ref-damaged",
        in_refs(lambda store: write(store.active, flipped(store.active.read_bytes()))),
    ),
    (
        "active-ref-damaged",
        in_refs(lambda store: write(store.active, store.active.read_bytes() + b"\n")),
    ),
    (
        "active-ref-dangling",
        in_refs(lambda store: active_at(store, "20990101T000000000000Z", NOBODYS), "clock-ahead"),
    ),
    ("active-ref-dangling", in_refs(lambda store: active_at(store, AT, NOBODYS))),
    ("active-ref-ambiguous", ambiguous),
    ("active-ref-missing", in_session(lambda store: erase(store.active))),
    ("active-ref-missing", in_session(lambda store: erase(store.active, *store.objects.iterdir()))),
    (
        "active-refs-several",
        in_session(lambda store: active_at(store, AT, store.file(store.second).stem)),
    ),
    ("clock-ahead", in_refs(lambda store: meta_at(store, "99980101T000000000000Z").parent)),
    ("clock-exhausted", in_refs(lambda store: meta_at(store, LAST).parent)),
    ("purged", in_session(purged)),
    ("session-empty", empty_session),
    ("modes-open", open_modes),
    ("letter-case", lambda store: Told(in_capitals(store.file(store.lonely)), store.session)),
    ("letter-case", lambda store: Told(in_capitals(store.root / "README.md"))),
    ("letter-case", in_refs(lambda store: in_capitals(store.active), "active-ref-missing")),
    ("letter-case", in_refs(lambda store: in_capitals(store.meta))),
    (
        "letter-case",
        in_refs(lambda store: in_capitals(store.refs), "active-ref-missing", "meta-missing"),
    ),
    ("link", in_another_store),
    ("link-outside", lambda store: linked(store, store.root.parent / "away" / "objects")),
    ("adoptable", renamed),
    ("conflict-copy", copied),
    ("conflict-copy", foreign("a (conflicted copy).json")),
    ("set-aside", foreign("x.json.corrupt-12")),
    ("temporary", foreign(YOUNG)),
    ("temporary-abandoned", foreign(OLD, age=25 * 3600)),
    ("foreign", foreign("notes.txt")),
    ("foreign", foreign("active.20260101T000000000000Z-0123456789ab")),
]
