"""What a message of any shape consists of: texts, thoughts, calls, results, media.

The page, the exports, the search and the statistics all read messages here, so they show and count the
same calls under the same names. The shapes are those of OpenAI (chat messages and Responses items),
Anthropic and Gemini.

The invariant: no message makes this fail, whatever its shape, and nothing is left out silently. What is
not understood is ``Unknown`` and is shown as JSON.
"""

from __future__ import annotations

import binascii
import json
import re
from collections import defaultdict, deque
from collections.abc import Hashable, Iterable, Iterator
from typing import Any

import msgspec

from ..errors import InvalidRequestError
from ..models import Message, Session
from .codec import encode_messages

_DEEPEST = 8
"""Results may hold parts, and these results again: deeper ones are ``Unknown``."""

_LAST_MS = 253_402_300_799_999
"""The last millisecond of the year 9999."""

_RESULT_ROLES = ("tool", "function")
_ENCRYPTED = "[encrypted]"
_PICTURES = {"image/png": "PNG", "image/jpeg": "JPEG", "image/gif": "GIF", "image/webp": "WebP"}
_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(?:;[\w=.+-]+)*?(;base64)?,")
_BASE64 = re.compile(r"[A-Za-z0-9+/\s]*={0,2}\s*")
_LONGEST_URL = 200

_OPENAI_CALLS = {
    "apply_patch_call": "operation",
    "code_interpreter_call": "code",
    "computer_call": "action",
    "custom_tool_call": "input",
    "file_search_call": "queries",
    "function_call": "arguments",
    "image_generation_call": "revised_prompt",
    "local_shell_call": "action",
    "mcp_call": "arguments",
    "shell_call": "action",
    "web_search_call": "action",
}
"""Items that call a tool, and the field in which they have its arguments."""

_HOSTED = {
    "code_interpreter_call": "outputs",
    "file_search_call": "results",
    "image_generation_call": "result",
    "mcp_call": "output",
    "web_search_call": "results",
}
"""Calls that the provider runs itself, and the field in which they have their own result."""

_ANTHROPIC_CALLS = frozenset({"tool_use", "server_tool_use", "mcp_tool_use"})
_MEDIA = {
    "audio": "audio",
    "document": "document",
    "file": "document",
    "image": "image",
    "image_url": "image",
    "input_audio": "audio",
    "input_file": "document",
    "input_image": "image",
}
_HOLDERS = ("source", "image_url", "input_audio", "file")
"""Fields in which parts of media have what is said of them."""

_GEMINI_NAMES = {
    "code_execution_result": "codeExecutionResult",
    "executable_code": "executableCode",
    "file_data": "fileData",
    "function_call": "functionCall",
    "function_response": "functionResponse",
    "inline_data": "inlineData",
}
"""Fields of Gemini's parts as its Python client writes them, and as its API does."""

_GEMINI_FIELDS = frozenset(_GEMINI_NAMES) | frozenset(_GEMINI_NAMES.values())
_PART_FIELDS = _GEMINI_FIELDS | {"type", "text"}
_CODE_EXECUTION = "code_execution"
_SAID = frozenset(_MEDIA) | {
    "input_text",
    "output_text",
    "reasoning",
    "redacted_thinking",
    "refusal",
    "text",
    "thinking",
} - {"document"}
"""Types of parts that neither call tools nor hold results; a document may hold parts."""

_RESULT_TEXTS = ("output", "result", "error", "content")
_BESIDE_CONTENT = frozenset({"tool_call_id", "parts", "type"})
"""Fields that say that a message is a result, or has its parts elsewhere than in its content."""


class Text(msgspec.Struct, frozen=True, gc=False):
    """What somebody said."""

    text: str


class Thinking(msgspec.Struct, frozen=True, gc=False):
    """What an assistant thought before it spoke."""

    text: str


class CallPart(msgspec.Struct, frozen=True):
    """A call of a tool.

    Attributes:
        id: what the result names; None where the shape has no ids.
        tool: the name of the tool.
        given: the arguments, as JSON text or as values.

    """

    id: str | None
    tool: str
    given: object = None

    @property
    def arguments(self) -> str:
        """The arguments as text, "" if there are none."""
        if self.given is None:
            return ""
        return self.given if isinstance(self.given, str) else as_json(self.given)


