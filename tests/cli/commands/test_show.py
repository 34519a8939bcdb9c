"""``sessionfs show``."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from rich.cells import cell_len

from sessionfs import (
    CreateSessionRequest,
    FileStorage,
)

from ..command import CLAUDE_ID, Command
from ..samples import make


def damage_active(command: Command) -> None:
    active = Path(command("path", "6f1c", "--active").strip())
    active.chmod(0o600)
    active.write_bytes(b"damage")


def test_a_checkpoint_can_be_shown_by_the_name_of_its_file(imported: Command) -> None:
    oldest = imported("log", "6f1c").splitlines()[-1].split()[1]
    shown = imported.json("show", "6f1c", "--checkpoint", oldest)
    assert len(shown["active_checkpoint"]["state"]["messages"]) == 6


def test_show_by_role_and_the_last(imported: Command) -> None:
    done = imported.run("show", "6f1c", "--role", "user", "--limit", "2")
    headings = re.findall(r"^(user|assistant|tool)  (\d+)", done.stdout, re.MULTILINE)
    assert headings == [("user", "6"), ("user", "10")]
    assert done.stderr.splitlines() == [
        "9 messages of other roles not shown",
        "1 earlier message not shown (-n 3)",
    ]
    both = imported.json("show", "6f1c", "--role", "user", "--role", "tool")
    roles = {each["role"] for each in both["active_checkpoint"]["state"]["messages"]}
    assert roles == {"user", "tool"}
    assert imported.run("show", "6f1c").stderr == ""


def test_markdown_is_rendered_on_a_terminal_and_raw_or_piped_as_written(imported: Command) -> None:
    text = "# Plan\n\nSee [here](https://example.org/x), **now**:\n\n```python\nprint(1)\n```"
    make(imported, "md", [{"role": "assistant", "content": text}, {"role": "user", "content": "a\nb"}])
    assert text in imported("show", "@1")
    assert text in imported.on_a_terminal("show", "@1", "--raw", columns=80)
    shown = imported.on_a_terminal("show", "@1", columns=80)
    assert "**" not in shown
    assert "```" not in shown
    assert "https://example.org/x" in shown  # a link never hides where it leads
    assert "a\nb\n" in shown  # what a person typed keeps its lines


def test_entities_of_markdown_command_no_terminal(imported: Command) -> None:
    text = "a &#x1b;[31m &#x9b;31m &#x202e;b `c` [d](http://e&#x202e;f) ![g&#x202e;](h)\n\n"
    text += "```&#x202e;\nx\n```"
    make(imported, "md", [{"role": "assistant", "content": text}])
    shown = imported.on_a_terminal("show", "@1", columns=80)
    assert "\\x202eb" in shown
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", shown)


def test_results_of_tools_are_folded_and_unfold(imported: Command) -> None:
    lines = "\n".join(f"line {n}" for n in range(100))
    arguments = json.dumps({"script": "x" * 500})
    call = {"id": "1", "type": "function", "function": {"name": "run", "arguments": arguments}}
    make(
        imported,
        "folds",
        [
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "1", "content": lines},
        ],
    )
    shown = imported.on_a_terminal("show", "@1", columns=80)
    assert "… 88 more lines (--full)" in shown
    (folded,) = [line for line in shown.splitlines() if line.startswith("→")]
    assert len(folded) <= 80
    assert folded.endswith("…")
    full = imported("show", "@1", "--full")
    assert lines in full
    assert arguments in full


def test_images_are_named_and_nothing_is_left_out(imported: Command) -> None:
    png = "iVBORw0KGgo="
    parts: list[Any] = [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": png}},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{png}"}},
        {"type": "input_image", "image_url": "https://example.org/a.png"},
        {"type": "video", "frames": 7},
        5,
    ]
    make(imported, "parts", [{"role": "user", "content": parts}])
    shown = imported("show", "@1").splitlines()[3:]
    assert shown == [
        "user  0",
        "[image: PNG, 8 bytes]",
        "[image: PNG, 8 bytes]",
        "[image: https://example.org/a.png]",
        '[video] {"type":"video","frames":7}',
        "[part] 5",
    ]


def test_a_line_without_an_end_is_cut_and_says_so(odd: Command) -> None:
    shown = odd("show", "tools")
    assert "z" * 1000 + "\n… 4,000 more characters (--full)\nline\nline\nline\n" in shown
    assert "z" * 1001 not in shown
    assert "z" * 5000 + "\n" in odd("show", "tools", "--full")
    told = odd("diff", "TTT", "tools")
    assert "… 4,001 more characters (--full)" in told
    assert "z" * 1001 not in told
    assert "z" * 5000 + "\n" in odd("diff", "TTT", "tools", "--full")


def test_no_fact_is_broken_that_fits_on_a_line(odd: Command) -> None:
    for columns in (60, 80, 200):
        facts = odd.on_a_terminal("show", "tools", columns=columns).split("\n\n")[0].splitlines()[1:]
        assert all(cell_len(line) <= columns for line in facts)
        told = [each for line in facts for each in line.rstrip().split(" · ")]
        assert told[1:4] == ["private", "active", "~/a\\x0ab"]
        assert re.fullmatch(r"created \d{4}-\d\d-\d\d \d\d:\d\d", told[4])
        assert told[5:] == ["3 messages"]
    assert len(odd("show", "tools").split("\n\n")[0].splitlines()) == 2


def test_another_checkpoint_is_shown_where_the_active_one_is_damaged(imported: Command) -> None:
    oldest = imported("log", "6f1c").splitlines()[-1].split()[1]
    damage_active(imported)
    assert imported.run("show", "6f1c").returncode == 1
    shown = imported("show", "6f1c", "-c", oldest)
    assert "Watering schedule" in shown
    assert "The tomato bed gets watered twice a day" in shown
    found = imported.json("show", "6f1c", "-c", oldest)
    assert (found["id"], found["cwd"]) == (CLAUDE_ID, "/home/ana/garden")
    assert len(found["active_checkpoint"]["state"]["messages"]) == 6


def test_messages_with_odd_tool_calls_are_shown(sessionfs: Command) -> None:
    storage = FileStorage(sessionfs.home / ".sessionfs")
    messages: list[Any] = [
        {"role": "assistant", "content": "x", "tool_calls": calls} for calls in (5, "a", {"b": 1}, [7])
    ]
    storage.create_session(CreateSessionRequest("odd", messages))
    shown = [line for line in sessionfs("show", "@1").splitlines() if line.startswith("→")]
    assert shown == ["→ 5", '→ "a"', '→ {"b":1}', "→ 7"]
