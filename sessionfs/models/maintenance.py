"""What looking after the sessions of a store has changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple
from uuid import UUID

import msgspec

Progress = Callable[[int, int], None]
"""Told how many of how many sessions are done."""


class IndexState(NamedTuple):
    """Where the index is and what it holds.

    Attributes:
        directory: where it is, or would be.
        usable: whether there is one that is ours and whole.
        sessions: how many it knows; None: there is none.
        searchable: of how many of them it has the messages.
        checkpoints: how many it knows.
        text: how many bytes of messages' text it holds.
        size: of all its files, in bytes.
        problem: why there can be none here, in a sentence with the path: another user owns a directory,
            or could write to it. Answers come from the files. None: nothing is wrong.

    """

    directory: str
    usable: bool
    sessions: int | None
    searchable: int | None
    checkpoints: int | None
    text: int | None
    size: int
    problem: str | None = None


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


class RefusedFile(msgspec.Struct):
    """A file of another store that was not copied, and why, in one sentence."""

    path: str
    problem: str


class MergeResult(msgspec.Struct):
    """What a merge brought from another store: nothing, the second time.

    Attributes:
        sessions_new: that were not here.
        sessions_changed: that were here, and got something.
        checkpoints_new: how many of both were brought.
        met: sessions that have several heads now and had not before: see ``Session.heads``.
        refused: files that are damaged there, or must not be written here.
        files: how many were copied.
        bytes: how many these have.

    """

    sessions_new: list[UUID] = []
    sessions_changed: list[UUID] = []
    checkpoints_new: int = 0
    met: list[UUID] = []
    refused: list[RefusedFile] = []
    files: int = 0
    bytes: int = 0