class Media(msgspec.Struct, frozen=True, gc=False):
    """An image, a document or a sound.

    Attributes:
        kind: "image", "document", "audio" or "video".
        media_type: such as "image/png", "" if it is not known.
        data: the bytes in base64, as the message has them; None if they are not in the message.
        where: the URL or the id of a file that is elsewhere.
        name: the name of the file or the title of the document.

    """

    kind: str
    media_type: str = ""
    data: str | None = None
    where: str | None = None
    name: str | None = None

    @property
    def size(self) -> int | None:
        """The number of bytes, None if they are not here or not valid base64."""
        if self.data is None or not _BASE64.fullmatch(self.data):
            return None
        try:
            return len(binascii.a2b_base64(self.data))
        except binascii.Error:
            return None

    @property
    def picture(self) -> str | None:
        """The base64 of an image that every browser shows, without spaces; None for all else."""
        return (
            "".join(self.data.split())
            if self.data and self.media_type in _PICTURES and self.size
            else None
        )

    @property
    def label(self) -> str:
        """How to name it in a text: ``image: PNG, 1,204 bytes``."""
        about = [self.name] if self.name else []
        about += [_PICTURES.get(self.media_type, self.media_type)] if self.media_type else []
        about += [f"{size:,} bytes"] if (size := self.size) is not None else []
        about += [self.where[:_LONGEST_URL]] if self.where else []
        return f"{self.kind}: {', '.join(about)}" if about else self.kind


class Unknown(msgspec.Struct, frozen=True):
    """A part of another kind."""

    kind: str
    raw: object

    @property
    def json(self) -> str:
        """The part as JSON."""
        return as_json(self.raw)


class ResultPart(msgspec.Struct, frozen=True):
    """The result of a call.

    Attributes:
        call_id: the id of the call; None where the shape has no ids.
        tool: the name of the tool, where the result has it.
        given: what the tool gave, as the message has it.
        failed: whether the result is marked as an error.
        depth: how many other results this one is in.

    """

    call_id: str | None
    tool: str | None
    given: object = None
    failed: bool = False
    depth: int = 0

    @property
    def content(self) -> list[Part]:
        """What the tool gave, as parts."""
        return _read_content(self.given, self.depth + 1)


_TOOL_PARTS = (CallPart, ResultPart)

Part = Text | Thinking | CallPart | ResultPart | Media | Unknown


class CallKeys:
    """Gives a call and its result the same key, for the calls and results of a conversation in order.

    The key is the id of the call. A result without one is that of the first call of its tool that has
    none yet, as Gemini links them.
    """

    def __init__(self) -> None:
        self._open: defaultdict[str, deque[Hashable]] = defaultdict(deque)
        self._answered: set[Hashable] = set()
        self._calls = 0

    def of_call(self, call: CallPart) -> Hashable:
        """Return the key of a call."""
        self._calls += 1
        key: Hashable = self._calls if call.id is None else call.id
        self._open[call.tool].append(key)
        return key

    def of_result(self, result: ResultPart) -> Hashable | None:
        """Return the key of the call that a result belongs to; None: it belongs to no call."""
        key: Hashable | None = result.call_id
        if key is None and result.tool is not None:
            waiting = self._open[result.tool]
            while waiting and waiting[0] in self._answered:
                waiting.popleft()
            key = waiting.popleft() if waiting else None
        self._answered.add(key)
        return key


def fields_of(message: Message) -> dict[str, Any]:
    """Return a message as a dict, with the fields that its type does not know."""
    if isinstance(message, dict):
        return message
    try:
        fields: dict[str, Any] = msgspec.json.decode(encode_messages([message])[0])
    except InvalidRequestError:  # it was changed to something that cannot be stored
        fields = msgspec.to_builtins(message)
    return fields


def numbered_messages(session: Session) -> list[tuple[int, dict[str, Any]]]:
    """Return a session's messages, each with its index in the whole state, gaps counted."""
    checkpoint = session.active_checkpoint
    gaps = {gap.start: gap.count for gap in checkpoint.gaps} if checkpoint else {}
    found: list[tuple[int, dict[str, Any]]] = []
    at = 0
    for message in checkpoint.state.messages if checkpoint else []:
        while at in gaps:
            at += gaps[at]
        found.append((at, fields_of(message)))
        at += 1
    return found


def role_of(message: dict[str, Any]) -> str:
    """Return who speaks, "" where the message does not say.

    An item of OpenAI's Responses has no role: a call is the assistant's, its output the tool's.
    """
    role = message.get("role")
    if isinstance(role, str):
        return role
    kind = _item_kind(message)
    return "" if kind is None else "tool" if _is_output(kind) else "assistant"


