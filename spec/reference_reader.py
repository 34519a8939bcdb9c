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
from typing import Any, NoReturn
from uuid import UUID

Record = dict[str, Any]
UUID_NAME = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
OBJECT_NAME = re.compile(r"([0-9a-f]{64})\.json")
ACTIVE_NAME = re.compile(r"active\.([0-9TZ]{22})-([0-9a-f]{12})")
META_NAME = re.compile(r"meta\.([0-9TZ]{22})-([0-9a-f]{12})\.json")
SHA256 = re.compile(r"[0-9a-f]{64}")
AT = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{6})Z")
TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")
TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)
KINDS = ("checkpoint", "message", "meta")
MAX_NESTING = 500  # writers stay below this; what is deeper is damage before a parser recurses
PRINTED_BYTES = 1024  # longer lists of messages are printed as the hash of their compact ASCII JSON


class Problem(Exception):  # noqa: N818 - it is an answer as much as an error
    """What stands in the way: a code (incomplete, corrupt_object, not_found) and where."""

    def __init__(self, code: str, where: str) -> None:
        super().__init__(f"{code}: {where}")
        self.code = code


def corrupt(where: str) -> NoReturn:
    raise Problem("corrupt_object", where)


def tolerate(problem: Problem) -> Problem:
    """Absence may pass with the next sync, so reading goes on; damage outweighs it."""
    if problem.code == "corrupt_object":
        raise problem
    return problem


def is_at(text: object) -> bool:
    """Section 3: 22 characters that name a moment, the last one of the calendar excepted."""
    match = AT.fullmatch(text) if isinstance(text, str) else None
    if match is None or text == "99991231T235959999999Z":
        return False
    try:
        datetime(*(int(part) for part in match.groups()), tzinfo=UTC)  # type: ignore[misc, arg-type]
    except ValueError:
        return False
    return True


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
    for kind, pattern in (("active", ACTIVE_NAME), ("meta", META_NAME)):
        if directory == "refs" and (match := pattern.fullmatch(name)) and is_at(match[1]):
            return kind, match[1], match[2]
    return "foreign", "", ""


def is_count(value: object) -> bool:
    return type(value) is int and value >= 0  # a JSON true is no number


def is_hash(value: object) -> bool:
    return isinstance(value, str) and SHA256.fullmatch(value) is not None


