"""Sessions as one HTML page: no script, no network, nothing beside it; to be read and printed anywhere.

What is safe about it: every text goes through ``html_text``, and the page itself forbids the browser
to run, load or style anything but its own style sheet and images that it holds.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Hashable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from ..format.ids import HASH12
from ..messages.parts import (
    CallKeys,
    CallPart,
    Media,
    Part,
    ResultPart,
    Text,
    Thinking,
    Unknown,
    as_json,
    is_error,
    numbered_messages,
    parts,
    role_of,
    spoken_text,
    whole_result,
)
from ..models import (
    CheckpointSummary,
    ForkedFrom,
    Gap,
    ListCheckpointsQuery,
    ListSessionsQuery,
    Session,
    SessionStatus,
    SessionSummary,
)
from ..protocols import SessionStorage
from . import branches, html_graph
from .html_style import STYLE
from .html_text import block, escaped, markdown, picture
from .limits import MOST_ON_PAGE, Allowance
from .markdown import pretty, sent_at

_POLICY = (
    "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; style-src "
    f"'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'"
)
_CONTENTS_FROM = 4
_LINE = 100
_EVERYTHING = 1 << 60
_MOST_DRAWN = 500
_MOST_READ = 10_000
"""As many messages as are read to tell what was said at each checkpoint."""

_KINDS = {"model": "assistant", "function": "tool"}
"""Roles of other providers, and those that they are shown as."""

_STYLED = ("user", "assistant", "system", "developer", "tool")

_Place = tuple[int, int]
"""Where a part is: the index of its message, and which of its parts it is."""


class _NumberedMessage(NamedTuple):
    """A message with its index, its parts and its role, "" where it has none."""

    at: int
    fields: dict[str, Any]
    parts: list[Part]
    role: str


def as_html(storage: SessionStorage, session: Session) -> Iterator[bytes]:
    """Give a session as one page; the storage is asked for the session's checkpoints."""
    for text in _page(storage, session):
        yield text.encode("utf-8", "replace")


def _page(storage: SessionStorage, session: Session) -> Iterator[str]:
    checkpoint = session.active_checkpoint
    messages = [
        _NumberedMessage(at, fields, parts(fields), role_of(fields))
        for at, fields in numbered_messages(session)
    ]
    title = escaped(_brief(session.title) or "(no title)")
    asked = [
        (each.at, text)
        for each in messages
        if each.role == "user" and (text := spoken_text(each.fields)).strip()
    ]
    contents = len(asked) >= _CONTENTS_FROM
    yield (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="referrer" content="no-referrer">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n"
        f'<body class="{"with-contents" if contents else "short"}">\n'
    )
    yield '<a class="skip" href="#conversation">Skip to the conversation</a>\n'
    yield f'<header>\n<h1 dir="auto">{title}</h1>\n{_facts(session, messages)}</header>\n'
    if contents:
        yield _contents(asked)
    yield _checkpoints(storage, session)
    yield '<main id="conversation">\n'
    yield from _conversation(messages, list(checkpoint.gaps) if checkpoint else [])
    yield "</main>\n"
    name = f"checkpoint <code>{checkpoint.id.hex[:HASH12]}</code> of " if checkpoint else ""
    yield f"<footer>{name}session <code>{session.id}</code>, exported by sessionfs</footer>\n"
    yield "</body>\n</html>\n"


def _facts(session: Session, messages: Sequence[_NumberedMessage]) -> str:
    calls = sum(isinstance(part, CallPart) for each in messages for part in each.parts)
    models = dict.fromkeys(name for each in messages if (name := _model(each.fields)))
    facts = [f"created {session.created_at:%Y-%m-%d %H:%M} UTC"]
    facts += [f"<code>{escaped(session.cwd)}</code>"] if session.cwd else []
    facts += [_counted(len(messages), "message")]
    facts += [_counted(calls, "tool call")] if calls else []
    facts += [escaped(name) for name in list(models)[:3]]
    return f'<p class="facts">{"".join(f"<span>{each}</span>" for each in facts)}</p>\n'


def _contents(asked: Sequence[tuple[int, str]]) -> str:
    items = "".join(
        f'<li><a dir="auto" href="#m{at}">{escaped(_brief(text))}</a></li>\n' for at, text in asked
    )
    return f'<nav aria-label="Contents">\n<h2>Contents</h2>\n<ol tabindex="0">\n{items}</ol>\n</nav>\n'


