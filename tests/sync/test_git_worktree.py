"""git puts files away and takes them back: stash, sparse checkouts, older commits; and purges."""

from __future__ import annotations

import pytest

from sessionfs import IncompleteError, InvalidRequestError, NotFoundError

from .checking import FROM_GIT, answers, assert_alike, assert_never_wrong, assert_no_changed_byte
from .conftest import Follow
from .dotfiles import COMMIT, GIT, MERGE, REMOVES, assert_synced, begin, synced
from .machines import Machines
from .scenarios import scenario

pytestmark = [pytest.mark.once, pytest.mark.slow]

STASH = "git: with work that is not to be committed yet"
SPARSE = "git: without some sessions on this machine"


@scenario(
    "git stash",
    "work that is not committed is put away, that of others pulled, and all of it taken back",
    deletions="a stash puts removed files back meanwhile",
    needs=GIT,
    follows=(STASH, MERGE),
)
def test_stashed(machines: Machines, follow: Follow) -> None:
    laptop, desk, session = begin(machines)
    for _ in range(2):
        desk.work(session)
        follow(MERGE, desk)
        last = laptop.work(session)
        assert "CONFLICT" not in follow(STASH, laptop)
        assert laptop.active(session) == last
    follow(MERGE, laptop)
    follow(MERGE, desk)
    assert_synced(machines, laptop, desk)


@scenario(
    "git stash",
    "while work is put away, the store answers as the last commit does, and can be written",
    deletions="a stash puts removed files back meanwhile",
    needs=GIT,
)
def test_work_while_other_work_is_stashed(machines: Machines) -> None:
    laptop, desk, session = begin(machines)
    before = answers(laptop.storage)
    laptop.work(session)
    laptop.run("git -C ~/dotfiles stash push --quiet --include-untracked")
    assert answers(laptop.storage) == before == answers(desk.storage)
    assert_alike(laptop, desk)
    laptop.append(session, "turn while other work is stashed")
    laptop.run(COMMIT)
    laptop.run("git -C ~/dotfiles stash pop --quiet")
    synced(laptop, desk)
    assert_synced(machines, laptop, desk)


@scenario(
    "git pull --rebase --autostash",
    "changed and new files are put away and taken back by git itself",
    deletions=REMOVES,
    needs=GIT,
)
def test_autostash(machines: Machines) -> None:
    laptop, desk, session = begin(machines)
    desk.work(session)
    synced(desk)
    last = laptop.work(session)
    told = laptop.tried("cd ~/dotfiles; git pull --rebase --autostash")
    assert (told.returncode, "CONFLICT" in told.stdout + told.stderr) == (0, False)
    assert laptop.active(session) == last
    synced(laptop, desk)
    assert_synced(machines, laptop, desk)


@scenario(
    "git sparse-checkout",
    "one machine leaves a session out, works in others, merges, and takes it in later",
    deletions="what is left out is removed nowhere",
    needs=GIT,
    follows=(SPARSE, MERGE),
)
def test_sparse(machines: Machines, follow: Follow) -> None:
    laptop, desk, session = begin(machines)
    other = desk.create("another one", "turn")
    for machine in (desk, laptop):
        follow(MERGE, machine)
    follow(SPARSE, desk, session=str(session))
    assert [each.id for each in desk.storage.list_sessions().sessions] == [other]
    with pytest.raises(NotFoundError):
        desk.storage.get_session(session)
    desk.work(other)
    laptop.work(session)
    for machine in (desk, laptop, desk):
        follow(MERGE, machine)
    assert session not in {each.id for each in desk.storage.list_sessions().sessions}
    assert desk.run("git -C ~/dotfiles status --porcelain") == ""
    desk.run("git -C ~/dotfiles sparse-checkout disable")
    assert_synced(machines, laptop, desk)


