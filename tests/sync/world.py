"""Replicas that are written to and synced, and what must hold of each at every moment."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from sessionfs import CorruptObjectError, NotFoundError, StorageError

from .causality import ACTIVE, History
from .replicas import SESSIONS, Replica, Stored, Time

Result = TypeVar("Result")
Messages = list[dict[str, Any]]
StateOf = Callable[[str | None], Messages]

FORMAT = re.compile(
    r"sessions/[0-9a-f-]{36}/(objects/[0-9a-f]{64}\.json"
    r"|refs/active\.\d{8}T\d{12}Z-[0-9a-f]{12}|refs/(meta|purge)\.\d{8}T\d{12}Z-[0-9a-f]{12}\.json)"
)
HEADER = "sessionfs.json"


class Violation(AssertionError):  # noqa: N818 - it is a finding about the package
    """Something that must hold does not."""


def _nothing(_: str | None) -> Messages:
    raise Violation("a checkpoint that nobody asked for")


def require(holds: object, *told: object) -> None:
    if not holds:
        raise Violation(" ".join(map(str, told)))


class View:
    """What lies in one session's directory at one replica, by what is known of its files."""

    def __init__(self, replica: Replica, session: str, history: History) -> None:
        below = f"{SESSIONS}{session}/"
        here = {name for name in replica.names if name.startswith(below) and FORMAT.fullmatch(name)}
        self.names = {name.removeprefix(below) for name in here}
        torn = {name.removeprefix(below) for name in here & replica.torn}
        self.torn = {name for name in torn if not name.startswith("refs/active.")}  # the name says all
        intact = self.names - self.torn
        self.objects = {name[8:-5] for name in intact if name.startswith("objects/")}
        self.purges = {name for name in intact if name.startswith("refs/purge.")}
        self.hidden = history.hidden(self.purges, self.objects)
        self.shown = self.objects - self.hidden
        self.complete = {
            sha
            for sha in self.shown
            if history.objects[sha].is_checkpoint and history.needs(sha) <= self.shown
        }
        # A purge removes refs that nobody has replaced, and what they name may come back without them.
        before = set() if self.purges else replica.arrived.get(session, set())
        self.edits = frozenset(
            name
            for name in self.names | before
            if name in history.edits
            and (
                history.edits[name].sets[ACTIVE] in self.complete
                if name.startswith("refs/active.")
                else name in intact
            )
        )

    @property
    def is_gone(self) -> bool:
        """Whether the session is not there, for a reader."""
        return not self.names or bool(self.purges and not self.shown)


class World:
    """Replicas, and all that ever happened.

    Attributes:
        written: the bytes of every file that the package has written, by its path from the root.

    """

    def __init__(self, directory: Path, *, names_have_one_content: bool = True) -> None:
        self.time = Time()
        self.replicas = [Replica(directory / author, author, self.time) for author in "abc"]
        Replica.open_ones[:] = self.replicas
        self.histories: dict[str, History] = {}
        self.written: dict[str, bytes] = {}
        self._names_have_one_content = names_have_one_content

    def view(self, replica: Replica, session: str) -> View:
        return View(replica, session, self.histories[session])

    def sessions(self, replica: Replica) -> list[str]:
        """Return the sessions of which something is here, the first created first."""
        here = {name.split("/")[1] for name in replica.names if name.startswith(SESSIONS)}
        return [session for session in self.histories if session in here]

    def write(
        self,
        replica: Replica,
        session: str | None,
        call: Callable[[], Result],
        state: StateOf = _nothing,
    ) -> Result | None:
        """Let the package write at a replica; None where it refused because something is not there.

        ``state`` gives the messages of the checkpoint that it makes, given the hash of its parent.
        """
        view = None if session is None else self.view(replica, session)
        excused = replica.meanwhile is not None or HEADER in replica.torn
        if view is not None:
            excused = excused or bool(view.torn) or not view.complete
        made: Result | None = None
        try:
            made = call()
        except (NotFoundError, CorruptObjectError) as error:
            require(excused, "refused although everything is there:", repr(error))
        except StorageError as error:
            raise Violation(f"not documented: {error!r}") from error
        replica.meanwhile = None
        self.absorb(replica, view.edits if view is not None else frozenset(), state)
        return made

    def absorb(
        self, replica: Replica, seen: frozenset[str] = frozenset(), state: StateOf | None = None
    ) -> None:
        """Take up what the package has written at a replica, and what it has removed.

        Clones may write the same at the same time: one file, whose writers had seen what either had.
        Without a ``state`` what is new there was brought from elsewhere.
        """
        now = replica.look()
        new, gone = sorted(now - replica.names), replica.names - now
        for name in gone - replica.torn:
            if name in self.written:
                replica.removed[name] = Stored(self.written[name], replica.now_us * 1000)
        replica.names = now
        replica.torn -= gone
        for name in sorted(replica.torn):  # the package puts the good file in its place
            if replica.stored(name).data == self.written.get(name):
                replica.torn.discard(name)
        for name in new:
            data = replica.stored(name).data
            if name in self.written:
                same = data == self.written[name]
                require(same or not self._names_have_one_content, "one name, two contents:", name)
            elif FORMAT.fullmatch(name) or "/" not in name:
                self.written[name] = data
                os.utime(replica.root / name, ns=(replica.now_us * 1000,) * 2)
            if FORMAT.fullmatch(name) and state is not None:
                self._learn(name, data, seen, state)
        self.arrive(replica)

    def arrive(self, replica: Replica, *, forget: bool = False) -> None:
        """Note which edits are here now; ``forget`` those that a tool has removed."""
        if forget:
            replica.arrived.clear()
        for name in replica.names:
            if "/refs/" in name and name in self.written:
                _, session, inside = name.split("/", 2)
                replica.arrived.setdefault(session, set()).add(inside)

    def _learn(self, name: str, data: bytes, seen: frozenset[str], state: StateOf) -> None:
        _, session, inside = name.split("/", 2)
        history = self.histories.setdefault(session, History())
        history.learn(inside, data, seen & history.edits.keys())  # of a new session nobody saw anything
        sha = inside[8:-5]
        if sha in history.objects and history.objects[sha].is_checkpoint:
            history.states[sha] = state(history.objects[sha].parent)
