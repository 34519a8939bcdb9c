"""Sessions as Markdown: what was said stands as it was written, all else is fenced off from it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from ..messages.parts import (
    CallPart,
    Media,
    Part,
    ResultPart,
    Text,
    Thinking,
    Unknown,
    fields_of,
    is_error,
    parts,
    role_of,
    sent_ms,
    whole_result,
)
from ..models import Session
from ..protocols import SessionStorage

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
    tools: dict[str, str] = {}
    for message in [*messages, None]:
        while at in gaps:
            gap = gaps[at]
            yield f"\n*{gap.count} messages cannot be read: {_line(gap.problem)}*\n".encode()
            at += gap.count
        if message is not None:
            yield "".join(_message(at, fields_of(message), tools)).encode("utf-8", "replace")
        at += 1


def _message(index: int, message: dict[str, Any], tools: dict[str, str]) -> Iterator[str]:
    """Give a message; ``tools`` has the tools called so far by the ids of the calls."""
    heading = _line(role_of(message) or "message of another shape")
    when = sent_at(message)
    yield f"\n## {index}. {heading}{f', {when:%Y-%m-%d %H:%M}' if when else ''}"
    yield " (failed)\n" if is_error(message) else "\n"
    found = parts(message)
    tools |= {
        part.id: part.tool for part in found if isinstance(part, CallPart) and part.id is not None
    }
    result = whole_result(message, found)
    for part in found if result is None else result.content:
        yield from _part(part, tools, in_result=result is not None)


def _part(part: Part, tools: dict[str, str], *, in_result: bool) -> Iterator[str]:
    match part:
        case Text(text):
            yield f"\n{fenced(text) if in_result else text.rstrip()}\n" if text.strip() else ""
        case Thinking(text):
            yield "\n" + "\n".join(f"> {line}".rstrip() for line in text.splitlines()) + "\n"
        case Media():
            shown = f"![{part.label}](data:{part.media_type};base64,{part.picture})"
            yield f"\n{shown if part.picture else f'[{_line(part.label)}]'}\n"
        case CallPart():
            yield f"\nCalls {code(part.tool)}:\n\n{fenced(pretty(part.arguments), 'json')}\n"
        case ResultPart():
            tool = tools.get(part.call_id or "") or part.tool
            of = f" of {code(tool)}" if tool else ""
            yield f"\nResult{of}{' (failed)' if part.failed else ''}:\n"
            for each in part.content:
                yield from _part(each, tools, in_result=True)
        case Unknown():
            yield f"\n{_line(part.kind)}:\n\n{fenced(pretty(part.json), 'json')}\n"


def sent_at(message: dict[str, Any]) -> datetime | None:
    """Return when a message was sent, None where it does not say."""
    made = sent_ms(message)
    return None if made is None else datetime.fromtimestamp(made / 1000, UTC)


def pretty(text: str) -> str:
    """Return JSON with line feeds and indentation; a text that is not JSON is returned unchanged."""
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
