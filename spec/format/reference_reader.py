"""A reader of sessionfs stores, written from FORMAT.md alone with the standard library alone.

`python reference_reader.py ROOT` prints what a store holds, in the shape of golden/*/expected.json.
It favours clarity over speed: it keeps a session's records in memory and decodes each of them once.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import sys
from contextlib import suppress
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any, NoReturn
from uuid import UUID

Record = dict[str, Any]
UUID_NAME = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
OBJECT_NAME = re.compile(r"([0-9a-f]{64})\.json")
REF_NAME = re.compile(r"(active|meta|purge)\.([0-9TZ]{22})-([0-9a-f]{12})(\.json)?")
SHA256 = re.compile(r"[0-9a-f]{64}")
AT = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{6})Z")
TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")
TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)
STEP = {b"[": 1, b"{": 1, b"]": -1, b"}": -1}
MAX_NESTING = 500  # writers stay below this; what is deeper is damage
PRINTED_BYTES = 1024  # longer lists of messages are printed as the hash of their compact ASCII JSON


class Problem(Exception):  # noqa: N818 - it is an answer as much as an error
    """What stands in the way: a code (incomplete, corrupt_object, not_found) and where."""

    def __init__(self, code: str, where: str) -> None:
        super().__init__(f"{code}: {where}")
        self.code = code


class Absent(Problem):
    """What is not here may arrive with the next sync, so reading goes on; damage outweighs it."""


def corrupt(where: str) -> NoReturn:
    raise Problem("corrupt_object", where)


def is_at(text: object) -> bool:
    """Section 3: 22 characters that name a moment, the last one of the calendar excepted."""
    match = AT.fullmatch(text) if isinstance(text, str) else None
    with suppress(ValueError):
        if match is not None and text != "99991231T235959999999Z":
            return bool(datetime(*map(int, match.groups()), tzinfo=UTC))  # type: ignore[misc, arg-type]
    return False


def is_time(text: object) -> bool:
    """Section 3: the times that are for people are timestamps with punctuation."""
    return isinstance(text, str) and bool(TIME.fullmatch(text)) and is_at(re.sub(r"[-:.]", "", text))


def checkpoint_id(sha256: str) -> str:
    """Section 3: the first 128 bits of the hash, with version 8 and the variant 10."""
    bits = int(sha256[:32], 16) & ~(0xF << 76) & ~(0x3 << 62) | 0x8 << 76 | 0x2 << 62
    return str(UUID(int=bits))


def parse_name(directory: str, name: str) -> tuple[str, str, str]:
    """Return what a name in refs/ or objects/ is, its timestamp and its (start of a) hash."""
    if directory == "objects" and (match := OBJECT_NAME.fullmatch(name)):
        return "object", "", match[1]
    match = REF_NAME.fullmatch(name) if directory == "refs" else None
    if match and is_at(match[2]) and (match[1] == "active") == (match[4] is None):
        return match[1], match[2], match[3]
    return "foreign", "", ""


def is_count(value: object) -> bool:
    return type(value) is int and value >= 0  # a JSON true is no number


def is_hash(value: object) -> bool:
    return isinstance(value, str) and SHA256.fullmatch(value) is not None


def are_hashes(value: object) -> bool:
    return isinstance(value, list) and all(map(is_hash, value))


def decode(data: bytes, session: str, where: str) -> Record:
    """Return a record of any kind that is valid by section 4, as far as it alone can tell."""
    levels = accumulate(STEP.get(token, 0) for token in TOKEN.findall(data))
    if max(levels, default=0) > MAX_NESTING:  # before a parser recurses into it
        corrupt(where)
    try:
        fields: list[tuple[str, Any]] = []  # of the outermost object, which is finished last

        def build(pairs: list[tuple[str, Any]]) -> Record:
            fields[:] = pairs
            return dict(pairs)

        # NaN is not JSON
        record: Record = json.loads(data.decode(), parse_constant=corrupt, object_pairs_hook=build)
        json.dumps(record, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except ValueError:
        corrupt(where)
    kind = record.get("kind") if isinstance(record, dict) else None
    if not isinstance(kind, str) or any(name == "kind" and value != kind for name, value in fields):
        corrupt(where)  # of two kinds: readers could differ on which one counts
    # Of a kind that is not known, it is the object of a newer writer; the callers pass it over.
    if kind in VALID and (record.get("session") != session or not VALID[kind](record)):
        corrupt(where)
    return record


def valid_checkpoint(record: Record) -> bool:
    messages = record.get("messages")
    return (
        all(record.get(field, 0) is None or is_hash(record.get(field)) for field in ("parent", "base"))
        and ("after" not in record or is_hash(record["after"]))
        and all(is_count(record.get(field)) for field in ("keep", "depth", "count"))
        and record["count"] < 2**32
        and is_at(record.get("at"))
        and isinstance(record.get("metadata", {}), dict)
        and isinstance(messages, list)
        and all(isinstance(message, dict) or is_hash(message) for message in messages)
        and (record["base"] is None) == (record["keep"] == 0)
        and record["count"] == record["keep"] + len(messages)
    )


def valid_meta(record: Record) -> bool:
    facts = record.get("set")
    return is_at(record.get("at")) and isinstance(facts, dict) and (
        isinstance(facts.get("title", ""), str)
        and facts.get("visibility", "PRIVATE") in ("PRIVATE", "PUBLIC")
        and facts.get("status", "ACTIVE") in ("ACTIVE", "DELETED")
        and isinstance(facts.get("cwd"), str | None)
        and ("created_at" not in facts or is_time(facts["created_at"]))
        and are_hashes(facts.get("left", []))
    )  # fmt: skip


VALID: dict[str, Any] = {
    "checkpoint": valid_checkpoint,
    "message": lambda record: isinstance(record.get("message"), dict),
    "meta": valid_meta,
    "purge": lambda record: is_at(record.get("at")) and are_hashes(record.get("objects")),
}


def list_names(*path: str) -> list[str]:
    with suppress(OSError):  # a missing directory is an empty one
        return sorted(os.listdir(os.path.join(*path)))
    return []


def read_bytes(path: str) -> bytes | None:
    with suppress(OSError):  # not here, or not for us
        if stat.S_ISREG(os.stat(path).st_mode):
            with open(path, "rb") as file:
                return file.read()
    return None


def read_verified(path: str, hash_start: str) -> tuple[bytes, str]:
    """Return bytes that hold what their name promises, and their hash (section 7)."""
    before: bytes | None = None
    for data in map(read_bytes, [path] * 100):
        if data is None:
            break
        if (sha256 := hashlib.sha256(data).hexdigest()).startswith(hash_start):
            return data, sha256
        if data == before:  # two readings agree, so nobody is in the middle of writing it
            corrupt(path)
        before = data
    raise Absent("incomplete", path)


class Session:
    """One directory of sessions/, listed when it is opened."""

    def __init__(self, root: str, session: str) -> None:
        self.id, self.path = session, os.path.join(root, "sessions", session)
        self.changes: list[tuple[str, str, Record]] = []  # (at, hash, what is set), in any order
        self.purges: list[list[str]] = []
        self.damaged, self.hidden = 0, set[str]()  # so many meta and purge records; these objects
        self._records: dict[str, Record] = {}
        # Refs first: whoever sees a ref then finds the objects that were written before it.
        refs = self._names("refs")
        self.hashes = [entry[3] for entry in self._names("objects")]
        for name, kind, at, hash_start in refs:
            if kind != "active":
                self._read_ref(name, kind, at, hash_start)
        purged = {sha256 for objects in self.purges for sha256 in objects}
        self.hidden = purged - self.reach(set(self.hashes) - purged, large=True)
        self.hashes = [sha256 for sha256 in self.hashes if sha256 not in self.hidden]
        if not self.hashes and (self.purges or not refs):
            raise Problem("not_found", self.path)
        gone = {sha256[:12] for sha256 in self.hidden}
        refs = [ref for ref in refs if ref[1] != "active" or ref[3] not in gone]
        self.active_refs = [ref for ref in refs if ref[1] == "active"]
        self.has_meta = any(ref[1] == "meta" for ref in refs)
        made = [at for at, _ in self.checkpoints()]
        self.updated_at = max([ref[2] for ref in refs] or made, default=None)
        self.began_at = min([ref[2] for ref in refs] + made, default=None)

    def _names(self, directory: str) -> list[tuple[str, str, str, str]]:
        names = ((name, *parse_name(directory, name)) for name in list_names(self.path, directory))
        return [entry for entry in names if entry[1] != "foreign"]

    def _read_ref(self, name: str, kind: str, at: str, hash_start: str) -> None:
        """Read a meta or purge record; one that is damaged is left out and counted."""
        path = os.path.join(self.path, "refs", name)
        try:
            data, sha256 = read_verified(path, hash_start)
            record = decode(data, self.id, path)
            if record["kind"] != kind or record["at"] != at:
                corrupt(path)
        except Problem as problem:
            self.damaged += not isinstance(problem, Absent)
            return
        if kind == "purge":
            self.purges.append(record["objects"])
        self.changes.append((at, sha256, record["set"] if kind == "meta" else {"status": "ACTIVE"}))

    def reach(self, start: set[str], *, large: bool = False) -> set[str]:
        """Return these objects and what they stand on, directly or not, as far as it is here."""
        found: set[str] = set()
        following = list(start)
        while following:
            found.add(sha256 := following.pop())
            with suppress(Problem):
                record = self.record(sha256, "checkpoint")
                # Section 4.1: what it follows directly, and its base, which it follows as well.
                links = [record["parent"] or record.get("after"), record["base"]]
                links += record["messages"] if large else []
                following += [link for link in links if is_hash(link) and link not in found]
        return found

    def record(self, sha256: str, kind: str | None = None) -> Record:
        """Return the record of an object, which must be of `kind` if that is given."""
        path = os.path.join(self.path, "objects", f"{sha256}.json")
        if sha256 in self.hidden:
            raise Absent("incomplete", path)
        if sha256 not in self._records:
            self._records[sha256] = decode(read_verified(path, sha256)[0], self.id, path)
        if kind not in (None, self._records[sha256]["kind"]):
            corrupt(path)
        return self._records[sha256]

    def checkpoints(self) -> list[tuple[str, str]]:
        """Return (at, hash) of every checkpoint object whose own record is sound, oldest first."""
        found = []
        for sha256 in self.hashes:
            with suppress(Problem):  # nobody can say what it was; whoever needs it will report it
                found.append((self.record(sha256, "checkpoint")["at"], sha256))
        return sorted(found)

    def messages(self, sha256: str) -> list[Record]:
        """Return the messages of a checkpoint, which proves that it is complete."""
        messages, missing = list[Record](), list[Absent]()
        link: str | None = sha256  # hashes that were verified cannot close a circle
        keep, needed = 0, sys.maxsize  # what the link above keeps; what the checkpoint begins with
        while link is not None:
            try:
                record = self.record(link, "checkpoint")
            except Absent as absent:
                missing.append(absent)
                break
            if keep > record["count"]:
                corrupt(link)
            keep, link, part = record["keep"], record["base"], []
            for message in record["messages"][: max(0, needed - keep)]:
                try:
                    large = isinstance(message, str)
                    part.append(self.record(message, "message")["message"] if large else message)
                except Absent as absent:
                    missing.append(absent)
            messages = part + messages
            needed = min(needed, keep)
        if missing:
            raise missing[0]
        return messages

    def target(self, ref: tuple[str, str, str, str]) -> str:
        """Section 4.4: return the hash of the object here that an active ref names, or nothing."""
        name, _, at, hash_start = ref
        candidates = [sha256 for sha256 in self.hashes if sha256.startswith(hash_start)]
        content = read_bytes(os.path.join(self.path, "refs", name)) or b""  # torn: not used
        exact = [sha256 for sha256 in candidates if content == f"{at}-{sha256}".encode()]
        return next(reversed(exact or candidates), "")

    def active(self) -> str:
        """Section 5: return the hash of the active checkpoint."""
        for sha256 in filter(None, map(self.target, reversed(self.active_refs))):
            with suppress(Absent):  # going on would hide damage
                self.messages(sha256)
                return sha256
        for _, sha256 in reversed(self.checkpoints()):
            with suppress(Problem):
                self.messages(sha256)
                return sha256
        for sha256 in self.hashes:  # nothing is complete: is it damage, or just not here yet?
            with suppress(Absent):
                if self.record(sha256)["kind"] == "checkpoint":
                    self.messages(sha256)
        raise Absent("incomplete", self.path)

    def heads(self, active: str) -> list[str]:
        """Section 5: return the tips that nothing follows and nobody has left behind."""
        known = {sha256 for _, sha256 in self.checkpoints()}
        named = {self.target(ref): ref[2] for ref in self.active_refs}  # by the highest ref
        tips = [(at, sha256) for sha256, at in named.items() if sha256 in known - {active}]
        standing = [active]
        for at, sha256 in sorted(tips, reverse=True):
            left = {gone for time, _, new in self.changes if time > at for gone in new.get("left", [])}
            if sha256 not in self.reach(left):
                standing.append(sha256)
        return [tip for tip in standing if tip == active or tip not in self.reach({*standing} - {tip})]

    def facts(self) -> Record:
        """Section 4.3: fold what was set; the last writer wins, field by field."""
        facts: Record = {"title": "", "visibility": "PRIVATE", "status": "ACTIVE", "cwd": None}
        facts["created_at"] = self._default_created_at()
        for _, _, changes in sorted(self.changes, key=lambda change: change[:2]):
            facts.update((field, value) for field, value in changes.items() if field in facts)
        return facts

    def _default_created_at(self) -> str | None:
        session = UUID(self.id)
        if session.version == 7:
            seconds, millis = divmod(session.int >> 80, 1000)
            with suppress(ValueError, OverflowError):  # the id's 48 bits reach beyond the year 9999
                return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{millis:03}000Z"
        return self.began_at and AT.sub(r"\1-\2-\3T\4:\5:\6.\7Z", self.began_at)

    def answers(self) -> Record:
        """Return everything that a reader can be asked about this session."""
        active, code = None, None
        try:
            active = self.active()
        except Problem as problem:
            code = problem.code
        return {
            "id": self.id, "facts": self.facts(), "updated_at": self.updated_at,
            "active": active, "heads": self.heads(active) if active else [], "code": code,
            "purged": bool(self.purges),
            "problem": bool(code or self.damaged or self.purges or not self.has_meta),
            "checkpoints": [self._answer(sha256) for _, sha256 in self.checkpoints()],
        }  # fmt: skip

    def _answer(self, sha256: str) -> Record:
        record = self.record(sha256)
        answer: Record = {
            "hash": sha256, "id": checkpoint_id(sha256), "parent": record["parent"], "at": record["at"],
            "count": record["count"], "metadata": record.get("metadata"),
        }  # fmt: skip
        try:
            messages = self.messages(sha256)
        except Problem as problem:
            return answer | {"readable": False, "code": problem.code}
        encoded = json.dumps(messages, separators=(",", ":")).encode()
        hashed = {"messages_sha256": hashlib.sha256(encoded).hexdigest()}
        printed = {"messages": messages} if len(encoded) <= PRINTED_BYTES else hashed
        return answer | {"readable": True, "code": None} | printed


def check_readable(root: str) -> None:
    """Section 10: refuse a store that needs a reader which knows more than this one."""
    try:
        data = read_bytes(os.path.join(root, "sessionfs.json")) or b""
        header = json.loads(data.decode(), parse_constant=int)  # NaN is not JSON
        json.dumps(header, ensure_ascii=False).encode()
        sound = is_count(header["format"]) and header["format"] >= 1
        required = [entry for entry in header.get("requires", []) if entry.startswith("read:")]
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
        return  # damage, which refuses writes alone
    if sound and required:
        raise Problem("format", f"{root} requires {', '.join(required)}")


def sessions(root: str) -> list[Session]:
    """Return the sessions of a store by `updated_at`, newest first, then by id: sorting is stable."""
    check_readable(root)
    found = []
    for name in filter(UUID_NAME.fullmatch, list_names(root, "sessions")):
        with suppress(Problem):  # nothing of section 2 is in it, or nothing that is visible
            found.append(Session(root, name))
    return sorted(found, key=lambda session: session.updated_at or "", reverse=True)


if __name__ == "__main__":
    try:
        print(json.dumps({"sessions": [one.answers() for one in sessions(sys.argv[1])]}, indent=1))
    except Problem as problem:
        sys.exit(str(problem))
