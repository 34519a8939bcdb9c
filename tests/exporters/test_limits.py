"""No text of a message takes long to render, or becomes a page of many times its length."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sessionfs import ChatMessage, CreateSessionRequest, FileStorage
from sessionfs.exporters import limits
from tests.cli.command import Command
from tests.effort import chosen

from .worst import code, filled, markdown

HUNG_SECONDS = 60
SECONDS_EACH = 6
"""Far more than it takes: what is slow takes minutes or hours."""

SLOW = {
    "restructuredtext": "\n",
    "systemd": " ",
    "gherkin": "\t\n",
    "lilypond": "a",
    "python": "\n ",
    "javascript": '\\"',
    "html": "<?",
    "powershell": "#\n",
}
LANGUAGES = sorted(limits._FAST | limits._FAST_WITHOUT_BACKSLASHES)
TRIED = chosen(few=0, usual=0, everything=1 + len(LANGUAGES))


def page_of(tmp_path: Path, text: str) -> str:
    storage = FileStorage(tmp_path / "store", durability="relaxed")
    session = storage.create_session(CreateSessionRequest("t", [ChatMessage("assistant", text)]))
    return Command(tmp_path)(
        "export", str(session.session_id), "--format", "html", "--store", tmp_path / "store"
    )


@pytest.mark.once
@pytest.mark.parametrize("command", [["export", "--format", "html"], ["show", "--no-pager"]])
def test_a_block_of_code_of_a_slow_language(tmp_path: Path, command: list[str]) -> None:
    storage = FileStorage(tmp_path / "store", durability="relaxed")
    said = [
        ChatMessage("assistant", f"```{name}\n{filled(filler)}x\n```") for name, filler in SLOW.items()
    ]
    session = str(storage.create_session(CreateSessionRequest("t", said)).session_id)
    source = (
        "import pathlib, sys; from tests.cli.command import Command;"
        "Command(pathlib.Path(sys.argv[1])).terminal(*sys.argv[2:])"
    )
    subprocess.run(
        [sys.executable, "-c", source, tmp_path, *command, session, "--store", tmp_path / "store"],
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=HUNG_SECONDS,
    )


@pytest.mark.parametrize(
    "text",
    [
        "|a" * 100 + "|\n" + "|-" * 100 + "|\n" + "|\n" * 9_500,
        "[a]: http://" + "b" * 9_000 + "\n\n" + "[a]" * 3_000,
        "```json\n" + filled("[") + "\n```",
    ],
    ids=["a table of empty cells", "a long link", "code"],
)
def test_a_page_is_not_many_times_as_long_as_the_text(tmp_path: Path, text: str) -> None:
    assert len(page_of(tmp_path, text)) < 12 * len(text) + 20_000


def test_the_usual_languages_are_highlighted(tmp_path: Path) -> None:
    blocks = {
        "py": "def f():\n    return 1",
        "js": "const a = 1;",
        "json": '{\n  "a": 1\n}',
        "sh": "if true; then echo a; fi",
    }
    for language, text in blocks.items():
        page = page_of(tmp_path / language, f"```{language}\n{text}\n```")
        assert '<code><span class="' in page, language
    assert 'class="sd"' not in page_of(tmp_path, "```restructuredtext\n.. a:: b\n```")


def test_what_is_highlighted_of_a_message_is_bounded(tmp_path: Path) -> None:
    one = "```python\n" + "pass\n" * 1_000 + "```\n\n"
    assert one.count("pass") == 1_000
    page = page_of(tmp_path, one * 3)
    assert page.count('<span class="k">pass</span>') == 2_000
    assert page.count("pass") == 3_000
    longer = page_of(tmp_path / "longer", one * 2 + "a" * limits.MOST_MARKDOWN)
    assert '<span class="k">' not in longer
    assert longer.count("pass") == 2_000


@pytest.mark.slow
@pytest.mark.once
@pytest.mark.parametrize("what", ["markdown", *LANGUAGES][:TRIED])
def test_the_worst_texts(tmp_path: Path, what: str) -> None:
    number = len(list(markdown() if what == "markdown" else code(what)))
    subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.exporters.worst", tmp_path, what],
        check=True,
        timeout=HUNG_SECONDS + number * SECONDS_EACH,
    )