def sent_ms(message: dict[str, Any]) -> int | None:
    """Return when a message says that it was sent, in milliseconds since 1970."""
    made = message.get("created_at")
    return (
        made if isinstance(made, int) and not isinstance(made, bool) and 0 <= made <= _LAST_MS else None
    )


def parts(message: dict[str, Any]) -> list[Part]:
    """Return what a message consists of, in its order."""
    content = message.get("content")
    found = list(_read_part(message, 0)) if _item_kind(message) else _read_spoken(message, content)
    if isinstance(refusal := message.get("refusal"), str):
        found.append(Text(refusal))
    if isinstance(sound := message.get("audio"), dict):
        found.append(_read_sound(sound))
        found += [Text(sound["transcript"])] if isinstance(sound.get("transcript"), str) else []
    return found + _read_calls(message)


def tool_parts(message: dict[str, Any]) -> list[CallPart | ResultPart]:
    """Return the calls that a message makes and the results that it holds."""
    # Most messages hold none, and are read without making parts.
    content = message.get("content")
    if isinstance(content, list):
        content = [
            part
            for part in content
            if not (
                isinstance(part, dict) and isinstance(kind := part.get("type"), str) and kind in _SAID
            )
        ]
    found: list[Part] = []
    if (
        (content and not isinstance(content, str))
        or not _BESIDE_CONTENT.isdisjoint(message)
        or message.get("role") in _RESULT_ROLES
    ):
        found = list(_read_part(message, 0)) if _item_kind(message) else _read_spoken(message, content)
    if "tool_calls" in message or "function_call" in message:
        found += _read_calls(message)
    return [part for part in found if isinstance(part, _TOOL_PARTS)] if found else []


def calls(message: dict[str, Any]) -> list[CallPart]:
    """Return the calls that a message makes."""
    return [part for part in tool_parts(message) if isinstance(part, CallPart)]


def results(message: dict[str, Any]) -> list[ResultPart]:
    """Return the results that a message holds."""
    return [part for part in tool_parts(message) if isinstance(part, ResultPart)]


def text_of(message: dict[str, Any]) -> str:
    """Return what a message says as one text, results included, calls left out.

    Parts that are not text are named in brackets.
    """
    return _joined(parts(message))


def spoken_text(message: dict[str, Any]) -> str:
    """Return ``text_of`` a message without the results of tools, which nobody said."""
    return _joined(part for part in parts(message) if not isinstance(part, ResultPart))


def whole_result(message: dict[str, Any], found: list[Part]) -> ResultPart | None:
    """Return the result that a message is as a whole, given its parts; None: it says something else."""
    if len(found) == 1 and isinstance(found[0], ResultPart) and role_of(message) in _RESULT_ROLES:
        return found[0]
    return None


def is_error(message: dict[str, Any]) -> bool:
    """Tell whether a message is marked as an error, or is the result of a call that failed."""
    if _is_marked(message):
        return True
    return role_of(message) in _RESULT_ROLES and any(result.failed for result in results(message))


def media_at(kind: str, url: str, name: str | None = None) -> Media:
    """Return what a URL names, with its bytes where the URL holds them."""
    head = _DATA_URL.match(url)
    if head is None:
        return Media(kind, where="elsewhere" if url.startswith("data:") else url, name=name)
    data = url[head.end() :] if head[2] else None
    return Media(kind, (head[1] or "text/plain").lower(), data, name=name)


def as_json(value: object) -> str:
    """Return a value as JSON, whatever it is."""
    try:
        return msgspec.json.encode(value).decode()
    except (msgspec.MsgspecError, UnicodeError, TypeError, ValueError):
        return json.dumps(value, separators=(",", ":"), default=str)
    except RecursionError:
        return '"(nested too deeply)"'


def _joined(found: Iterable[Part]) -> str:
    lines: list[str] = []
    for part in found:
        match part:
            case Text(text) | Thinking(text):
                lines.append(text)
            case Media():
                lines.append(f"[{part.label}]")
            case ResultPart():
                lines.append(_joined(part.content))
            case Unknown(kind, _):
                lines.append(f"[{kind}]")
    return "\n".join(lines)


def _is_marked(message: dict[str, Any]) -> bool:
    metadata = message.get("metadata")
    return isinstance(metadata, dict) and metadata.get("is_error") is True


