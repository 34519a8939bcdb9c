"""The table of ls on a terminal: what does not fit is cut where it says least."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.cells import cell_len

from sessionfs import CreateSessionRequest, FileStorage
from sessionfs.cli.render import last_of

from .command import Command

DEEP = "/srv/" + "/".join(["directory"] * 25) + "/work/garden"
WIDE = "/srv/" + "/".join(["庭の記録"] * 25) + "/仕事/庭"


@pytest.mark.parametrize("columns", [80, 200])
def test_a_directory_is_cut_at_its_beginning(tmp_path: Path, columns: int) -> None:
    command = Command(tmp_path)
    storage = FileStorage(tmp_path / ".sessionfs")
    for title, cwd in (
        ("Deep", DEEP),
        ("Wide", WIDE),
        ("One name", "/" + "n" * 250 + "end"),
        ("Home", str(tmp_path)),
        ("Garden", f"{tmp_path}/garden"),
        ("Both are long " * 20, DEEP),
        ("None", None),
    ):
        storage.create_session(CreateSessionRequest(title, [], cwd=cwd))
    shown = command.on_a_terminal("ls", columns=columns).splitlines()
    assert len(shown) == 8
    assert all(cell_len(line) <= columns for line in shown)
    titles = ("Deep", "Wide", "One name", "Home", "Garden", "Both")
    rows = {each: line.rstrip() for each in titles for line in shown if f" {each} " in line}
    assert rows["Deep"].endswith("/directory/work/garden")
    assert "…/directory/" in rows["Deep"]
    assert rows["Wide"].endswith("/庭の記録/仕事/庭")
    assert "…/庭の記録" in rows["Wide"]
    assert rows["One name"].endswith("nnnend")
    assert "…nnn" in rows["One name"]
    assert rows["Home"].split()[-1] == "~"
    assert rows["Garden"].split()[-1] == "~/garden"
    assert rows["Both"].endswith("/work/garden")
    assert rows["Both"].count("…") == 2
    # What is piped is not cut.
    assert [line for line in command("ls").splitlines() if line.endswith(DEEP)]


@pytest.mark.parametrize("path", [DEEP, WIDE, "/x/" + "n" * 50 + "/a", "n" * 50, "題" * 50, ""])
def test_the_end_of_a_path_fills_what_room_there_is(path: str) -> None:
    for width in range(1, 60):
        cut = last_of(path, width)
        assert cell_len(cut) <= width
        if cut != path:
            assert cut[0] == "…"
            assert path.endswith(cut[1:])
            assert cell_len(cut) * 2 >= width
