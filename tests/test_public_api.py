"""What ``import sessionfs`` gives, and what it does not drag in."""

from __future__ import annotations

import importlib
import pickle
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import sessionfs
from sessionfs import errors

pytestmark = pytest.mark.wheel


def test_all_is_sorted_and_whole() -> None:
    assert len(sessionfs.__all__) == len(set(sessionfs.__all__))
    for name in sessionfs.__all__:
        assert getattr(sessionfs, name) is not None
    for name in (*sessionfs.models.__all__, *(n for n in dir(errors) if n.endswith("Error"))):
        if name != "Message":
            assert name in sessionfs.__all__, name


def test_every_module_can_be_imported_and_the_package_is_typed() -> None:
    found = [each.name for each in pkgutil.walk_packages(sessionfs.__path__, "sessionfs.")]
    assert len(found) > 100
    for name in found:
        if name != "sessionfs.__main__":  # it runs the command
            importlib.import_module(name)
    assert Path(sessionfs.__file__).with_name("py.typed").is_file()


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        sessionfs.nothing  # noqa: B018


def test_the_import_is_lean() -> None:
    code = "import sys; from sessionfs import FileStorage; FileStorage('s'); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"watchfiles", "sqlite3", "typer", "click", "rich", "asyncio", "pytest", "secrets"}
    heavy |= {"sessionfs.cli", "sessionfs.index", "sessionfs.maintenance"}
    assert heavy.isdisjoint(loaded.stdout.split())


@pytest.mark.parametrize(
    ("kind", "text", "code", "standard"),
    [
        (errors.NotFoundError, "Not found: x", "not_found", KeyError),
        (errors.InvalidRequestError, "Invalid request: x", "invalid_request", ValueError),
        (errors.UnauthorizedError, "Unauthorized: x", "unauthorized", PermissionError),
        (errors.RateLimitedError, "Rate limited: x", "rate_limited", errors.StorageError),
        (errors.InternalError, "Internal error: x", "internal", errors.StorageError),
        (errors.StorageConnectionError, "Connection error: x", "connection", ConnectionError),
        (errors.CorruptObjectError, "Damaged: x", "corrupt_object", errors.InternalError),
        (errors.IncompleteError, "Not found: x", "incomplete", errors.NotFoundError),
        (errors.ConflictError, "Invalid request: x", "conflict", errors.InvalidRequestError),
        (errors.FormatError, "Internal error: x", "format", errors.InternalError),
    ],
)
def test_errors(
    kind: type[errors.StorageError], text: str, code: str, standard: type[Exception]
) -> None:
    error = kind("x", path="/file")
    assert str(error) == text
    assert error.code == code
    assert isinstance(error, standard)
    assert isinstance(error, errors.StorageError)
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.path) == (kind, text, "/file")
