"""``sessionfs export``."""

from __future__ import annotations

import json
import stat
from pathlib import Path

from ..command import CLAUDE, CLAUDE_ID, Command
from ..samples import make


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


def test_the_original_of_an_import_is_given_back(imported: Command) -> None:
    printed = imported("export", CLAUDE_ID, "--format", "original").splitlines()
    lines = [line for line in Path(CLAUDE).read_text().splitlines() if line.strip()]
    assert [json.loads(line) for line in printed] == [json.loads(line) for line in lines]
    refused = imported.run("export", CLAUDE_ID, "--format", "original", "--checkpoint", "@1")
    assert (refused.returncode, "be combined with --checkpoint" in refused.stderr) == (2, True)
    made = make(imported, "Made here", [])
    assert "was not imported" in imported.run("export", made, "--format", "original").stderr
