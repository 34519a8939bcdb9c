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
from pygments.util import ClassNotFound

from ..messages.parts import Media, media_at

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_TURNING = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
_LINK = re.compile(r"(https?://|mailto:)[^\s]", re.IGNORECASE)
_ALIGNED = re.compile(r"text-align:(left|center|right)")
_MOST_HIGHLIGHTED = 50_000
_DEEPEST_HEADING = 6
_MOST_MARKDOWN = 1_000_000


def clean(text: str) -> str:
    """Return a text without control characters, where what turns the direction of writing is seen."""
    text = _CONTROL.sub("\ufffd", text.replace("\r\n", "\n"))
    return _TURNING.sub(lambda found: f"[U+{ord(found[0]):04X}]", text)


def escaped(text: str) -> str:
    """Return a text as it stands between tags or within the quotes of an attribute."""
    return html.escape(clean(text), quote=True)


def block(text: str, language: str = "") -> str:
    """Return a text as a block of code, highlighted where its language is known."""
    language = language.strip().split(" ")[0].lower()
    # Who uses the keyboard alone scrolls what is wider than the page.
    return f'<pre tabindex="0"><code>{_highlighted(clean(text), language)}</code></pre>\n'


def picture(media: Media) -> str:
    """Return an image; what is not an image or not here is named."""
    name = escaped(media.label)
    if not media.picture:
        return f'<p class="elsewhere">[{name}]</p>\n'
    source = f"data:{media.media_type};base64,{media.picture}"
    return f'<figure><img src="{source}" alt="{name}"><figcaption>{name}</figcaption></figure>\n'


def markdown(text: str, *, breaks: bool = False) -> str:
    """Return a text that was written as Markdown; with ``breaks`` each of its lines stays a line."""
    if len(text) > _MOST_MARKDOWN:
        return block(text)
    rendered: str = (_BREAKING if breaks else _PLAIN).render(clean(text))
    return rendered


def _highlighted(text: str, language: str) -> str:
    if language and len(text) <= _MOST_HIGHLIGHTED:
        try:
            lexer = get_lexer_by_name(language, stripnl=False, ensurenl=False)
        except (ClassNotFound, ImportError):
            pass  # not a language that is known
        else:
            return str(highlight(text, lexer, HtmlFormatter(nowrap=True)))
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


def _fence(_: RendererProtocol, tokens: Sequence[Token], at: int, *__: Any) -> str:
    return block(tokens[at].content, tokens[at].info)


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
