"""Hybrid logical timestamps: texts whose order is the order in which edits win.

A writer never produces a timestamp that is not above everything it has seen, so an edit wins over
what its writer knew, whatever the machines' clocks say. The idea is that of Kulkarni et al.,
"Logical Physical Clocks" (2014), with the logical part folded into the microseconds.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from ..errors import InvalidRequestError

WallClock = Callable[[], int]
"""Returns microseconds since 1970, UTC."""

_PATTERN = re.compile(r"\d{8}T\d{12}Z", re.ASCII)
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST = datetime(1, 1, 1, tzinfo=UTC)
_END = "99991231T235959999999Z"
"""Not a timestamp: no later one could be written."""

LAST = "99991231T235959999998Z"
"""The last timestamp, which none can follow."""


def wall_clock() -> int:
    """Return the system's time in microseconds since 1970, UTC."""
    return time.time_ns() // 1000


def is_timestamp(text: str) -> bool:
    """Tell whether a text is a timestamp: the pattern, and a date and time that exist."""
    if not _PATTERN.fullmatch(text) or text >= _END:
        return False
    try:
        to_datetime(text)
    except ValueError:
        return False
    return True


def from_datetime(moment: datetime) -> str:
    """Return the timestamp of an aware datetime; InvalidRequestError if no timestamp can be that."""
    text = moment.astimezone(UTC).isoformat(timespec="microseconds")  # 2026-11-22T10:15:30.123456
    at = f"{text[:4]}{text[5:7]}{text[8:13]}{text[14:16]}{text[17:19]}{text[20:26]}Z"
    if at == _END:
        raise InvalidRequestError("the timestamps have reached the end of the calendar")
    return at


@lru_cache(maxsize=4096)
def to_datetime(at: str) -> datetime:
    """Return the aware UTC datetime of a timestamp; ValueError if it does not exist."""
    return datetime(
        int(at[:4]),
        int(at[4:6]),
        int(at[6:8]),
        int(at[9:11]),
        int(at[11:13]),
        int(at[13:15]),
        int(at[15:21]),
        UTC,
    )


def from_unix_us(microseconds: int) -> datetime:
    """Return the aware UTC datetime of microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=microseconds)


def to_unix_us(moment: datetime) -> int:
    """Return the microseconds since 1970 of an aware datetime."""
    return (moment - _EPOCH) // _MICROSECOND


def next_timestamp(wall_us: int, highest_seen: str | None) -> str:
    """Return the larger of the wall clock and the highest timestamp seen + 1 microsecond."""
    now = from_datetime(from_unix_us(wall_us))
    return now if highest_seen is None or now > highest_seen else following(highest_seen)


def following(at: str) -> str:
    """Return the next timestamp, one microsecond later."""
    return from_datetime(to_datetime(at) + _MICROSECOND)


def preceding(at: str) -> str:
    """Return the timestamp before, one microsecond earlier; the first one has none."""
    return from_datetime(max(to_datetime(at), _FIRST + _MICROSECOND) - _MICROSECOND)


def to_rfc3339(moment: datetime) -> str:
    """Return a datetime as people write it: UTC, microseconds, with Z."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def parse_rfc3339(text: str) -> datetime | None:
    """Return the aware UTC datetime that a text names, or None if it names none."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
