"""Checks of what a caller passes, each an InvalidRequestError that names the argument."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

from .errors import InvalidRequestError
from .format.ids import parse_session_id
from .fs import files
from .models import ListSessionsQuery, SearchQuery, SessionStatus, SessionVisibility

DEFAULT_LIMIT = 100

_MOST_SECONDS = 1_000_000_000
"""Some 30 years. Clocks and waits of the operating system take no number."""

_T = TypeVar("_T")


def request(value: object, kind: type[_T]) -> _T:
    """Return the value if it is a request or query of this kind."""
    return _instance(value, kind, "the request", f"a {kind.__name__}")


def uuid(value: object, name: str) -> UUID:
    """Return the value if it is a UUID, or the UUID of which it is the canonical text."""
    if isinstance(value, UUID):
        return value
    found = parse_session_id(value.lower()) if isinstance(value, str) else None
    if found is not None:
        return found
    raise InvalidRequestError(f"{name} must be a UUID, not {value!r:.80}")


def uuid_or_none(value: object, name: str) -> UUID | None:
    """Return the value if it is a UUID, or its text, or None."""
    return None if value is None else uuid(value, name)


def integer_or_none(value: object, name: str) -> int | None:
    """Return the value if it is an integer or None."""
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise InvalidRequestError(f"{name} must be an integer, not {type(value).__name__}")


def positive(value: object, name: str) -> int:
    """Return the value if it is an integer of at least 1."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    raise InvalidRequestError(f"{name} must be an integer of at least 1, not {value!r}")


def seconds(value: object, name: str) -> float:
    """Return the value if it is a number of seconds above 0, and of some 30 years at most."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= _MOST_SECONDS:
        return float(value)
    raise InvalidRequestError(
        f"{name} must be a number of seconds above 0, at most {_MOST_SECONDS:,}, not {value!r:.80}"
    )


def part(value: object, name: str) -> float:
    """Return the value if it is a number above 0 and at most 1."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= 1:
        return float(value)
    raise InvalidRequestError(f"{name} must be a number above 0 and at most 1, not {value!r}")


def aware(value: object, name: str) -> datetime:
    """Return the value if it is an aware datetime that UTC can tell."""
    moment = _instance(value, datetime, name, "a datetime")
    if moment.tzinfo is None:
        raise InvalidRequestError(f"{name} must have a time zone")
    try:
        moment.astimezone(UTC)
    except OverflowError as error:
        raise InvalidRequestError(f"{name} is beyond the calendar: {moment}") from error
    return moment


def text(value: object, name: str) -> str:
    """Return the value if it is a string that UTF-8 can encode."""
    checked = _instance(value, str, name, "a string")
    try:
        checked.encode()
    except UnicodeEncodeError as error:
        surrogate = f"U+{ord(checked[error.start]):04X}"
        reason = f"{name} contains an unpaired surrogate ({surrogate}) and can't be encoded as UTF-8"
        raise InvalidRequestError(reason) from error
    return checked


def text_or_none(value: object, name: str) -> str | None:
    """Return the value if it is a string or None."""
    return None if value is None else text(value, name)


def aware_or_none(value: object, name: str) -> datetime | None:
    """Return the value if it is an aware datetime or None."""
    return None if value is None else aware(value, name)


def filters(query: ListSessionsQuery | SearchQuery, texts: Iterable[str], times: Iterable[str]) -> None:
    """Check what narrows a query: these attributes of it, its status and its visibility."""
    for name in texts:
        text_or_none(getattr(query, name), name)
    for name in times:
        aware_or_none(getattr(query, name), name)
    member_or_none(query.status, SessionStatus, "status")
    member_or_none(query.visibility, SessionVisibility, "visibility")


def path(value: object, name: str) -> str:
    """Return a path from the root of the file system; ``~`` is the caller's to expand."""
    try:
        found = files.absolute_path(value)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise InvalidRequestError(f"{name} is not a path: {error}") from error
    if not isinstance(found, str) or "\0" in found:
        raise InvalidRequestError(f"{name} must be a path without NUL characters")
    return found


def member(value: object, kind: type[_T], name: str) -> _T:
    """Return the member of an enumeration that the value is or stands for."""
    try:
        return kind(value)  # type: ignore[call-arg]
    except ValueError as error:
        members = ", ".join(each.value for each in kind)  # type: ignore[attr-defined]
        members = " or ".join(members.rsplit(", ", 1))
        raise InvalidRequestError(f"{name} must be {members}, not {value!r}") from error


def member_or_none(value: object, kind: type[_T], name: str) -> _T | None:
    """Return the member of an enumeration that the value stands for, or None for None."""
    return None if value is None else member(value, kind, name)


def page(limit: object, offset: object) -> slice:
    """Return the part of a list that a limit and an offset choose."""
    start = _natural(offset, "offset", 0)
    return slice(start, start + _natural(limit, "limit", DEFAULT_LIMIT))


def _natural(value: object, name: str, default: int) -> int:
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise InvalidRequestError(f"{name} must be an integer of at least 0, not {value!r}")
    return value


def _instance(value: object, kind: type[_T], name: str, what: str) -> _T:
    if not isinstance(value, kind):
        raise InvalidRequestError(f"{name} must be {what}, not {type(value).__name__}")
    return value
