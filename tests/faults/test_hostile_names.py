"""Ids, paths, names and links that try to leave the store: refused, foreign, or harmless."""

from __future__ import annotations

import asyncio
import inspect
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from sessionfs import (
    AsyncFileStorage,
    CreateCheckpointRequest,
    FileStorage,
    ImportedCheckpoint,
    ImportSessionRequest,
    InvalidRequestError,
    NotFoundError,
    StorageError,
)

from ..cli.command import Command
from ..effort import Counted, chosen
from .hostile import SESSION, Hostile, answers, reads, record, unchanged, writes, written

pytestmark = pytest.mark.once

TEXTS = [
    "..",
    ".",
    "",
    "/etc/passwd",
    "../../../etc/passwd",
    "a\0b",
    "\0",
    "..\\..",
    "%2e%2e/",
    "~",
    "~root",
    "-rf",
    SESSION.hex,
    f" {SESSION}",
    "{" + str(SESSION) + "}",
    f"../sessions/{SESSION}",
    f"{SESSION}\n",
    f"{SESSION}/../x",
    "\ud800",
    "\udcff",
    "x" * 100_000,
    "019aab0f",
    "@1",
    "file:///etc/passwd",
    "urn:uuid:x",
]
IDS: list[Any] = [
    *TEXTS,
    *(each.encode(errors="replace") for each in TEXTS),
    None,
    0,
    1.5,
    True,
    [],
    {},
    Path(".."),
]
UUIDS = [UUID(int=0), UUID(int=2**128 - 1), *(UUID(int=version << 76) for version in range(1, 16))]


@pytest.fixture
def store(tmp_path: Path) -> Hostile:
    made = Hostile(tmp_path)
    made.put_checkpoint(written(record()))
    made.put_title("t")
    (tmp_path / "canary").mkdir()
    (tmp_path / "canary" / "secret").write_text("secret")
    return made


def by_id(storage: Any) -> dict[str, Callable[[Any], object]]:
    """Every method that takes an id, as a function of that id."""
    whole, moment = CreateCheckpointRequest([]), datetime(2026, 1, 1, tzinfo=UTC)
    calls: dict[str, Callable[[Any], object]] = {
        name: getattr(storage, name)
        for name in (
            "session_path",
            "checkpoint_path",
            "get_session",
            "delete_session",
            "restore_session",
            "fork_session",
            "list_checkpoints",
            "get_checkpoint",
            "get_active_checkpoint",
            "get_session_stats",
        )
    }
    one = [ImportedCheckpoint(messages=[], created_at=moment)]
    return calls | {
        "append_messages": lambda id_: storage.append_messages(id_, []),
        "create_checkpoint": lambda id_: storage.create_checkpoint(id_, whole),
        "set_active_checkpoint": lambda id_: storage.set_active_checkpoint(SESSION, id_),
        "import_session": lambda id_: storage.import_session(
            ImportSessionRequest(session_id=id_, title="", checkpoints=one, created_at=moment)
        ),
    }


@pytest.mark.parametrize("kind", [FileStorage, AsyncFileStorage])
def test_an_id_that_is_no_uuid_is_refused_and_opens_nothing(
    store: Hostile, tmp_path: Path, kind: type[Any], counted: Counted
) -> None:
    storage = kind(store.root, durability="relaxed", index_dir=tmp_path / "indexes")
    tried = 0

    def carry_out(call: Callable[[Any], Any], id_: Any) -> None:
        found = call(id_)
        if inspect.isawaitable(found):
            asyncio.run(awaited(found))

    async def awaited(found: Any) -> None:
        await found

    with unchanged(tmp_path):
        for call in by_id(storage).values():
            for id_ in IDS:
                tried += 1
                with pytest.raises(InvalidRequestError):
                    carry_out(call, id_)
    counted("ids that are none", tried)


def test_a_uuid_of_any_version_stays_in_the_store(store: Hostile, tmp_path: Path) -> None:
    with store.open() as storage:
        storage.list_sessions()
        for id_ in UUIDS:
            for name, call in by_id(storage).items():
                if name == "import_session":
                    continue
                with pytest.raises(NotFoundError):
                    call(id_)
            by_id(storage)["import_session"](id_)
            assert Path(storage.session_path(id_)) == store.root / "sessions" / str(id_)
    assert {each.name for each in tmp_path.iterdir()} == {"store", "indexes", "canary"}


@pytest.mark.parametrize("option", ["root", "index_dir"])
def test_a_path_that_is_none(tmp_path: Path, option: str) -> None:
    for path in ("a\0b", b"bytes", 5, [], object(), 1.5, True):
        options: dict[str, Any] = {"root": tmp_path / "store", option: path}
        with unchanged(tmp_path), pytest.raises(InvalidRequestError):
            FileStorage(**options)


