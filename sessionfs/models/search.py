"""Searching the text of messages and the titles of sessions: the query and its hits."""

from __future__ import annotations

from datetime import datetime
from typing import Self
from uuid import UUID

import msgspec
from msgspec.structs import replace

from .sessions import Id, IdField, SessionStatus, SessionSummary, SessionVisibility


class SearchQuery(msgspec.Struct, frozen=True):
    """Which messages and titles to find: ``SearchQuery("fn(a, b)").with_tool("bash")``.

    The text of a message is what people read of it: its content, and the names and arguments of its
    tool calls; of a message of another shape every text in it. Ids, signatures, data in base64,
    ``metadata``, ``usage`` and ``model`` are no text. Messages of a session that are equal in every
    field are one. A filter that speaks of messages (``role``, ``tool``) finds no titles.

    Attributes:
        text: what to find, taken literally; case-insensitive; parts of words match too. Not empty.
        limit: at most this many hits; None: 100.
        offset: how many hits to pass over; None: 0.
        role: only messages of this role, "user", "assistant", "tool" or another; None: all.
        tool: only messages that call this tool in ``tool_calls``, and the results of such calls; None:
            all.
        session_id: only this session, and nothing where it does not exist; None: all.
        status: only sessions of this status; None: all, deleted ones too.
        visibility: only sessions of this visibility; None: all.
        cwd: only sessions with exactly this working directory; None: all.
        cwd_below: only sessions whose working directory is this one or below it; None: all.
        since: only hits of this time or later, an aware datetime (see ``SearchHit.created_at``).
        until: only hits before this time.

    """

    text: str
    limit: int | None = None
    offset: int | None = None
    role: str | None = None
    tool: str | None = None
    session_id: IdField | None = None
    status: SessionStatus | None = None
    visibility: SessionVisibility | None = None
    cwd: str | None = None
    cwd_below: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def with_limit(self, limit: int) -> Self:
        """Return a copy that gives at most this many hits."""
        return replace(self, limit=limit)

    def with_offset(self, offset: int) -> Self:
        """Return a copy that passes over this many hits."""
        return replace(self, offset=offset)

    def with_role(self, role: str) -> Self:
        """Return a copy that finds messages of this role."""
        return replace(self, role=role)

    def with_tool(self, tool: str) -> Self:
        """Return a copy that finds calls of this tool and their results."""
        return replace(self, tool=tool)

    def with_session(self, session_id: Id) -> Self:
        """Return a copy that searches this session."""
        return replace(self, session_id=session_id)

    def with_status(self, status: SessionStatus) -> Self:
        """Return a copy that searches sessions of this status."""
        return replace(self, status=status)

    def with_visibility(self, visibility: SessionVisibility) -> Self:
        """Return a copy that searches sessions of this visibility."""
        return replace(self, visibility=visibility)

    def with_cwd(self, cwd: str) -> Self:
        """Return a copy that searches sessions of this working directory."""
        return replace(self, cwd=cwd)

    def with_cwd_below(self, directory: str) -> Self:
        """Return a copy that searches sessions of this directory and of those below it."""
        return replace(self, cwd_below=directory)

    def with_dates(self, since: datetime | None = None, until: datetime | None = None) -> Self:
        """Return a copy that finds what was said from ``since`` on, and before ``until``."""
        return replace(self, since=since, until=until)


class SearchHit(msgspec.Struct):
    """A message, or a title, in which the text was found.

    Attributes:
        session: the session as it is listed.
        checkpoint_id: the oldest checkpoint that holds the message in its own file; None: the title
            was found.
        message_index: the place of the message in that checkpoint's state, from 0; None: the title.
        role: who speaks, "" where the message does not say; None: the title.
        tools: the tools that the message calls, or whose result it is.
        created_at: when the message says that it was sent, in ``created_at`` as milliseconds since
            1970, or else when its checkpoint was made; of a title, when its session changed last.
        snippet: the part of the text around the first match, "…" where it was cut off.
        matches: where in the snippet the query's text stands, as [start, end), counted in characters.

    """

    session: SessionSummary
    checkpoint_id: UUID | None
    message_index: int | None
    role: str | None
    tools: list[str]
    created_at: datetime
    snippet: str
    matches: list[tuple[int, int]]

    @property
    def session_id(self) -> UUID:
        """The session that the hit is in."""
        return self.session.id

    def marked(self, before: str = "[", after: str = "]") -> str:
        """Return the snippet with these texts around each match."""
        parts, end = [], 0
        for start, stop in self.matches:
            parts += [self.snippet[end:start], before, self.snippet[start:stop], after]
            end = stop
        return "".join(parts) + self.snippet[end:]


class SearchResult(msgspec.Struct):
    """A page of hits: titles first, the session that changed last first; then messages, newest first.

    Attributes:
        total: how many titles and messages match, whatever the page. A message counts once in a
            session, however many checkpoints have it.
        problems: names, a sentence each, what could not be searched because it is damaged.

    """

    hits: list[SearchHit]
    total: int
    problems: list[str] = msgspec.field(default_factory=list)
