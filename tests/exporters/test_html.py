"""The HTML page: whatever a session holds, nothing in it runs, loads or takes other styles."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessionfs import CreateSessionRequest, FileStorage
from sessionfs.cli.render import with_checkpoint
from sessionfs.exporters import as_html, html_text

from .sample import CHROMIUM, chromium, page, png, sample

_here = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")


def needs_chromium(test: Any) -> Any:
    """Mark a test that runs the browser, which takes seconds."""
    return pytest.mark.slow(_here(test))


_TAGS = frozenset(
    re.findall(
        r"\w+",
        """html head meta title style body a header h1 h2 h3 h4 h5 h6 p span code nav ol ul li details
        summary div svg path circle b small main article time pre table thead tbody tr th td em strong s
        blockquote br hr img figure figcaption dl dt dd footer""",
    )
)
_ATTRIBUTES = frozenset(
    re.findall(
        r"[\w-]+",
        """lang charset http-equiv content name class href id dir aria-label aria-hidden open width
        height viewbox d cx cy r datetime tabindex src alt title rel align start""",
    )
)
_OF_TEXT = {"href", "title", "rel", "src", "alt", "class", "tabindex", "align", "start"}
_LINK = re.compile(r"(https?://|mailto:|#m\d+$|#conversation$)", re.IGNORECASE)


class Seen(HTMLParser):
    """What stands in a page: tags, attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attributes}) == len(attributes)
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def check(self) -> None:
        """Assert that nothing in the page can run, load or look otherwise than the page itself does."""
        for tag, attributes in self.tags:
            assert tag in _TAGS, tag
            assert set(attributes) <= _ATTRIBUTES, attributes
            if "href" in attributes:
                assert _LINK.match(attributes["href"] or "")
            if "src" in attributes:
                kinds = r"data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]*"
                assert re.fullmatch(kinds, attributes["src"] or "")
        assert [tag for tag, _ in self.tags].count("style") == 1
        assert [tag for tag, _ in self.tags].count("meta") == 4


def exported(root: Path, messages: list[Any], title: str = "t", cwd: str | None = None) -> str:
    storage = FileStorage(root, message_type=dict)
    made = storage.create_session(CreateSessionRequest(title, messages, cwd=cwd))
    return b"".join(as_html(storage, storage.get_session(made.session_id))).decode()


def payloads(address: str) -> list[str]:
    """Texts of which each, as HTML, asks ``address`` for something, or tries to run or restyle."""
    run = f"fetch('{address}/ran');document.title='ran'"
    return [
        f"<script>{run}</script>",
        f"</title></style></script></pre></textarea><script>{run}</script>",
        f'<img src=x onerror="{run}">',
        f"<img src={address}/image>",
        f'"><img src="{address}/attribute" onerror="{run}">',
        f"' autofocus onfocus='{run}' x='",
        f'<svg onload="{run}"><script>{run}</script></svg>',
        f'<iframe src="{address}/frame"></iframe>',
        f'<iframe srcdoc="<script>{run}</script>"></iframe>',
        f'<link rel=stylesheet href="{address}/style">',
        f"<style>@import '{address}/import';</style>",
        f"<style>body {{ background: url({address}/background) }}</style>",
        f'<div style="background: url({address}/inline); position: fixed; inset: 0">over all</div>',
        f'<meta http-equiv="refresh" content="0;url={address}/refresh">',
        f'<base href="{address}/base/">',
        f'<object data="{address}/object"></object><embed src="{address}/embed">',
        f'<video autoplay src="{address}/video"></video><audio autoplay src="{address}/audio"></audio>',
        f'<form action="{address}/form"><input autofocus onfocus="{run}"><button>send</button></form>',
        f"![image]({address}/markdown-image)",
        f'![image]({address}/titled "x\\" onerror=\\"{run}")',
        "[link](javascript:alert(1)) [data](data:text/html;base64,PHNjcmlwdD4=) [file](file:///etc)",
        "[upper](JaVaScRiPt:alert(1)) [tab](java\tscript:alert(1)) <javascript:a()> [v](vbscript:x)",
        "[entity](&#106;avascript:alert(1)) [here](x.html) [top](//example.org/x) [anchor](#m0)",
        f"![svg](data:image/svg+xml;base64,PHN2Zy8+)<svg><use href='{address}/use#x'/></svg>",
        f'```html" onload="{run}\n<script>{run}</script>\n```',
        f'`<script>{run}</script>` | <b onclick={run}>x</b> |\n|:--" onload={run} |\n|---|\n| a |',
        "-->]]><!-- {{constructor.constructor('a()')()}} ${a()} \x00<\x00script>\x1b[2J\u202e",
    ]


