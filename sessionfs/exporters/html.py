"""Sessions as one HTML page: no script, no network, nothing beside it; to be read and printed anywhere.

What is safe about it: every text goes through ``html_text``, and the page itself forbids the browser
to run, load or style anything but its own style sheet and images that it holds.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec

from ..format.ids import HASH12
from ..messages.parts import (
    Call,
    Image,
    Other,
    Piece,
    Text,
    Thinking,
    is_error,
    numbered,
    pieces,
    text_of,
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
from .markdown import pretty, said_at

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

_Fields = dict[str, Any]


def as_html(storage: SessionStorage, session: Session) -> Iterator[bytes]:
    """Give a session as one page; the storage is asked for the session's checkpoints."""
    for text in _page(storage, session):
        yield text.encode("utf-8", "replace")


def _page(storage: SessionStorage, session: Session) -> Iterator[str]:
    checkpoint = session.active_checkpoint
    messages = numbered(session)
    title = escaped(_brief(session.title) or "(no title)")
    asked = [
        (at, each) for at, each in messages if each.get("role") == "user" and text_of(each).strip()
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


def _facts(session: Session, messages: Sequence[tuple[int, _Fields]]) -> str:
    calls = sum(isinstance(piece, Call) for _, each in messages for piece in pieces(each))
    models = dict.fromkeys(name for _, each in messages if (name := _model(each)))
    facts = [f"created {session.created_at:%Y-%m-%d %H:%M} UTC"]
    facts += [f"<code>{escaped(session.cwd)}</code>"] if session.cwd else []
    facts += [_counted(len(messages), "message")]
    facts += [_counted(calls, "tool call")] if calls else []
    facts += [escaped(name) for name in list(models)[:3]]
    return f'<p class="facts">{"".join(f"<span>{each}</span>" for each in facts)}</p>\n'


def _contents(asked: Sequence[tuple[int, _Fields]]) -> str:
    items = "".join(
        f'<li><a dir="auto" href="#m{at}">{escaped(_brief(text_of(each)))}</a></li>\n'
        for at, each in asked
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


def _conversation(messages: Sequence[tuple[int, _Fields]], gaps: list[Gap]) -> Iterator[str]:
    results = _results(messages)
    inside = {at for at, _ in results.values()}
    before: object = None
    for at, message in messages:
        while gaps and gaps[0].start < at:
            yield _gap(gaps.pop(0))
        if at in inside:
            continue  # stands in the fold of its call
        role = message.get("role")
        yield _article(at, message, results, more=role == before)
        before = role
    for gap in gaps:
        yield _gap(gap)


def _results(messages: Sequence[tuple[int, _Fields]]) -> dict[str, tuple[int, _Fields]]:
    """Return the result of each call, by its id, where call and result are told apart by it."""
    called: dict[str, int] = {}
    results: dict[str, tuple[int, _Fields]] = {}
    for at, message in messages:
        for piece in pieces(message):
            if isinstance(piece, Call) and piece.id is not None:
                called[piece.id] = called.get(piece.id, 0) + 1
        answered = message.get("tool_call_id")
        if isinstance(answered, str) and message.get("role") == "tool" and answered in called:
            results.setdefault(answered, (at, message))
    return {id_: result for id_, result in results.items() if called[id_] == 1}


def _gap(gap: Gap) -> str:
    return (
        f'<p class="gap">{_counted(gap.count, "message")} cannot be read: {escaped(gap.problem)}</p>\n'
    )


def _article(at: int, message: _Fields, results: dict[str, tuple[int, _Fields]], *, more: bool) -> str:
    role = message.get("role")
    name = role if isinstance(role, str) else "message of another shape"
    kind = name if name in ("user", "assistant", "system", "developer", "tool") else "other"
    when, model = said_at(message), _model(message)
    time = f'<time datetime="{when.isoformat()}">{when:%Y-%m-%d %H:%M}</time>' if when else ""
    by = f'<span class="model">{escaped(model)}</span>' if model else ""
    failed = ' <span class="failed">failed</span>' if is_error(message) else ""
    body = "".join(_piece(each, kind, results) for each in pieces(message))
    return (
        f'<article id="m{at}" class="{kind}{" more" if more else ""}">\n'
        f"<header><h2>{escaped(name)}</h2>{failed}{time}{by}"
        f'<a href="#m{at}" aria-label="Message {at}">#{at}</a></header>\n'
        f'<div class="body" dir="auto">\n{body}</div>\n</article>\n'
    )


def _piece(piece: Piece, role: str, results: dict[str, tuple[int, _Fields]]) -> str:
    match piece:
        case Text(text) if role == "tool":
            return _wrapped(text)
        case Text(text):
            return markdown(text, breaks=role == "user")
        case Thinking(text):
            inside = f'<div class="inside">{markdown(text)}</div>'
            brief = f'Thinking <span class="brief">{escaped(_brief(text))}</span>'
            return f'<details class="thinking"><summary>{brief}</summary>{inside}</details>\n'
        case Image():
            return picture(piece)
        case Call(id_, _, _):
            return _call(piece, results.get(id_) if id_ is not None else None)
        case Other(kind, raw):
            inside = f'<div class="inside">{block(pretty(msgspec.json.encode(raw)), "json")}</div>'
            return f'<details class="call"><summary>{escaped(kind)}</summary>{inside}</details>\n'


def _call(call: Call, result: tuple[int, _Fields] | None) -> str:
    """Return a call folded to a line, with its arguments and its result inside."""
    arguments, brief = _arguments(call.arguments)
    answer, failed = "<h3>No result</h3>\n", ""
    if result is not None:
        at, message = result
        shown = "".join(_piece(each, "tool", {}) for each in pieces(message))
        failed = ' <span class="failed">failed</span>' if is_error(message) else ""
        answer = f'<div id="m{at}"><h3>Result <a href="#m{at}">#{at}</a></h3>\n{shown}</div>'
    tool = f'<span class="tool">{escaped(call.tool)}</span>'
    head = f'{tool}{failed} <span class="brief">{escaped(brief)}</span>'
    return (
        f'<details class="call"><summary>{head}</summary>\n'
        f'<div class="inside">{arguments}{answer}</div></details>\n'
    )


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
        text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        texts.append(text)
        inline = "\n" not in text and len(text) <= _LINE
        shown = f"<code>{escaped(text)}</code>" if inline else _wrapped(text)
        items.append(f"<dt>{escaped(name)}</dt><dd>{shown}</dd>\n")
    return (f"<dl>{''.join(items)}</dl>\n" if items else ""), _brief(texts[0]) if texts else ""


def _wrapped(text: str) -> str:
    if not text.strip():
        return ""
    return f'<pre class="wrap" tabindex="0"><code>{escaped(text.rstrip())}</code></pre>\n'


def _model(message: _Fields) -> str:
    model = message.get("model")
    name = model.get("id") if isinstance(model, dict) else model
    return name if isinstance(name, str) else ""


def _brief(text: str) -> str:
    """Return the beginning of a text, on one line."""
    line = " ".join(text[: _LINE * 4].split())
    return line if len(line) <= _LINE else line[: _LINE - 1] + "…"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"
