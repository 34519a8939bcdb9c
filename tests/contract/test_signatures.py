"""The two storages have the same methods, and each those of its protocol."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from sessionfs import AsyncFileStorage, AsyncSessionStorage, FileStorage, SessionStorage

NO_COROUTINES = {"backend_info", "watch"}


def methods(kind: type[Any]) -> dict[str, Any]:
    found = inspect.getmembers(kind, inspect.isfunction)
    return {name: function for name, function in found if not name.startswith("_")}


def signature(function: Any) -> inspect.Signature:
    return inspect.signature(function, eval_str=True)


def test_same_methods() -> None:
    assert set(methods(AsyncFileStorage)) == set(methods(FileStorage))
    assert set(methods(AsyncSessionStorage)) == set(methods(SessionStorage))
    assert set(methods(SessionStorage)) <= set(methods(FileStorage))
    assert len(methods(SessionStorage)) >= 16


@pytest.mark.parametrize("name", ["__init__", *methods(FileStorage)])
def test_async_takes_and_gives_the_same(name: str) -> None:
    sync, async_ = getattr(FileStorage, name), getattr(AsyncFileStorage, name)
    assert signature(async_).parameters == signature(sync).parameters
    if name != "watch":  # which gives a watcher of the other kind
        assert signature(async_) == signature(sync)
    assert async_.__doc__ or name == "__init__"


@pytest.mark.parametrize("name", methods(SessionStorage))
def test_storages_take_and_give_what_the_protocols_say(name: str) -> None:
    said = signature(getattr(SessionStorage, name))
    for kind in (AsyncSessionStorage, FileStorage, AsyncFileStorage):
        assert signature(getattr(kind, name)) == said
    assert getattr(SessionStorage, name).__doc__


@pytest.mark.parametrize("name", methods(FileStorage))
def test_only_async_methods_are_coroutine_functions(name: str) -> None:
    assert not inspect.iscoroutinefunction(getattr(FileStorage, name))
    expected = name not in NO_COROUTINES
    assert inspect.iscoroutinefunction(getattr(AsyncFileStorage, name)) is expected
    if hasattr(SessionStorage, name):
        assert not inspect.iscoroutinefunction(getattr(SessionStorage, name))
        assert inspect.iscoroutinefunction(getattr(AsyncSessionStorage, name)) is expected


def test_context_managers() -> None:
    for name in ("enter", "exit"):
        sync = getattr(FileStorage, f"__{name}__")
        async_ = getattr(AsyncFileStorage, f"__a{name}__")
        assert inspect.iscoroutinefunction(async_)
        assert list(signature(async_).parameters.values()) == list(signature(sync).parameters.values())
