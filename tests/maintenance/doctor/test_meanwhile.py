"""What others do to a store while the doctor looks at it, and before it does what it has planned."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sessionfs.maintenance.doctor import check_objects, checkup
from sessionfs.maintenance.doctor.check_objects import ObjectSurvey, ReadingScope
from sessionfs.maintenance.doctor.findings import Diagnosis
from sessionfs.store.objects import Objects
from sessionfs.store.view import SessionView

from .helpers import Store, answers, of_kind, write


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def before_repairs(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Let something happen once, after the first look that found what can be repaired."""
    real = checkup._repaired

    def repaired(results: list[Diagnosis], *, last: bool) -> object:
        if any(each.repair for each in results):
            monkeypatch.setattr(checkup, "_repaired", real)
            happens()
        return real(results, last=last)

    monkeypatch.setattr(checkup, "_repaired", repaired)


def names(root: Path) -> dict[str, bytes]:
    found = (path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): path.read_bytes() for path in found}


def flip(path: Path) -> None:
    write(path, path.read_bytes()[:-9] + b"!" * 9)


def line_end(path: Path) -> None:
    write(path, path.read_bytes() + b"\n")


def conflict(path: Path) -> None:
    path.rename(path.with_name(f"{path.stem}.sync-conflict-20260101-120000-ABCDEFG{path.suffix}"))


HARMS: dict[str, Callable[[Store], object]] = {
    "an object that is damaged": lambda store: flip(store.file(store.lonely)),
    "an object with a line end": lambda store: line_end(store.file(store.first)),
    "an object in conflict": lambda store: conflict(store.file(store.lonely)),
    "facts that are damaged": lambda store: flip(store.meta),
    "facts with a line end": lambda store: line_end(store.meta),
    "facts in conflict": lambda store: conflict(store.meta),
    "an active ref that is torn": lambda store: write(store.active, b"torn"),
    "no active ref": lambda store: store.active.unlink(),
    "no header": lambda store: (store.root / "sessionfs.json").unlink(),
}


@pytest.mark.parametrize("harm", HARMS.values(), ids=HARMS)
def test_two_repairs_at_once_do_what_one_does(
    store: Store, monkeypatch: pytest.MonkeyPatch, harm: Callable[[Store], object]
) -> None:
    harm(store)
    others: list[dict[str, bytes]] = []

    def another() -> None:
        store.repair()
        others.append(names(store.root))

    before_repairs(monkeypatch, another)
    store.repair()
    assert others == [names(store.root)]
    assert store.verify().sound


@pytest.mark.parametrize("what", ["lonely", "meta"])
def test_what_others_have_healed_is_not_set_aside(
    store: Store, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    path = store.meta if what == "meta" else store.file(store.lonely)
    good, before = path.read_bytes(), names(store.root)
    flip(path)
    before_repairs(monkeypatch, lambda: write(path, good))
    store.repair()
    assert names(store.root) == before
    assert answers(store.open()) == store.whole


def test_a_torn_ref_that_a_writer_has_replaced_meanwhile_stays_replaced(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(store.active, b"torn")
    before_repairs(monkeypatch, lambda: store.open().append_messages(store.session, [{"n": 9}]))
    store.repair()
    assert store.open().get_active_checkpoint(store.session).state.messages[-1] == {"n": 9}
    assert len(list(store.refs.glob("active.*"))) == 1


def test_modes_of_a_ref_that_a_writer_has_replaced_meanwhile(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (store.root, store.root / "sessions"):
        path.chmod(0o755)
    store.active.chmod(0o444)
    store.meta.chmod(0o444)
    before_repairs(monkeypatch, lambda: store.open().append_messages(store.session, [{"n": 9}]))
    (each,) = of_kind(store.repair(), "modes-open")
    assert each.repaired
    assert store.meta.stat().st_mode & 0o777 == 0o400


def test_an_object_that_vanishes_after_it_was_listed_is_one_that_never_came(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    lonely, real = store.file(store.lonely), Objects.record

    def vanish(found: Objects, sha: str) -> object:
        if sha == lonely.stem:
            lonely.unlink(missing_ok=True)
        return real(found, sha)

    monkeypatch.setattr(Objects, "record", vanish)
    result = store.verify()
    assert result.findings == []
    assert result.checkpoints == 4  # three, and the neighbour's


def test_an_object_that_arrives_after_the_others_were_listed_is_not_missing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, real = store.file(store.lonely), check_objects.survey
    good = path.read_bytes()
    conflict(path)
    assert of_kind(store.verify(), "adoptable")

    def arrive(view: SessionView, reading: ReadingScope) -> ObjectSurvey:
        done = real(view, reading)
        if view.id == store.session:
            write(path, good)
        return done

    monkeypatch.setattr(check_objects, "survey", arrive)
    assert [each.kind for each in store.verify().findings] == ["conflict-copy"]


def test_each_session_is_told_of_when_it_is_done(store: Store) -> None:
    told: list[tuple[int, int]] = []
    store.verify(on_session=lambda done, of: told.append((done, of)))
    assert told == [(1, 2), (2, 2)]
