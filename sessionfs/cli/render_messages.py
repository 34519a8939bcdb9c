"""A conversation as people read it on a terminal: who says what, and which tools are called."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC
from typing import Any

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.markdown import Markdown
from rich.padding import Padding
from rich.text import Text

from ..exporters.limits import Allowance
from ..exporters.markdown import sent_at
from ..messages import parts
from ..models import Gap, Session
from .render import ROLE_STYLES, home
from .text import beginning, counted, harmless, one_line

_RESULT_LINES = 12
RESULT_LENGTH = 1_000
"""Of a line of a tool's result, which may be a whole file, as many characters are shown."""

_CALL_LENGTH = 160
_WHOLE = 10_000
_GROWTH, _GROWTH_FREE = 10, 10_000
"""The most that rendering may add: so many times the length of the text, plus a constant."""

_LINE = 100
"""A line is filled with spaces, and counts as so many characters."""

_MOST_TOKENS = 4_000
_MOST_BLOCKS = {"fence": 100, "code_block": 100, "th_open": 200, "td_open": 1_000}
"""Rich takes a millisecond for each of these; a text with more is shown as it was written."""

_THEME = "ansi_dark"
"""Colours of the terminal itself, on its own background."""


def session(
    console: Console,
    shown: Session,
    messages: Sequence[tuple[int, dict[str, Any]]],
    *,
    full: bool = False,
    raw: bool = False,
) -> None:
    """Print a session's facts and some of its messages, and where there are gaps between them.

    Args:
        console: where.
        shown: the session with its checkpoint.
        messages: which messages, each with its index.
        full: results of tools and arguments of calls in full.
        raw: what was said as it was written, and not rendered as Markdown.

    """
    checkpoint = shown.active_checkpoint
    total = len(checkpoint.state.messages) if checkpoint else 0
    console.print(Text(one_line(shown.title) or "(no title)", style="bold"))
    facts = [str(shown.id), shown.visibility.lower(), shown.status.lower()]
    facts += [home(shown.cwd)] if shown.cwd else []
    facts += [f"created {shown.created_at:%Y-%m-%d %H:%M}", counted(total, "message")]
    for told in _laid_out(facts, console.width) if console.is_terminal else [" · ".join(facts)]:
        console.print(Text(told, style="dim"), soft_wrap=not console.is_terminal)
    gaps = list(checkpoint.gaps) if checkpoint else []
    rendered = console.is_terminal and not console.is_dumb_terminal and not raw
    for index, message in messages:
        while gaps and gaps[0].start < index:
            _gap(console, gaps.pop(0))
        console.print()
        for line in message_lines(index, message, full=full, rendered=rendered, width=console.width):
            # What a person said is wrapped at words; output of tools by the terminal, to be copied.
            as_it_is = isinstance(line, Text) and (not rendered or message.get("role") == "tool")
            console.print(line, soft_wrap=as_it_is)
    for gap in gaps:
        _gap(console, gap)


