"""Records: the package and the reference reader against the vectors."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from sessionfs.errors import CorruptObjectError, FormatError
from sessionfs.format.records import CheckpointObject, decode_meta, decode_purge
from sessionfs.fs.files import Files
from sessionfs.store.objects import ObjectCache, Objects
from sessionfs.store.refs import Refs
from sessionfs.store.root import Root

from .support import Case, case_bytes, case_id, reference_reader, vectors, with_ids

READER = reference_reader()
RECORDS = vectors("records", "records")


def _of(*kinds: str) -> list[Case]:
    return [case for case in RECORDS if case["kind"] in kinds]


def _place(case: Case, directory: Path) -> str:
    """Write the record where its name says, and return the directory that it lies in."""
    path = directory / case["file"]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(case_bytes(case))
    return str(path.parent)


def _essentials(checkpoint: CheckpointObject) -> Case:
    return {
        "parent": checkpoint.parent,
        "after": checkpoint.after,
        "base": checkpoint.base,
        "keep": checkpoint.keep,
        "count": checkpoint.count,
        "at": checkpoint.at,
        "metadata": None if checkpoint.metadata is None else json.loads(checkpoint.metadata),
        "messages": [json.loads(element) for element in checkpoint.elements],
    }


@pytest.mark.parametrize("case", RECORDS, ids=case_id)
def test_bytes_and_names_agree(case: Case) -> None:
    sha256 = hashlib.sha256(case_bytes(case)).hexdigest()
    assert sha256 == case["sha256"]
    assert case["kind"] == "store" or sha256[:12] in case["file"]


@pytest.mark.parametrize("case", with_ids(_of("checkpoint")))
def test_package_reads_checkpoints(case: Case, tmp_path: Path) -> None:
    objects = Objects(_place(case, tmp_path), case["session"], Files("relaxed"), ObjectCache(0))
    if case["valid"]:
        assert _essentials(objects.checkpoint(case["sha256"])) == case["expected"]
    elif case["code"] is None:
        assert objects.checkpoint_or_none(case["sha256"]) is None
    else:
        with pytest.raises(CorruptObjectError) as caught:
            objects.checkpoint(case["sha256"])
        assert caught.value.code == case["code"]


@pytest.mark.parametrize("case", with_ids(_of("message")))
def test_package_reads_messages(case: Case, tmp_path: Path) -> None:
    objects = Objects(_place(case, tmp_path), case["session"], Files("relaxed"), ObjectCache(0))
    if case["valid"]:
        assert json.loads(objects.message(case["sha256"])) == case["expected"]["message"]
    else:
        with pytest.raises(CorruptObjectError) as caught:
            objects.message(case["sha256"])
        assert caught.value.code == case["code"]


@pytest.mark.parametrize("case", with_ids(_of("meta", "purge")))
def test_package_reads_records_of_refs(case: Case, tmp_path: Path) -> None:
    refs = Refs(_place(case, tmp_path), case["session"], Files("relaxed"))
    facts = refs.facts(refs.names())
    assert (facts.damage.code if facts.damage else None) == case.get("code")
    if case["kind"] == "purge":
        purged = refs.purged(refs.names().purges)
        assert purged == (set(case["expected"]["objects"]) if case["valid"] else None)
    elif case["valid"]:
        record = decode_meta(case_bytes(case), case["session"])
        assert record.at == case["expected"]["at"]
        assert case["expected"]["set"].items() <= record.set.items()
        left = case["expected"]["set"].get("left", [])
        assert [(gone.at, gone.sha) for gone in facts.left] == [(record.at, sha) for sha in left]


@pytest.mark.parametrize("case", [case for case in _of("purge") if case["valid"]], ids=case_id)
def test_package_decodes_purge_records(case: Case) -> None:
    record = decode_purge(case_bytes(case), case["session"])
    assert {"at": record.at, "objects": record.objects} == case["expected"]


@pytest.mark.parametrize("case", with_ids(_of("store")))
def test_package_reads_headers(case: Case, tmp_path: Path) -> None:
    _place(case, tmp_path)
    root = Root(str(tmp_path), Files("relaxed"))
    code = "format" if case["valid"] else case["code"]
    for what, check in (("write", root.check_writable), ("read", root.check_readable)):
        if what in case["refuses"]:
            with pytest.raises((CorruptObjectError, FormatError)) as caught:
                check()
            assert caught.value.code == code
        else:
            check()


@pytest.mark.parametrize("case", _of("checkpoint", "message", "meta", "purge"), ids=case_id)
def test_reference_reader_reads_records(case: Case, tmp_path: Path) -> None:
    directory = tmp_path / "sessions" / case["session"]
    _place(case, directory)
    if case["kind"] == "purge":
        # A session of which nothing is visible is not there.
        (directory / "objects").mkdir()
        (directory / "objects" / f"{'0' * 64}.json").touch()
    session = READER.Session(str(tmp_path), case["session"])
    if case["kind"] == "meta":
        assert session.damaged == (not case["valid"])
        found: Any = [{"at": at, "set": facts} for at, _, facts in session.changes]
        if case["valid"]:
            found[0]["set"] = {key: found[0]["set"][key] for key in case["expected"]["set"]}
            assert found == [case["expected"]]
    elif case["kind"] == "purge":
        assert session.damaged == (not case["valid"])
        at = [{"at": at, "objects": session.purges[0]} for at, _, _ in session.changes]
        assert at == ([case["expected"]] if case["valid"] else [])
    elif case["valid"]:
        record = session.record(case["sha256"], case["kind"])
        expected = case["expected"]
        assert {field: record.get(field) for field in expected} == expected
    elif case["code"] is None:
        assert session.checkpoints() == []
        session.record(case["sha256"])
    else:
        with pytest.raises(READER.Problem) as caught:
            session.record(case["sha256"], case["kind"])
        assert caught.value.code == case["code"]


@pytest.mark.parametrize("case", _of("store"), ids=case_id)
def test_reference_reader_reads_headers(case: Case, tmp_path: Path) -> None:
    _place(case, tmp_path)
    if "read" in case["refuses"]:
        with pytest.raises(READER.Problem) as caught:
            READER.sessions(str(tmp_path))
        assert caught.value.code == "format"
    else:
        assert READER.sessions(str(tmp_path)) == []
