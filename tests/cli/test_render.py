"""Tables on a terminal and piped: what does not fit is cut where it says least."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from sessionfs import CreateSessionRequest, FileStorage
from sessionfs.cli.render import last_of

from .command import Command

DEEP = "/srv/" + "/".join(["directory"] * 25) + "/work/garden"
WIDE = "/srv/" + "/".join(["庭の記録"] * 25) + "/仕事/庭"


@pytest.mark.parametrize("columns", [80, 200])
def test_tables_fit_the_terminal(imported: Command, columns: int) -> None:
    storage = FileStorage(imported.home / ".sessionfs")
    storage.create_session(CreateSessionRequest("long " * 60, [], cwd="/deep" * 60))
    for arguments in (["ls"], ["log", "6f1c"]):
        lines = imported.on_a_terminal(*arguments, columns=columns).splitlines()
        assert max(map(len, lines)) <= columns
    listed = imported.on_a_terminal("ls", columns=columns)
    assert "…" in listed
    for column in ("ID", "UPDATED", "MESSAGES", "TITLE", "DIRECTORY"):
        assert column in listed


def test_what_is_piped_is_whole_and_without_colours(imported: Command) -> None:
    FileStorage(imported.home / ".sessionfs").create_session(CreateSessionRequest("t" * 150, []))
    listed = imported("ls")
    assert "t" * 150 in listed
    assert "\x1b" not in listed


@pytest.mark.parametrize("path", [DEEP, WIDE, "/x/" + "n" * 50 + "/a", "n" * 50, "題" * 50, ""])
def test_the_end_of_a_path_fills_what_room_there_is(path: str) -> None:
    for width in range(1, 60):
        cut = last_of(path, width)
        assert cell_len(cut) <= width
        if cut != path:
            assert cut[0] == "…"
            assert path.endswith(cut[1:])
            assert cell_len(cut) * 2 >= width
