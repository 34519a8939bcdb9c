"""Sessions as Markdown: what was said stands as it was written, all else is fenced off from it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from ..messages.parts import Call, Image, Other, Text, Thinking, is_error, pieces, plain
from ..models import Session
from ..protocols import SessionStorage

_LAST_MS = 1 << 47
_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~&!])")


def as_markdown(
    storage: SessionStorage,  # noqa: ARG001 (as all have)
    session: Session,
) -> Iterator[bytes]:
    """Give a session as a Markdown document: a heading for each message, calls and results as code."""
    checkpoint = session.active_checkpoint
    messages = checkpoint.state.messages if checkpoint else []
    facts = [f"Session `{session.id}`", f"created {session.created_at:%Y-%m-%d %H:%M} UTC"]
    facts += [f"in {code(session.cwd)}"] if session.cwd else []
    yield f"# {_line(session.title) or '(no title)'}\n\n{', '.join(facts)}.\n".encode()
    gaps = {gap.start: gap for gap in checkpoint.gaps} if checkpoint else {}
    at = 0
    for message in [*messages, None]:
        while at in gaps:
            gap = gaps[at]
            yield f"\n*{gap.count} messages cannot be read: {_line(gap.problem)}*\n".encode()
            at += gap.count
        if message is not None:
            yield "".join(_message(at, plain(message))).encode("utf-8", "replace")
        at += 1


def _message(index: int, message: dict[str, Any]) -> Iterator[str]:
    role = message.get("role")
    heading = _line(role if isinstance(role, str) else "message of another shape")
    when = said_at(message)
    yield f"\n## {index}. {heading}{f', {when:%Y-%m-%d %H:%M}' if when else ''}"
    yield " (failed)\n" if is_error(message) else "\n"
    for piece in pieces(message):
        match piece:
            case Text(text):
                yield f"\n{fenced(text) if role == 'tool' else text.rstrip()}\n" if text.strip() else ""
            case Thinking(text):
                yield "\n" + "\n".join(f"> {line}".rstrip() for line in text.splitlines()) + "\n"
            case Image():
                kept = f"![{piece.name()}](data:{piece.media_type};base64,{piece.data})"
                yield f"\n{kept if piece.data else f'[{_line(piece.name())}]'}\n"
            case Call(_, tool, arguments):
                yield f"\nCalls {code(tool)}:\n\n{fenced(pretty(arguments), 'json')}\n"
            case Other(kind, raw):
                yield f"\n{_line(kind)}:\n\n{fenced(pretty(msgspec.json.encode(raw)), 'json')}\n"


def said_at(message: dict[str, Any]) -> datetime | None:
    """Return when a message was said, None where it does not say."""
    made = message.get("created_at")
    if isinstance(made, int) and not isinstance(made, bool) and 0 <= made < _LAST_MS:
        return datetime.fromtimestamp(made / 1000, UTC)
    return None


def pretty(arguments: str | bytes) -> str:
    """Return JSON with line feeds and indentation; what that is not JSON as it is."""
    text = arguments if isinstance(arguments, str) else arguments.decode("utf-8", "replace")
    try:
        return msgspec.json.format(text, indent=2)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return text


def fenced(text: str, language: str = "") -> str:
    """Return a text as a block of code that nothing in it ends."""
    longest = max((len(each) for each in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip(chr(10))}\n{fence}"


def code(text: str) -> str:
    """Return a text as code within a line."""
    text = " ".join(text.split())
    longest = max((len(each) for each in re.findall(r"`+", text)), default=0)
    fence, space = "`" * (longest + 1), " " if "`" in text else ""
    return f"{fence}{space}{text}{space}{fence}"


def _line(text: str) -> str:
    """Return a text on one line, in which nothing is markup."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))
