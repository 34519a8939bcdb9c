"""The command that tells what two conversations do not share."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher, unified_diff
from typing import Annotated, Any, NamedTuple

import typer
from rich.padding import Padding
from rich.text import Text

from ...messages import parts
from ...messages.codec import encode_messages
from ...models import Checkpoint, Message
from .. import opening, output, render_messages, resolve
from ..options import AsJson, Store
from ..text import beginning, counted, harmless

_LINES = 6


class Change(NamedTuple):
    """A message that one side has, or that both have in another way; by its number on each side."""

    kind: str
    a: int | None
    b: int | None


def diff(
    a: Annotated[str, typer.Argument(help="A session, or SESSION:CHECKPOINT.", metavar="A")],
    b: Annotated[str, typer.Argument(help="The same; :CHECKPOINT is one of A's session.", metavar="B")],
    store: Store = None,
    full: Annotated[bool, typer.Option("--full", help="Messages in full.")] = False,
    pager: Annotated[
        bool, typer.Option("--pager/--no-pager", help="Use a pager for output longer than the screen.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Tell which messages B has more or less than A, and which it has in another way.

    A checkpoint alone is found too, by the digits that log shows. Both have to be whole: what cannot be
    read would look removed.
    """
    with output.reporting(as_json, output.SHOW_PARTIAL), opening.open_store(store) as storage:
        one = storage.get_checkpoint(resolve.state_id(storage, a))
        other = storage.get_checkpoint(resolve.state_id(storage, b, one.session_id))
        before, after = one.state.messages, other.state.messages
        changes, same = compare(before, after)
        if as_json:
            told = [_told(each, before, after) for each in changes]
            sides = {name: _side(each) for name, each in (("a", one), ("b", other))}
            output.print_json({**sides, "same": same, "changes": told})
            return
        with output.paged(wanted=pager) as console:
            for each in changes:
                heading, *rows = _lines(each, before, after, full=full)
                console.print(heading, soft_wrap=True)
                for row in rows:
                    if console.is_terminal:
                        console.print(Padding(row, (0, 0, 0, 2)))
                    else:
                        console.print(Text("  ").append_text(row), soft_wrap=True)
        counts = [
            sum(each.kind == kind for each in changes) for kind in ("added", "removed", "changed")
        ]
        output.note(
            f"{counts[0]:,} added, {counts[1]:,} removed, {counts[2]:,} changed, {same:,} the same"
        )


def compare(before: Sequence[Message], after: Sequence[Message]) -> tuple[list[Change], int]:
    """Return what was added, removed and changed, in order, and how many messages are the same."""
    a, b = encode_messages(list(before)), encode_messages(list(after))
    start = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    changes: list[Change] = []
    # What both begin with is most of it, and needs no search.
    matcher = SequenceMatcher(None, a[start:], b[start:], autojunk=False)
    same = start
    for kind, i1, i2, j1, j2 in matcher.get_opcodes():
        if kind == "equal":
            same += i2 - i1
            continue
        i, j = i1 + start, j1 + start
        while i < i2 + start and j < j2 + start and _role(before[i]) == _role(after[j]):
            changes.append(Change("changed", i, j))
            i, j = i + 1, j + 1
        changes += [Change("removed", each, None) for each in range(i, i2 + start)]
        changes += [Change("added", None, each) for each in range(j, j2 + start)]
    return changes, same


def _role(message: Message) -> object:
    return parts.fields_of(message).get("role")


def _side(checkpoint: Checkpoint) -> dict[str, Any]:
    count = len(checkpoint.state.messages)
    return {"session": checkpoint.session_id, "checkpoint": checkpoint.id, "messages": count}


def _told(change: Change, before: Sequence[Message], after: Sequence[Message]) -> dict[str, Any]:
    told: dict[str, Any] = {"kind": change.kind}
    for name, at, messages in (("a", change.a, before), ("b", change.b, after)):
        if at is not None:
            told[name] = {"index": at, "message": messages[at]}
    return told


def _lines(
    change: Change, before: Sequence[Message], after: Sequence[Message], *, full: bool
) -> Iterator[Text]:
    old = parts.fields_of(before[change.a]) if change.a is not None else None
    new = parts.fields_of(after[change.b]) if change.b is not None else None
    sign, style = {"added": ("+", "green"), "removed": ("-", "red"), "changed": ("~", "yellow")}[
        change.kind
    ]
    shown, at = (new, change.b) if new is not None else (old, change.a)
    heading = Text(f"{sign} ", style=f"bold {style}").append_text(
        render_messages.heading(at or 0, shown or {})
    )
    if change.kind == "changed" and change.a != change.b:
        heading.append(f"  (was {change.a})", "dim")
    yield heading
    if old is not None and new is not None:
        lines = _text(old).splitlines(), _text(new).splitlines()
        rows = list(unified_diff(*lines, lineterm="", n=1))[2:]
        rows = rows or ["(in fields that are not shown: see export --format jsonl)"]
    else:
        rows = [f"{sign}{line}" for line in _text(shown or {}).splitlines()]
    most = len(rows) if full or len(rows) <= _LINES * 2 + 1 else _LINES * 2
    for row in rows[:most]:
        begins, left = beginning(row, sys.maxsize if full else render_messages.RESULT_LENGTH)
        yield Text(begins, style={"+": "green", "-": "red", "@": "cyan"}.get(row[:1], ""))
        if left:
            yield Text(f"… {counted(left, 'more character')} (--full)", style="dim")
    if most < len(rows):
        yield Text(f"… {counted(len(rows) - most, 'more line')} (--full)", style="dim")


def _text(message: dict[str, Any]) -> str:
    """Return what a message says and which tools it calls, as lines that can be compared."""
    calls = [f"→ {call.tool} {call.arguments}" for call in parts.calls(message)]
    return harmless("\n".join([parts.text_of(message), *calls]).strip("\n"))