def _text(fields: dict[str, Any], *names: str) -> str | None:
    """Return the first of these fields that is a text."""
    for name in names:
        value = fields.get(name)
        if isinstance(value, str):
            return value
    return None


def _item_kind(message: dict[str, Any]) -> str | None:
    """Return the type of an item of OpenAI's Responses that stands instead of a message."""
    kind = message.get("type")
    if not isinstance(kind, str) or "role" in message:
        return None
    return kind if kind in _OPENAI_CALLS or kind == "reasoning" or _is_output(kind) else None


def _is_output(kind: str) -> bool:
    return kind.endswith("_call_output") and kind.removesuffix("_output") in _OPENAI_CALLS


def _read_spoken(message: dict[str, Any], content: object) -> list[Part]:
    """Read the content of a message with a role, or what is in its place."""
    role, call_id = message.get("role"), message.get("tool_call_id")
    if isinstance(call_id, str) or role in _RESULT_ROLES:
        result = ResultPart(
            call_id if isinstance(call_id, str) else None,
            _text(message, "name"),
            message.get("content"),
            _is_marked(message),
        )
        if result.call_id is not None or not isinstance(content, list):
            return [result]
        # A message of another shape holds results as its parts.
        found = _read_content(content, 0)
        return found if any(isinstance(part, ResultPart) for part in found) else [result]
    if content is not None:
        found = _read_content(content, 0)
    elif isinstance(role, str) or isinstance(message.get("parts"), list):
        found = []
    else:
        found = [Unknown("message of another shape", message)]
    return found + _read_content(message["parts"], 0) if "parts" in message else found


def _read_calls(message: dict[str, Any]) -> list[Part]:
    """Read the calls that stand beside the content of a message."""
    legacy, made = message.get("function_call"), message.get("tool_calls")
    found = [] if legacy is None else [_read_call(legacy)]
    if made:
        found += map(_read_call, made if isinstance(made, list) else [made])
    return found


def _read_content(content: object, depth: int) -> list[Part]:
    if isinstance(content, str):
        return [Text(content)]
    if isinstance(content, list):
        return [each for part in content for each in _read_part(part, depth)]
    if isinstance(content, dict) and not _PART_FIELDS.isdisjoint(content):
        return list(_read_part(content, depth))
    return [] if content is None else [Unknown("content", content)]


def _read_part(part: object, depth: int) -> Iterator[Part]:
    if isinstance(part, str):
        yield Text(part)
        return
    if not isinstance(part, dict):
        yield Unknown("part", part)
        return
    type_ = part.get("type")
    kind = type_ if isinstance(type_, str) else "part"
    if kind in _MEDIA:
        yield from _read_media(part, _MEDIA[kind], depth)
    elif kind in _ANTHROPIC_CALLS:
        yield _call_or_unknown(part, _text(part, "id"), part.get("name"), part.get("input"))
    elif kind in _OPENAI_CALLS:
        yield from _read_item(part, kind, depth)
    elif kind.endswith("tool_result") or _is_output(kind):
        yield _read_result(part, kind, depth)
    elif kind == "redacted_thinking":
        yield Thinking(_ENCRYPTED)
    elif isinstance(thinking := part.get("thinking"), str):
        yield Thinking(thinking)
    elif isinstance(text := part.get("text"), str):
        thought = kind in ("reasoning", "reasoning_text", "summary_text") or part.get("thought") is True
        yield Thinking(text) if thought else Text(text)
    elif isinstance(part.get("summary"), list):
        yield from _read_reasoning(part)
    elif kind == "part" and not _GEMINI_FIELDS.isdisjoint(part):
        yield from _read_gemini(part, depth)
    elif kind == "refusal" and isinstance(part.get("refusal"), str):
        yield Text(part["refusal"])
    else:
        yield Unknown(kind, part)


def _read_reasoning(part: dict[str, Any]) -> Iterator[Part]:
    content = part.get("content")
    items = [*part["summary"], *(content if isinstance(content, list) else [])]
    texts = [text for item in items if isinstance(item, dict) and (text := _text(item, "text"))]
    if not texts and part.get("encrypted_content"):
        texts = [_ENCRYPTED]
    yield from map(Thinking, texts)


def _call_or_unknown(raw: object, id_: str | None, tool: object, given: object) -> Part:
    return CallPart(id_, tool, given) if isinstance(tool, str) else Unknown("tool call", raw)


