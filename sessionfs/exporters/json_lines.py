"""Sessions as JSON: whole, or a message a line."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from ..messages.codec import encode_messages
from ..models import Session
from ..protocols import SessionStorage


def as_json(storage: SessionStorage, session: Session) -> Iterator[bytes]:  # noqa: ARG001 (as all have)
    """Give a session with its facts, its state and the state's metadata, as one JSON object."""
    yield msgspec.json.format(msgspec.json.encode(session), indent=2) + b"\n"


def as_json_lines(
    storage: SessionStorage,  # noqa: ARG001 (as all have)
    session: Session,
) -> Iterator[bytes]:
    """Give a session's messages, each with the bytes that it is stored as, a line each."""
    checkpoint = session.active_checkpoint
    for raw in encode_messages(checkpoint.state.messages if checkpoint else []):
        # A message of another writer may have line feeds between its fields; nowhere else has JSON any.
        yield raw.replace(b"\n", b" ").replace(b"\r", b" ") + b"\n"
