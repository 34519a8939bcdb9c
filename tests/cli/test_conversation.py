"""Reading, comparing and exporting conversations from the command line."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path
from typing import Any

import pytest

from sessionfs import CreateSessionRequest, FileStorage
from sessionfs.cli.commands.diff import compare

from .command import CLAUDE, CLAUDE_ID, Command

pytestmark = pytest.mark.once


def make(command: Command, title: str, messages: list[Any]) -> str:
    storage = FileStorage(command.home / ".sessionfs")
    return str(storage.create_session(CreateSessionRequest(title, messages)).session_id)


def test_a_session_is_named_by_words_of_its_title(imported: Command) -> None:
    for words in ("watering garden", "GARDEN schedule", "controller"):
        assert imported.json("show", words)["id"] == CLAUDE_ID
    assert "these words in its title" in imported.run("show", "watering cart").stderr
    other = make(imported, "Watering", [])
    ambiguous = imported.json("show", "wat", code=1)
    assert (ambiguous["code"], "is in 2 titles" in ambiguous["error"]) == ("invalid_request", True)
    assert imported.json("show", "watering")["id"] == other  # the whole title is meant
    imported("rm", other)
    assert imported.json("show", "wat")["id"] == CLAUDE_ID  # one that is not deleted is meant
    assert imported.json("show", other[:13])["id"] == other


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
        "[video] {'type': 'video', 'frames': 7}",
        "[part] 5",
    ]


def test_a_pager_shows_what_is_longer_than_the_screen(imported: Command, tmp_path: Path) -> None:
    make(imported, "long", [{"role": "user", "content": "\n".join(map(str, range(200)))}])
    pager = tmp_path / "pager"
    pager.write_text("#!/bin/sh\necho paged; head -n 3\n")  # and leaves early
    pager.chmod(0o755)
    del imported.environment["SESSIONFS_PAGER"]
    imported.environment["PAGER"] = str(pager)
    assert imported.on_a_terminal("show", "@1", columns=80).startswith("paged\nlong\n")
    assert "paged" not in imported.on_a_terminal("show", "@1", "--no-pager", columns=80)
    assert "paged" not in imported.on_a_terminal("show", "@2", "-n", "1", columns=80)
    assert "paged" not in imported("show", "@1")
    imported.environment["SESSIONFS_PAGER"] = "cat"
    assert "paged" not in imported.on_a_terminal("show", "@1", columns=80)
    imported.environment["SESSIONFS_PAGER"] = "no-such-pager-here"
    assert "199" in imported.on_a_terminal("show", "@1", columns=80)


def test_diff_tells_what_was_added_removed_and_changed(imported: Command) -> None:
    def say(*texts: str) -> list[Any]:
        return [{"role": role, "content": text} for role, text in (each.split(":") for each in texts)]

    one = make(imported, "one", say("user:a", "assistant:b", "user:c", "user:e"))
    two = make(imported, "two", say("user:a", "assistant:B", "user:c", "assistant:d", "user:e"))
    told = imported.json("diff", one, two)
    kinds = [(each["kind"], each.get("a", {}).get("index"), each.get("b", {}).get("index"))
             for each in told["changes"]]  # fmt: skip
    assert kinds == [("changed", 1, 1), ("added", None, 3)]
    assert told["changes"][1]["b"]["message"] == {"role": "assistant", "content": "d"}
    assert (told["same"], told["a"]["session"], told["b"]["messages"]) == (3, one, 5)
    done = imported.run("diff", one, two)
    assert done.stdout.splitlines() == [
        "~ assistant  1",
        "  @@ -1 +1 @@",
        "  -b",
        "  +B",
        "+ assistant  3",
        "  +d",
    ]
    assert done.stderr == "1 added, 0 removed, 1 changed, 3 the same\n"
    assert "- assistant  3\n  -d\n" in imported("diff", two, one)
    assert imported.run("diff", one, one).stdout == ""


def test_diff_of_checkpoints(imported: Command) -> None:
    newest, _, oldest = [line.split()[1] for line in imported("log", "6f1c").splitlines()]
    named = imported("diff", f"6f1c:{oldest}", f"6f1c:{newest}")
    assert named.count("\n+ ") + 1 == 6
    assert imported("diff", oldest, newest) == named
    assert imported("diff", f"watering:{oldest}", f":{newest}") == named
    assert imported("diff", oldest, "6f1c") == named
    assert imported.json("diff", "6f1c", ":abcdef", code=1)["code"] == "not_found"
    assert imported.json("diff", "6f1c", "abcdef", code=1)["code"] == "not_found"


def test_a_change_pairs_messages_of_the_same_role() -> None:
    before: list[Any] = [{"role": "user", "content": "x"}, {"role": "tool", "content": "1"}]
    after: list[Any] = [{"role": "user", "content": "y"}, {"role": "assistant", "content": "1"}]
    changes, same = compare(before, after)
    assert [tuple(each) for each in changes] == [
        ("changed", 0, 0),
        ("removed", 1, None),
        ("added", None, 1),
    ]
    assert same == 0


def test_cat_gives_messages_byte_for_byte(imported: Command) -> None:
    stored = b'{"role": "user",  "content":"a\\u0041", "unknown":1.0}'
    id_ = make(imported, "bytes", [json.loads(stored), {"role": "user", "content": "b\tc"}])
    (path,) = imported.json("path", id_)["objects"]
    lines = imported("cat", id_).splitlines()
    raw = Path(path).read_text()
    assert all(line in raw for line in lines)
    assert [json.loads(line)["content"] for line in lines] == ["aA", "b\tc"]
    assert imported("cat", id_, "1", "0").splitlines() == lines[::-1]
    assert imported("cat", id_, "--", "-1").splitlines() == lines[1:]
    assert imported("cat", id_, "--text") == "aA\nb\tc\n"
    assert imported.json("cat", id_, "0")["messages"] == [json.loads(lines[0])]
    assert "which count from 0" in imported.run("cat", id_, "2").stderr
    assert imported("export", id_, "-f", "jsonl").splitlines() == lines
    oldest = imported("log", "6f1c").splitlines()[-1].split()[1]
    assert len(imported("cat", "6f1c", "-c", oldest).splitlines()) == 6


def test_export_as_files(imported: Command, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    markdown = imported("export", "6f1c")
    assert "# Watering schedule for the garden controller" in markdown
    told = imported.json("export", "6f1c", "-o", str(out / "a.md"))
    assert (out / "a.md").read_text() == markdown
    assert (told["format"], told["bytes"], told["session"]) == ("md", len(markdown.encode()), CLAUDE_ID)
    assert "already exists: --force" in imported.run("export", "6f1c", "-o", out / "a.md").stderr
    assert stat.S_IMODE((out / "a.md").stat().st_mode) == 0o600
    imported("export", "6f1c", "-o", out / "a.md", "-f", "json", "--force")
    assert json.loads((out / "a.md").read_text()) == imported.json("show", "6f1c")
    assert [each.name for each in out.iterdir()] == ["a.md"]
    imported("export", "6f1c", "-o", out / "a.html")
    assert (out / "a.html").read_text() == imported("export", "6f1c", "--format", "html")
    assert "<h1" in (out / "a.html").read_text()
    assert imported.run("export", "6f1c", "-o", out / "a.docx").returncode == 2
    assert (
        imported.json("export", "6f1c", "-o", out / "no" / "a.md", code=1)["code"] == "invalid_request"
    )
    assert imported("export", "6f1c", "-o", "-") == markdown


def test_nothing_in_a_message_ends_its_block_of_markdown(imported: Command) -> None:
    result = "```\n````\n# not a heading\n"
    make(imported, "*x* <b>", [{"role": "tool", "content": result}])
    assert f"`````\n{result}`````" in imported("export", "@1")
    assert imported("export", "@1").startswith(r"# \*x\* \<b\>")


def test_fork_and_rename(imported: Command) -> None:
    before = imported.json("show", "6f1c")
    oldest = imported("log", "6f1c").splitlines()[-1].split()[1]
    told = imported.json("fork", "6f1c", "-c", oldest, "--title", "Another way")
    assert (told["message_count"], told["forked_from"]["session_id"]) == (6, CLAUDE_ID)
    assert imported.json("show", "another way")["id"] == told["id"]
    assert imported("fork", "6f1c").split()[2:4] == ["12", "messages"]
    assert imported.json("show", "6f1c") == before
    done = imported.run("rename", "6f1c", "Peas", "and\n beans")
    assert done.stdout.split()[:2] == ["renamed", CLAUDE_ID]
    assert done.stderr == "before: Watering schedule for the garden controller\n"
    assert imported.json("rename", "6f1c", "Roses")["before"] == "Peas and\n beans"
    assert imported.json("show", "6f1c")["title"] == "Roses"


def test_ls_in_a_form_of_ones_own(imported: Command) -> None:
    make(imported, "tab\there\nand \x1b[31mred", [])
    lines = imported("ls", "--format", r"{short}\t{title}\t{messages} {{{status}}}").splitlines()
    assert lines[0].split("\t")[1:] == ["tab here and \\x1b[31mred", "0 {active}"]
    assert lines[2] == "6f1c2a9e\tWatering schedule for the garden controller\t12 {active}"
    assert imported("ls", "--format", "{updated} {cwd}").splitlines()[1].endswith("Z /home/ana/shop")
    wrong = imported.run("ls", "--format", "{id.__class__}")
    assert wrong.returncode == 2
    assert "the fields are id, short, title" in imported.run("ls", "--format", "{name}").stderr


def test_a_wrong_command_line_is_one_line_that_says_what_to_do(imported: Command) -> None:
    for arguments in (["ls", "--limit", "x"], ["nope"], ["show"], ["ls", "--nope"], ["cat", "@1", "x"]):
        done = imported.run(*arguments)
        assert (done.returncode, done.stdout) == (2, ""), arguments
        assert len(done.stderr.splitlines()) == 1
        assert re.search(r"\(see sessionfs( \w+)? --help\)$", done.stderr.strip()), done.stderr
        told = imported.json(*arguments, code=2)
        assert told["code"] == "usage"
        assert set(told) == {"error", "code"}


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_an_encoding_without_our_characters_is_no_error(imported: Command, encoding: str) -> None:
    make(imported, "ä 🌱 " + "long " * 60, [{"role": "user", "content": "→ 🌱"}])
    for arguments in (["ls"], ["show", "@1"], ["show", "@3"], ["stats"], ["search", "tomato"]):
        done = imported.run(*arguments, PYTHONIOENCODING=encoding)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        assert "🌱" not in done.stdout
        assert done.stdout.isascii() or encoding != "ascii"
    assert "\\U0001f331" in imported.run("show", "@1", PYTHONIOENCODING=encoding).stdout


@pytest.mark.parametrize(
    ("variable", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")], ids=["no-color", "dumb"]
)
def test_no_colours_where_they_are_not_wanted(imported: Command, variable: str, value: str) -> None:
    imported.environment[variable] = value
    for arguments in (["ls"], ["log", "@1"], ["stats"], ["search", "tomato"]):
        _, shown = imported.terminal(*arguments)
        assert shown
        colours = re.findall(r"\x1b\[[0-9;]*[34][0-7][0-9;]*m", shown)
        assert colours == [], arguments
        if variable == "TERM":
            assert "\x1b" not in shown


def test_the_original_of_an_import_is_given_back(imported: Command) -> None:
    printed = imported("export", CLAUDE_ID, "--format", "original").splitlines()
    lines = [line for line in Path(CLAUDE).read_text().splitlines() if line.strip()]
    assert [json.loads(line) for line in printed] == [json.loads(line) for line in lines]
    refused = imported.run("export", CLAUDE_ID, "--format", "original", "--checkpoint", "@1")
    assert (refused.returncode, "be combined with --checkpoint" in refused.stderr) == (2, True)
    made = make(imported, "Made here", [])
    assert "was not imported" in imported.run("export", made, "--format", "original").stderr