def _read_call(call: object) -> Part:
    """Read what stands in ``tool_calls``, or in the ``function_call`` of older messages."""
    if not isinstance(call, dict):
        return Unknown("tool call", call)
    named = call.get("function") or call.get("custom")
    named = named if isinstance(named, dict) else call
    given = named.get("arguments", named.get("input", named.get("args")))
    return _call_or_unknown(call, _text(call, "id"), named.get("name"), given)


def _read_item(item: dict[str, Any], kind: str, depth: int) -> Iterator[Part]:
    """Read a call of OpenAI's Responses; one that the provider runs has its own result."""
    id_, status = _text(item, "call_id", "id"), item.get("status")
    # The other kinds have no name, or may have one.
    tool = (
        item.get("name")
        if kind in ("function_call", "custom_tool_call")
        else _text(item, "name") or kind
    )
    call = _call_or_unknown(item, id_, tool, item.get(_OPENAI_CALLS[kind]))
    yield call
    if kind not in _HOSTED or not isinstance(call, CallPart):
        return
    given, error = item.get(_HOSTED[kind]), item.get("error")
    if status not in ("completed", "failed") and given is None and error is None:
        return
    if kind == "image_generation_call" and isinstance(given, str):
        given = {"type": "image", "media_type": "image/png", "data": given}
    failed = status == "failed" or error is not None
    yield ResultPart(id_, call.tool, given if error is None else error, failed, depth)


def _read_result(part: dict[str, Any], kind: str, depth: int) -> Part:
    """Read a result of Anthropic's or of OpenAI's Responses."""
    if depth >= _DEEPEST:
        return Unknown(kind, part)
    given = part.get("output", part.get("content"))
    failed = part.get("is_error") is True or part.get("status") == "failed"
    if isinstance(given, dict):
        failed = failed or given.get("success") is False or str(given.get("type")).endswith("_error")
        given = given["content"] if "success" in given and "content" in given else given
    id_ = _text(part, "tool_use_id", "call_id", "id")
    return ResultPart(id_, _text(part, "name"), given, failed, depth)


def _read_gemini(part: dict[str, Any], depth: int) -> Iterator[Part]:
    for field, value in part.items():
        if field not in _GEMINI_FIELDS or value is None:
            continue
        if not isinstance(value, dict):
            yield Unknown(field, value)
            continue
        match _GEMINI_NAMES.get(field, field):
            case "functionCall":
                given = value.get("args", value.get("arguments"))
                yield _call_or_unknown(part, _text(value, "id"), value.get("name"), given)
            case "functionResponse":
                yield _read_response(value, depth)
            case "executableCode":
                yield CallPart(_text(value, "id"), _CODE_EXECUTION, value)
            case "codeExecutionResult":
                failed = value.get("outcome") not in (None, "OUTCOME_OK")
                yield ResultPart(
                    _text(value, "id"), _CODE_EXECUTION, value.get("output"), failed, depth
                )
            case _:
                media_type = _text(value, "mimeType", "mime_type") or ""
                kind = media_type.partition("/")[0]
                kind = kind if kind in ("image", "audio", "video") else "document"
                where, name = (
                    _text(value, "fileUri", "file_uri"),
                    _text(value, "displayName", "display_name"),
                )
                yield Media(kind, media_type.lower(), _text(value, "data"), where, name)


def _read_response(value: dict[str, Any], depth: int) -> ResultPart:
    given = value.get("response")
    failed = isinstance(given, dict) and bool(given.get("error")) and given.get("output") is None
    if isinstance(given, dict) and len(given) == 1:
        text = _text(given, *_RESULT_TEXTS)
        given = given if text is None else text
    given = as_json(given) if isinstance(given, dict) else given
    return ResultPart(_text(value, "id"), _text(value, "name"), given, failed, depth)


def _read_media(part: dict[str, Any], kind: str, depth: int) -> Iterator[Part]:
    """Read an image, a document or a sound of any of the shapes in which providers have them."""
    held = next((each for name in _HOLDERS if isinstance(each := part.get(name), dict)), part)
    name = _text(part, "title") or _text(held, "filename", "name")
    if held.get("type") == "content" and depth < _DEEPEST:
        yield Media(kind, name=name)
        yield from _read_content(held.get("content"), depth + 1)
    elif held.get("type") == "text" and isinstance(held.get("data"), str):
        yield Media(kind, _text(held, "media_type") or "text/plain", name=name)
        yield Text(held["data"])
    elif kind == "audio":
        yield _read_sound(held)
    elif isinstance(held.get("data"), str):
        media_type = _text(held, "media_type", "mimeType", "mime_type") or ""
        yield Media(kind, media_type.lower(), held["data"], name=name)
    else:
        url = _text(held, "url", "image_url", "file_data", "file_url")
        if url is None:
            yield Media(kind, where=_text(held, "file_id"), name=name)
        else:
            yield media_at(kind, url, name)


