"""Texts for a terminal: harmless, short, and in words that people use."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from uuid import UUID

_UNSEEN = (
    r"\x7f-\x9f"  # DEL and the control characters of 8 bits, of which some terminals take commands
    r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks that turn the direction of writing
    r"\u2028\u2029"  # line ends that are no line feeds
    # What nobody sees. Joiners (U+200C, U+200D) and selectors stay: letters and emoji need them.
    r"\u200b\u2060-\u2064\u206a-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"
)
_UNSEEN_IN_JSON = re.compile(f"[{_UNSEEN}]")
_CONTROL = re.compile(rf"[\x00-\x08\x0b-\x1f\ud800-\udfff{_UNSEEN}]")  # a name may hold surrogates
_SECONDS = {"min": 60, "h": 3600, "d": 86_400, "w": 604_800}
_STEPS = ((60, "s"), (60, "min"), (24, "h"), (7, "d"), (52, "w"))


def harmless(text: str) -> str:
    """Return a text in which nothing commands the terminal: control characters become visible.

    Line feeds and tabs stay. Marks that turn the direction of writing or that nobody sees, and what
    no encoding can carry, become visible too.
    """
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def harmless_json(raw: bytes) -> bytes:
    """Return the same JSON in which nothing commands a terminal that it is shown on: as escapes."""
    if raw.isascii() and b"\x7f" not in raw:
        return raw  # JSON has no control characters of ASCII, DEL excepted
    return _UNSEEN_IN_JSON.sub(lambda found: json.dumps(found[0])[1:-1], raw.decode()).encode()


def one_line(text: str, most: int = 200) -> str:
    """Return a text as one harmless line of at most this many characters."""
    line = " ".join(text[: most * 4].split())
    line = harmless(line)
    return line if len(line) <= most else line[: most - 1] + "…"


def beginning(line: str, most: int) -> tuple[str, int]:
    """Return a line, cut where it is much longer than this, and how many characters that leaves out."""
    return (line, 0) if len(line) <= most + most // 10 else (line[:most], len(line) - most)


def ago(moment: datetime, now: datetime) -> str:
    """Return how long ago a time is, as ``3 min``; a date where that is more than a year."""
    amount = (now - moment).total_seconds()
    if amount < 0:
        return f"{moment:%Y-%m-%d}"
    for size, unit in _STEPS:
        if amount < size:
            return f"{int(amount)} {unit}"
        amount /= size
    return f"{moment:%Y-%m-%d}"


def moment(text: str, now: datetime) -> datetime:
    """Return the time that a person means: a date, a date and time, or how long ago (``3d``).

    Without a zone it is the local time. Raises ValueError for what is neither.
    """
    ago = re.fullmatch(r"(\d+)\s*(min|h|d|w)", text.strip())
    if ago:
        return now - timedelta(seconds=int(ago[1]) * _SECONDS[ago[2]])
    return datetime.fromisoformat(text.strip()).astimezone()


def megabytes(number: int) -> str:
    """Return a number of bytes as people read it."""
    return f"{number / 1e6:,.1f} MB"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: ``1 message``, ``2 messages``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def checkpoint_digits(id_: UUID) -> str:
    """Return the digits of a checkpoint's id with which the names of its object and ref begin, too."""
    return id_.hex[:12]
