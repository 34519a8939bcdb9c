"""rsync, both ways, as a mirror, beside a writer, and killed in the middle."""

from __future__ import annotations

from .checking import assert_alike, assert_no_changed_byte, assert_nothing_lost
from .conftest import Follow
from .machines import Machines
from .scenarios import scenario

KEEPS = "a removed file comes back"


@scenario(
    "rsync -a",
    "both sides worked in one session and in others",
    deletions=KEEPS,
    needs=("rsync",),
    follows=("rsync: both ways",),
)
def test_both_ways(machines: Machines, follow: Follow) -> None:
    laptop = machines.machine("laptop")
    session = laptop.create("garden", "turn")
    desk = laptop.copied("desk")
    laptop.work(session)
    last = desk.work(session)
    follow("rsync: both ways", laptop)
    assert desk.active(session) == last
    assert_alike(laptop, desk)
    assert_nothing_lost(machines.kept, laptop, desk)
    assert_no_changed_byte(laptop, desk)
