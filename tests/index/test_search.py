"""Searching by the index: what it opens and keeps, and what it makes of changes behind its back."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from sessionfs import (
    CreateSessionRequest,
    FileStorage,
    InvalidRequestError,
    ListCheckpointsQuery,
    SearchQuery,
)
from sessionfs.index import index, writer
from sessionfs.index.fulltext import textstore, wordfilter
from sessionfs.index.fulltext.blocks import fold

from ..store.helpers import opened_files, overwrite
from .helpers import assert_equals_scan, database, open_store
from .test_index import age, fill


def said(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def test_a_search_opens_the_files_of_its_hits_alone(
    root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    age(root, monkeypatch)
    storage = open_store(root, cache)
    for i in range(20):
        storage.create_session(CreateSessionRequest(f"s{i}", [said(f"number {i}"), said("common")]))
    assert storage.search(SearchQuery("nowhere")).total == 0
    with opened_files() as opened:
        assert open_store(root, cache).search(SearchQuery("nowhere")).total == 0
    assert not [path for path in opened if "/sessions/" in path]
    with opened_files() as opened:
        [hit] = open_store(root, cache).search(SearchQuery("number 7")).hits
    assert {path.split("/sessions/")[1][:36] for path in opened if "/sessions/" in path} == {
        str(hit.session_id)
    }


def test_listing_checkpoints_opens_nothing_once_they_are_recorded(
    root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    age(root, monkeypatch)
    storage = open_store(root, cache)
    session = storage.create_session(CreateSessionRequest("long")).session_id
    for i in range(index.WORTH_INDEXING):
        storage.append_messages(session, [said(str(i))])
    expected = storage.list_checkpoints(session)
    with opened_files() as opened:
        assert open_store(root, cache).list_checkpoints(session) == expected
    assert not [path for path in opened if "/sessions/" in path]
    # What is new is read, and nothing else.
    last = storage.append_messages(session, [said("last")])
    with opened_files() as opened:
        page = open_store(root, cache).list_checkpoints(session, ListCheckpointsQuery(limit=1000))
    assert page.checkpoints[-1] == last
    assert len({path for path in opened if "/objects/" in path}) == 1


def test_an_append_adds_to_the_index_and_reads_no_old_object(
    root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    age(root, monkeypatch)
    storage = open_store(root, cache)
    session = storage.create_session(CreateSessionRequest("long")).session_id
    for i in range(40):
        storage.append_messages(session, [said(f"turn {i}")])
    assert storage.search(SearchQuery("turn")).total == 40
    before = storage.index_state()
    storage.append_messages(session, [said("turn 40")])
    fresh = open_store(root, cache)
    with opened_files() as opened:
        assert fresh.search(SearchQuery("turn", limit=0)).total == 41
    # The newest object, to index it; the others to tell which checkpoint is active now.
    assert len({path for path in opened if "/objects/" in path}) <= 16
    assert fresh.update_index()
    after = fresh.index_state()
    assert (before.checkpoints, after.checkpoints) == (41, 42)
    assert after.text == (before.text or 0) + len("turn 40") + 1


def test_its_files_are_its_owners_alone_and_outside_the_store(root: Path, cache: Path) -> None:
    before = os.umask(0)
    try:
        storage = open_store(root, cache)
        fill(storage, 10)
        storage.update_index()
    finally:
        os.umask(before)
    names = {path.name for path in cache.rglob("*") if path.is_file()}
    # Some versions of filelock take the file of the lock away when it is let go.
    assert names - {"index.lock"} == {"index.sqlite", "stamp.json", "text", "words"}
    for path in cache.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    assert not [path for path in root.rglob("*") if path.name in names]


@pytest.mark.skipif(shutil.which("rsync") is None, reason="rsync is not installed")
def test_what_rsync_brings_is_in_the_next_search(
    root: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    age(root, monkeypatch)
    here, there = open_store(root, cache), open_store(tmp_path / "there", tmp_path / "cache-there")
    fill(here, 10)

    def sync(*options: str) -> None:
        subprocess.run(["rsync", "-a", *options, f"{tmp_path}/there/", f"{root}/"], check=True)

    session = there.create_session(CreateSessionRequest("t", [said("brought here")])).session_id
    assert here.search(SearchQuery("brought")).total == 0
    sync()
    assert here.search(SearchQuery("brought")).total == 1
    there.append_messages(session, [said("brought later")])
    # The object arrives before the ref that names it: what it says is here.
    sync("--exclude", "refs")
    assert here.search(SearchQuery("brought")).total == 2
    sync()
    assert here.search(SearchQuery("brought")).total == 2
    # A large message that arrives after the checkpoint that names it.
    there.append_messages(session, [said("brought last " + "-" * 70_000)])
    sync("--max-size", "60000")
    assert here.search(SearchQuery("brought")).total == 2
    sync()
    assert here.search(SearchQuery("brought")).total == 3
    assert_equals_scan(here, root, ["brought"])


def test_a_damaged_message_is_told_and_found_again_when_it_is_mended(
    root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mended in place, as git does: no directory tells."""
    age(root, monkeypatch)
    writer = open_store(root, cache)
    session = writer.create_session(CreateSessionRequest("t", [said("lost and found")])).session_id
    (path,) = (Path(writer.session_path(session)) / "objects").iterdir()
    sound = path.read_bytes()
    overwrite(path, sound[:-1])
    for _ in range(2):
        found = open_store(root, cache).search(SearchQuery("found"))
        assert (found.total, len(found.problems)) == (0, 1)
        assert path.name in found.problems[0]
        assert open_store(root, cache).update_index()
    assert_equals_scan(open_store(root, cache), root, ["found"])
    overwrite(path, sound)
    found = open_store(root, cache).search(SearchQuery("found"))
    assert (found.total, found.problems) == (1, [])


