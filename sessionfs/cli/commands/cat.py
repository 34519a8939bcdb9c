"""``sessionfs cat``: print messages byte for byte."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ...errors import NotFoundError
from ...exporters import as_json_lines
from ...messages import parts
from ...models import Message, Session
from .. import opening, output, resolve
from ..options import AsJson, Checkpoint, Partial, SessionArgument, Store
from ..text import counted


def cat(
    session: SessionArgument,
    numbers: Annotated[
        list[int] | None,
        typer.Argument(help="Only these messages, -1 is the last; none: all.", metavar="[NUMBER]..."),
    ] = None,
    store: Store = None,
    checkpoint: Checkpoint = None,
    text: Annotated[bool, typer.Option("--text", help="Only what was said, no JSON.")] = False,
    partial: Partial = False,
    as_json: AsJson = False,
) -> None:
    """Print messages as they are stored, byte for byte: a JSON object a line.

    The numbers are those that show and search tell. In front of a negative one put two hyphens:
    sessionfs cat @1 -- -1
    """
    with (
        output.reporting(as_json, None if partial else output.PARTIAL),
        opening.open_store(store) as storage,
    ):
        shown = opening.open_session(
            storage, resolve.session(storage, session), checkpoint, partial=partial
        )
        state = shown.active_checkpoint.state if shown.active_checkpoint else None
        gaps = shown.active_checkpoint.gaps if shown.active_checkpoint else []
        messages = _at(shown, numbers) if numbers else state.messages if state else []
        if text:
            for message in messages:
                output.print_bytes(
                    parts.text_of(parts.fields_of(message)).encode("utf-8", "replace") + b"\n"
                )
        elif as_json:
            output.print_json({"messages": messages, **({"gaps": gaps} if partial else {})})
        else:
            if state is not None:
                state.messages = messages
            for line in as_json_lines(storage, shown):
                output.print_bytes(line)
        sys.stdout.flush()
        if not numbers:
            output.note_gaps(gaps)


def _at(shown: Session, numbers: list[int]) -> list[Message]:
    """Return the messages with these numbers, or say why there is none."""
    checkpoint = shown.active_checkpoint
    if checkpoint is None:
        return []
    total = len(checkpoint.state.messages) + sum(gap.count for gap in checkpoint.gaps)
    places = [at for at, _ in parts.numbered_messages(shown)]
    there = dict(zip(places, checkpoint.state.messages, strict=True))
    some = []
    for number in numbers:
        if not -total <= number < total:
            has = f"the session has {counted(total, 'message')}, which count from 0"
            raise NotFoundError(f"no message {number}: {has}")
        if number % total not in there:
            gap = next(gap for gap in reversed(checkpoint.gaps) if gap.start <= number % total)
            raise NotFoundError(f"message {number} cannot be read: {gap.problem}")
        some.append(there[number % total])
    return some
