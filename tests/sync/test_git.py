"""Clones of a dotfiles repository with a store in it: merged and rebased, however git is set up."""

from __future__ import annotations

import itertools

import pytest

from ..effort import Counted, chosen
from .checking import assert_alike, assert_nothing_lost
from .conftest import Follow
from .dotfiles import (
    COMMIT,
    GIT,
    MERGE,
    NOTES,
    ONCE_BOTH,
    ONCE_FIRST,
    ONCE_OTHER,
    REBASE,
    REMOVES,
    SYNC,
    assert_synced,
    begin,
    synced,
)
from .instructions import BLOCKS
from .machines import Machine, Machines
from .scenarios import scenario
from .writer import Writer, remember

pytestmark = [pytest.mark.once, pytest.mark.slow]

PLAIN = f"{COMMIT} git pull --quiet --no-rebase --no-edit; git push --quiet"
"""Without the option that the document tells to use: what most people type."""

ORDERS = pytest.mark.parametrize("turned", [False, True], ids=["laptop first", "desk first"])
AUTOCRLF: list[tuple[str, str]]
AUTOCRLF = [("true", "true"), ("false", "false"), ("true", "false"), ("input", "true")]
if chosen(few=0, usual=0, everything=1):
    AUTOCRLF = [
        *itertools.permutations(["true", "false", "input"], 2),
        *AUTOCRLF[:2],
        ("input", "input"),
    ]


def autocrlf(one: str, other: str) -> tuple[str, str]:
    setting = "git config --global core.autocrlf {}"
    return setting.format(one), setting.format(other)


def ordered(turned: bool, laptop: Machine, desk: Machine) -> tuple[Machine, Machine]:
    return (desk, laptop) if turned else (laptop, desk)


@scenario(
    "git merge",
    "both appended, renamed, created, rewound, deleted; core.autocrlf true, false, input, and mixed",
    deletions=REMOVES,
    needs=GIT,
    follows=(MERGE,),
)
@ORDERS
@pytest.mark.parametrize("settings", AUTOCRLF, ids=" and ".join)
def test_merged(machines: Machines, follow: Follow, turned: bool, settings: tuple[str, str]) -> None:
    laptop, desk, session = begin(machines, settings=autocrlf(*settings))
    laptop.work(session)
    last = desk.work(session)
    first, second = ordered(turned, laptop, desk)
    for machine in (first, second, first):
        assert "CONFLICT" not in follow(MERGE, machine)
    assert laptop.active(session) == last
    assert_synced(machines, laptop, desk)
    # And git did convert what it was free to convert.
    converted = NOTES.replace(b"\n", b"\r\n") if settings[1] == "true" else NOTES
    assert (desk.home / "dotfiles" / "notes.txt").read_bytes() == converted


@scenario(
    "git rebase",
    "several commits of both, each with work of all kinds, one upon the other",
    deletions=REMOVES,
    needs=GIT,
    follows=(REBASE,),
)
@ORDERS
@pytest.mark.parametrize("settings", [("false", "false"), ("true", "input")], ids=" and ".join)
def test_rebased(machines: Machines, follow: Follow, turned: bool, settings: tuple[str, str]) -> None:
    laptop, desk, session = begin(machines, settings=autocrlf(*settings))
    for machine in (laptop, desk):
        for _ in range(3):
            machine.work(session)
            machine.run(COMMIT)
    first, second = ordered(turned, laptop, desk)
    for machine in (first, second, first):
        assert "CONFLICT" not in follow(REBASE, machine)
    assert desk.run("git -C ~/dotfiles log --merges --oneline") == ""
    assert_synced(machines, laptop, desk)


@scenario(
    "git pull",
    "both worked for days and merged with git's own defaults",
    deletions=REMOVES,
    needs=GIT,
)
@ORDERS
def test_merged_by_default(machines: Machines, turned: bool) -> None:
    laptop, desk, session = begin(machines)
    for _ in range(2):
        for machine in (laptop, desk):
            machine.work(session)
        synced(*ordered(turned, laptop, desk), script=PLAIN)
        assert_synced(machines, laptop, desk)


