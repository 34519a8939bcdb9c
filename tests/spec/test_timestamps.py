"""Timestamps: the package and the reference reader against the vectors."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sessionfs import StorageError
from sessionfs.format import timestamps

from .support import Case, reference_reader, vectors, with_ids

READER = reference_reader()


@pytest.mark.parametrize("case", vectors("timestamps", "valid"), ids=lambda case: case["at"])
def test_valid(case: Case) -> None:
    assert timestamps.is_timestamp(case["at"])
    assert timestamps.to_rfc3339(timestamps.to_datetime(case["at"])) == case["time"]
    assert timestamps.from_datetime(datetime.fromisoformat(case["time"])) == case["at"]
    assert READER.is_at(case["at"])
    assert READER.is_time(case["time"])


@pytest.mark.parametrize("case", vectors("timestamps", "invalid"), ids=lambda case: case["why"])
def test_invalid(case: Case) -> None:
    assert not timestamps.is_timestamp(case["at"])
    assert not READER.is_at(case["at"])


@pytest.mark.parametrize("case", with_ids(vectors("timestamps", "next"), "next"))
def test_next(case: Case) -> None:
    wall = timestamps.to_datetime(case["wall"]) - datetime(1970, 1, 1, tzinfo=UTC)
    microseconds = wall // timedelta(microseconds=1)
    if case["expected"] is None:
        with pytest.raises((OverflowError, StorageError)):
            timestamps.next_timestamp(microseconds, case["highest_seen"])
    else:
        assert timestamps.next_timestamp(microseconds, case["highest_seen"]) == case["expected"]


def test_the_order_of_the_texts_is_the_order_in_time() -> None:
    cases = vectors("timestamps", "valid")
    assert sorted(case["at"] for case in cases) == [
        case["at"] for case in sorted(cases, key=lambda case: str(case["time"]))
    ]
