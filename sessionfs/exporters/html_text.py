"""Texts as HTML in which nothing runs, loads or takes other styles, whatever they hold.

All of it is escaped; Markdown is rendered without its HTML, links lead only to the web and to mail, and
an image is shown only from its own bytes.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererProtocol
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name

from ..messages.parts import Media, media_at
from .limits import Allowance

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_TURNING = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
_LINK = re.compile(r"(https?://|mailto:)[^\s]", re.IGNORECASE)
_ALIGNED = re.compile(r"text-align:(left|center|right)")
_DEEPEST_HEADING = 6
_CODE_GROWTH, _CODE_GROWTH_FREE = 8, 2_000
_GROWTH, _GROWTH_FREE = 10, 10_000
"""A page is at most so many times as long as a text, and some more for images and tags."""

_LEFT = "allowance"


def clean(text: str) -> str:
    """Return a text without control characters, where what turns the direction of writing is seen."""
    text = _CONTROL.sub("\ufffd", text.replace("\r\n", "\n"))
    return _TURNING.sub(lambda found: f"[U+{ord(found[0]):04X}]", text)


def escaped(text: str) -> str:
    """Return a text as it stands between tags or within the quotes of an attribute."""
    return html.escape(clean(text), quote=True)


def block(text: str, language: str = "", left: Allowance | None = None) -> str:
    """Return a text as a block of code, highlighted where its language is one of the usual ones.

    Args:
        text: the code.
        language: its name, and what may follow it.
        left: what may still be rendered of the message.

    """
    language = language.strip().split(" ")[0]
    highlighted = _highlighted(clean(text), language, left or Allowance())
    # Who uses the keyboard alone scrolls what is wider than the page.
    return f'<pre tabindex="0"><code>{highlighted}</code></pre>\n'


def picture(media: Media) -> str:
    """Return an image; what is not an image or not here is named."""
    name = escaped(media.label)
    if not media.picture:
        return f'<p class="elsewhere">[{name}]</p>\n'
    source = f"data:{media.media_type};base64,{media.picture}"
    return f'<figure><img src="{source}" alt="{name}"><figcaption>{name}</figcaption></figure>\n'


def markdown(text: str, *, breaks: bool = False, left: Allowance | None = None) -> str:
    """Return a text that was written as Markdown; with ``breaks`` each of its lines stays a line.

    One that is very long, or would become a page of many times its length, is shown as it is.
    """
    left = left or Allowance()
    if not left.markdown(text):
        return block(text)
    reader = _BREAKING if breaks else _PLAIN
    environment: dict[str, Any] = {_LEFT: left}
    tokens = reader.parse(clean(text), environment)
    most = _GROWTH * len(text) + _GROWTH_FREE
    # Before the page is made: 20,000 characters may be a link of 10,000 and its name 3,000 times.
    if _length(tokens) > most:
        return block(text)
    rendered: str = reader.renderer.render(tokens, reader.options, environment)
    return rendered if len(rendered) <= most else block(text)


def _length(tokens: Sequence[Token]) -> int:
    """Return about how many characters of a text stand in what it is made to."""
    inside = (each for token in tokens for each in (token, *(token.children or ())))
    return sum(
        len(each.content) + sum(len(str(value)) for value in each.attrs.values()) for each in inside
    )


def _highlighted(text: str, language: str, left: Allowance) -> str:
    name = left.lexer(text, language)
    if name is not None:
        # With a line feed at the end: without, some lexers look for it from every place.
        lexer = get_lexer_by_name(name, stripnl=False, ensurenl=True)
        found = str(highlight(text, lexer, HtmlFormatter(nowrap=True)))
        if len(found) <= _CODE_GROWTH * len(text) + _CODE_GROWTH_FREE:
            return found if text.endswith("\n") else found.removesuffix("\n")
    return html.escape(text)


def _reader(*, breaks: bool) -> MarkdownIt:
    reader = MarkdownIt("commonmark", {"html": False, "breaks": breaks})
    reader.enable(["table", "strikethrough"])
    reader.core.ruler.push("clean", _clean_entities)
    reader.validateLink = _is_shown  # type: ignore[method-assign]
    for name, rule in (
        ("fence", _fence),
        ("code_block", _fence),
        ("image", _image),
        ("link_open", _link_open),
        ("heading_open", _heading),
        ("heading_close", _heading),
        ("th_open", _cell),
        ("td_open", _cell),
    ):
        reader.add_render_rule(name, rule)
    return reader


def _clean_entities(state: StateCore) -> None:
    """Clean what stood in the text as an entity, which is a character of its own only by now."""
    for token in state.tokens:
        for each in token.children or ():
            each.content = clean(each.content)


def _is_shown(url: str) -> bool:
    """Tell whether a link or an image of Markdown becomes one; if not it stands there as written."""
    return bool(_LINK.match(url)) or media_at("image", url).picture is not None


def _fence(
    _: RendererProtocol, tokens: Sequence[Token], at: int, __: Any, environment: dict[str, Any]
) -> str:
    return block(tokens[at].content, tokens[at].info, environment[_LEFT])


def _image(_: RendererProtocol, tokens: Sequence[Token], at: int, *__: Any) -> str:
    url, alt = str(tokens[at].attrs.get("src", "")), tokens[at].content
    image = media_at("image", url)
    if image.picture:
        source = f"data:{image.media_type};base64,{image.picture}"
        return f'<img src="{source}" alt="{escaped(alt or image.label)}">'
    return f'<span class="elsewhere">[image: {escaped(alt)} {escaped(url)}]</span>'


def _link_open(_: RendererProtocol, tokens: Sequence[Token], at: int, *__: Any) -> str:
    url = str(tokens[at].attrs.get("href", ""))
    if not _LINK.match(url):
        return "<a>"
    return f'<a href="{escaped(url)}" title="{escaped(url)}" rel="noopener noreferrer nofollow">'


def _heading(_: RendererProtocol, tokens: Sequence[Token], at: int, *__: Any) -> str:
    # The page has its title and a heading for each message above those that are in one.
    level = min(int(tokens[at].tag[1:]) + 2, _DEEPEST_HEADING)
    return f"<h{level}>" if tokens[at].nesting == 1 else f"</h{level}>\n"


def _cell(_: RendererProtocol, tokens: Sequence[Token], at: int, *__: Any) -> str:
    found = _ALIGNED.search(str(tokens[at].attrs.get("style", "")))
    return f"<{tokens[at].tag} align={found[1]}>" if found else f"<{tokens[at].tag}>"


_PLAIN, _BREAKING = _reader(breaks=False), _reader(breaks=True)
