"""Every decoder is fed with what nearly is valid: the right answer or the documented error, no other.

Where the reference reader of ``spec/`` decodes the same, both must agree on what is valid and what it
says. With SESSIONFS_EFFORT=all each test goes on with new seeds for its share of ten minutes.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from sessionfs import CorruptObjectError, FormatError, InvalidRequestError, tools
from sessionfs.cli.text import harmless, harmless_json, moment, one_line
from sessionfs.format import records
from sessionfs.format.ids import is_session_name, is_sha256, session_names
from sessionfs.format.records import CheckpointObject, InvalidRecordError, MessageObject
from sessionfs.format.timestamps import is_timestamp, parse_rfc3339
from sessionfs.fs.files import Files
from sessionfs.index.location import IndexLocation
from sessionfs.messages.codec import MessageCodec, encode_messages
from sessionfs.models import ChatMessage
from sessionfs.queries.listing import Cursor
from sessionfs.store import imports
from sessionfs.store.objects import ObjectCache, Objects
from sessionfs.store.refs import Refs
from sessionfs.store.root import Root

from ..effort import Counted, chosen
from ..spec.support import SPEC, case_bytes, reference_reader, vectors
from .mutations import mutated

pytestmark = pytest.mark.slow

READER = reference_reader()
RECORDS = vectors("records", "records")
FIXTURES = Path(__file__).parents[1] / "fixtures"
SESSION = "019aab0f-ca00-7001-8000-00000000000a"
UNSEEN = re.compile(
    r"[^\t\n -~\u00a0-\U0010ffff]|[\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
)

Fuzz = Callable[[str, st.SearchStrategy[Any], Callable[[Any], None]], None]


@pytest.fixture
def fuzz(counted: Counted) -> Fuzz:
    """Try a check with inputs of a strategy: some, or as many as a share of ten minutes allows."""

    def run(what: str, strategy: st.SearchStrategy[Any], check: Callable[[Any], None]) -> None:
        tried = 0
        until = time.monotonic() + chosen(few=0, usual=0, everything=55)
        round_ = 0
        while round_ == 0 or time.monotonic() < until:
            start = round_ if not until else Random().randrange(1 << 32)

            @seed(start)
            @settings(
                max_examples=chosen(few=60, usual=500, everything=2_000),
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
            )
            @given(strategy)
            def some(value: Any) -> None:
                nonlocal tried
                tried += 1
                check(value)

            some()
            round_ += 1
        counted(f"inputs of {what}", tried)

    return run


def seeds(*kinds: str, session: str = SESSION) -> list[bytes]:
    """The records of the vectors and of the golden stores."""
    found = [
        case_bytes(each)
        for each in RECORDS
        if each["kind"] in kinds and each.get("session") in (session, None)
    ]
    place = {"checkpoint": "objects", "message": "objects", "meta": "refs", "purge": "refs"}
    for kind in kinds:
        pattern = f"*/store/sessions/{session}/{place.get(kind, '')}/*.json"
        found += [path.read_bytes() for path in SPEC.glob(f"golden/{pattern}")]
    return sorted({each for each in found if len(each) < 5_000})


def by_reference(data: bytes) -> dict[str, Any] | None:
    """What the reference reader says a record is; None: it is damage."""
    try:
        record: dict[str, Any] = READER.decode(data, SESSION, "here")
    except READER.Problem:
        return None
    return record


def is_beyond_readers(data: bytes) -> bool:
    """Nesting, and numbers, of which a reader may follow more than another."""
    return (
        data.count(b"[") + data.count(b"{") > 300
        or re.search(rb"\d{300}|[eE]\+?\d{3}", data) is not None
    )


def essentials(found: object) -> object:
    if isinstance(found, MessageObject):
        return json.loads(found.message)
    assert isinstance(found, CheckpointObject)
    metadata = None if found.metadata is None else json.loads(found.metadata)
    elements = [json.loads(each) for each in found.elements]
    assert [elements[i] for i, _ in found.large] == [sha for _, sha in found.large]
    return (
        found.parent,
        found.after,
        found.base,
        found.keep,
        found.depth,
        found.count,
        found.at,
        metadata,
        elements,
    )


def test_objects(fuzz: Fuzz) -> None:
    def check(data: bytes) -> None:
        try:
            found = records.decode_object(data, SESSION)
        except InvalidRecordError:
            if not is_beyond_readers(data):
                told = by_reference(data)
                assert told is None, told
            return
        if is_beyond_readers(data):
            return
        told = by_reference(data)
        if found is None:
            # Among the objects a record of a ref is a record of another kind, valid or not.
            kind = told["kind"] if told is not None else json.loads(data)["kind"]
            assert kind not in ("checkpoint", "message")
            assert told is not None or kind in ("meta", "purge")
            return
        assert told is not None, found
        fields = ("parent", "after", "base", "keep", "depth", "count", "at", "metadata", "messages")
        expected = tuple(map(told.get, fields)) if told["kind"] == "checkpoint" else told["message"]
        assert essentials(found) == expected

    fuzz("objects", mutated(seeds("checkpoint", "message")), check)


def test_meta_records(fuzz: Fuzz) -> None:
    def check(data: bytes) -> None:
        told = None if is_beyond_readers(data) else by_reference(data)
        told = told if told is not None and told["kind"] == "meta" else None
        try:
            found = records.decode_meta(data, SESSION)
        except InvalidRecordError:
            assert told is None, told
            return
        if not is_beyond_readers(data):
            assert told is not None, found
            assert (found.at, found.set) == (told["at"], told["set"])

    fuzz("meta records", mutated(seeds("meta")), check)


def test_purge_records(fuzz: Fuzz) -> None:
    def check(data: bytes) -> None:
        told = None if is_beyond_readers(data) else by_reference(data)
        told = told if told is not None and told["kind"] == "purge" else None
        try:
            found = records.decode_purge(data, SESSION)
        except InvalidRecordError:
            assert told is None, told
            return
        if not is_beyond_readers(data):
            assert told is not None, found
            assert (found.at, found.objects) == (told["at"], told["objects"])

    fuzz("purge records", mutated(seeds("purge")), check)


def test_headers(fuzz: Fuzz, tmp_path: Path) -> None:
    root = Root(str(tmp_path), Files("relaxed"))

    def check(data: bytes) -> None:
        (tmp_path / "sessionfs.json").write_bytes(data)
        with suppress(CorruptObjectError, FormatError):
            root.check_writable()
            header = json.loads(data)
            assert (header["format"], header.get("requires", [])) == (1, [])
        with suppress(FormatError):
            root.check_readable()
            if not is_beyond_readers(data):
                READER.check_readable(str(tmp_path))

    fuzz("headers", mutated([*seeds("store"), b'{"format":1,"requires":["read:x"]}']), check)


def test_names(fuzz: Fuzz, tmp_path: Path) -> None:
    """Names of real files, as the reference reader takes them."""
    sound = [
        f"{'a' * 64}.json",
        f"{'0123456789abcdef' * 4}.json",
        "active.20261122T100000000000Z-5bedafc41387",
        "active.99991231T235959999998Z-5bedafc41387",
        "meta.20261122T100000000000Z-ece1df23d45d.json",
        "purge.20261122T100000000000Z-ece1df23d45d.json",
        SESSION,
    ]
    tails = [b"\n", b"\xff", "é".encode(), "١".encode(), b" ", b".", b"%00", b"~", b".corrupt-1"]
    session = st.one_of(st.sampled_from([each.encode() for each in sound]), st.binary(max_size=80))
    changed = st.builds(
        lambda name, place, put, tail: name[:place] + put + name[place + len(put) :] + tail,
        session,
        st.integers(0, 80),
        st.one_of(st.just(b""), st.sampled_from([b"A", b"0", b"9", b"Z", b"-", *tails])),
        st.one_of(st.just(b""), st.sampled_from(tails)),
    )
    numbers = iter(range(1 << 62))

    def check(drawn: list[bytes]) -> None:
        directory = tmp_path / str(next(numbers))
        directory.mkdir()
        wanted = {os.fsdecode(each) for each in drawn if 0 < len(each) < 255 and not {0, 47} & {*each}}
        made = wanted - {".", ".."}
        for name in made:
            (directory / name).touch()
        refs = Refs(str(directory), SESSION, Files("relaxed")).names()
        objects = Objects(str(directory), SESSION, Files("relaxed"), ObjectCache(0))
        for place, found in (
            ("objects", [f"{sha}.json" for sha in objects.hashes()]),
            ("refs", [each.name for kind in refs for each in kind]),
        ):
            told = [name for name in made if READER.parse_name(place, name)[0] != "foreign"]
            assert sorted(found) == sorted(told)
        assert set(session_names(made)) == {name for name in made if READER.UUID_NAME.fullmatch(name)}
        for name in made:
            (directory / name).unlink()
        directory.rmdir()

    fuzz("lists of names", st.lists(changed, max_size=12), check)


def near_texts(*sound: str) -> st.SearchStrategy[str]:
    """These texts with a few characters changed, and any texts."""
    near = st.builds(
        lambda text, place, put, cut: text[:place] + put + text[place + cut :],
        st.sampled_from(sound),
        st.integers(0, 60),
        st.text(max_size=2)
        | st.sampled_from(["0", "9", "T", "Z", "\n", "٣", "+", "-", ":", "\0", "\ud800"]),
        st.integers(0, 2),
    )
    return near | st.text(st.characters(exclude_categories=()), max_size=60)


def test_texts_that_stand_for_something(fuzz: Fuzz) -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)

    def check(text: str) -> None:
        assert is_timestamp(text) == READER.is_at(text)
        assert records._is_written_time(text) == READER.is_time(text)
        assert is_sha256(text) == READER.is_hash(text)
        assert is_session_name(text) == bool(READER.UUID_NAME.fullmatch(text))
        parsed = parse_rfc3339(text)
        assert parsed is None or parsed.tzinfo is not None
        with suppress(InvalidRequestError):
            assert str(Cursor.parse(text)) == text
        with suppress(ValueError, OverflowError):
            assert moment(text, now).tzinfo is not None
        for shown in (harmless(text), one_line(text)):
            assert UNSEEN.search(shown) is None
            shown.encode()
        with suppress(UnicodeEncodeError):
            encoded = msgspec.json.encode(text)
            assert UNSEEN.search(harmless_json(encoded).decode()) is None
            assert msgspec.json.decode(harmless_json(encoded)) == text

    sound = [
        "20261122T100000000000Z",
        "99991231T235959999998Z",
        "2026-11-22T10:15:30.123456Z",
        "f" * 64,
        SESSION,
        f"20261122T100000000000Z.{SESSION}",
        "3d",
        "30 min",
        "2026-11-01",
        "2026-11-01 10:00+23:59",
        "0001-01-01",
        "9999-12-31T23:59:59-12:00",
        "9" * 20 + "w",
        "\x1b]52;c;AAAA\x07",
        "a\u200bb\u202ec\U000e0041d\x9b31m",
    ]
    for text in sound:
        for near in (text, f"{text}x", f"{text}\n", f"x{text}", text.upper(), text[:-1]):
            check(near)
    fuzz("texts", near_texts(*sound), check)


@pytest.mark.parametrize("kind", [dict, ChatMessage])
def test_messages(fuzz: Fuzz, kind: type[Any]) -> None:
    codec = MessageCodec(kind)

    def check(data: bytes) -> None:
        try:
            message = codec.decode(data)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            return
        try:
            (stored,) = encode_messages([message])
        except InvalidRequestError:
            assert is_beyond_readers(data)
        else:
            assert stored == data

    sound = [
        json.dumps(message).encode()
        for data in seeds("checkpoint")
        if (record := by_reference(data)) is not None and record["kind"] == "checkpoint"
        for message in record["messages"]
    ]
    calls = [{"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"a": "\\\\"}'}}]
    parts = [{"type": "text", "text": "x"}, {"type": "image_url", "image_url": {"url": "data:x"}}]
    sound += [
        json.dumps(
            {"role": "assistant", "content": parts, "tool_calls": calls, "extra": {"n": 1.5}}
        ).encode(),
        b'{"role":"tool","tool_call_id":"a","content":"x","created_at":1,"usage":{"prompt_tokens":1}}',
    ]
    fuzz(f"messages as {kind.__name__}", mutated(sound), check)


def lines_of(path: Path) -> Iterator[bytes]:
    yield from path.read_bytes().splitlines()


@pytest.mark.parametrize("name", ["claude-code", "codex"])
def test_transcripts(fuzz: Fuzz, tmp_path: Path, name: str) -> None:
    """A transcript of damaged lines becomes a session that can be stored, or is refused."""
    path, sound = tmp_path / "transcript.jsonl", list(lines_of(FIXTURES / f"{name}.jsonl"))
    lines = st.lists(st.sampled_from(sound) | mutated(sound), min_size=1, max_size=6)

    def check(drawn: list[bytes]) -> None:
        path.write_bytes(b"\n".join([sound[0], *drawn]))
        with suppress(InvalidRequestError):
            for transcript in tools.read(path):
                imports.plan_import(transcript.request)

    fuzz(f"transcripts of {name}", lines, check)


def test_databases(fuzz: Fuzz, tmp_path: Path) -> None:
    """Rows of any values, and files of damaged pages."""
    state = b'{"messages":[{"role":"user","content":"hello"}],"metadata":{"a":1}}'
    row = st.one_of(
        st.none(),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(),
        st.text(max_size=20),
        st.sampled_from([SESSION, "2026-01-01T00:00:00Z", "ACTIVE", "PUBLIC"]),
        mutated([state]),
        mutated([state]).map(lambda data: data.decode(errors="replace")),
    )
    rows = st.lists(st.lists(row, min_size=9, max_size=9), min_size=1, max_size=3)
    harm = st.lists(st.tuples(st.integers(100, 1 << 15), st.integers(0, 255)), max_size=6)
    numbers = iter(range(1 << 62))

    def check(drawn: tuple[list[list[Any]], list[tuple[int, int]]]) -> None:
        path = tmp_path / f"{next(numbers)}.db"
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("PRAGMA synchronous = OFF")
            database.execute("PRAGMA journal_mode = MEMORY")
            database.execute("CREATE TABLE sessions(id, title, visibility, status, cwd, created_at)")
            database.execute("CREATE TABLE checkpoints(id, session_id, parent_id, state, created_at)")
            for i, values in enumerate(drawn[0]):
                database.execute("INSERT INTO sessions VALUES (?,?,?,?,?,?)", [f"s{i}", *values[:5]])
                some = [values[5], f"s{i}", values[6], values[7], values[8]]
                database.execute("INSERT INTO checkpoints VALUES (?,?,?,?,?)", some)
        with path.open("r+b") as file:
            for place, byte in drawn[1]:
                file.seek(place % path.stat().st_size)
                file.write(bytes([byte]))
        with suppress(InvalidRequestError):
            for transcript in tools.read(path):
                imports.plan_import(transcript.request)
        path.unlink()

    fuzz("databases", st.tuples(rows, harm | st.just([])), check)


def test_the_stamp_of_an_index(fuzz: Fuzz, tmp_path: Path) -> None:
    """Nothing but the very stamp makes an index ours."""
    place = IndexLocation(str(tmp_path), str(tmp_path / "indexes"))
    Path(place.directory).mkdir(mode=0o700, parents=True)
    place.begin()
    place.stamp()
    stamp = Path(place.directory, "stamp.json")
    sound = stamp.read_bytes()

    def check(data: bytes) -> None:
        stamp.write_bytes(data)
        assert place.is_ours() == (data == sound)

    fuzz("stamps", mutated([sound]), check)