def _laid_out(facts: list[str], width: int) -> list[str]:
    """Return facts on lines of this width, none broken that fits on one."""
    lines = [facts[0]]
    for fact in facts[1:]:
        longer = f"{lines[-1]} · {fact}"
        if cell_len(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(fact)
    return lines


def heading(index: int, message: dict[str, Any]) -> Text:
    """Return who speaks, in which message, and when."""
    role = parts.role_of(message)
    if not role:
        return Text("message of another shape", style="bold magenta").append(
            f"  {index}", "not bold dim"
        )
    line = Text(one_line(role), style=ROLE_STYLES.get(role, "bold"))
    line.append(f"  {index}", "not bold dim")
    made = sent_at(message)
    if made is not None:
        line.append(f"  {made.astimezone(UTC):%Y-%m-%d %H:%M}", "not bold dim")
    if parts.is_error(message):
        line.append("  error", "red")
    return line


def message_lines(
    index: int, message: dict[str, Any], *, full: bool, rendered: bool, width: int
) -> Iterator[RenderableType]:
    """Give a message as a heading and what follows it, tool calls folded to a line unless ``full``."""
    yield heading(index, message)
    left = Allowance()
    found = parts.parts(message)
    result = parts.whole_result(message, found)
    call_length = _WHOLE if full else min(_CALL_LENGTH, width) if rendered else _CALL_LENGTH
    for part in found if result is None else result.content:
        match part:
            case parts.Text(text) if rendered and result is None and parts.role_of(message) != "user":
                yield _markdown(text, left) or Text(harmless(text))
            case parts.Thinking(text) if rendered:
                yield Padding(Text(harmless(text), style="dim italic"), (0, 0, 0, 2))
            case parts.CallPart():
                yield Text(one_line(f"→ {part.tool} {part.arguments}", call_length), style="yellow")
            case parts.Unknown("tool call", _):
                yield Text(one_line(f"→ {part.json}", call_length), style="yellow")
            case parts.ResultPart():
                failed = " (failed)" if part.failed else ""
                yield Text(one_line(f"← {part.tool or 'result'}{failed}"), style="yellow")
                for each in part.content:
                    yield from _plain_lines(each, in_result=True, full=full)
            case _:
                yield from _plain_lines(part, in_result=result is not None, full=full)


def _plain_lines(part: parts.Part, *, in_result: bool, full: bool) -> Iterator[Text]:
    """Give a part as text, of a tool's result the beginning unless ``full``."""
    most, longest = (_RESULT_LINES, RESULT_LENGTH) if in_result and not full else (_WHOLE, sys.maxsize)
    match part:
        case parts.Text(text) | parts.Thinking(text):
            yield from _folded(harmless(text).splitlines(), most, longest)
        case parts.Media():
            yield Text(harmless(f"[{part.label}]"), style="magenta")
        case parts.Unknown():
            yield Text(one_line(f"[{part.kind}] {part.json}", 2000 if full else 200), style="magenta")
        case parts.CallPart() | parts.ResultPart():
            yield Text(one_line(f"[{part.tool or 'result'}]"), style="yellow")


def _markdown(text: str, left: Allowance) -> Markdown | None:
    """Return a text to be rendered, in which nothing commands the terminal, entities neither.

    None: show it as it was written, for it would take long, or become many times as much.
    """
    if not left.markdown(text):
        return None
    rendered = Markdown(harmless(text), code_theme=_THEME, hyperlinks=False)
    blocks = Counter(token.type for token in rendered.parsed)
    if any(blocks[kind] > most for kind, most in _MOST_BLOCKS.items()) or blocks.total() > _MOST_TOKENS:
        return None
    length = 0
    for token in rendered.parsed:
        if token.type in ("fence", "code_block"):
            token.info = left.lexer(token.content, token.info.partition(" ")[0]) or ""
        for each in token.children or ():
            each.content = harmless(each.content)
            length += len(each.content) + sum(len(str(value)) for value in each.attrs.values())
            length += _LINE if each.type == "hardbreak" else 0
    return rendered if length <= _GROWTH * len(text) + _GROWTH_FREE else None


def _folded(lines: list[str], most: int, longest: int) -> Iterator[Text]:
    # Where one line would be left out, it is as short to show it.
    shown = lines if len(lines) <= most + 1 else lines[:most]
    for line in shown:
        begins, left = beginning(line, longest)
        yield Text(begins)
        if left:
            yield Text(f"… {counted(left, 'more character')} (--full)", style="dim")
    if len(lines) > len(shown):
        yield Text(f"… {counted(len(lines) - len(shown), 'more line')} (--full)", style="dim")


def _gap(console: Console, gap: Gap) -> None:
    lacking = f"[{counted(gap.count, 'message')} cannot be read: {gap.problem}]"
    console.print()
    console.print(Text(harmless(lacking), style="red"), soft_wrap=True)