def hostile(address: str) -> list[Any]:
    """Put each text into every place of a message."""
    found: list[Any] = []
    for n, text in enumerate(payloads(address)):
        image = {"type": "image", "source": {"type": "base64", "media_type": text, "data": text}}
        tool = {"name": text, "arguments": json.dumps({text: text, "list": [text]})}
        found += [
            {"role": "user", "content": text},
            {"role": text, "content": text, "model": {"provider": text, "id": text}},
            {
                "role": "assistant",
                "model": text,
                "content": [
                    {"type": "text", "text": text},
                    {"type": "thinking", "thinking": text},
                    {"type": text, "x": text},
                    {"type": "image_url", "image_url": {"url": text}},
                    {"type": "image_url", "image_url": {"url": f"{address}/url"}},
                    {"type": "image_url", "image_url": {"url": f"data:image/svg+xml,{text}"}},
                    {"type": "image_url", "image_url": {"url": f'data:image/png;base64,AAAA"{text}'}},
                    image,
                    text,
                ],
                "tool_calls": [
                    {"id": f"{n}{text}", "type": "function", "function": tool},
                    {"id": f"{n}", "type": "function", "function": {"name": "t", "arguments": text}},
                    {"id": f"{n}x", "type": text},
                ],
            },
            {"role": "tool", "tool_call_id": f"{n}{text}", "content": text},
            {"role": "tool", "tool_call_id": f"{n}", "content": [{"type": "text", "text": text}]},
            {"role": "tool", "tool_call_id": "nothing", "content": text, "created_at": text},
            {"shape": text},
        ]
    return found


@pytest.fixture
def requests() -> Iterator[tuple[str, list[str]]]:
    """A server on this machine, and what it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


def shown(path: Path, home: Path) -> str:
    """Load a page in the browser and return what is there when it has come to rest."""
    return chromium("--virtual-time-budget=3000", "--dump-dom", path.as_uri(), home=home).stdout


@needs_chromium
def test_nothing_runs_and_nothing_is_asked_for(tmp_path: Path, requests: tuple[str, list[str]]) -> None:
    address, asked = requests
    evil = " ".join(payloads(address))
    written = tmp_path / "page.html"
    written.write_text(exported(tmp_path / "store", hostile(address), title=evil, cwd=evil))
    dom = shown(written, tmp_path)
    assert asked == []
    assert "<title>ran</title>" not in dom
    assert 'id="m3"' in dom  # it was there
    Seen(dom).check()


@needs_chromium
def test_the_page_itself_forbids_what_a_hole_would_let_through(
    tmp_path: Path, requests: tuple[str, list[str]]
) -> None:
    """The texts as they are, once in a page of their own, once behind the page's own policy."""
    address, asked = requests
    texts = "\n".join(payloads(address)[:-1])
    texts = texts.replace('<meta http-equiv="refresh"', "<meta")  # leads away, which no policy forbids
    bare, behind = tmp_path / "bare.html", tmp_path / "behind.html"
    bare.write_text(f"<!doctype html><title>t</title>{texts}")
    whole = exported(tmp_path / "store", [{"role": "user", "content": "x"}])
    behind.write_text(whole.replace("<p>x</p>", texts))
    assert "<title>ran</title>" in shown(bare, tmp_path)
    assert {"/ran", "/image", "/frame", "/style", "/import", "/video"} <= set(asked)
    asked.clear()
    dom = shown(behind, tmp_path)
    assert "onerror" in dom  # the texts were there
    assert "<title>ran</title>" not in dom
    assert asked == []