@scenario(
    "git merge",
    "both rewound to the same checkpoint, again and again: no two refs are taken for one renamed",
    deletions=REMOVES,
    needs=GIT,
)
@ORDERS
def test_both_rewound_to_the_same_checkpoint(machines: Machines, turned: bool) -> None:
    laptop, desk, session = begin(machines)
    first, *_, last = laptop.checkpoints(session)
    for turn in range(4):
        for machine in (laptop, desk):
            machine.rewind(session, last if turn % 2 else first)
        before = laptop.active(session)
        synced(*ordered(turned, laptop, desk), script=PLAIN.replace("pull", "pull -X find-renames=35%"))
        assert before == laptop.active(session) == desk.active(session)
        assert_synced(machines, laptop, desk)
    assert [each.id for each in desk.storage.get_session(session).heads] == [last]


@scenario(
    "git merge",
    "one deleted or restored a session that the other one deleted, or went on with",
    deletions=REMOVES,
    needs=GIT,
)
@ORDERS
def test_deleted_on_one_side_or_on_both(machines: Machines, turned: bool) -> None:
    laptop, desk, session = begin(machines)
    first, second = ordered(turned, laptop, desk)
    for other_does in (desk.delete, lambda each: desk.append(each, "turn"), desk.restore):
        laptop.delete(session)
        other_does(session)
        synced(first, second, script=PLAIN)
        assert_synced(machines, laptop, desk)
    assert laptop.storage.get_session(session).status == "ACTIVE"


@scenario(
    "git merge",
    "attributes of the repository or of the clone ask for CRLF everywhere",
    deletions=REMOVES,
    needs=GIT,
)
def test_attributes_ask_for_conversion(machines: Machines) -> None:
    laptop, desk, session = begin(machines)
    laptop.run("cd ~/dotfiles; echo '* text=auto eol=crlf' > .gitattributes; git add .gitattributes")
    laptop.work(session)
    synced(laptop, desk)
    desk.run("cd ~/dotfiles; git rm --quiet --cached -r .; git reset --quiet --hard")  # all anew
    assert_synced(machines, laptop, desk)
    assert b"\r\n" in (desk.home / "dotfiles" / "notes.txt").read_bytes()
    # What is in .git/info goes before what the store says: its records have no line ends to convert.
    desk.run("cd ~/dotfiles; echo '* text eol=crlf' > .git/info/attributes")
    desk.run("cd ~/dotfiles; git rm --quiet --cached -r .; git reset --quiet --hard")
    assert b"\r\n" in (desk.root / "README.md").read_bytes()
    desk.work(session)
    synced(desk, laptop)
    assert_alike(laptop, desk)
    assert_nothing_lost(machines.kept, laptop, desk)
    findings = {each.kind for each in desk.storage.verify(read_all=True).findings}
    assert findings - {"active-refs-several"} == {"modes-open", "root-file-changed"}


@scenario(
    "git merge",
    "two stores that began apart, in repositories without a common commit",
    deletions=REMOVES,
    needs=GIT,
)
def test_unrelated_histories(machines: Machines) -> None:
    laptop, desk, _ = begin(machines)
    tablet = machines.machine("tablet")
    tablet.work(tablet.create("begun on tablet", "turn"))
    tablet.run("mkdir dotfiles; git -C dotfiles init --quiet")
    tablet.run(BLOCKS[ONCE_FIRST] + COMMIT)
    tablet = machines.machine("tablet")
    tablet.run(
        "cd ~/dotfiles; git remote add origin server:dotfiles.git; git fetch --quiet origin HEAD"
    )
    tablet.run("cd ~/dotfiles; git merge --quiet --no-edit --allow-unrelated-histories FETCH_HEAD")
    tablet.run("cd ~/dotfiles; git push --quiet origin HEAD")
    synced(laptop, desk)
    assert_synced(machines, laptop, desk, tablet)