def _checkpoints(storage: SessionStorage, session: Session) -> str:
    """Return the checkpoints with their branches, open where there is more than one line of work."""
    found = storage.list_checkpoints(session.id, ListCheckpointsQuery(limit=_EVERYTHING))
    newest = found.checkpoints[::-1]
    drawn = newest[:_MOST_DRAWN]
    if sum(each.message_count for each in drawn) <= _MOST_READ:
        query = ListCheckpointsQuery(
            limit=len(drawn), offset=len(newest) - len(drawn), include_state=True
        )
        drawn = storage.list_checkpoints(session.id, query).checkpoints[::-1]
    if not drawn:
        return ""
    sessions = storage.list_sessions(ListSessionsQuery(limit=_EVERYTHING)).sessions
    # A page is for others to read: what its owner deleted is not named on it.
    kept = [each for each in sessions if each.status is not SessionStatus.DELETED]
    forks = branches.forks(kept, session.id)
    active = session.active_checkpoint.id if session.active_checkpoint else None
    marks = {each.id: "head" for each in session.heads}
    marks |= {active: "shown here"} if active else {}
    more = len(newest) - len(drawn)
    note = f"<p>{_counted(more, 'older checkpoint')} not drawn</p>" if more else ""
    tips = _tips(newest)
    count = sum(map(len, forks.values()))
    told = f", {tips} branches" if tips > 1 else ""
    told += f", {_counted(count, 'fork')}" if count else ""
    note += _elsewhere(forks, {each.id for each in drawn})
    note += _origin(session.forked_from, kept) if session.forked_from else ""
    return (
        f'<details class="checkpoints"{" open" if tips > 1 or count or session.forked_from else ""}>'
        f"<summary>{_counted(len(newest), 'checkpoint')}{told}</summary>\n"
        f"{html_graph.drawing(drawn, active, marks, forks)}{note}</details>\n"
    )


def _elsewhere(forks: Mapping[UUID, Sequence[SessionSummary]], drawn: set[UUID]) -> str:
    """Return the forks of checkpoints that are not drawn."""
    return "".join(
        f"<p>{html_graph.fork(each)} at <code>{at.hex[:HASH12]}</code></p>\n"
        for at, some in forks.items()
        if at not in drawn
        for each in some
    )


def _origin(origin: ForkedFrom, sessions: Sequence[SessionSummary]) -> str:
    """Return where a session was forked from."""
    title = next((each.title for each in sessions if each.id == origin.session_id), None)
    name = "" if title is None else f"{escaped(_brief(title) or '(no title)')} "
    at = f"<code>{origin.checkpoint_id.hex[:HASH12]}</code>"
    return f'<p class="fork">forked from {name}<code>{origin.session_id}</code> at {at}</p>\n'


def _tips(checkpoints: Sequence[CheckpointSummary]) -> int:
    """Return how many checkpoints nothing follows."""
    followed = {each.parent_id for each in checkpoints}
    return sum(each.id not in followed for each in checkpoints)


def _conversation(messages: Sequence[_NumberedMessage], gaps: list[Gap]) -> Iterator[str]:
    articles = _Articles(messages)
    before: str | None = None
    for message in messages:
        while gaps and gaps[0].start < message.at:
            yield _gap(gaps.pop(0))
        if articles.is_folded(message):
            continue  # stands in the folds of its calls
        yield articles.article(message, more=message.role == before)
        before = message.role
    for gap in gaps:
        yield _gap(gap)


def _gap(gap: Gap) -> str:
    return (
        f'<p class="gap">{_counted(gap.count, "message")} cannot be read: {escaped(gap.problem)}</p>\n'
    )


class _Articles:
    """Messages as articles, the result of each call in the fold of the call."""

    def __init__(self, messages: Sequence[_NumberedMessage]) -> None:
        self._messages = {message.at: message for message in messages}
        self._results = _results(messages)
        self._folded = set(self._results.values())
        self._page = Allowance(highlighted=MOST_ON_PAGE)

    def is_folded(self, message: _NumberedMessage) -> bool:
        """Tell whether all that a message consists of is in the folds of calls."""
        places = ((message.at, i) for i in range(len(message.parts)))
        return bool(message.parts) and all(place in self._folded for place in places)

    def article(self, message: _NumberedMessage, *, more: bool) -> str:
        """Return a message; ``more``: from the same one as the message before it."""
        at, fields = message.at, message.fields
        name = message.role or "message of another shape"
        kind = _KINDS.get(message.role, message.role)
        kind = kind if kind in _STYLED else "other"
        when, model = sent_at(fields), _model(fields)
        time = f'<time datetime="{when.isoformat()}">{when:%Y-%m-%d %H:%M}</time>' if when else ""
        by = f'<span class="model">{escaped(model)}</span>' if model else ""
        result = whole_result(fields, message.parts)
        left = Allowance(self._page)
        if result is not None:
            body = _content(result, left)
        else:
            body = "".join(
                self._part((at, i), part, left, breaks=kind == "user")
                for i, part in enumerate(message.parts)
                if (at, i) not in self._folded
            )
        return (
            f'<article id="m{at}" class="{kind}{" more" if more else ""}">\n'
            f"<header><h2>{escaped(name)}</h2>{_failed(is_error(fields))}{time}{by}"
            f'<a href="#m{at}" aria-label="Message {at}">#{at}</a></header>\n'
            f'<div class="body" dir="auto">\n{body}</div>\n</article>\n'
        )

    def _part(self, place: _Place, part: Part, left: Allowance, *, breaks: bool) -> str:
        if isinstance(part, CallPart):
            return self._call(part, self._results.get(place), left)
        return _part(part, left, breaks=breaks)

    def _call(self, call: CallPart, place: _Place | None, left: Allowance) -> str:
        """Return a call folded to a line, with its arguments and its result inside."""
        arguments, brief = _arguments(call.arguments)
        answer, failed = "<h3>No result</h3>\n", ""
        if place is not None:
            at, i = place
            message = self._messages[at]
            result = message.parts[i]
            assert isinstance(result, ResultPart)
            failed = _failed(result.failed)
            # Links to a message that has no article lead to its first fold.
            id_ = f' id="m{at}"' if i == 0 and self.is_folded(message) else ""
            answer = (
                f'<div{id_}><h3>Result <a href="#m{at}">#{at}</a></h3>\n{_content(result, left)}</div>'
            )
        head = f'{_tool(call.tool)}{failed} <span class="brief">{escaped(brief)}</span>'
        return _fold(head, f"{arguments}{answer}")


