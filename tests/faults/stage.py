"""A store for each case, the same every time; a workload is run on it, and what is left is checked."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Any
from uuid import UUID

from sessionfs import CreateSessionRequest, FileStorage, UpdateSessionRequest

from ..store.helpers import overwrite
from . import steps
from .expecting import Account, Picture, dangling, picture, temporary
from .forks import Ended, Forks
from .tracing import TRACED, Position, positions

BAD = b"damaged"
_A_DAY_AND_MORE = 25 * 3600


class Stage:
    """Makes stores, runs workloads on them, and checks what is left.

    Attributes:
        root: the store of the current case.

    """

    def __init__(self, forks: Forks, scratch: Path) -> None:
        self._forks = forks
        self._scratch = scratch
        self._template = scratch / "template"
        self.made = steps.make(self._template)
        self._before = picture(self._template, scratch / "index of the template")
        self.root = scratch / "store"
        self._damaged: Path | None = None

    def run(self, workload: str, strace: list[str] | None = None, **how: Any) -> Ended:
        """Run a workload on a new copy of the store."""
        self._begin(workload)
        arguments = {
            "root": str(self.root),
            "index": str(self._scratch / "index"),
            "workload": workload,
            "made": self.made,
            **how,
        }
        return self._forks.run("tests.faults.steps:run", arguments, strace=strace)

    def positions(self, workload: str) -> list[Position]:
        """Return the system calls of a workload that concern the store."""
        ended = self.run(workload, TRACED)
        self.check(workload, ended)
        assert ended.told[-1] == {"ended": True}
        assert not any("error" in each for each in ended.told)
        return positions(ended.trace, str(self.root))

    def check(self, workload: str, ended: Ended) -> Account:
        """Assert that everything acknowledged is there, and that the store can be written to."""
        before: Picture = {} if workload == "first session" else self._before
        account = Account(before, ended.told)
        assert dangling(self.root) == [], "a ref was written before its object"
        self._mend()
        found = picture(self.root, self._scratch / "index of the reader")
        account.check(found)
        young = temporary(self.root)
        written = self._write_everywhere(found)
        assert temporary(self.root) == young, "what may still be needed was removed"
        after = picture(self.root, self._scratch / "index of the reader")
        for session, checkpoint in written.items():
            assert after[session]["active"] == checkpoint
        for session, shown in found.items():
            assert shown["states"].items() <= after[session]["states"].items()
        return account

    def age_and_sweep(self) -> None:
        """Let a day go by for the temporary files; the next writes remove them."""
        left = temporary(self.root)
        then = time.time() - _A_DAY_AND_MORE
        for name in left:
            os.utime(self.root / name, (then, then))
        if not left:
            return
        self._write_everywhere(picture(self.root, self._scratch / "index of the reader"))
        assert temporary(self.root) == []

    def purge_again(self) -> None:
        """Purge what was being purged; nothing is left but what says so."""
        session = self.made["deleted"]
        index = self._scratch / "index of the reader"
        with FileStorage(self.root, durability="relaxed", index_dir=index) as storage:
            storage.purge_session(UUID(session))
        directory = self.root / "sessions" / session
        assert list((directory / "objects").iterdir()) == []
        assert {path.name.split(".")[0] for path in (directory / "refs").iterdir()} == {"meta", "purge"}

    def _begin(self, workload: str) -> None:
        shutil.rmtree(self.root, ignore_errors=True)
        shutil.rmtree(self._scratch / "index", ignore_errors=True)
        shutil.rmtree(self._scratch / "index of the reader", ignore_errors=True)
        self._damaged = None
        if workload != "first session":
            shutil.copytree(self._template, self.root)
        if workload == "heal":
            objects = self.root / "sessions" / self.made["session"] / "objects"
            self._damaged = max(objects.iterdir(), key=lambda path: path.stat().st_size)
            overwrite(self._damaged, BAD)

    def _mend(self) -> None:
        """Where a file was damaged, see that its bytes are kept, and bring the good ones."""
        if self._damaged is None:
            return
        good = (self._template / self._damaged.relative_to(self.root)).read_bytes()
        aside = self._damaged.with_name(self._damaged.name + ".corrupt-1")
        bad = aside if aside.exists() else self._damaged
        assert bad.read_bytes() == BAD
        if not self._damaged.exists():
            self._damaged.write_bytes(good)
        elif self._damaged.read_bytes() == BAD:
            overwrite(self._damaged, good)
        assert self._damaged.read_bytes() == good

    def _write_everywhere(self, sessions: Picture) -> dict[str, str]:
        """Write to each session and make a new one; return what must be active afterwards."""
        index = self._scratch / "index of the reader"
        written: dict[str, str] = {}
        with FileStorage(
            self.root, durability="relaxed", index_dir=index, message_type=dict
        ) as storage:
            for summary in storage.list_sessions().sessions if sessions else []:
                storage.update_session(summary.id, UpdateSessionRequest(title=summary.title + "."))
                made = storage.append_messages(summary.id, [{"after": "the fault"}])
                written[str(summary.id)] = str(made.id)
            made_new = storage.create_session(CreateSessionRequest("after the fault", []))
            written[str(made_new.session_id)] = str(made_new.checkpoint.id)
        return written
