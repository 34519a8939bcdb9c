"""Scenarios with real tools: what each shows, and the table of those that ran."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import pytest

Test = TypeVar("Test", bound=Callable[..., None])

PROPERTY = "scenario"
TABLE = "SESSIONFS_SCENARIOS"
"""Set to ``table``, this variable makes a run print the table; else it prints how many there were."""


@dataclass(frozen=True)
class Scenario:
    """What a test shows.

    Attributes:
        tool: as its user calls it.
        shows: what happens.
        deletions: what the tool does with files that one side removed or never had.
        needs: the programs without which the test is skipped.
        follows: the commands of ``spec/guide/sync.md`` that it runs, by their keys in ``BLOCKS``.
        replayed: the tool itself is not run, only what it leaves is made.

    """

    tool: str
    shows: str
    deletions: str
    needs: tuple[str, ...] = ()
    follows: tuple[str, ...] = ()
    replayed: bool = False


SCENARIOS: dict[str, Scenario] = {}
"""All whose module was imported, by the names of their tests."""


def scenario(
    tool: str,
    shows: str,
    *,
    deletions: str,
    needs: tuple[str, ...] = (),
    follows: tuple[str, ...] = (),
    replayed: bool = False,
) -> Callable[[Test], Test]:
    """Say what a test shows, and skip it where a program that it needs is not installed."""
    told = Scenario(tool, shows, deletions, needs, follows, replayed)

    def mark(test: Test) -> Test:
        SCENARIOS[f"{test.__module__}.{test.__name__}"] = told
        missing = [each for each in needs if shutil.which(each) is None]
        reason = f"not installed: {', '.join(missing)}"
        pytest.mark.skipif(bool(missing), reason=reason)(test)
        pytest.mark.scenario(told)(test)  # both marks are set on the function itself
        return test

    return mark


def of(item: pytest.Item) -> Scenario | None:
    """Return what a test shows, if it is a scenario."""
    mark = item.get_closest_marker("scenario")
    return None if mark is None else mark.args[0]


Row = tuple[str, str, str, bool]
"""What the process that ran a test sends to the one that prints: tool, shows, deletions, replayed."""


def row(told: Scenario) -> Row:
    return told.tool, told.shows, told.deletions, told.replayed


def report(reporter: pytest.TerminalReporter) -> None:
    """Print the table of the scenarios that all processes of this run tried, or how many there were."""
    results: dict[Row, Counter[str]] = {}
    reasons: dict[Row, str] = {}
    for outcome in ("passed", "failed", "error", "skipped"):
        for each in reporter.getreports(outcome):
            told = dict(getattr(each, "user_properties", ())).get(PROPERTY)
            # A test that passed has also set up and torn down without a word.
            if told is not None and (outcome != "passed" or each.when == "call"):
                results.setdefault(tuple(told), Counter())[outcome] += 1
                if outcome == "skipped":
                    reasons[tuple(told)] = each.longrepr[2].removeprefix("Skipped: ")
    if not results:
        return
    reporter.section("scenarios with real tools")
    lines = [
        (*key[:3], _result(key[3], counts, reasons.get(key))) for key, counts in sorted(results.items())
    ]
    if os.environ.get(TABLE) == "table":
        for line in _aligned(
            [("tool", "what happens", "what it does with deletions", "result"), *lines]
        ):
            reporter.write_line(line)
    summed = Counter(_word(key[3], counts) for key, counts in results.items())
    told = ", ".join(f"{number} {word}" for word, number in summed.items())
    reporter.write_line(f"{len(results)} scenarios: {told}")


def _word(replayed: bool, counts: Counter[str]) -> str:
    if counts["failed"] or counts["error"]:
        return "failed"
    if counts["skipped"]:
        return "skipped"
    return "replayed and passed" if replayed else "passed"


def _result(replayed: bool, counts: Counter[str], reason: str | None) -> str:
    word, runs = _word(replayed, counts), counts.total()
    if word == "skipped" and reason is not None:
        return f"skipped, {reason}"
    if word == "failed":
        return f"failed in {counts['failed'] + counts['error']} of {runs} ways"
    return word + (f" in {runs} ways" if runs > 1 else "")


def _aligned(rows: list[tuple[str, str, str, str]]) -> list[str]:
    widths = [max(len(each[column]) for each in rows) for column in range(3)]
    lines = ["  ".join([*(each[i].ljust(widths[i]) for i in range(3)), each[3]]) for each in rows]
    lines.insert(1, "-" * max(map(len, lines)))
    return lines
