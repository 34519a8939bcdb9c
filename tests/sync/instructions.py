"""The commands of ``spec/guide/sync.md``: what the tests run is what its readers are told to type."""

from __future__ import annotations

import re
from pathlib import Path

SYNC = Path(__file__).parents[2] / "spec" / "guide" / "sync.md"


def read(document: str) -> dict[str, str]:
    """Return the blocks of commands, each by its section and its first line: ``rsync: both ways``.

    A block begins with a comment that says what it is for. The shell variables and the home that it
    uses are those of whoever runs it, so nothing in it has to be replaced.
    """
    found: dict[str, str] = {}
    for section in re.split(r"^## ", document, flags=re.MULTILINE)[1:]:
        title, _, body = section.partition("\n")
        for block in re.findall(r"^```sh\n(.*?)^```", body, re.DOTALL | re.MULTILINE):
            first, _, commands = block.partition("\n")
            assert first.startswith("# "), f"the block does not say what it is for: {block}"
            key = f"{title}: {first.removeprefix('# ')}"
            assert key not in found, f"there are two blocks for {key}"
            found[key] = commands
    return found


BLOCKS = read(SYNC.read_text())
"""The commands by section and purpose."""