@scenario(
    "git clone",
    "a machine with a store of its own joins, and brings in what it has",
    deletions=REMOVES,
    needs=GIT,
    follows=(ONCE_BOTH, MERGE),
)
def test_a_machine_with_a_store_joins(machines: Machines, follow: Follow) -> None:
    laptop, desk, session = begin(machines)
    tablet = machines.machine("tablet")
    tablet.work(tablet.create("begun on tablet", "turn"))
    laptop.work(session)
    synced(laptop, desk)
    follow(ONCE_BOTH, tablet)
    tablet = machines.machine("tablet")
    for machine in (tablet, laptop, desk):
        follow(MERGE, machine)
    assert_synced(machines, laptop, desk, tablet)


@scenario(
    "git merge (octopus)",
    "branches of three machines merged at once",
    deletions=REMOVES,
    needs=GIT,
)
def test_an_octopus(machines: Machines) -> None:
    laptop, desk, session = begin(machines)
    tablet = machines.machine("tablet")
    tablet.run(BLOCKS[ONCE_OTHER])
    for machine in (laptop, desk, tablet):
        machine.work(session)
        machine.run(f"{COMMIT} git push --quiet origin HEAD:refs/heads/{machine.name}")
    merge = "git merge --quiet --no-edit origin/laptop origin/desk origin/tablet"
    laptop.run(f"cd ~/dotfiles; git fetch --quiet; {merge}; git push --quiet origin HEAD")
    for machine in (desk, tablet):
        machine.run("cd ~/dotfiles; git pull --quiet --ff-only")
    assert_synced(machines, laptop, desk, tablet)


@scenario(
    "git clone",
    "a new machine: files in any order, all with the time and the modes of the clone",
    deletions="as the last commit has it",
    needs=GIT,
    follows=(ONCE_FIRST, ONCE_OTHER, MERGE),
)
@pytest.mark.parametrize("depth", ["", "--depth 1"], ids=["whole", "shallow"])
def test_a_new_machine(machines: Machines, follow: Follow, depth: str) -> None:
    laptop, desk, session = begin(machines, follow=follow)
    desk.work(session)
    follow(MERGE, desk)
    follow(MERGE, laptop)
    tablet = machines.machine("tablet")
    tablet.run(BLOCKS[ONCE_OTHER].replace("clone", f"clone {depth}"))
    assert_synced(machines, laptop, desk, tablet)
    tablet.work(session)
    synced(tablet, laptop, desk)
    assert_synced(machines, laptop, desk, tablet)


@scenario(
    "git add, commit, pull, push",
    "a program on each side works all the while",
    deletions=REMOVES,
    needs=GIT,
)
def test_writers_at_work(machines: Machines, counted: Counted) -> None:
    laptop, desk, session = begin(machines)
    with Writer(machines, laptop, session) as one, Writer(machines, desk, session) as other:
        for _ in range(chosen(few=1, usual=2, everything=20)):
            for machine, writer in ((laptop, one), (desk, other)):
                # git add stops where a file was removed while it looked, and then is run again.
                attempts = [machine.tried("git -C ~/dotfiles add --all .sessionfs")]
                while attempts[-1].returncode:
                    assert "No such file" in attempts[-1].stderr, attempts[-1].stderr
                    attempts.append(machine.tried("git -C ~/dotfiles add --all .sessionfs"))
                machine.run("".join(["cd ~/dotfiles\n", *SYNC.splitlines(keepends=True)[2:]]))
                writer.goes_on()
                machine.storage.get_session(session)
    counted("checkpoints made while git ran", remember(machines, one, other))
    synced(laptop, desk)
    assert_synced(machines, laptop, desk)