@needs_chromium
def test_on_a_phone_no_role_is_broken_in_two(tmp_path: Path) -> None:
    """Where a heading is wider than the screen, the name of the model goes to the next line."""
    written = page(*sample(tmp_path / "store"), tmp_path / "page.html")
    text = re.sub(r"<meta http-equiv=.Content-Security-Policy.*?>", "", written.read_text())
    text = text.replace("</style>", "html { width: 390px; } </style>", 1)
    text = re.sub(r'(<span class="model">)', r"\1a-model-with-quite-a-long-name-2026-11-01 ", text)
    measure = (
        "document.title = [...document.querySelectorAll('article > header h2')]"
        ".map(each => Math.round(each.getBoundingClientRect().height)).join(' ')"
    )
    phone = tmp_path / "phone.html"
    phone.write_text(text.replace("</body>", f"<script>{measure}</script></body>"))
    title = re.search(r"<title>(.*?)</title>", shown(phone, tmp_path))
    assert title is not None
    heights = set(map(int, title[1].split()))
    assert heights
    assert max(heights) < 1.5 * min(heights), heights


@needs_chromium
def test_the_style_sheet_of_the_page_is_not_forbidden(tmp_path: Path) -> None:
    """Its hash stands in the policy: a picture of the page has colours of its own."""
    written = page(*sample(tmp_path / "store"), tmp_path / "page.html")
    styled, bare = tmp_path / "styled.png", tmp_path / "bare.png"
    chromium(f"--screenshot={styled}", written.as_uri(), home=tmp_path)
    other = tmp_path / "other.html"
    other.write_text(re.sub(r"<style>.*?</style>", "", written.read_text(), flags=re.DOTALL))
    chromium(f"--screenshot={bare}", other.as_uri(), home=tmp_path)
    assert styled.read_bytes() != bare.read_bytes()


def test_a_hostile_session_has_only_tags_of_the_page(tmp_path: Path) -> None:
    evil = " ".join(payloads("http://127.0.0.1:1"))
    seen = Seen(exported(tmp_path, hostile("http://127.0.0.1:1"), title=evil, cwd=evil))
    seen.check()


_SCRAPS = [
    *("<", ">", '"', "'", "&", "`", "```", "\n", "\n\n", "[", "](", ")", "![", "javascript:", "data:"),
    *(
        "http://a",
        "image/png;base64,",
        "script",
        "onload=",
        "=",
        " ",
        "|",
        "\n|-|\n",
        "style",
        "#",
        "- ",
    ),
    *("> ", "\\", "<!--", "]]>", "</", "&#106;", "&lt;", "\x00", "\u2028", "\t", "~~", "**", "a", "py"),
    *("<a@b.c>", "<http://b>"),
]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(_SCRAPS), max_size=14).map("".join))
def test_no_text_becomes_markup(text: str) -> None:
    for breaks in (True, False):
        written = html_text.markdown(text, breaks=breaks) + html_text.block(text, text)
        for tag, attributes in Seen(written).tags:
            assert tag in _TAGS
            assert set(attributes) <= _OF_TEXT
            if "href" in attributes:
                assert re.match(r"(https?://|mailto:)", attributes["href"] or "", re.I)
            if "src" in attributes:
                assert (attributes["src"] or "").startswith("data:image/png;base64,")


@pytest.mark.parametrize(
    "url", ["javascript:a", "JAVASCRIPT:a", "data:text/html,x", "file:///a", "x.html"]
)
def test_what_is_no_link_stands_there_as_it_was_written(url: str) -> None:
    assert html_text.markdown(f"[link]({url})") == f"<p>[link]({url})</p>\n"
    assert html_text.markdown(f"![link]({url})") == f"<p>![link]({url})</p>\n"