def decode(data: bytes, session: str, where: str) -> Record:
    """Return a record of any kind that is valid by section 4, as far as it alone can tell."""
    level = 0
    for token in TOKEN.findall(data):  # nesting is checked before a parser recurses into it
        level += (token in (b"[", b"{")) - (token in (b"]", b"}"))
        if level > MAX_NESTING:
            corrupt(where)
    try:
        fields: list[tuple[str, Any]] = []  # of the outermost object, which is finished last

        def build(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
            fields[:] = pairs
            return dict(pairs)

        # NaN is not JSON
        record = json.loads(data.decode(), parse_constant=corrupt, object_pairs_hook=build)
        json.dumps(record, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except ValueError:
        corrupt(where)
    if not isinstance(record, dict) or not isinstance(kind := record.get("kind"), str):
        corrupt(where)
    if any(name == "kind" and value != kind for name, value in fields):
        corrupt(where)  # two kinds: readers could differ on which one counts
    if kind not in KINDS:
        return record  # the object of a newer writer; the callers pass it over
    if record.get("session") != session or not {
        "checkpoint": valid_checkpoint, "message": valid_message, "meta": valid_meta
    }[kind](record):  # fmt: skip
        corrupt(where)
    return record


def valid_checkpoint(record: Record) -> bool:
    messages = record.get("messages")
    return (
        all(record.get(field, 0) is None or is_hash(record.get(field)) for field in ("parent", "base"))
        and all(is_count(record.get(field)) for field in ("keep", "depth", "count"))
        and record["count"] < 2**32
        and is_at(record.get("at"))
        and isinstance(record.get("metadata", {}), dict)
        and isinstance(messages, list)
        and all(isinstance(message, dict) or is_hash(message) for message in messages)
        and (record["base"] is None) == (record["keep"] == 0)
        and record["count"] == record["keep"] + len(messages)
    )


def valid_message(record: Record) -> bool:
    return isinstance(record.get("message"), dict)


def valid_meta(record: Record) -> bool:
    facts = record.get("set")
    return is_at(record.get("at")) and isinstance(facts, dict) and (
        isinstance(facts.get("title", ""), str)
        and facts.get("visibility", "PRIVATE") in ("PRIVATE", "PUBLIC")
        and facts.get("status", "ACTIVE") in ("ACTIVE", "DELETED")
        and isinstance(facts.get("cwd"), str | None)
        and ("created_at" not in facts or is_time(facts["created_at"]))
    )  # fmt: skip


def read_bytes(path: str) -> bytes | None:
    try:
        if stat.S_ISREG(os.stat(path).st_mode):
            with open(path, "rb") as file:
                return file.read()
    except OSError:
        pass  # not here, or not for us
    return None


def read_verified(path: str, hash_start: str) -> tuple[bytes, str]:
    """Return bytes that hold what their name promises, and their hash (section 7)."""
    before: bytes | None = None
    for _ in range(100):
        data = read_bytes(path)
        if data is None:
            break
        if (sha256 := hashlib.sha256(data).hexdigest()).startswith(hash_start):
            return data, sha256
        if data == before:  # two readings agree, so nobody is in the middle of writing it
            corrupt(path)
        before = data
    raise Problem("incomplete", path)


class Session:
    """One directory of sessions/, listed when it is opened."""

    def __init__(self, root: str, session: str) -> None:
        self.id, self.path = session, os.path.join(root, "sessions", session)
        # Refs first: whoever sees a ref then finds the objects that were written before it.
        refs = self._names("refs")
        self.active_refs = [entry for entry in refs if entry[1] == "active"]
        self.meta_refs = [entry for entry in refs if entry[1] == "meta"]
        self.hashes = [entry[3] for entry in self._names("objects")]
        if not refs and not self.hashes:
            raise Problem("not_found", self.path)
        self._records: dict[str, Record] = {}
        self.metas, self.damaged_metas = self._read_metas()

    def _names(self, directory: str) -> list[tuple[str, str, str, str]]:
        try:
            names = os.listdir(os.path.join(self.path, directory))
        except OSError:
            names = []  # a missing directory is an empty one
        entries = ((name, *parse_name(directory, name)) for name in sorted(names))
        return [entry for entry in entries if entry[1] != "foreign"]

    def _read_metas(self) -> tuple[list[tuple[str, str, Record]], int]:
        metas, damaged = [], 0
        for name, _, at, hash_start in self.meta_refs:
            path = os.path.join(self.path, "refs", name)
            try:
                data, sha256 = read_verified(path, hash_start)
                record = decode(data, self.id, path)
                if record["kind"] != "meta" or record["at"] != at:
                    corrupt(path)
                metas.append((at, sha256, record["set"]))
            except Problem as problem:
                damaged += problem.code == "corrupt_object"
        return metas, damaged

    def record(self, sha256: str, kind: str | None = None) -> Record:
        """Return the record of an object, which must be of `kind` if that is given."""
        path = os.path.join(self.path, "objects", f"{sha256}.json")
        if sha256 not in self._records:
            self._records[sha256] = decode(read_verified(path, sha256)[0], self.id, path)
        if kind not in (None, self._records[sha256]["kind"]):
            corrupt(path)
        return self._records[sha256]

    def checkpoints(self) -> list[tuple[str, str]]:
        """Return (at, hash) of every checkpoint object whose own record is sound, oldest first."""
        found = []
        for sha256 in self.hashes:
            try:
                record = self.record(sha256)
            except Problem:
                continue  # nobody can say what it was; whoever needs it will report it
            if record["kind"] == "checkpoint":
                found.append((record["at"], sha256))
        return sorted(found)

    def messages(self, sha256: str) -> list[Record]:
        """Return the messages of a checkpoint, which proves that it is complete."""
        parts: list[list[Record]] = []
        missing: Problem | None = None
        seen: set[str] = set()
        link: str | None = sha256
        keep, needed = 0, sys.maxsize  # what the link above keeps; what the checkpoint begins with
        while link is not None:
            if link in seen:
                corrupt(link)
            seen.add(link)
            try:
                record = self.record(link, "checkpoint")
            except Problem as problem:
                missing = tolerate(problem)
                break
            if keep > record["count"]:
                corrupt(link)
            keep, link, part = record["keep"], record["base"], []
            for message in record["messages"][: max(0, needed - keep)]:
                try:
                    large = isinstance(message, str)
                    part.append(self.record(message, "message")["message"] if large else message)
                except Problem as problem:
                    missing = tolerate(problem)
            parts.append(part)
            needed = min(needed, keep)
        if missing is not None:
            raise missing
        return [message for part in reversed(parts) for message in part]

    def active(self) -> str:
        """Section 5: return the hash of the active checkpoint."""
        for name, _, at, hash_start in reversed(self.active_refs):
            candidates = [sha256 for sha256 in self.hashes if sha256.startswith(hash_start)]
            content = read_bytes(os.path.join(self.path, "refs", name)) or b""  # torn: not used
            exact = [sha256 for sha256 in candidates if content == f"{at}-{sha256}".encode()]
            for sha256 in exact or candidates:
                try:
                    self.messages(sha256)
                    return sha256
                except Problem as problem:
                    tolerate(problem)  # going on would hide damage
        for _, sha256 in reversed(self.checkpoints()):
            with suppress(Problem):
                self.messages(sha256)
                return sha256
        for sha256 in self.hashes:  # nothing is complete: is it damage, or just not here yet?
            try:
                self.record(sha256)
            except Problem as problem:
                tolerate(problem)
        for _, sha256 in self.checkpoints():
            try:
                self.messages(sha256)
            except Problem as problem:
                tolerate(problem)
        raise Problem("incomplete", self.path)

    def times(self) -> list[str]:
        """Return the timestamps in the names of refs."""
        return [entry[2] for entry in self.active_refs + self.meta_refs]

    def updated_at(self) -> str | None:
        """Return the highest timestamp of the refs, or else of the checkpoints."""
        return max(self.times() or [at for at, _ in self.checkpoints()], default=None)

    def facts(self) -> Record:
        """Section 4.3: fold the meta records; the last writer wins, field by field."""
        facts: Record = {"title": "", "visibility": "PRIVATE", "status": "ACTIVE", "cwd": None}
        facts["created_at"] = self._default_created_at()
        for _, _, changes in sorted(self.metas, key=lambda meta: meta[:2]):
            facts.update((field, value) for field, value in changes.items() if field in facts)
        return facts

    def _default_created_at(self) -> str | None:
        session = UUID(self.id)
        if session.version == 7:
            seconds, millis = divmod(session.int >> 80, 1000)
            with suppress(ValueError, OverflowError):  # the id's 48 bits reach beyond the year 9999
                return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{millis:03}000Z"
        times = self.times() + [at for at, _ in self.checkpoints()]
        return AT.sub(r"\1-\2-\3T\4:\5:\6.\7Z", min(times)) if times else None

    def answers(self) -> Record:
        """Return everything that a reader can be asked about this session."""
        active, code = None, None
        try:
            active = self.active()
        except Problem as problem:
            code = problem.code
        return {
            "id": self.id, "facts": self.facts(), "updated_at": self.updated_at(),
            "active": active, "code": code,
            "problem": code is not None or not self.meta_refs or self.damaged_metas > 0,
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
        answer |= {"readable": True, "code": None}
        if len(encoded) <= PRINTED_BYTES:
            return answer | {"messages": messages}
        return answer | {"messages_sha256": hashlib.sha256(encoded).hexdigest()}


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
    """Return the sessions of a store by `updated_at`, newest first, then by id."""
    check_readable(root)
    found = []
    try:
        names = os.listdir(os.path.join(root, "sessions"))
    except OSError:
        names = []
    for name in sorted(filter(UUID_NAME.fullmatch, names)):
        try:
            found.append(Session(root, name))
        except Problem:
            continue  # a directory in which nothing of section 2 lies is no session
    # Sorting is stable, so sessions of the same time stay in the order of their ids.
    return sorted(found, key=lambda session: session.updated_at() or "", reverse=True)


if __name__ == "__main__":
    try:
        print(json.dumps({"sessions": [one.answers() for one in sessions(sys.argv[1])]}, indent=1))
    except Problem as problem:
        sys.exit(str(problem))
