"""``sessionfs stats``."""

from __future__ import annotations

import re

from ..command import Command


def test_stats_of_one_session_and_of_all(imported: Command) -> None:
    one = imported.json("stats", "6f1c")
    assert (one["total_sessions"], one["total_tool_calls"], one["failed_tool_calls"]) == (1, 3, 1)
    every = imported.json("stats")
    assert (every["total_sessions"], every["total_tool_calls"]) == (2, 6)
    assert imported.json("stats", "--since", "2026-03-15")["total_sessions"] == 1
    shown = imported("stats")
    assert "2 sessions, 2 with messages" in shown
    assert re.search(r"apply_patch +1 █+", shown)