def test_a_hit_whose_file_was_damaged_since_is_no_hit(
    root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    age(root, monkeypatch)
    writer = open_store(root, cache)
    session = writer.create_session(CreateSessionRequest("t", [said("once here")])).session_id
    fill(writer, 10)
    assert writer.search(SearchQuery("once here")).total == 1
    (path,) = (Path(writer.session_path(session)) / "objects").iterdir()
    overwrite(path, path.read_bytes()[:-1])
    found = open_store(root, cache).search(SearchQuery("once here"))
    assert (found.total, len(found.problems)) == (0, 1)


def test_dead_text_is_taken_away_in_time(
    root: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(textstore, "BLOCK_BYTES", 2_000)
    monkeypatch.setattr(textstore, "PART_BYTES", 200)
    monkeypatch.setattr(textstore, "WORTH_COMPACTING", 5_000)
    storage = open_store(root, cache)
    sessions = [
        storage.create_session(CreateSessionRequest(f"s{i}", [said(f"word{i} " * 100)])).session_id
        for i in range(40)
    ]
    assert storage.update_index()
    full = (database(cache).parent / "text").stat().st_size
    for session in sessions[5:]:
        shutil.rmtree(storage.session_path(session))
    assert storage.update_index()
    storage.append_messages(sessions[0], [said("one more word")])
    assert storage.update_index()
    assert (database(cache).parent / "text").stat().st_size < full / 4
    assert_equals_scan(storage, root, ["word1", "word4", "word20", "one more"])


def test_an_interrupted_update_leaves_an_index_that_is_whole(root: Path, cache: Path) -> None:
    storage = open_store(root, cache)
    fill(storage, 600)
    calls = 0

    def interrupt(done: int, total: int) -> None:
        nonlocal calls
        calls += 1
        if done > 300:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        storage.update_index(interrupt)
    state = storage.index_state()
    # What was recorded before the interrupted step stays.
    assert (state.usable, calls) == (True, 301)
    assert state.searchable == 256
    assert storage.update_index()
    assert storage.index_state().searchable == 600


@pytest.mark.slow
def test_several_processes_read_what_one_does(
    root: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "WORTH_WORKERS", 10)
    storage = open_store(root, cache)
    fill(storage, 150)
    told: list[tuple[int, int]] = []
    assert storage.update_index(lambda *done: told.append(done), workers=2)
    assert told[-1] == (150, 150)
    assert len(told) < 150  # they come from the processes some at a time
    assert storage.index_state().searchable == 150
    assert_equals_scan(storage, root, ["Alpha 7"])
    assert storage.rebuild_index(workers=3)
    assert_equals_scan(storage, root, ["Alpha 7"])
    for number in (0, -1, True, 1.5, None):
        with pytest.raises(InvalidRequestError):
            storage.update_index(workers=number)  # type: ignore[arg-type]


def test_without_other_processes_one_does_it_all(
    root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So in a program that has no guard around its beginning, which processes would run again."""
    code = (
        "import sys; from sessionfs import FileStorage; from sessionfs.index import writer\n"
        "writer.WORTH_WORKERS = 10\n"
        "storage = FileStorage(sys.argv[1], index_dir=sys.argv[2])\n"
        "assert storage.update_index(workers=2)\n"
        "assert storage.index_state().searchable == 20\n"
    )
    fill(open_store(root, cache), 20)
    script = root.with_name("script.py")
    script.write_text(code)
    done = subprocess.run(
        [sys.executable, str(script), str(root), str(cache)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(index.__file__).parents[2])},
    )
    assert done.returncode == 0, done.stderr
    assert_equals_scan(open_store(root, cache), root)


def test_an_interrupted_compaction_costs_the_index_and_no_answer(
    root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(textstore, "WORTH_COMPACTING", 100)
    storage = open_store(root, cache)
    fill(storage, 20)
    everyone = [each.id for each in storage.list_sessions().sessions]
    for each in everyone:
        storage.append_messages(each, [said("dead soon, most of it " * 20)])
    assert storage.update_index()
    for each in everyone[:15]:
        shutil.rmtree(storage.session_path(each))
    fill(storage, 1)
    storage.append_messages(storage.list_sessions().sessions[0].id, [said("alive")])

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(textstore.TextWriter, "_add", interrupt)
        patch.setattr(textstore.TextWriter, "add", lambda *_: 0)
        with pytest.raises(KeyboardInterrupt):
            storage.update_index()
    assert_equals_scan(storage, root, ["alive", "dead soon"])
    assert storage.update_index()


UPDATER = """
import sys
from sessionfs import FileStorage
def told(done, total):
    print(done, flush=True)
FileStorage(sys.argv[1], index_dir=sys.argv[2]).update_index(told)
"""


@pytest.mark.slow
def test_a_kill_in_the_middle_of_an_update_changes_no_answer(root: Path, cache: Path) -> None:
    storage = open_store(root, cache)
    fill(storage, 30)
    for moment in (1, 15, 30):
        shutil.rmtree(cache, ignore_errors=True)
        process = subprocess.Popen(
            [sys.executable, "-c", UPDATER, str(root), str(cache)], stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) == moment:
                process.send_signal(signal.SIGKILL)
                break
        process.wait()
        process.stdout.close()
        assert_equals_scan(open_store(root, cache), root)


def test_words_rule_out_only_what_has_no_match() -> None:
    parts = [
        fold("Call fn(a, b) with --flag=1; über_straße" + " filler" * 200) + b"\xff",
        fold("日本語テキスト end" + " filling" * 200) + b"\xff",
        fold("call" + " padding" * 200) + b"\xff",
    ]
    listed = wordfilter.words_of(parts)
    data = b"before" + b"".join(listed)
    number = len(listed.bits) // wordfilter.BITS_BYTES
    assert number == len(listed.text.split()) > 3

    def possible(needle: str) -> set[int]:
        bits = wordfilter.possible(
            wordfilter.pieces_of(fold(needle)), data, 6, len(listed.text), number
        )
        return {i for i in range(len(parts)) if bits >> i & 1}

    for needle in ("fn(a, b)", "--FLAG=1", "flag", "ber_stra", "本語", "(", "; ", "a, b) with", "call"):
        assert {i for i, part in enumerate(parts) if fold(needle) in part} <= possible(needle), needle
    for needle, expected in {
        "flag": {0},
        "FILL": {0, 1},
        "all": {0, 2},
        "flagged": set(),
        "日語": set(),
        "filler fillers": set(),
        "語テ": {1},
        "ab": {0, 1, 2},  # too short to tell
    }.items():
        assert possible(needle) & set(range(3)) == expected, needle


def test_two_threads_search_while_one_writes(root: Path, cache: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    storage = open_store(root, cache)
    fill(storage, 20)

    def search(_: int) -> int:
        return storage.search(SearchQuery("Alpha", limit=1)).total

    with ThreadPoolExecutor(3) as pool:
        found = [pool.submit(search, i) for i in range(30)]
        for _ in range(10):
            fill(storage, 1)
        totals = [each.result() for each in found]
    assert all(20 <= total <= 30 for total in totals)
    assert search(0) == 30


def test_closing_lets_go_of_the_files(root: Path, cache: Path) -> None:
    with FileStorage(root, index_dir=cache, durability="relaxed") as storage:
        fill(storage, 10)
        assert storage.search(SearchQuery("Alpha")).total == 10
    descriptors = Path("/proc/self/fd")
    if not descriptors.exists():
        pytest.skip("the system does not tell which files are open")
    for link in descriptors.iterdir():
        with suppress(OSError):
            assert str(cache) not in os.readlink(link)
