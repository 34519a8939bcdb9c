"""``sessionfs rewind``."""

from __future__ import annotations

from ..command import Command


def test_rewind_makes_a_checkpoint_active_and_says_which_was(imported: Command) -> None:
    newest, _, oldest = [line.split()[1] for line in imported("log", "6f1c").splitlines()]
    done = imported.run("rewind", "6f1c", oldest)
    assert done.stdout == f"active  {oldest}  6 messages\n"
    assert done.stderr == f"before: {newest}\n"
    assert "(active)" in imported("log", "6f1c").splitlines()[2]
    told = imported.json("rewind", "6f1c", newest)
    assert told["message_count"] == 12
    assert "(active)" in imported("log", "6f1c").splitlines()[0]
    assert imported.json("rewind", "6f1c", "123456", code=1)["code"] == "not_found"
    assert imported.run("rewind", "@2").returncode == 2
