"""``sessionfs diff``."""

from __future__ import annotations

from typing import Any

from sessionfs.cli.commands.diff import compare

from ..command import Command
from ..samples import make


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
