"""Ids, names and the files of the root: the package and the reference reader against the vectors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from sessionfs.format.ids import checkpoint_id, hash12_of, is_sha256, parse_session_id
from sessionfs.fs import files
from sessionfs.fs.files import Files
from sessionfs.store import root
from sessionfs.store.objects import ObjectCache, Objects
from sessionfs.store.refs import Refs

from .support import SPEC, Case, reference_reader, vectors

READER = reference_reader()


@pytest.mark.parametrize("case", vectors("ids", "checkpoint_ids"), ids=lambda case: case["hash"][:17])
def test_checkpoint_ids(case: Case) -> None:
    made = checkpoint_id(case["hash"])
    assert is_sha256(case["hash"])
    assert str(made) == case["id"] == READER.checkpoint_id(case["hash"])
    assert made.version == 8
    assert hash12_of(made) == case["hash"][:12]


@pytest.mark.parametrize("case", vectors("ids", "session_names"), ids=lambda case: case["why"])
def test_session_names(case: Case) -> None:
    assert parse_session_id(case["name"]) == (UUID(case["name"]) if case["valid"] else None)
    assert bool(READER.UUID_NAME.fullmatch(case["name"])) == case["valid"]


@pytest.mark.parametrize(
    "case", vectors("names", "names"), ids=lambda case: f"{case['directory']}/{case['name']!a}"
)
def test_file_names(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    # A listing is simulated: not every file system can hold every name.
    monkeypatch.setattr(files, "names", lambda _: [case["name"]])
    if case["directory"] == "refs":
        found = Refs("refs", "", Files("relaxed")).names()
        sorts: dict[str, list[Any]] = {
            "active": found.active,
            "meta": found.meta,
            "purge": found.purges,
        }
        kinds = [kind for kind, refs in sorts.items() for _ in refs]
        names = [ref.name for refs in sorts.values() for ref in refs]
    else:
        hashes = Objects("objects", "", Files("relaxed"), ObjectCache(0)).hashes()
        kinds, names = ["object"] * len(hashes), [f"{sha}.json" for sha in hashes]
    assert (kinds or ["foreign"]) == [case["is"]]
    assert names in ([], [case["name"]])
    assert READER.parse_name(case["directory"], case["name"])[0] == case["is"]


def test_names_of_every_sort_are_there() -> None:
    sorts = {(case["directory"], case["is"]) for case in vectors("names", "names")}
    refs = {("refs", sort) for sort in ("active", "meta", "purge", "foreign")}
    assert sorts == refs | {("objects", "object"), ("objects", "foreign")}


def test_root_files(tmp_path: Path) -> None:
    expected = json.loads((SPEC / "vectors/root.json").read_bytes())["files"]
    expected = {name: text.encode() for name, text in expected.items()}
    assert expected == root.ROOT_FILES
    root.Root(str(tmp_path), Files("relaxed")).make()
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir() if p.is_file()} == expected