def test_what_turns_the_direction_of_writing_is_seen() -> None:
    for text in ("a\u202eb", "a&#x202e;b", "a&#8238;b"):
        assert html_text.markdown(text) == "<p>a[U+202E]b</p>\n"
    assert "\u202e" not in html_text.markdown("[x](http://a/&#x202e;) ![&#x202e;](http://b) `&#x202e;`")


def test_what_the_page_shows(tmp_path: Path) -> None:
    storage, session = sample(tmp_path / "store")
    text = page(storage, session, tmp_path / "page.html").read_text()
    seen = Seen(text)
    seen.check()
    classes = [attributes.get("class") for _, attributes in seen.tags]
    assert classes.count("call") == 3
    assert "tail: cannot open" in text.split('<span class="tool">run</span>')[1].split("</details>")[0]
    assert re.search(r'<span class="tool">run</span> <span class="failed">failed</span>', text)
    assert '<span class="kn">' in text or '<span class="k">def</span>' in text
    assert "<td align=right>15</td>" in text
    assert f"data:image/png;base64,{png(320, 120)}" in text
    assert "5 checkpoints, 2 branches" in text
    assert [tag for tag, _ in seen.tags].count("circle") == 5
    contents = text.split("<nav")[1].split("</nav>")[0]
    assert re.findall(r"#m(\d+)", contents) == ["0", "5", "9", "11"]
    # Every link within the page leads somewhere, and every message can be led to.
    ids = [attributes["id"] for _, attributes in seen.tags if "id" in attributes]
    assert len(set(ids)) == len(ids)
    assert {f"m{n}" for n in range(13)} <= set(ids)
    for _, attributes in seen.tags:
        target = attributes.get("href") or ""
        assert not target.startswith("#") or target[1:] in ids


def test_the_page_can_be_read_from_the_keyboard_and_by_those_who_listen(tmp_path: Path) -> None:
    text = page(*sample(tmp_path / "store"), tmp_path / "page.html").read_text()
    seen = Seen(text)
    first = next(attributes for tag, attributes in seen.tags if tag == "a")
    assert first["href"] == "#conversation"  # passes over the contents
    levels = [int(tag[1]) for tag, _ in seen.tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(attributes.get("tabindex") == "0" for tag, attributes in seen.tags if tag == "pre")
    assert all(attributes.get("alt") for tag, attributes in seen.tags if tag == "img")
    assert all(attributes.get("aria-hidden") for tag, attributes in seen.tags if tag == "svg")
    assert "focus-visible" in text
    assert "prefers-color-scheme: dark" in text


@needs_chromium
def test_what_is_folded_is_printed(tmp_path: Path) -> None:
    written = page(*sample(tmp_path / "store"), tmp_path / "page.html")
    folded, never = tmp_path / "folded.pdf", tmp_path / "never.pdf"
    chromium("--no-pdf-header-footer", f"--print-to-pdf={folded}", written.as_uri(), home=tmp_path)
    opened = tmp_path / "opened.html"
    opened.write_text(written.read_text().replace("<details class", "<details open class"))
    chromium("--no-pdf-header-footer", f"--print-to-pdf={never}", opened.as_uri(), home=tmp_path)
    pages = [path.read_bytes().count(b"/Type /Page\n") for path in (folded, never)]
    assert pages[0] == pages[1] > 0


def test_a_page_of_what_is_left_says_what_is_missing(tmp_path: Path) -> None:
    storage, session = sample(tmp_path / "store")
    newest = storage.list_checkpoints(session).checkpoints
    path = Path(storage.checkpoint_path(newest[-2].id))
    path.chmod(0o600)
    path.write_bytes(b"damage")
    opened = FileStorage(tmp_path / "store", message_type=dict)
    left = opened.get_checkpoint(newest[-1].id, partial=True)
    summary = opened.list_sessions().sessions[0]
    text = b"".join(as_html(opened, with_checkpoint(summary, left))).decode()
    assert [gap.count for gap in left.gaps] == [11]
    assert "11 messages cannot be read" in text
    assert text.index("cannot be read") < text.index('id="m11"')
