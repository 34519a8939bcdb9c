"""The vectors: small cases of every rule that a reader or a writer of the format follows."""

from __future__ import annotations

import base64
import hashlib
import json
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

HASH = sha256("any checkpoint")
USER = {"role": "user", "content": "Hi"}
BOT = {"role": "assistant", "content": "Hello"}


def pretty(value: Json) -> str:
    """Return JSON with one case on a line, so that a change of one case changes one line."""
    parts = []
    for key, item in value.items():
        if isinstance(item, list) and item:
            text = "[\n" + ",\n".join("  " + json.dumps(case) for case in item) + "\n ]"
        else:
            text = json.dumps(item)
        parts.append(f" {json.dumps(key)}: {text}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def root() -> Json:
    return {"files": ROOT_FILES}


def ids() -> Json:
    hashes = [
        "0" * 64, "f" * 64, "0123456789abcdef" * 4, sha256(""), sha256("sessionfs"), HASH,
        "3f2a9c" + "7" * 58, "0" * 16 + "4" + "0" * 47, "0" * 16 + "b" + "0" * 47,
    ]  # fmt: skip
    invalid = [
        (S7.upper(), "upper case"),
        (S7[:8].upper() + S7[8:], "upper case in the first group"),
        (S7[:-1] + "A", "upper case in the last digit"),
        (f"{{{S7}}}", "braces"),
        (f"urn:uuid:{S7}", "a URN"),
        (S7.replace("-", ""), "no dashes"),
        (S7.replace("-", "_"), "other dashes"),
        ("019aab0-fca00-7001-8000-00000000000a", "dashes elsewhere"),
        (S7 + "0", "37 characters"),
        (S7[:-1], "35 characters"),
        (S7 + "\n", "a line feed at the end"),
        (" " + S7[1:], "a space"),
        (S7[:-1] + "g", "not hexadecimal"),
        (S7[:-1] + "\u0661", "a digit that is not ASCII"),
        (S7[:-1] + "\0", "NUL"),
        (S7 + "/", "a slash"),
        ("../" + S7, "a path"),
        ("..", "the parent directory"),
        (".", "the directory itself"),
        ("", "nothing"),
        (".tmp-0123456789abcdef", "a session that is being made"),
        (S7 + ".sync-conflict-20261122-101530-ABCDEFG", "a conflict copy"),
    ]
    return {
        "checkpoint_ids": [{"hash": item, "id": checkpoint_id(item)} for item in hashes],
        "session_names": [
            *(
                {"name": name, "valid": True, "why": why}
                for name, why in [
                    (S7, "version 7"),
                    (S4, "version 4"),
                    ("a8098c1a-f86e-11da-bd1a-00112444be1e", "version 1"),
                    ("6fa459ea-ee8a-3ca4-894e-db77e160355e", "version 3"),
                    (checkpoint_id(HASH), "version 8"),
                ]
            ),
            *({"name": name, "valid": False, "why": why} for name, why in invalid),
        ],
    }


def timestamps() -> Json:
    invalid = [
        ("00000101T000000000000Z", "year 0000"),
        ("20261322T101530123456Z", "month 13"),
        ("20260022T101530123456Z", "month 00"),
        ("20261100T101530123456Z", "day 00"),
        ("20261132T101530123456Z", "day 32"),
        ("20260431T101530123456Z", "April 31"),
        ("20260229T101530123456Z", "February 29 in a year that is no leap year"),
        ("21000229T101530123456Z", "February 29 in 2100"),
        ("20261122T241530123456Z", "hour 24"),
        ("20261122T106030123456Z", "minute 60"),
        ("20261231T235960123456Z", "second 60"),
        ("99991231T235959999999Z", "the last one: nothing could follow it"),
        ("20261122T101530123456z", "lower-case z"),
        ("20261122t101530123456Z", "lower-case t"),
        ("20261122T10153012345\u0666Z", "a digit that is not ASCII"),
        ("\uff12\uff10261122T101530123456Z", "full-width digits"),
        ("20261122T10153012345Z", "21 characters"),
        ("20261122T1015301234567Z", "23 characters"),
        ("20261122T101530Z", "no microseconds"),
        ("2026-11-22T10:15:30.12", "punctuation"),
        ("20261122T101530123456+", "no Z"),
        ("+0261122T101530123456Z", "a sign"),
        (" 0261122T101530123456Z", "a space"),
        ("20261122T1015301_3456Z", "an underscore"),
        ("20261122T101530123456Z\n", "a line feed at the end"),
        ("", "nothing"),
    ]
    valid = [
        ("20261122T101530123456Z", "2026-11-22T10:15:30.123456Z"),
        ("00010101T000000000000Z", "0001-01-01T00:00:00.000000Z"),
        ("19700101T000000000000Z", "1970-01-01T00:00:00.000000Z"),
        ("20000229T235959999999Z", "2000-02-29T23:59:59.999999Z"),
        ("20240229T000000000001Z", "2024-02-29T00:00:00.000001Z"),
        ("99991231T235959999998Z", "9999-12-31T23:59:59.999998Z"),
    ]
    now = "20261122T101530123456Z"
    following = [
        (now, None, now, "an empty session"),
        (now, "20261122T101530123455Z", now, "the wall is ahead"),
        (now, now, "20261122T101530123457Z", "the same time"),
        (now, "20261122T101530123457Z", "20261122T101530123458Z", "the wall is behind"),
        (now, "20301231T235959999999Z", "20310101T000000000000Z", "years behind"),
        (now, "20280228T235959999999Z", "20280229T000000000000Z", "a leap year"),
        ("19700101T000000000000Z", "20261122T101530999999Z", "20261122T101531000000Z", "a reset clock"),
        (now, "99991231T235959999997Z", "99991231T235959999998Z", "the last that can be"),
        (now, "99991231T235959999998Z", None, "nothing follows the last"),
    ]
    return {
        "valid": [{"at": text, "time": time} for text, time in valid],
        "invalid": [{"at": text, "why": why} for text, why in invalid],
        "next": [
            {"wall": wall, "highest_seen": seen, "expected": expected, "why": why}
            for wall, seen, expected, why in following
        ],
    }


def names() -> Json:
    time, other = "20261122T101530123456Z", HASH[:12]
    active, meta_name = f"active.{time}-{other}", f"meta.{time}-{other}.json"
    purge_name = f"purge.{time}-{other}.json"
    object_name = f"{HASH}.json"
    conflict = ".sync-conflict-20261122-101530-ABCDEFG"
    known = [
        ("refs", active, "active"),
        ("refs", "active.00010101T000000000000Z-000000000000", "active"),
        ("refs", meta_name, "meta"),
        ("refs", "meta.99991231T235959999998Z-ffffffffffff.json", "meta"),
        ("refs", purge_name, "purge"),
        ("refs", "purge.00010101T000000000000Z-000000000000.json", "purge"),
        ("objects", object_name, "object"),
        ("objects", "0" * 64 + ".json", "object"),
    ]
    foreign = {
        "refs": [
            active + conflict, f"meta.{time}-{other}{conflict}.json", f".syncthing.{active}.tmp",
            f"{active} (Ann's conflicted copy 2026-11-22)",
            f"meta.{time}-{other} (Ann's conflicted copy 2026-11-22).json",
            f"meta.{time}-{other} (1).json", ".DS_Store", f"._{active}", f"._{meta_name}",
            ".nfs000000000000002a0000000b",
            ".tmp-0123456789abcdef", f"{meta_name}.corrupt-1", f"{active}.corrupt-1", f"{meta_name}~",
            f"{active}~", f".{meta_name}.swp", f"#{active}#", f"{active}.json", f"{active}\n",
            f"meta.{time}-{other}", f"meta.{time}-{other}.JSON", f"Active.{time}-{other}",
            f"active.{time}-{other.upper()}", f"active.{time}-{other[:11]}", f"active.{time}-{other}0",
            f"active.{time}-{HASH}", f"active-{time}-{other}", f"active.{time}", "active.", "",
            f"active.99991231T235959999999Z-{other}", f"active.20261322T101530123456Z-{other}",
            f"active.20260229T101530123456Z-{other}", f"meta.00000101T000000000000Z-{other}.json",
            f"active.{time.lower()}-{other}", f"active.20261122T10153012345\u0666Z-{other}",
            object_name, f"../refs/{active}",
            f"purge.{time}-{other}{conflict}.json", f".syncthing.{purge_name}.tmp",
            f"purge.{time}-{other} (Ann's conflicted copy 2026-11-22).json",
            f"purge.{time}-{other} (1).json", f"._{purge_name}", f"{purge_name}.corrupt-1",
            f"{purge_name}~", f".{purge_name}.swp", f"{purge_name}\n", f"purge.{time}-{other}",
            f"purge.{time}-{other}.JSON", f"Purge.{time}-{other}.json", f"PURGE.{time}-{other}.json",
            f"purge.{time}-{other.upper()}.json", f"purge.{time}-{other[:11]}.json",
            f"purge.{time}-{HASH}.json", f"purge-{time}-{other}.json", f"purge.{time}.json",
            f"purge.20261322T101530123456Z-{other}.json", f"purges.{time}-{other}.json",
            f"purge.99991231T235959999999Z-{other}.json", f"purged.{time}-{other}.json",
        ],
        "objects": [
            f"{HASH}{conflict}.json", f".syncthing.{object_name}.tmp", f"~syncthing~{object_name}.tmp",
            f"{HASH} (Ann's conflicted copy 2026-11-22).json", f"{HASH} (1).json", ".DS_Store",
            f"._{object_name}", ".nfs000000000000002a0000000b", ".tmp-0123456789abcdef",
            f"{object_name}.corrupt-1", f"{object_name}.corrupt-12", f"{object_name}~",
            f".{object_name}.swp", f"{object_name}\n", HASH, f"{HASH}.JSON", f"{HASH.upper()}.json",
            f"{HASH[:63]}.json", f"{HASH}0.json", f"{HASH[:63]}g.json", f"{other}.json", active,
            meta_name, purge_name, "..", "", "desktop.ini", f"{HASH}.json.gz",
        ],
    }  # fmt: skip
    others = [(place, name, "foreign") for place, many in foreign.items() for name in many]
    return {
        "names": [
            {"directory": place, "name": name, "is": what} for place, name, what in known + others
        ]
    }


Part = tuple[str, int]


class Records:
    """Collects the cases of records.json."""

    def __init__(self) -> None:
        self.cases: list[Json] = []

    def add(
        self,
        name: str,
        kind: str,
        data: object,
        code: str | None = "valid",
        *,
        schema: bool = True,
        file: str | None = None,
    ) -> None:
        """Add a case: `data` is a record, its text, its bytes or text in parts that repeat."""
        case: Json = {"name": name, "kind": kind, "session": S7}
        raw: bytes
        if isinstance(data, list):
            case["parts"] = data
            raw = "".join(text * times for text, times in data).encode()
        elif isinstance(data, bytes):
            case["base64"] = base64.b64encode(data).decode()
            raw = data
        else:
            case["bytes"] = data if isinstance(data, str) else compact(data)
            raw = case["bytes"].encode()
        digest = hashlib.sha256(raw).hexdigest()
        default = {
            "meta": f"refs/meta.{at(9)}-{digest[:12]}.json",
            "purge": f"refs/purge.{at(9)}-{digest[:12]}.json",
            "store": "sessionfs.json",
        }.get(kind, f"objects/{digest}.json")
        case["file"] = file.replace("HASH12", digest[:12]) if file else default
        case["sha256"] = digest
        case["valid"] = code == "valid"
        if code == "valid":
            case["expected"] = self._essentials(kind, raw)
        else:
            case["code"] = code
        if not schema:
            case["schema"] = False
        self.cases.append(case)

    def bad(self, name: str, kind: str, data: object, **options: Any) -> None:
        """Add a case of damage."""
        self.add(name, kind, data, "corrupt_object", **options)

    @staticmethod
    def _essentials(kind: str, raw: bytes) -> Json:
        fields = {
            "checkpoint": ("parent", "after", "base", "keep", "count", "at", "metadata", "messages"),
            "message": ("message",),
            "meta": ("at", "set"),
            "purge": ("at", "objects"),
            "store": ("format", "requires"),
        }[kind]
        defaults: Json = {"after": None, "metadata": None, "requires": []}
        record = json.loads(raw)
        values = {field: record[field] if field in record else defaults[field] for field in fields}
        if kind == "meta":
            known = ("title", "visibility", "status", "cwd", "created_at", "left")
            values["set"] = {field: values["set"][field] for field in known if field in values["set"]}
        return values


def without(record: Json, *fields: str) -> Json:
    return {field: value for field, value in record.items() if field not in fields}


def deep(before: str, after: str) -> list[Part]:
    return [(before, 1), ("[", 100_000), ("]", 100_000), (after, 1)]


def checkpoint_cases(cases: Records) -> None:
    good = checkpoint(S7, messages=[USER, BOT], count=2)
    based = checkpoint(S7, parent=HASH, base=HASH, keep=3, depth=1, count=4, messages=[USER])
    text = compact(good)

    def of(**fields: Any) -> Json:
        return checkpoint(S7, **fields)

    add, bad = cases.add, cases.bad
    kind = "checkpoint"
    add("two messages", kind, good)
    add("an empty state", kind, of())
    add("on a base", kind, based)
    add("a parent and no base", kind, of(parent=HASH, depth=4))
    add("a base and no parent", kind, of(base=HASH, keep=1, count=1, depth=4))
    add("after a checkpoint", kind, of(after=HASH, depth=4, count=1, messages=[USER]))
    add("after one and on a base", kind, of(after=HASH, base=HASH, keep=1, count=1, depth=1))
    add("a parent, and after", kind, of(parent=HASH, after=sha256("another"), depth=4))
    add("nothing of its own", kind, of(parent=HASH, base=HASH, keep=3, count=3, depth=1))
    add("the highest count", kind, of(parent=HASH, base=HASH, keep=2**32 - 1, count=2**32 - 1, depth=1))
    add("a depth that is no number of 64 bits", kind, of(depth=10**30))
    add("a large message", kind, of(count=2, messages=[USER, sha256("large")]))
    add("metadata", kind, of(metadata={"model": "x", "nested": {"a": [1, None, True]}}))
    add("no metadata", kind, without(of(), "metadata"))
    add("other order", kind, compact(dict(reversed(good.items()))))
    add("white space", kind, json.dumps(good, indent=2).replace("\n", "\r\n") + "\n")
    add("unknown fields", kind, of(zstd=True, tokens={"in": 3}))
    add("escapes", kind, text.replace("kind", "\\u006bind").replace("Hi", "\\u0048i \\ud83d\\ude00"))
    add("not ASCII", kind, of(count=1, messages=[{"role": "user", "content": "Grüße 😀 \u2028"}]))
    add("numbers in a message", kind, of(count=1, messages=[{"i": 2**53 + 1, "f": 0.5, "e": 1e300}]))
    add("a message without fields", kind, of(count=1, messages=[{}]))
    add("nested 200 levels", kind, text.replace('"Hi"', "[" * 199 + "]" * 199))
    add("a key twice: the last counts", kind, text.replace('"count":2', '"count":9,"count":2'))
    add("the first moment", kind, of(at="00010101T000000000000Z"))
    add("the last moment", kind, of(at="99991231T235959999998Z"))
    add("unknown kind", kind, {"kind": "branch", "session": S7, "tip": HASH}, None)
    newer = {"kind": "checkpoint2", "session": S7, "messages": 1}
    add("unknown kind, other types", kind, newer, None)

    bad("wrong session", kind, checkpoint(S4), schema=False)
    bad("session in upper case", kind, checkpoint(S7.upper()))
    bad("session a number", kind, good | {"session": 7})
    for field in ("kind", "session", "base", "keep", "count", "at", "messages", "parent"):
        bad(f"no {field}", kind, without(good, field))
    bad("another kind", kind, message(S7, USER))
    bad("kind a number", kind, of(kind=1))
    bad("kind null", kind, of(kind=None))
    bad("keep without base", kind, of(keep=2, count=2))
    bad("base without keep", kind, of(base=HASH))
    bad("count too high", kind, good | {"count": 3}, schema=False)
    bad("count too low", kind, good | {"count": 1}, schema=False)
    bad("count without the kept", kind, based | {"count": 1}, schema=False)
    bad("keep negative", kind, of(base=HASH, keep=-1, count=1, messages=[USER, BOT]))
    bad("count negative", kind, of(count=-1))
    bad("more messages than can be counted", kind, of(base=HASH, keep=2**32, count=2**32))
    bad("keep a float", kind, compact(based).replace('"keep":3', '"keep":3.0'), schema=False)
    bad("count a float", kind, text.replace('"count":2', '"count":2.0'), schema=False)
    bad("count a fraction", kind, good | {"count": 2.5})
    bad("count a string", kind, good | {"count": "2"})
    bad("keep null", kind, good | {"keep": None})
    bad("keep false", kind, good | {"keep": False})
    bad("count true", kind, of(count=True, messages=[USER]))
    bad("at in month 13", kind, of(at="20261322T101530123456Z"))
    bad("at on February 29, 2026", kind, of(at="20260229T101530123456Z"), schema=False)
    bad("at the last one", kind, of(at="99991231T235959999999Z"))
    bad("at as RFC 3339", kind, of(at="2026-11-22T10:15:30.123456Z"))
    bad("at null", kind, of(at=None))
    bad("at a number", kind, of(at=1795342530))
    bad("parent not a hash", kind, of(parent=HASH[:63]))
    bad("parent in upper case", kind, of(parent=HASH.upper()))
    bad("parent an id", kind, of(parent=checkpoint_id(HASH)))
    bad("parent empty", kind, of(parent=""))
    bad("parent a number", kind, of(parent=1))
    bad("after not a hash", kind, of(after=HASH[:63]))
    bad("after in upper case", kind, of(after=HASH.upper()))
    bad("after an id", kind, of(after=checkpoint_id(HASH)))
    bad("after null", kind, of(after=None))
    bad("after empty", kind, of(after=""))
    bad("after a list", kind, of(after=[HASH]))
    bad("base not a hash", kind, based | {"base": "x" * 64})
    bad("base false", kind, of(base=False))
    bad("hash element not a hash", kind, of(count=1, messages=["hello"]))
    bad("hash element too long", kind, of(count=1, messages=[HASH + "0"]))
    for what, element in (("a number", 1), ("null", None), ("true", True), ("an array", [USER])):
        bad(f"element {what}", kind, of(count=1, messages=[element]))
    bad("messages an object", kind, of(messages={}))
    bad("messages null", kind, of(messages=None))
    for what, value in (("null", None), ("an array", []), ("a string", "x"), ("a number", 0)):
        bad(f"metadata {what}", kind, of(metadata=value))
    twice = text.replace('"count":2', '"count":2,"count":9')
    bad("a key twice: the last is bad", kind, twice, schema=False)

    for name, broken in {
        "not JSON": "hello",
        "empty file": "",
        "white space only": " \n",
        "cut short": text[:-1],
        "trailing comma": text[:-1] + ",}",
        "two records": text + text,
        "text after the record": text + "x",
        "a comment": text + " // why",
        "single quotes": text.replace('"', "'"),
        "byte order mark": "\ufeff" + text,
        "NaN": text.replace('"Hi"', "NaN"),
        "Infinity": text.replace('"Hi"', "-Infinity"),
        "leading zero": text.replace('"Hi"', "01"),
        "a raw line feed in a string": text.replace("Hi", "H\ni"),
        "an unknown escape": text.replace("Hi", "\\x41"),
        "NUL after the record": text + "\0",
    }.items():
        bad(name, kind, broken, schema=False)
    for name, half in {
        "a high surrogate alone": "\\ud83d",
        "a high surrogate before a letter": "\\ud83dHi",
        "a high surrogate before another": "\\ud83d\\ud83d\\ude00",
        "a low surrogate alone": "\\ude00",
    }.items():
        bad(name, kind, text.replace("Hi", half), schema=False)
    bad("an array", kind, f"[{text}]")
    bad("a string", kind, '"checkpoint"')
    bad("null", kind, "null")
    for name, raw in {
        "invalid UTF-8": text.encode().replace(b"Hi", b"H\xff"),
        "overlong UTF-8": text.encode().replace(b"Hi", b"H\xc0\xaf"),
        "a surrogate in UTF-8": text.encode().replace(b"Hi", b"H\xed\xa0\x80"),
        "UTF-16": text.encode("utf-16-le"),
        "Latin-1": text.replace("Hi", "Grüße").encode("latin-1"),
    }.items():
        bad(name, kind, raw, schema=False)
    first, last = '{"kind":"message","kind"', '"kind":"message","message":{},"at"'
    bad("two kinds, the last fits", kind, text.replace('{"kind"', first), schema=False)
    bad("two kinds, the first fits", kind, text.replace('"at"', last))
    before, after = text.split('"Hi"')
    bad("nested 100000 levels in a message", kind, deep(before, after), schema=False)
    bad("nested 100000 levels in an unknown field", kind, deep(text[:-1] + ',"x":', "}"), schema=False)
    bad("nested 100000 levels and nothing else", kind, [("[", 100_000)], schema=False)


def message_cases(cases: Records) -> None:
    add, bad = cases.add, cases.bad
    kind = "message"
    good = message(S7, {"role": "user", "content": "a large one"})
    text = compact(good)
    add("a message", kind, good)
    add("a message without fields", kind, message(S7, {}))
    add("other order and white space", kind, json.dumps(dict(reversed(good.items())), indent=1))
    add("unknown fields", kind, good | {"media": "image/png"})
    add("large", kind, [(text.replace('one"}}', ""), 1), ("0123456789abcdef", 4096), ('"}}', 1)])
    bad("another kind", kind, checkpoint(S7))
    bad("wrong session", kind, message(S4, USER), schema=False)
    bad("no session", kind, without(good, "session"))
    bad("no message", kind, without(good, "message"))
    bad("no kind", kind, without(good, "kind"))
    for what, value in (("null", None), ("an array", [USER]), ("a string", HASH), ("a number", 1)):
        bad(f"message {what}", kind, good | {"message": value})
    bad("not JSON", kind, text[1:], schema=False)
    bad("invalid UTF-8", kind, text.encode().replace(b"large", b"\x80"), schema=False)
    bad("nested 100000 levels", kind, deep(text[:-2] + ',"x":', "}}"), schema=False)


def meta_cases(cases: Records) -> None:
    add, bad = cases.add, cases.bad
    kind = "meta"
    first = {"title": "Plan", "visibility": "PRIVATE", "status": "ACTIVE", "cwd": "/home/ann",
             "created_at": "2026-11-22T10:15:30.123456Z"}  # fmt: skip
    good = meta(S7, at(9), **first)

    def of(**changes: Any) -> Json:
        return meta(S7, at(9), **changes)

    add("the first record", kind, good)
    add("a new title", kind, of(title="Grüße 😀"))
    add("an empty title", kind, of(title=""))
    add("public and deleted", kind, of(visibility="PUBLIC", status="DELETED"))
    add("no working directory", kind, of(cwd=None))
    add("nothing set", kind, of())
    add("left behind", kind, of(left=[HASH, sha256("another")]))
    add("left behind and a title", kind, of(title="x", left=[HASH]))
    add("nothing left behind", kind, of(left=[]))
    add("unknown fields", kind, of(title="x", color="red", tags=["a"]) | {"by": "ann"})
    add("other order and white space", kind, json.dumps(dict(reversed(good.items())), indent=1))
    add("a key twice: the last counts", kind, compact(of(title="x")).replace('"x"', '1,"title":"y"'))
    bad("wrong session", kind, meta(S4, at(9), title="x"), schema=False)
    bad("at is not the name's", kind, meta(S7, at(8), title="x"), schema=False)
    bad("at in month 13", kind, meta(S7, "20261322T101530123456Z"))
    for field in ("kind", "session", "at", "set"):
        bad(f"no {field}", kind, without(good, field))
    bad("another kind", kind, checkpoint(S7, at=at(9)))
    bad("set null", kind, good | {"set": None})
    bad("set an array", kind, good | {"set": []})
    bad("title a number", kind, of(title=1))
    bad("title null", kind, of(title=None))
    bad("visibility unknown", kind, of(visibility="FRIENDS"))
    bad("visibility in lower case", kind, of(visibility="private"))
    bad("visibility null", kind, of(visibility=None))
    bad("status unknown", kind, of(status="ARCHIVED"))
    bad("status false", kind, of(status=False))
    bad("cwd a number", kind, of(cwd=7))
    bad("cwd an array", kind, of(cwd=["/"]))
    bad("created_at no time", kind, of(created_at="yesterday"))
    bad("created_at null", kind, of(created_at=None))
    bad("created_at a day", kind, of(created_at="2026-11-22"))
    bad("created_at in another zone", kind, of(created_at="2026-11-22T10:15:30.123456+02:00"))
    bad("created_at without microseconds", kind, of(created_at="2026-11-22T10:15:30Z"))
    bad("created_at in month 13", kind, of(created_at="2026-13-22T10:15:30.123456Z"))
    leap_day = of(created_at="2026-02-29T10:15:30.123456Z")
    bad("created_at on February 29, 2026", kind, leap_day, schema=False)
    bad("left null", kind, of(left=None))
    bad("left a hash", kind, of(left=HASH))
    bad("left an object", kind, of(left={HASH: True}))
    bad("left with no hash", kind, of(left=[HASH, HASH[:63]]))
    bad("left with a hash in upper case", kind, of(left=[HASH.upper()]))
    bad("left with null", kind, of(left=[None]))
    bad("left with a list", kind, of(left=[[HASH]]))
    bad("a purge record", kind, purge(S7, at(9), [HASH]))
    bad("not JSON", kind, compact(good)[:-1], schema=False)
    bad("invalid UTF-8", kind, compact(good).encode().replace(b"Plan", b"\xff"), schema=False)
    bad("byte order mark", kind, "\ufeff" + compact(good), schema=False)
    bad("nested 100000 levels", kind, deep(compact(good)[:-1] + ',"x":', "}"), schema=False)


def purge_cases(cases: Records) -> None:
    add, bad = cases.add, cases.bad
    kind = "purge"
    good = purge(S7, at(9), [HASH, sha256("another")])
    text = compact(good)
    add("two objects", kind, good)
    add("no object", kind, purge(S7, at(9), []))
    add("an object twice", kind, purge(S7, at(9), [HASH, HASH]))
    add("many objects", kind, purge(S7, at(9), [sha256(str(number)) for number in range(50)]))
    add("unknown fields", kind, good | {"by": "ann", "set": {"title": 1}, "count": 2})
    add("other order and white space", kind, json.dumps(dict(reversed(good.items())), indent=1))
    twice = text.replace('"objects":', '"objects":["x"],"objects":')
    add("a key twice: the last counts", kind, twice)
    bad("wrong session", kind, purge(S4, at(9), [HASH]), schema=False)
    bad("at is not the name's", kind, purge(S7, at(8), [HASH]), schema=False)
    bad("at in month 13", kind, purge(S7, "20261322T101530123456Z", [HASH]))
    bad("at null", kind, good | {"at": None})
    for field in ("kind", "session", "at", "objects"):
        bad(f"no {field}", kind, without(good, field))
    bad("another kind", kind, message(S7, USER))
    bad("a kind that is not known", kind, good | {"kind": "purge2"})
    bad("a meta record", kind, meta(S7, at(9), title="x"))
    bad("a meta record with objects", kind, meta(S7, at(9)) | {"objects": [HASH]})
    bad("session in upper case", kind, good | {"session": S7.upper()})
    for what, value in {
        "null": None, "a hash": HASH, "an object": {HASH: 1}, "a number": 1, "false": False,
        "with no hash": [HASH, "x"], "with a hash in upper case": [HASH.upper()],
        "with the start of a hash": [HASH[:12]], "with a name": [f"{HASH}.json"],
        "with an id": [checkpoint_id(HASH)], "with null": [HASH, None], "with a number": [1],
        "with a list": [[HASH]], "with nothing": [""],
    }.items():  # fmt: skip
        bad(f"objects {what}", kind, good | {"objects": value})
    bad("a key twice: the last is bad", kind, twice.replace(HASH, HASH[1:]))
    bad("empty file", kind, "", schema=False)
    bad("not JSON", kind, text[:-1], schema=False)
    bad("text after the record", kind, text + "x", schema=False)
    bad("byte order mark", kind, "\ufeff" + text, schema=False)
    bad("invalid UTF-8", kind, text[:-1].encode() + b',"x":"\xff"}', schema=False)
    bad("an array", kind, f"[{text}]")
    bad(
        "two kinds, the last fits", kind, text.replace('{"kind"', '{"kind":"meta","kind"'), schema=False
    )
    both = text.replace('"at"', '"kind":"meta","set":{},"at"')
    bad("two kinds, the first fits", kind, both)
    bad("nested 100000 levels", kind, deep(text[:-1] + ',"x":', "}"), schema=False)


def store_cases(cases: Records) -> None:
    """Add cases of sessionfs.json: a sound one may refuse a program all the same."""
    kind = "store"
    refusals: list[tuple[str, object, list[str]]] = [
        ("this format", {"format": 1, "requires": []}, []),
        ("no requires", {"format": 1}, []),
        ("white space and unknown fields", '{ "note": "x",\n "format": 1, "requires": [] }\n', []),
        ("a newer format", {"format": 2, "requires": []}, ["write"]),
        ("an unknown feature", {"format": 1, "requires": ["zstd"]}, ["write"]),
        ("a feature for reading", {"format": 1, "requires": ["read:zstd"]}, ["write", "read"]),
        ("one of each", {"format": 3, "requires": ["a", "read:b"]}, ["write", "read"]),
    ]  # fmt: skip
    for name, data, refused in refusals:
        cases.add(name, kind, data)
        cases.cases[-1]["refuses"] = refused
    damage: list[tuple[str, object, bool]] = [
        ("empty file", "", False),
        ("not JSON", '{"format":1', False),
        ("byte order mark", '\ufeff{"format":1}', False),
        ("invalid UTF-8", b'{"format":1,"x":"\xff"}', False),
        ("an array", "[1]", True),
        ("no format", {"requires": []}, True),
        ("format a string", {"format": "1"}, True),
        ("format true", {"format": True}, True),
        ("format null", {"format": None}, True),
        ("format a fraction", {"format": 1.5}, True),
    ]
    for name, data, schema in damage:
        cases.bad(name, kind, data, schema=schema)
        cases.cases[-1]["refuses"] = ["write"]


def records() -> Json:
    cases = Records()
    checkpoint_cases(cases)
    message_cases(cases)
    meta_cases(cases)
    purge_cases(cases)
    store_cases(cases)
    return {"records": cases.cases}


def fold() -> Json:
    first: Json = {"title": "Plan", "visibility": "PRIVATE", "status": "ACTIVE", "cwd": "/home/ann",
             "created_at": "2026-11-22T10:15:30.123456Z"}  # fmt: skip
    unset: Json = {"title": "", "visibility": "PRIVATE", "status": "ACTIVE", "cwd": None}
    tied = [meta(S7, at(5), title="one"), meta(S7, at(5), title="two"), meta(S7, at(5), title="three")]
    winner = max(tied, key=lambda record: sha256(compact(record)))["set"]["title"]
    start = meta(S7, at(1), **first)
    deleted, gone, seen = meta(S7, at(2), status="DELETED"), purge(S7, at(3), [HASH]), checkpoint(S7)
    same = [meta(S7, at(2), status="DELETED", color=color) for color in range(8)]
    ties = [[deletion, purge(S7, at(2), [HASH])] for deletion in same]
    won = [max(tie, key=lambda record: sha256(compact(record)))["kind"] for tie in ties]
    ties = [ties[won.index("meta")], ties[won.index("purge")]]
    cases: list[tuple[str, str, list[Json], Json]] = [
        ("one record", S7, [start], first),
        ("a later title", S7, [start, meta(S7, at(2), title="New")], first | {"title": "New"}),
        ("records in any order", S7,
         [meta(S7, at(3), title="Third", cwd=None), start, meta(S7, at(2), status="DELETED")],
         first | {"title": "Third", "cwd": None, "status": "DELETED"}),
        ("field by field", S7,
         [start, meta(S7, at(2), title="A", visibility="PUBLIC"),
          meta(S7, at(3), visibility="PRIVATE")],
         first | {"title": "A"}),
        ("set and set back", S7,
         [start, meta(S7, at(2), status="DELETED"), meta(S7, at(3), status="ACTIVE")], first),
        ("microseconds count", S7,
         [start, meta(S7, at(2, 2), title="later"), meta(S7, at(2, 1), title="sooner")],
         first | {"title": "later"}),
        ("a tie: the higher hash", S7, [start, *tied], first | {"title": winner}),
        ("a tie, reversed", S7, [*reversed(tied), start], first | {"title": winner}),
        ("a tie of different fields", S7,
         [start, meta(S7, at(2), title="x"), meta(S7, at(2), cwd="/y")],
         first | {"title": "x", "cwd": "/y"}),
        ("unknown fields change nothing", S7,
         [start | {"by": "ann"}, meta(S7, at(2), color="red", title="x")], first | {"title": "x"}),
        ("an empty record", S7, [start, meta(S7, at(2))], first),
        ("fields never set, version 7", S7, [meta(S7, at(1), title="x")],
         unset | {"title": "x", "created_at": S7_CREATED_AT}),
        ("fields never set, version 4", S4, [meta(S4, at(3)), meta(S4, at(1), cwd="/x")],
         unset | {"cwd": "/x", "created_at": "2026-11-22T10:00:01.000000Z"}),
        ("null is a value", S7, [start, meta(S7, at(2), cwd=None)], first | {"cwd": None}),
        ("created_at set twice", S7,
         [start, meta(S7, at(2), created_at="2020-02-29T00:00:00.000000Z")],
         first | {"created_at": "2020-02-29T00:00:00.000000Z"}),
        ("what was left behind is no fact", S7,
         [start, meta(S7, at(2), left=[HASH]), meta(S7, at(3), title="x", left=[])],
         first | {"title": "x"}),
        ("a purge undoes that the session was deleted", S7, [start, deleted, gone, seen], first),
        ("a purge sets nothing else", S7,
         [start, meta(S7, at(2), title="x", cwd=None, visibility="PUBLIC", status="DELETED"), gone,
          seen], first | {"title": "x", "cwd": None, "visibility": "PUBLIC"}),
        ("deleted after the purge", S7, [start, deleted, gone, seen, meta(S7, at(4), status="DELETED")],
         first | {"status": "DELETED"}),
        ("a purge before everything", S7, [purge(S7, at(0), []), start, deleted, seen],
         first | {"status": "DELETED"}),
        ("purged twice", S7,
         [start, deleted, gone, meta(S7, at(4), status="DELETED"), purge(S7, at(5), []), seen], first),
        ("a purge and no meta record", S4, [purge(S4, at(3), []), checkpoint(S4, at=at(7))],
         unset | {"created_at": "2026-11-22T10:00:03.000000Z"}),
        ("deleted and purged at the same time: the higher hash, that of the meta record", S7,
         [start, *ties[0], seen], first | {"status": "DELETED"}),
        ("deleted and purged at the same time: the higher hash, that of the purge record", S7,
         [start, *ties[1], seen], first),
    ]  # fmt: skip
    return {
        "folds": [
            {"name": name, "session": session, "records": list(map(compact, given)), "facts": facts}
            for name, session, given, facts in cases
        ]
    }


def bases() -> Json:
    """Each step: the checkpoint it builds on, how many of its messages it drops, how many it adds."""
    appends = [(None, 0, 1)] + [(index, 0, 1) for index in range(300)]
    turns = [(None, 0, 1)] + [(index, 0, 1 + index % 3) for index in range(40)]
    branches = [(None, 0, 2)] + [(index, 0, 2) for index in range(20)]
    branches += [(10, 0, 1), (21, 0, 1), (22, 3, 1), (15, 1, 1), (15, 0, 0), (16, 0, 1), (0, 0, 1)]
    branches += [(20, 41, 1), (28, 0, 1)]
    compaction = [(None, 0, 3)] + [(index, 0, 2) for index in range(10)]
    compaction += [(10, 23, 1)] + [(index, 0, 2) for index in range(11, 40)]
    edits = [(None, 0, 4)] + [(index, 1 if index % 5 == 4 else 0, 2) for index in range(70)]
    empty = [(None, 0, 0), (0, 0, 0), (1, 0, 2), (2, 0, 0), (3, 2, 0), (4, 0, 1)]
    chains: list[tuple[str, list[Any]]] = [
        ("appends", appends),
        ("turns of several messages", turns),
        ("branches", branches),
        ("a compaction: nothing is kept", compaction),
        ("the last message is edited", edits),
        ("no messages", empty),
    ]
    return {
        "columns": ["on", "drop", "add", "depth", "base", "keep"],
        "chains": [{"name": name, "steps": steps(plan)} for name, plan in chains],
    }


def steps(plan: list[Any]) -> list[list[int | None]]:
    nodes: list[Node] = []
    rows: list[list[int | None]] = []
    fresh = 0
    for on, drop, add in plan:
        before = [] if on is None else nodes[on].messages[: len(nodes[on].messages) - drop]
        node = next_node(None if on is None else nodes[on], [*before, *range(fresh, fresh + add)])
        fresh += add
        base = next((index for index, other in enumerate(nodes) if other is node.base), None)
        rows.append([on, drop, add, node.depth, base, node.keep])
        nodes.append(node)
    return rows


def vectors() -> dict[str, bytes]:
    """Return every file of vectors/."""
    makers = (root, ids, timestamps, names, records, fold, bases)
    return {f"vectors/{maker.__name__}.json": pretty(maker()).encode() for maker in makers}