@scenario(
    "git switch",
    "an older commit, and back again: each listing is of what is there",
    deletions="as the commit has it",
    needs=GIT,
)
def test_an_older_commit_and_back(machines: Machines) -> None:
    laptop, _, session = begin(machines)
    then = answers(laptop.storage)
    laptop.run("git -C ~/dotfiles tag then")
    laptop.work(session)
    synced(laptop)
    now = answers(laptop.storage)
    for _ in range(2):
        laptop.run("git -C ~/dotfiles switch --quiet --detach then")
        assert answers(laptop.storage) == then == answers(laptop.opened())
        laptop.run("git -C ~/dotfiles switch --quiet -")
        assert answers(laptop.storage) == now == answers(laptop.opened())
    assert_synced(machines, laptop)


@scenario(
    "git gc, clean",
    "everything that git clears away, ignored files too",
    deletions="clean removes what was not committed",
    needs=GIT,
)
def test_cleared_away(machines: Machines) -> None:
    laptop, desk, session = begin(machines)
    laptop.work(session)
    synced(laptop, desk)
    left = laptop.root / "sessions" / str(session) / "objects" / ".tmp-0123456789abcdef"
    left.write_bytes(b"a writer that was killed")
    laptop.run("cd ~/dotfiles; git gc --quiet --prune=now; git clean --quiet --force -d -x")
    assert not left.exists()
    assert_synced(machines, laptop, desk)
    mine = laptop.create("not committed", "turn")
    laptop.run("cd ~/dotfiles; git clean --quiet --force -d")
    with pytest.raises(NotFoundError):
        laptop.storage.get_session(mine)
    assert_alike(laptop, desk)


@scenario(
    "git merge -X find-renames=100%",
    "both purged a session after they had forked it; git takes no fork for the purged one renamed",
    deletions="merged; git's history keeps what was purged",
    needs=GIT,
    follows=(MERGE,),
)
def test_forked_and_purged(machines: Machines, follow: Follow) -> None:
    laptop, desk, session = begin(machines)
    with pytest.raises(InvalidRequestError, match="git"):
        laptop.purge(session)  # for what was committed stays in git's history
    for machine in (laptop, desk):
        machine.fork(session, f"fork of {machine.name}")
        machine.purge(session, force=True)
    for machine in (laptop, desk, laptop):
        assert "CONFLICT" not in follow(MERGE, machine)
    assert len(laptop.storage.list_sessions().sessions) == 2
    assert_synced(machines, laptop, desk, also=frozenset({"purged"}))


@scenario(
    "git merge -X find-renames=100%",
    "one purged what the other one went on with: no conflict; its history comes back from git's",
    deletions="merged; git's history keeps what was purged",
    needs=GIT,
    follows=(MERGE,),
)
@pytest.mark.parametrize("turned", [False, True], ids=["laptop first", "desk first"])
def test_purged_and_gone_on_with(machines: Machines, follow: Follow, turned: bool) -> None:
    laptop, desk, session = begin(machines)
    laptop.fork(session, "a fork")
    laptop.purge(session, force=True)
    unseen = desk.append(session, "turn that the purger had not seen")
    for machine in (desk, laptop, desk) if turned else (laptop, desk, laptop):
        assert "CONFLICT" not in follow(MERGE, machine)
    for machine in (laptop, desk):
        assert_never_wrong(machines.kept, machine)
        with pytest.raises(IncompleteError):
            machine.storage.get_checkpoint(unseen)
    before = "$(git log -1 --format=%H --diff-filter=D -- '*/objects/*')~1"
    desk.run(f"cd ~/dotfiles; git worktree add --quiet ~/before {before}")
    desk.storage.repair(sources=[desk.home / "before" / ".sessionfs"])
    assert desk.active(session) == unseen
    for machine in (desk, laptop):
        follow(MERGE, machine)
    assert_synced(machines, laptop, desk, also=frozenset({"purged"}))
    assert_no_changed_byte(laptop, also=FROM_GIT | {"purged"})
