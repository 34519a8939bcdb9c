"""Timestamps: their texts sort as their times do, and a new one is above all that was seen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from sessionfs import InvalidRequestError
from sessionfs.format import timestamps

AT = "20261122T101530123456Z"
MOMENT = datetime(2026, 11, 22, 10, 15, 30, 123456, UTC)


def test_a_timestamp_is_a_moment_in_utc_to_the_microsecond() -> None:
    assert timestamps.from_datetime(MOMENT.astimezone(timezone(timedelta(hours=5)))) == AT
    assert timestamps.to_datetime(AT) == MOMENT
    assert timestamps.from_unix_us(timestamps.to_unix_us(MOMENT)) == MOMENT
    assert timestamps.to_rfc3339(MOMENT) == "2026-11-22T10:15:30.123456Z"


@pytest.mark.parametrize(
    "text", ["", AT[:-1], AT + "\n", "20261322T101530123456Z", "20260230T000000000000Z", AT.lower()]
)
def test_a_date_that_does_not_exist_is_not_a_timestamp(text: str) -> None:
    assert not timestamps.is_timestamp(text)
    assert timestamps.is_timestamp(AT)


def test_the_next_one_is_above_the_clock_and_all_that_was_seen() -> None:
    clock = timestamps.to_unix_us(MOMENT)
    assert timestamps.next_timestamp(clock, None) == AT
    assert timestamps.next_timestamp(clock, "20200101T000000000000Z") == AT
    assert timestamps.next_timestamp(clock, AT) == timestamps.following(AT) > AT
    ahead = "29991231T235959999999Z"
    assert timestamps.next_timestamp(clock, ahead) == "30000101T000000000000Z"
    assert timestamps.preceding(timestamps.following(AT)) == AT


def test_the_calendar_ends_and_begins() -> None:
    assert timestamps.is_timestamp(timestamps.LAST)
    with pytest.raises(InvalidRequestError, match="end of the calendar"):
        timestamps.following(timestamps.LAST)
    first = "00010101T000000000000Z"
    assert timestamps.preceding(first) == first


@pytest.mark.parametrize("text", ["", "yesterday", "2026-11-22T10:15:30", "0001-01-01T00:00+23:00"])
def test_a_text_without_a_time_zone_or_outside_the_calendar_names_no_moment(text: str) -> None:
    assert timestamps.parse_rfc3339(text) is None
    assert timestamps.parse_rfc3339("2026-11-22T11:15:30.123456+01:00") == MOMENT