def _results(messages: Sequence[_NumberedMessage]) -> dict[_Place, _Place]:
    """Return where the result of each call is, for calls that nothing else is mistaken for."""
    keys = CallKeys()
    called: dict[Hashable, list[_Place]] = {}
    found: dict[Hashable, _Place] = {}
    for message in messages:
        for i, part in enumerate(message.parts):
            if isinstance(part, CallPart):
                called.setdefault(keys.of_call(part), []).append((message.at, i))
            elif isinstance(part, ResultPart) and (key := keys.of_result(part)) in called:
                found.setdefault(key, (message.at, i))
    return {
        places[0]: found[key] for key, places in called.items() if len(places) == 1 and key in found
    }


def _part(part: Part, left: Allowance, *, breaks: bool = False, in_result: bool = False) -> str:
    match part:
        case Text(text) if in_result:
            return _wrapped(text)
        case Text(text):
            return markdown(text, breaks=breaks, left=left)
        case Thinking(text):
            brief = f'Thinking <span class="brief">{escaped(_brief(text))}</span>'
            return _fold(brief, markdown(text, left=left), "thinking")
        case Media():
            return picture(part)
        case CallPart():
            return _fold(_tool(part.tool), _arguments(part.arguments)[0])
        case ResultPart():
            tool = f" of {_tool(part.tool)}" if part.tool else ""
            return _fold(f"Result{tool}{_failed(part.failed)}", _content(part, left))
        case Unknown():
            return _fold(escaped(part.kind), block(pretty(part.json), "json", left))


def _content(result: ResultPart, left: Allowance) -> str:
    return "".join(_part(each, left, in_result=True) for each in result.content)


def _fold(head: str, inside: str, kind: str = "call") -> str:
    return (
        f'<details class="{kind}"><summary>{head}</summary>\n'
        f'<div class="inside">{inside}</div></details>\n'
    )


def _tool(name: str) -> str:
    return f'<span class="tool">{escaped(name)}</span>'


def _failed(failed: bool) -> str:
    return ' <span class="failed">failed</span>' if failed else ""


def _arguments(written: str) -> tuple[str, str]:
    """Return the arguments of a call as a list, and what tells best in a line what it does."""
    try:
        given = msgspec.json.decode(written) if written else {}
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        given = None
    if not isinstance(given, dict):
        return _wrapped(written), _brief(written)
    items, texts = [], []
    for name, value in given.items():
        text = value if isinstance(value, str) else as_json(value)
        texts.append(text)
        inline = "\n" not in text and len(text) <= _LINE
        shown = f"<code>{escaped(text)}</code>" if inline else _wrapped(text)
        items.append(f"<dt>{escaped(name)}</dt><dd>{shown}</dd>\n")
    return (f"<dl>{''.join(items)}</dl>\n" if items else ""), _brief(texts[0]) if texts else ""


def _wrapped(text: str) -> str:
    if not text.strip():
        return ""
    return f'<pre class="wrap" tabindex="0"><code>{escaped(text.rstrip())}</code></pre>\n'


def _model(message: dict[str, Any]) -> str:
    model = message.get("model")
    name = model.get("id") if isinstance(model, dict) else model
    return name if isinstance(name, str) else ""


def _brief(text: str) -> str:
    """Return the beginning of a text, on one line."""
    line = " ".join(text[: _LINE * 4].split())
    return line if len(line) <= _LINE else line[: _LINE - 1] + "…"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"