def test_hostile_names_in_the_store_are_foreign(
    store: Hostile, tmp_path: Path, counted: Counted
) -> None:
    sessions, number = store.root / "sessions", chosen(few=1_000, usual=10_000, everything=100_000)
    for name in (
        "..%2f",
        "..\\x",
        str(SESSION).upper(),
        f"{SESSION}\n",
        f"{SESSION} ",
        f"{{{SESSION}}}",
        "x" * 255,
    ):
        (sessions / name).mkdir()
        (sessions / name / "objects").symlink_to(tmp_path / "canary")
    if sys.platform != "darwin":
        os.mkdir(os.fsencode(sessions) + b"/\xff\xfe")
        (store.objects / os.fsdecode(b"\xff.json")).touch()
        (store.refs / os.fsdecode(b"active.\xff")).touch()
    for directory in (store.objects, store.refs):
        for name in (
            "a" * 64 + ".json\n",
            "\n",
            "..json",
            "a" * 64 + "x.json",
            "x" * 255,
            "A" * 64 + ".json",
            "a\x1b[2J.json",
        ):
            (directory / name).write_text("x")
    for i in range(number):
        (store.objects / f"foreign {i}").touch()
    with store.open() as storage:
        with unchanged(store.root):
            assert set(answers(reads(storage)).values()) == {"ok"}
            assert storage.list_sessions().total == 2
            assert storage.list_checkpoints(SESSION).total == 1
        assert set(answers(writes(storage)).values()) == {"ok"}
        store.require_peace(storage)
    counted("foreign files beside a checkpoint", number)


def test_arguments_of_the_command_line_stay_in_the_store(store: Hostile, tmp_path: Path) -> None:
    command = Command(tmp_path)
    given = ["..", "/etc/passwd", "../canary/secret", "@0", "@-1", "*", "%s", "~"]
    tries = [
        [*before, each]
        for before in (["show"], ["path"], ["show", str(SESSION), "-c"])
        for each in given
    ]
    # Of few, some of each command.
    for arguments in tries[:: chosen(few=11, usual=3, everything=1)]:
        done = command.run(*arguments, "--store", str(store.root))
        assert done.returncode == 1, arguments
        assert len(done.stderr.splitlines()) == 1
        assert "secret" not in done.stdout


LINKS = ["sessions", "session", "objects", "refs"]


@pytest.mark.parametrize("place", LINKS)
def test_nothing_is_written_through_a_link_that_leads_out(
    store: Hostile, tmp_path: Path, place: str
) -> None:
    link = {
        "sessions": store.root / "sessions",
        "session": store.session,
        "objects": store.objects,
        "refs": store.refs,
    }[place]
    outside = tmp_path / "canary" / "elsewhere"
    link.rename(outside)
    link.symlink_to(outside)
    with unchanged(tmp_path / "canary"), store.open() as storage:
        found = answers(reads(storage))
        assert found["get_session"] == "ok"  # its bytes are what their names promise
        changed = answers(
            {name: call for name, call in writes(storage).items() if name != "fork_session"}
        )
        assert set(changed.values()) <= {"invalid_request", "ok"}
        assert changed["append_messages"] == changed["create_checkpoint"] == "invalid_request"
        with pytest.raises(InvalidRequestError, match="is a link to"):
            storage.append_messages(SESSION, [])


@pytest.mark.parametrize("what", ["object", "active ref", "meta record"])
def test_a_file_that_is_a_link_is_read_if_its_bytes_are_right(
    store: Hostile, tmp_path: Path, what: str
) -> None:
    (path,) = {
        "object": store.objects.iterdir(),
        "active ref": store.refs.glob("active.*"),
        "meta record": store.refs.glob("meta.*"),
    }[what]
    outside = tmp_path / "canary" / "file"
    path.rename(outside)
    path.symlink_to(outside)
    with unchanged(tmp_path / "canary"), store.open() as storage:
        assert storage.get_session(SESSION).title == "t"
        assert set(answers(writes(storage)).values()) == {"ok"}
    for target in (
        tmp_path / "canary" / "secret",
        tmp_path / "nothing",
        Path("/etc/passwd"),
        Path("/dev/zero"),
    ):
        if path.is_symlink():
            path.unlink()
        path.symlink_to(target)
        with unchanged(tmp_path / "canary"), store.open() as storage:
            told: list[str] = []
            for name, call in {**reads(storage), **writes(storage)}.items():
                try:
                    call()
                except StorageError as error:
                    told.append(f"{name}: {error}")
            assert "root:x" not in "".join(told)
            store.require_peace(storage)
