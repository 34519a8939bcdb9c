"""Every test keeps its indexes in a directory of the run; the sums of what was tried are printed."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Iterator

import pytest

from .effort import Counted, chosen
from .sync import scenarios

_COUNTED = "counted"


@pytest.fixture(autouse=True, scope="session")
def _cache_of_the_run() -> Iterator[None]:
    with tempfile.TemporaryDirectory() as directory:
        before = os.environ.get("XDG_CACHE_HOME")
        os.environ["XDG_CACHE_HOME"] = directory
        yield
        if before is None:
            del os.environ["XDG_CACHE_HOME"]
        else:
            os.environ["XDG_CACHE_HOME"] = before


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their markers
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that try as many as ``SESSIONFS_EFFORT`` says."""
    for item in items:
        if isinstance(item, pytest.Function) and getattr(item.module, "chosen", None) is chosen:
            item.add_marker("sweep")


@pytest.fixture
def counted(record_property: Counted) -> Counted:
    """Count what a test tried; see ``tests.effort.Counted``."""

    def count(what: str, number: int) -> None:
        record_property(f"{_COUNTED} {what}", number)

    return count


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how often everything that was counted was tried, by all processes of the run together."""
    total: Counter[str] = Counter()
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, number in getattr(report, "user_properties", ()):
            if getattr(report, "when", "") == "call" and name.startswith(_COUNTED):
                total[name.removeprefix(_COUNTED + " ")] += int(number)
    if total:
        terminalreporter.section("tried")
        for what, number in sorted(total.items()):
            terminalreporter.write_line(f"{number:>10,} {what}")
    scenarios.report(terminalreporter)
