"""How much is rendered of a message, on a page and on a terminal: the rest is shown as it was written.

The invariant: no message takes much more than a second. Most lexers of Pygments look for the end of a
string, or of a run of spaces, from each place where one may begin: 2,000 spaces take one of them 25
seconds. So a block of code is highlighted if a fast lexer knows its language, and if the text is of a
kind on which that lexer stays fast. Of Markdown so much is read as takes half a second at the worst.
"""

from __future__ import annotations

import re

MOST_MARKDOWN = 20_000
"""So many characters of a message are read as Markdown; the worst take about half a second."""

MOST_HIGHLIGHTED = 10_000
"""So many characters are highlighted of a message; the worst take a third of a second."""

MOST_ON_PAGE = 1_000_000
"""So many characters are highlighted on a page."""

# Measured at the bound above and at twice as much: 143 fillers (single characters, beginnings of
# comments, strings, tags and words) alone, and 250 pairs of one and another beginning, drawn at random,
# in lines of 490 characters. All take at most a third of a second at the bound. C++, HTML, Rust and XML
# take up to five times as long for twice as much, of tags or strings that never end, so the bound is
# what holds them; the others twice as long. tests/exporters/test_limits.py tries such texts again.
_FAST = frozenset(
    {
        *("bash", "c", "console", "cpp", "diff", "docker", "graphql", "html", "ini", "json", "kotlin"),
        *("lua", "php", "protobuf", "pycon", "python", "ruby", "rust", "scss", "sql"),
        *("swift", "toml", "xml", "yaml"),
    }
)

# These look for the end of a string from each quote behind a backslash: of \" again and again, 20,000
# characters take five seconds. So they are fast where there are few backslashes. Java, C#, Make,
# PowerShell, Scala and HCL, and many that few people use, are slow for other reasons too.
_FAST_WITHOUT_BACKSLASHES = frozenset({"css", "go", "javascript", "typescript"})
_FEW = 20

_ALIASES = {
    "c++": "cpp",
    "cc": "cpp",
    "dockerfile": "docker",
    "golang": "go",
    "js": "javascript",
    "jsonc": "json",
    "kt": "kotlin",
    "patch": "diff",
    "proto": "protobuf",
    "py": "python",
    "python3": "python",
    "rb": "ruby",
    "rs": "rust",
    "sh": "bash",
    "shell": "bash",
    "shellsession": "console",
    "svg": "xml",
    "ts": "typescript",
    "yml": "yaml",
    "zsh": "bash",
}
LANGUAGES = _FAST | _FAST_WITHOUT_BACKSLASHES | _ALIASES.keys()
"""The names by which a block of code says that it may be highlighted."""

# Many lexers look on to the end of the line, or of white space, from each character of it.
_LONGEST_LINE = 500
_WHITE_SPACE = re.compile(r"\s{100}")


class Allowance:
    """What may still be rendered of a message.

    Args:
        page: of the page that the message is on; None: it is alone.
        highlighted: so many characters of code.

    """

    def __init__(self, page: Allowance | None = None, highlighted: int = MOST_HIGHLIGHTED) -> None:
        self._page = page
        self._highlighted = highlighted
        self._markdown = MOST_MARKDOWN

    def markdown(self, text: str) -> bool:
        """Tell whether a text may be read as Markdown, and count it."""
        if len(text) > self._markdown:
            return False
        self._markdown -= len(text)
        return True

    def lexer(self, text: str, language: str) -> str | None:
        """Return the name of the lexer for a block of code, and count it; None: show it as it is."""
        name = _ALIASES.get(language.lower(), language.lower())
        fast = name in _FAST or (name in _FAST_WITHOUT_BACKSLASHES and text.count("\\") <= _FEW)
        if not fast or len(text) > self._left() or not _is_usual(text):
            return None
        self._take(len(text))
        return name

    def _left(self) -> int:
        return self._highlighted if self._page is None else min(self._highlighted, self._page._left())

    def _take(self, number: int) -> None:
        self._highlighted -= number
        if self._page is not None:
            self._page._take(number)


def _is_usual(text: str) -> bool:
    """Tell whether the end of a line, or of white space, is near wherever a lexer looks for it."""
    return max(map(len, text.split("\n"))) <= _LONGEST_LINE and not _WHITE_SPACE.search(text)