def _read_sound(held: dict[str, Any]) -> Media:
    media_type = _text(held, "media_type", "mimeType", "mime_type")
    if media_type is None:
        media_type = f"audio/{held['format']}" if isinstance(held.get("format"), str) else ""
    return Media("audio", media_type.lower(), _text(held, "data"))


# What is searched

_BESIDE_TEXT = frozenset({"role", "metadata", "usage", "model", "finish_reason", "encrypted_content"})
"""Fields of a message without content that are not its text."""

_IDS = frozenset(
    {
        "id",
        "tool_use_id",
        "tool_call_id",
        "call_id",
        "signature",
        "thoughtSignature",
        "thought_signature",
    }
)
"""Fields that are for machines, of a message as of its parts."""

_IN_PARTS = _IDS | {"type", "data", "input_audio", "encrypted_content", "mimeType", "mime_type"}
"""Fields of a part, or of a tool call, that are for machines."""

_ARGUMENTS = frozenset({"arguments", "args", "input", "response"})
"""Fields in which a call has what its tool is given, and Gemini what it gave: all of it is searched."""

_HELD = _GEMINI_FIELDS | {"audio"}
"""Fields whose value is a part that does not show it."""

_MARKS = _GEMINI_FIELDS | {"type", "function", "thoughtSignature", "thought_signature"}
"""Fields that tell a part from other values."""

_ANY, _PART, _WHOLE, _WITHOUT_IDS = range(4)
"""How a value is read: as what its fields show it to be, as a part, with all of its fields, or
without ids."""

_PASSED_OVER = (frozenset[str](), _IN_PARTS, frozenset[str](), _IDS)
"""Fields that are not searched, by how a value is read."""


def searchable_text(message: dict[str, Any]) -> str:
    """Return what people read of a message, a line feed between the pieces.

    That is its content, of parts of any shape, and the names and arguments of its tool calls; of a
    message that has neither, every text in it. What is for machines is left out: ids, signatures,
    images and other data in base64. Arguments with escapes stand there twice, as they are written and
    as they are meant, so that ``echo "hi"`` is found.
    """
    content, tool_calls = message.get("content"), message.get("tool_calls")
    if content is None and tool_calls is None:
        text = {name: value for name, value in message.items() if name not in _BESIDE_TEXT}
        return "\n".join(_collected([(text, _WITHOUT_IDS)]))
    legacy = message.get("function_call")
    if legacy is not None:
        return "\n".join(
            _collected([({"function": legacy}, _ANY), (tool_calls, _ANY), (content, _ANY)])
        )
    if isinstance(content, str) and tool_calls is None:
        return content
    return "\n".join(_collected([(tool_calls, _ANY), (content, _ANY)]))


def _collected(left: list[tuple[object, int]]) -> list[str]:
    """Return the texts in values, given with the last one first, in their order."""
    # No recursion: a record of another writer may be nested as deep as a decoder can follow.
    texts: list[str] = []
    while left:
        item, reading = left.pop()
        if isinstance(item, str):
            if not (item.startswith("data:") and ";base64," in item[:200]):
                texts.append(item)
        elif isinstance(item, list):
            left += [(each, reading) for each in reversed(item)]
        elif isinstance(item, dict):
            passed_over = _PASSED_OVER[reading]
            if reading == _ANY and not _MARKS.isdisjoint(item):
                passed_over = _IN_PARTS
            for name in reversed(item):
                value = item[name]
                if name in passed_over:
                    # The text of a document stands where other media have their bytes.
                    if name == "data" and isinstance(value, str) and item.get("type") == "text":
                        left.append((value, _ANY))
                elif reading == _WHOLE or name in _ARGUMENTS:
                    if name == "arguments" and isinstance(value, str) and "\\" in value:
                        left.append((_meant(value), _WHOLE))
                    left.append((value, _WHOLE))
                elif isinstance(value, str | list | dict):
                    left.append((value, _PART if name in _HELD else _ANY))
    return texts


def _meant(arguments: str) -> object:
    try:
        return msgspec.json.decode(arguments)
    except (msgspec.MsgspecError, RecursionError):
        return None  # not JSON: it stands there as it is
