"""``sessionfs ls``."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from rich.cells import cell_len

from sessionfs import (
    CreateSessionRequest,
    FileStorage,
    SessionVisibility,
)

from ..command import Command
from ..samples import TITLES, make, user

DEEP = "/srv/" + "/".join(["directory"] * 25) + "/work/garden"
WIDE = "/srv/" + "/".join(["庭の記録"] * 25) + "/仕事/庭"


def test_filters_of_ls(imported: Command) -> None:
    assert imported.json("ls", "--search", "WATERING")["total"] == 1
    assert imported.json("ls", "--cwd", "/home/ana/shop")["total"] == 1
    assert imported.json("ls", "--below", "/home/ana")["total"] == 2
    assert imported.json("ls", "--below", "/home/an")["total"] == 0
    assert imported.json("ls", "--since", "2026-03-15")["total"] == 1
    assert imported.json("ls", "--until", "2026-03-15T12:00+02:00")["total"] == 1
    assert imported.json("ls", "--since", "1w")["total"] == 0
    assert imported.run("ls", "--since", "yesterday").returncode == 2
    assert imported.json("ls", "-n", "0")["total"] == 2


def test_a_damaged_session_is_listed_with_its_file(imported: Command) -> None:
    active = Path(imported("path", "6f1c", "--active").strip())
    active.chmod(0o600)
    active.write_bytes(b"damage")
    listed = imported("ls")
    assert "Watering schedule for the garden controller !" in listed
    assert active.name in listed
    failed = imported.run("show", "6f1c")
    assert failed.returncode == 1
    assert active.name in failed.stderr


def test_ls_in_a_form_of_ones_own(imported: Command) -> None:
    make(imported, "tab\there\nand \x1b[31mred", [])
    lines = imported("ls", "--format", r"{short}\t{title}\t{messages} {{{status}}}").splitlines()
    assert lines[0].split("\t")[1:] == ["tab here and \\x1b[31mred", "0 {active}"]
    assert lines[2] == "6f1c2a9e\tWatering schedule for the garden controller\t12 {active}"
    assert imported("ls", "--format", "{updated} {cwd}").splitlines()[1].endswith("Z /home/ana/shop")
    wrong = imported.run("ls", "--format", "{id.__class__}")
    assert wrong.returncode == 2
    assert "the fields are id, short, title" in imported.run("ls", "--format", "{name}").stderr


def test_ls_filters_by_visibility_creation_and_cursor(imported: Command) -> None:
    storage = FileStorage(imported.home / ".sessionfs")
    request = CreateSessionRequest("shared", visibility=SessionVisibility.PUBLIC)
    shared = storage.create_session(request).session_id

    def listed(*arguments: str) -> list[str]:
        return [each["id"] for each in imported.json("ls", *arguments)["sessions"]]

    assert listed("--visibility", "Public") == [str(shared)]
    assert str(shared) not in listed("--visibility", "private")
    assert listed("--created-since", "1h") == [str(shared)]
    assert str(shared) not in listed("--created-until", "1h")
    pages, page = [], imported.json("ls", "-n", "1")
    while True:
        pages += [each["id"] for each in page["sessions"]]
        if page["next_cursor"] is None:
            break
        page = imported.json("ls", "-n", "1", "--cursor", page["next_cursor"])
    assert pages == listed()
    assert len(pages) == 3
    assert imported.run("ls", "--visibility", "secret").returncode == 2
    assert imported.json("ls", "--cursor", "nonsense", code=1)["code"] == "invalid_request"


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
    # Piped output is not cut.
    assert [line for line in command("ls").splitlines() if line.endswith(DEEP)]


@pytest.mark.parametrize("columns", [80, 200])
def test_what_is_to_be_known_of_a_session_is_not_cut_with_its_title(odd: Command, columns: int) -> None:
    storage = FileStorage(odd.home / ".sessionfs")
    ids = {each.title: each.id for each in storage.list_sessions().sessions}
    storage.delete_session(ids["T" * 300])
    wide, words = ids[TITLES[0]], ids[TITLES[2]]
    first = storage.get_active_checkpoint(wide).id
    storage.append_messages(wide, [user("one")])
    other = FileStorage(odd.home / "other")
    other.merge_from(odd.home / ".sessionfs")
    other.append_messages(wide, [user("two")], expected_active=None)
    storage.append_messages(wide, [user("three")])
    storage.merge_from(odd.home / "other")
    assert storage.get_session(wide).heads[-1].id != first
    [path] = Path(storage.session_path(words)).glob("objects/*")
    path.chmod(0o600)
    path.write_bytes(b"damage")
    lines = odd.on_a_terminal("ls", "--all", columns=columns).splitlines()
    for title, mark in (("TTT", "deleted"), ("題名", "2 heads"), ("Words", "!")):
        [line] = [each for each in lines if f" {title}" in each]
        assert re.search(rf"… ?{mark}", line.replace(" …", "…")), line
        assert cell_len(line.rstrip()) <= columns


def test_ls_of_a_directory_as_people_name_it(
    sessionfs: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = FileStorage(sessionfs.home / ".sessionfs")
    here = sessionfs.home / "here"
    here.mkdir()
    storage.create_session(CreateSessionRequest("mine", [], cwd=str(here)))
    monkeypatch.chdir(here)
    for option, given in (("--cwd", "."), ("--below", ".."), ("--cwd", "../here")):
        assert "mine" in sessionfs("ls", option, given), (option, given)
    assert sessionfs.run("ls", "--search", "nothing").stderr == "no session matches\n"
