"""The suite has teeth: a storage that is wrong in one way fails the tests that say so."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from sessionfs import FileStorage, StorageError
from sessionfs.testing import Contract, PlainSessionStorageContract, SessionStorageContract

from .mutants import CAUGHT_BY, Listing, Searching

pytestmark = [pytest.mark.slow, pytest.mark.once]

SUITES = (SessionStorageContract, PlainSessionStorageContract)
CASES = [(mutant, test) for mutant, tests in CAUGHT_BY.items() for test in tests]
# What makes a test fail: ValueError where a list has not as many items as the test takes from it.
FAILURES = (AssertionError, pytest.fail.Exception, StorageError, ValueError)


@pytest.mark.parametrize(("mutant", "test"), CASES, ids=lambda value: getattr(value, "__name__", value))
def test_mutant_is_caught(mutant: type[FileStorage], test: str, tmp_path: Path) -> None:
    """FileStorage passes the whole suite elsewhere; what some mutants are made from passes it here."""
    if right := next((each for each in (Listing, Searching) if issubclass(mutant, each)), None):
        assert not any(failures(test, right, tmp_path / "right"))
    assert any(failures(test, mutant, tmp_path / "wrong"))


def test_every_test_is_known_to_catch_something() -> None:
    tests = {name for suite in SUITES for name in dir(suite) if name.startswith("test_")}
    assert {test for _, test in CASES} == tests


def failures(test: str, kind: type[FileStorage], place: Path) -> Iterator[bool]:
    """Run one test of the suite with each of its parameters; give whether it fails."""
    suite = next(suite for suite in SUITES if hasattr(suite, test))()
    method = getattr(suite, test)
    for i, parameters in enumerate(parametrized(method)):
        try:
            method(**fixtures(suite, method, kind, place / str(i)), **parameters)
        except FAILURES:
            yield True
        else:
            yield False


def fixtures(suite: Contract, method: Any, kind: type[FileStorage], place: Path) -> dict[str, Any]:
    def open_one(message_type: type[Any]) -> FileStorage:
        return kind(place, durability="relaxed", message_type=message_type)

    given = {
        "storage": open_one(suite.message_type),
        "plain": open_one(dict),
        "open_storage": open_one,
    }
    return {name: given[name] for name in inspect.signature(method).parameters if name in given}


def parametrized(method: Any) -> Iterator[dict[str, Any]]:
    """Give the arguments of each run that the marks of a test ask for."""
    marks = [mark for mark in getattr(method, "pytestmark", []) if mark.name == "parametrize"]
    for rows in product(*(mark.args[1] for mark in marks)):
        arguments: dict[str, Any] = {}
        for mark, row in zip(marks, rows, strict=True):
            names = mark.args[0]
            values = row.values if hasattr(row, "marks") else row
            if isinstance(names, str):
                arguments[names] = values[0] if hasattr(row, "marks") else values
            else:
                arguments.update(zip(names, values, strict=True))
        yield arguments
