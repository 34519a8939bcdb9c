"""The drawing of branches."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from sessionfs import CheckpointSummary, SessionStatus, SessionSummary, SessionVisibility
from sessionfs.exporters.branches import rows

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def draw(history: dict[int, int | None]) -> list[str]:
    """Draw checkpoints given as {id: parent}, newest first."""
    checkpoints = [
        CheckpointSummary(UUID(int=id_), UUID(int=0), UUID(int=parent) if parent else None, 0, NOW, NOW)
        for id_, parent in history.items()
    ]
    return [f"{drawing} {each.id.int if each else ''}".rstrip() for drawing, each in rows(checkpoints)]


def test_a_line() -> None:
    assert draw({3: 2, 2: 1, 1: None}) == ["* 3", "* 2", "* 1"]


def test_a_fork() -> None:
    assert draw({4: 2, 3: 2, 2: 1, 1: None}) == ["* 4", "| * 3", "| /", "* 2", "* 1"]


def test_two_that_never_meet() -> None:
    assert draw({4: 3, 2: 1, 3: None, 1: None}) == ["* 4", "| * 2", "* | 3", "  * 1"]


def test_a_parent_that_is_not_shown_ends_its_column() -> None:
    assert draw({4: 8, 3: 9}) == ["* 4", "* 3"]


def test_three_branches_of_one() -> None:
    assert draw({4: 1, 3: 1, 2: 1, 1: None}) == ["* 4", "| * 3", "| | * 2", "| | /", "| /", "* 1"]


def test_forks_stand_below_what_they_start_from() -> None:
    checkpoints = [
        CheckpointSummary(UUID(int=id_), UUID(int=0), UUID(int=parent) if parent else None, 0, NOW, NOW)
        for id_, parent in {3: 1, 2: 1, 1: None}.items()
    ]
    private, active = SessionVisibility.PRIVATE, SessionStatus.ACTIVE
    forks = {
        at: [SessionSummary(UUID(int=at.int + 10), "", private, active, None, NOW, NOW, 0, None, None)]
        for at in (UUID(int=2), UUID(int=1))
    }
    drawn = [f"{drawing} {each.id.int if each else ''}" for drawing, each in rows(checkpoints, forks)]
    assert drawn == ["* 3", "| * 2", "| | 12", "| / ", "* 1", "  11"]
