"""A power cut at any moment: what was acknowledged is there, and whatever is left can be worked with.

The system calls of each workload are recorded, and every state that they may leave on a disk is made a
real directory, opened, judged, and written to.
"""

from __future__ import annotations

import pytest

from ..effort import Counted, chosen
from . import workloads
from .crash_merge import merge
from .crashing import calls_of, try_all
from .workloads import WORKLOADS, Doing, Workload

pytestmark = [pytest.mark.slow, pytest.mark.once]


def name(value: object) -> str | None:
    return getattr(value, "__name__", None)


@pytest.mark.parametrize("workload", [*WORKLOADS, merge], ids=name)
def test_what_was_acknowledged_is_there(workload: Workload, counted: Counted) -> None:
    most = chosen(few=12, usual=400, everything=20_000)
    counted("crash states opened", try_all(workload, "full", states=most, each=256))


@pytest.mark.parametrize("workload", [*WORKLOADS, merge], ids=name)
def test_nothing_wrong_is_told_where_nothing_was_synced(workload: Workload, counted: Counted) -> None:
    share = 20 if workload is workloads.first_session else 1  # its states are small
    most = chosen(few=6, usual=100, everything=8_000) * share
    counted("crash states opened", try_all(workload, "relaxed", states=most))


def append_more(do: Doing) -> None:
    do.append(do.subject, [workloads.small(7)])


def append_as_expected(do: Doing) -> None:
    do.append(do.subject, [workloads.small(6)], expected=do.active(do.subject))


def rename(do: Doing) -> None:
    do.update(do.subject, "renamed by another")


def go_back(do: Doing) -> None:
    do.rewind(do.subject, do.first)


def begin(do: Doing) -> None:
    do.create("begun by another", [workloads.small(5)])


def append_to_newest(do: Doing) -> None:
    """Append to the session that was created last, acknowledged or not."""
    listed = do.open("relaxed").list_sessions().sessions
    if listed:
        do.append(max(each.id for each in listed), [workloads.small(4)])


def delete(do: Doing) -> None:
    do.delete(do.subject)


def import_once(do: Doing) -> None:
    do.bring_in(workloads.IMPORTED, 3)


MEETINGS: list[tuple[Workload, Workload]] = [
    (append_more, append_more),
    (append_more, go_back),
    (append_more, rename),
    (append_as_expected, append_more),
    (rename, append_more),
    (workloads.further_session, begin),
    (workloads.further_session, append_more),
    (import_once, append_more),
    (workloads.heal, workloads.heal),
    (delete, delete),
    # The other relies on the name of a directory that the one has given and not yet synced.
    (workloads.further_session, append_to_newest),
    (workloads.first_session, begin),
    (import_once, import_once),
    (merge, append_more),
    (merge, rename),
]


@pytest.mark.parametrize(("one", "other"), MEETINGS, ids=name)
@pytest.mark.parametrize("part", range(2))
def test_two_writers(one: Workload, other: Workload, part: int, counted: Counted) -> None:
    """Another storage does its work between two calls of one: before each of them, or of some."""
    moments = list(range(calls_of(one, "full")))[part :: chosen(few=24, usual=4, everything=2)]
    most = chosen(few=15, usual=60, everything=20_000)
    opened = 0
    for at in moments:
        opened += try_all(one, "full", states=most // len(moments) + 1, between=(at, other))
    counted("crash states opened", opened)
