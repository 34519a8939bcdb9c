"""The worst texts that are known for Markdown and for highlighters, each in a message of its own.

``python -m tests.exporters.worst DIRECTORY WHAT``: makes a store of them, exports each session as a
page and shows it on a terminal. WHAT is a language, or "markdown".
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from pathlib import Path

from sessionfs import ChatMessage, CreateSessionRequest, FileStorage
from tests.cli.command import Command

LENGTH = 19_900
CODE_LENGTH = 9_900
"""Of a text that is rendered, if barely."""

A_SESSION = 40
"""So many messages: a page has no more to highlight than it may."""

FILLERS = (
    *("a", "A", "1", "_", "é", " ", "\n", "\t", "\r", "\xa0", '"', "'", "`", "\\", "/", "#", "*", "-"),
    *(
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "<",
        ">",
        "=",
        "$",
        "@",
        "%",
        "&",
        ".",
        ",",
        ";",
        ":",
        "!",
        "|",
        "~",
    ),
    *(
        "/*",
        "(((",
        "<<<",
        "{{{",
        '"""',
        "'''",
        "//",
        "a ",
        "a\n",
        " \n",
        "\t\n",
        "\n ",
        "\n\t",
        "a.",
        "a(",
    ),
    *(
        '"\\',
        '\\"',
        "\\\n",
        "#\n",
        "<?",
        "<!--",
        "<a ",
        '<a b="',
        "</",
        "${",
        "#{",
        "{%",
        "(*",
        "a: ",
        "- a\n",
    ),
    *(
        'f"{',
        "$(",
        "`${",
        'r#"',
        'R"(',
        "a<",
        "a::",
        "a->",
        "a()",
        "&a",
        "%a",
        "!a",
        "a=",
        "\\{",
        "a\\\n",
    ),
)
BEGINNINGS = (
    *(
        '"',
        "'",
        "`",
        "/*",
        "//",
        "#",
        "(",
        "[",
        "{",
        "<",
        "<!--",
        '"""',
        'f"',
        'r#"',
        'R"(',
        "$(",
        "`${",
    ),
    *(
        "<<A\n",
        "@",
        "\\",
        "a(",
        "a<",
        "a: |\n",
        "class a ",
        "def a",
        "function a",
        "import ",
        "namespace ",
    ),
    *(
        "#define ",
        "template<",
        "type a",
        "enum ",
        "const ",
        "/",
        '<a b="',
        "<script>",
        "<style>",
        "<?php ",
    ),
    *(
        "<![CDATA[",
        "{{",
        "%YAML",
        "[a]\n",
        "@@",
        "-",
        "select ",
        "$$",
        '{"a":',
        "@media ",
        "a{b:url(",
        "=begin\n",
    ),
)
UNITS = (
    *(
        "[",
        "![",
        "[a](",
        "[a",
        "[a] ",
        "[a][",
        "[[a]]",
        "[![",
        '[a](b "',
        "[a](<b",
        "*",
        "*a ",
        "**a *",
        "_a ",
        "a**b",
    ),
    *(
        "*a_ ",
        "*_~~",
        "~~a ",
        "`",
        "`a",
        "``a`",
        "<",
        "<a:",
        "<!--",
        "&",
        "&#",
        "&amp;",
        "\\",
        "\\*",
        "\\\n",
        "a  \n",
    ),
    *(
        ">",
        "> ",
        ">\n",
        "> a\n",
        "- ",
        "- a\n",
        "-\n",
        "1. a\n",
        "- - a\n",
        "> - a\n",
        "- a\n\n",
        "# a\n",
        "#\n",
    ),
    *(
        "a\n=\n",
        "---\n",
        "```\n",
        "```a\nb\n```\n",
        "- ```\n",
        "    a\n\n",
        " ",
        "\t",
        "\n",
        "a\n",
        "a ",
        "|",
        "|\n",
    ),
    *(
        "|-\n",
        "a|b\n-|-\n",
        "a|b\n-|-\n\n",
        "[a]: b\n",
        "[a]:\n",
        '[a]: b "\n',
        "> [a]: b\n",
        "[a\n",
        "http://a.b ",
    ),
    *("<http://a>", "a@b.c ", "(", ")", '"', "[a](http://b)", "![a](b)", "*[a](b)"),
)


def filled(unit: str, length: int = LENGTH) -> str:
    return (unit * (length // len(unit) + 1))[:length]


def code(language: str) -> Iterator[str]:
    """Give blocks of code: lines of the greatest length, behind a beginning or not, and one line."""
    chance = random.Random(1)
    pairs = [("", filler) for filler in FILLERS]
    pairs += [(chance.choice(BEGINNINGS), chance.choice(FILLERS)) for _ in range(40)]
    for begins, filler in pairs:
        line = begins + filled(filler, 490 - len(begins))
        yield f"```{language}\n{filled(line + chr(10), CODE_LENGTH)}\n```"
    for filler in FILLERS[:20]:
        yield f"```{language}\n{filled(filler, CODE_LENGTH)}\n```"


def markdown() -> Iterator[str]:
    yield from map(filled, UNITS)
    half = LENGTH // 2
    yield "[a]: http://" + "b" * half + "\n\n" + "[a]" * (half // 3)
    yield '[a]: /b "' + "c\n" * half
    yield "[" + "\\]\n" * (LENGTH // 3)
    yield "[" * half + "]" * half
    yield "[a](" * (LENGTH // 5) + ")" * (LENGTH // 5)
    yield "![" * (LENGTH // 3) + "]" * (LENGTH // 3)
    yield "*" * half + "a" + "*" * half
    yield "".join("`" * i + "a" for i in range(int((2 * LENGTH) ** 0.5), 0, -1))
    yield "\n".join("  " * i + "- a" for i in range(int(LENGTH**0.5)))
    yield ">" * 20 + " a\n" + "a\n" * half
    yield "- " * 20 + "a\n" + "a\n" * half
    for columns in (10, 100, 1000):
        rows = (LENGTH - 4 * columns) // 2
        yield "|" * columns + "|\n" + "|-" * columns + "|\n" + "a\n" * rows
        yield (
            "|a" * columns + "|\n" + "|-" * columns + "|\n" + ("|" * columns + "\n") * (rows // columns)
        )


def main(directory: Path, what: str) -> None:
    texts = list(markdown() if what == "markdown" else code(what))
    storage = FileStorage(directory / "store", durability="relaxed")
    command = Command(directory)
    for begin in range(0, len(texts), A_SESSION):
        some = texts[begin : begin + A_SESSION]
        request = CreateSessionRequest(what, [ChatMessage("assistant", text) for text in some])
        session = str(storage.create_session(request).session_id)
        store = ("--store", directory / "store")
        command("export", session, "--format", "html", "-o", directory / f"{begin}.html", *store)
        command.terminal("show", session, "--no-pager", *store)
        print(f"{begin + len(some)} of {len(texts)}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
