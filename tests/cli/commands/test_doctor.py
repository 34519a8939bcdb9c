"""``sessionfs doctor`` as people run it."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import pytest

from tests.cli.command import Command

from ...maintenance.doctor.helpers import Store, everything, write


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / ".sessionfs")


@pytest.fixture
def sessionfs(store: Store) -> Command:
    return Command(store.root.parent)


def test_exit_codes_and_what_is_printed(sessionfs: Command, store: Store) -> None:
    read = "2 sessions, 5 of 6 objects read and verified: nothing wrong in what was read\n"
    assert sessionfs("doctor") == read
    assert sessionfs("doctor", "--read-all") == "2 sessions, 6 of 6 objects read and verified: sound\n"
    (store.root / "README.md").unlink()
    done = sessionfs.run("doctor")
    assert done.returncode == 0
    assert "1 note root-file-missing" in done.stderr
    assert "README.md" not in done.stdout
    assert "README.md is missing" in sessionfs("doctor", "--notes")
    write(store.active, b"torn")
    told = sessionfs("doctor", code=3)
    assert str(store.active) in told
    assert "→ write it anew" in told
    write(store.file(store.lonely), b"damage")
    before = everything(store.root)
    assert "error object-damaged: " in sessionfs("doctor", code=4)
    assert everything(store.root) == before
    assert "3 repaired" in sessionfs("doctor", "--repair")
    sessionfs("doctor")


def test_what_cannot_be_done(sessionfs: Command, store: Store, tmp_path: Path) -> None:
    documents = tmp_path / "documents"
    documents.mkdir()
    for arguments in (
        ["--store", "nowhere"],
        ["--store", documents],
        ["--repair", "--store", documents],
        ["ffffffff"],
        ["--repair", "--from", documents],
    ):
        done = sessionfs.run("doctor", *arguments)
        assert (done.returncode, done.stdout) == (1, "")
        assert len(done.stderr.splitlines()) == 1
    assert sessionfs.json("doctor", "--store", "nowhere", code=1)["code"] == "not_found"
    assert not list(documents.iterdir())


@pytest.mark.parametrize("sample", ["0", "101%", "nan", "-1", "much"])
def test_a_wrong_command_line(sessionfs: Command, store: Store, sample: str) -> None:
    assert sessionfs.run("doctor", f"--sample={sample}").returncode == 2
    assert sessionfs.run("doctor", "--from", store.root).returncode == 2


def test_json(sessionfs: Command, store: Store) -> None:
    whole = sessionfs.json("doctor", "--read-all")
    assert whole["findings"] == []
    assert (whole["worst"], whole["sessions"], whole["objects"]) == (None, 2, 6)
    assert whole["objects_read"] == 6
    assert whole["bytes_read"] > 70_000
    path = store.file(store.first)
    write(path, b"damage")
    found = sessionfs.json("doctor", code=4)
    (each,) = found["findings"]
    assert (found["worst"], each["kind"], each["severity"]) == ("error", "object-damaged", "error")
    assert (each["path"], each["session_id"]) == (str(path), str(store.session))
    assert each["checkpoints"] == [str(id_) for id_ in (store.first, store.second, store.third)]
    assert (each["repair"], each["repaired"]) == ("set it aside", False)


def test_from_another_store(sessionfs: Command, store: Store, tmp_path: Path) -> None:
    shutil.copytree(store.root, tmp_path / "backup")
    store.file(store.first).unlink()
    store.large.unlink()
    told = sessionfs("doctor", "--repair", "--from", "~/backup")
    assert "2 repaired" in told
    assert str(tmp_path / "backup") in told
    sessionfs("doctor", "--read-all")


def test_only_some_sessions(sessionfs: Command, store: Store) -> None:
    write(store.file(store.first), b"damage")
    assert sessionfs.json("doctor", str(store.neighbour))["sessions"] == 1
    assert sessionfs.json("doctor", str(store.session), "@2", code=4)["sessions"] == 2


def test_a_bar_is_shown_on_a_terminal(sessionfs: Command) -> None:
    assert "Verifying" in sessionfs.on_a_terminal("doctor", columns=100)
    assert "Verifying" not in sessionfs.run("doctor").stderr


def test_names_of_files_are_harmless(sessionfs: Command, store: Store) -> None:
    names = ("\x1b[2J\x1b]0;title\x07", "a\nerror object-damaged: b", "c\rd\te\u202e", "caf\udce9")
    for name in names:
        write(store.objects / name, b"foreign")
    for extra in ({}, {"PYTHONIOENCODING": "utf-8"}):
        done = sessionfs.run("doctor", "--notes", **extra)
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()) == 5
        assert not set(done.stdout) & set("\x1b\x07\r\u202e")
    assert len(sessionfs.json("doctor")["findings"]) == 4


def test_a_sample(sessionfs: Command, store: Store) -> None:
    storage = store.open()
    for n in range(300):
        storage.append_messages(store.session, [{"n": n}])
    random.seed(1)
    result = store.verify(sample=0.1)
    assert 15 < result.objects_read < 50
    assert result.findings == []
    write(store.active, b"torn")
    assert [each.kind for each in store.verify(sample=0.001).findings] == ["active-ref-damaged"]
    store.active.unlink()
    assert [each.kind for each in store.verify(sample=0.001).findings] == ["active-ref-missing"]
    found = json.loads(sessionfs("doctor", "--sample", "10%", "--read-all", "--json", code=3))
    assert found["objects_read"] < 100 < found["objects"]
