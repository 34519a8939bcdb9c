"""Where things lie: the package is laid out so that a stranger finds them, and the tests follow it."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

import sessionfs

PACKAGE = Path(sessionfs.__file__).parent
TESTS = Path(__file__).parent
MOST_AT_THE_TOP = 24
SAME_NAME = {
    "__init__": "every package has one",
    "base": "what the modules beside it share",
    "aio": "the same for asyncio",
    "findings": "the model of a finding, and the kinds that the doctor tells",
    **dict.fromkeys(
        ("checkpoints", "listing", "opening", "search", "sessions", "stats"),
        "the same subject as a model, on disk, in the index, as a query or in the contract suite",
    ),
}
"""Names that modules of several packages may share, each with what it means."""


def modules() -> Iterator[Path]:
    yield from PACKAGE.rglob("*.py")


def packages() -> list[str]:
    return sorted(str(each.parent.relative_to(PACKAGE)) for each in PACKAGE.rglob("__init__.py"))


def test_few_names_are_at_the_top() -> None:
    top = [each.name for each in PACKAGE.iterdir() if each.is_dir() or each.suffix == ".py"]
    names = set(top) - {"__init__.py", "__pycache__"}
    assert len(names) <= MOST_AT_THE_TOP, sorted(names)


def test_two_modules_share_a_name_only_if_they_mean_the_same() -> None:
    found = defaultdict(list)
    for each in modules():
        # A command has the name that is typed, whatever the library calls its subject.
        if each.parent.name != "commands":
            found[each.stem].append(str(each.relative_to(PACKAGE)))
    shared = {name: paths for name, paths in found.items() if len(paths) > 1}
    assert {name: paths for name, paths in shared.items() if name not in SAME_NAME} == {}


@pytest.mark.parametrize("package", packages())
def test_a_package_says_which_tests_it_has(package: str) -> None:
    tree = ast.parse((PACKAGE / package / "__init__.py").read_text())
    documented = ast.get_docstring(tree) or ""
    named = re.findall(r"``(tests/?[\w/.]*)``", documented)
    assert named, "the docstring says by which tests it is tested"
    assert [each for each in named if not (TESTS.parent / each).exists()] == []


@pytest.mark.parametrize("package", packages())
def test_the_tests_of_a_package_lie_in_a_directory_of_its_name(package: str) -> None:
    if package not in (".", "models", "testing", "index/fulltext"):
        assert list((TESTS / package).glob("test_*.py"))
