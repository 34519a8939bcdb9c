"""What a message of any shape consists of, for those who show it: texts, thoughts, images, calls.

Nothing here fails on a message that is shaped in another way than expected: what is not understood is
``Other``, by its name, so that nothing is left out silently.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from ..models import Message, Session

_RASTER = {"image/png": "PNG", "image/jpeg": "JPEG", "image/gif": "GIF", "image/webp": "WebP"}
_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)?(?:;[\w=.+-]+)*?(;base64)?,")
_BASE64 = re.compile(r"[A-Za-z0-9+/\s]*={0,2}\s*")
_MARKS = {"image": "image", "image_url": "image", "input_image": "image"}


class Text(NamedTuple):
    """What somebody said."""

    text: str


class Thinking(NamedTuple):
    """What an assistant thought before it spoke."""

    text: str


class Image(NamedTuple):
    """An image; ``data`` is its base64 where the message holds it and it is of a common kind.

    ``kind`` is as people name it, "PNG"; ``size`` in bytes, None where it is elsewhere.
    """

    kind: str
    media_type: str
    size: int | None
    data: str | None
    where: str | None

    def name(self) -> str:
        """Return how to call it in a text: ``image: PNG, 1,204 bytes``."""
        about = [self.kind] if self.kind else []
        about += [f"{self.size:,} bytes"] if self.size is not None else []
        about += [self.where] if self.where else []
        return f"image: {', '.join(about)}" if about else "image"


class Call(NamedTuple):
    """A call of a tool; ``arguments`` as they are written."""

    id: str | None
    tool: str
    arguments: str


class Other(NamedTuple):
    """A part of another kind."""

    kind: str
    raw: object


Piece = Text | Thinking | Image | Call | Other


def plain(message: Message) -> dict[str, Any]:
    """Return a message as a dict."""
    if isinstance(message, dict):
        return message
    found: dict[str, Any] = msgspec.to_builtins(message)
    return found


def numbered(session: Session) -> list[tuple[int, dict[str, Any]]]:
    """Return a session's messages, each with its index in the whole state, gaps counted."""
    checkpoint = session.active_checkpoint
    gaps = {gap.start: gap.count for gap in checkpoint.gaps} if checkpoint else {}
    found: list[tuple[int, dict[str, Any]]] = []
    at = 0
    for message in checkpoint.state.messages if checkpoint else []:
        while at in gaps:
            at += gaps[at]
        found.append((at, plain(message)))
        at += 1
    return found


def pieces(message: dict[str, Any]) -> list[Piece]:
    """Return what a message consists of, in its order, its calls last."""
    content = message.get("content")
    found: list[Piece] = []
    if isinstance(content, str):
        found.append(Text(content))
    elif isinstance(content, list):
        found += [each for part in content for each in _part(part)]
    elif content is not None:
        found.append(Other("content", content))
    elif not isinstance(message.get("role"), str):
        found.append(Other("message of another shape", message))
    calls = message.get("tool_calls")
    found += [_call(call) for call in (calls if isinstance(calls, list) else [calls] if calls else [])]
    return found


def text_of(message: dict[str, Any]) -> str:
    """Return what a message says as one text; what is not text is named in brackets, calls left out."""
    lines: list[str] = []
    for piece in pieces(message):
        match piece:
            case Text(text) | Thinking(text):
                lines.append(text)
            case Image():
                lines.append(f"[{piece.name()}]")
            case Other(kind, _):
                lines.append(f"[{kind}]")
    return "\n".join(lines)


def is_error(message: dict[str, Any]) -> bool:
    """Tell whether a message is marked as the result of a call that failed."""
    metadata = message.get("metadata")
    return isinstance(metadata, dict) and metadata.get("is_error") is True


def _part(part: object) -> Iterator[Piece]:
    if isinstance(part, str):
        yield Text(part)
        return
    if not isinstance(part, dict):
        yield Other("part", part)
        return
    kind = part.get("type")
    kind = kind if isinstance(kind, str) else "part"
    thinking, text = part.get("thinking"), part.get("text")
    if kind in _MARKS:
        yield _image(part)
    elif isinstance(thinking, str):
        yield Thinking(thinking)
    elif isinstance(text, str):
        yield Thinking(text) if kind in ("reasoning", "summary_text") else Text(text)
    elif isinstance(part.get("summary"), list):
        yield from (Thinking(each.text) for item in part["summary"] for each in _part(item)
                    if isinstance(each, Text | Thinking))  # fmt: skip
    elif kind == "tool_use":
        yield Call(_id(part), str(part.get("name")), _arguments(part.get("input")))
    else:
        yield Other(kind, part)


def _image(part: dict[str, Any]) -> Image:
    """Return an image of any of the shapes in which providers have them."""
    source, url = part.get("source"), part.get("image_url")
    if isinstance(url, dict):
        url = url.get("url")
    if isinstance(source, dict):
        data, media_type = source.get("data"), source.get("media_type")
        if isinstance(data, str) and isinstance(media_type, str):
            return _inline(media_type, data)
        url = source.get("url")
    return image_at(url) if isinstance(url, str) else Image("", "", None, None, None)


def image_at(url: str) -> Image:
    """Return the image that a URL names, with its bytes where the URL holds them."""
    head = _DATA_URL.match(url)
    if head is None:
        return Image("", "", None, None, "elsewhere" if url.startswith("data:") else url[:200])
    return _inline(head[1] or "text/plain", url[head.end() :] if head[2] else "")


def _inline(media_type: str, data: str) -> Image:
    media_type = media_type.lower()
    kind = _RASTER.get(media_type, media_type)
    if not _BASE64.fullmatch(data):
        return Image(kind, media_type, None, None, None)
    data = "".join(data.split())
    try:
        size = len(binascii.a2b_base64(data))
    except binascii.Error:
        return Image(kind, media_type, None, None, None)
    return Image(kind, media_type, size, data if media_type in _RASTER else None, None)


def _call(call: object) -> Piece:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(call, dict) or not isinstance(function, dict):
        return Other("tool call", call)
    return Call(_id(call), str(function.get("name")), _arguments(function.get("arguments")))


def _id(fields: dict[str, Any]) -> str | None:
    found = fields.get("id")
    return found if isinstance(found, str) else None


def _arguments(given: object) -> str:
    if given is None:
        return ""
    return given if isinstance(given, str) else msgspec.json.encode(given).decode()
