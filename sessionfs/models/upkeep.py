"""What looking after the sessions of a store has changed."""

from __future__ import annotations

from uuid import UUID

import msgspec


class Relocated(msgspec.Struct):
    """A session whose working directory changed, or would.

    Attributes:
        before: the working directory that it had.
        after: the one that it has now.

    """

    session_id: UUID
    title: str
    before: str
    after: str


class RelocateResult(msgspec.Struct):
    """What ``relocate`` did, or would do.

    Attributes:
        relocated: the sessions that changed, in the order of their ids.
        problems: of which sessions the working directory cannot be changed, or not be known for
            certain, and why, in a sentence each.

    """

    relocated: list[Relocated]
    problems: list[str]


class PurgeResult(msgspec.Struct):
    """What a purge removed of a session, or would remove.

    Attributes:
        files: how many.
        bytes: how many they have.

    """

    session_id: UUID
    files: int
    bytes: int
