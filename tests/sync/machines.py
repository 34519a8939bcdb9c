"""Machines of a user who syncs a store between them: a home each, and the work that was done there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

from sessionfs import (
    CreateCheckpointRequest,
    CreateSessionRequest,
    FileStorage,
    ListCheckpointsQuery,
    UpdateSessionRequest,
)
from sessionfs.models import Message

PATIENCE = 120
"""Seconds after which a tool that does not end has failed."""

_COMMAND = """\
#!/bin/sh
exec "{python}" -m sessionfs "$@"
"""

_REMOTE_SHELL = """\
#!/bin/sh
# In the place of ssh: runs a command as on another machine, whose home lies beside this one's.
host=$1
shift
HOME={homes}/$host
export HOME
cd "$HOME" && exec sh -c "$*"
"""


class Kept(dict[UUID, "tuple[UUID, list[Message]]"]):
    """What was acknowledged: the session and the messages of each checkpoint, by its id.

    Attributes:
        purged: the checkpoints that somebody purged after having seen them.

    """

    def __init__(self) -> None:
        super().__init__()
        self.purged: set[UUID] = set()


class Machines:
    """All machines of a user, side by side in a directory; each reaches the others by their names.

    Attributes:
        kept: what was acknowledged on any of them.

    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.kept = Kept()
        programs = directory / "programs"
        programs.mkdir()
        shell, command = programs / "remote-shell", programs / "sessionfs"
        shell.write_text(_REMOTE_SHELL.format(homes=directory))
        command.write_text(_COMMAND.format(python=sys.executable))
        for program in (shell, command):
            program.chmod(0o755)
        # No setting of whoever runs the tests, and none of the system, has a part in them.
        self.environment = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "LC_ALL": "C.UTF-8",
            "RSYNC_RSH": str(shell),
            "GIT_SSH": str(shell),
            "GIT_SSH_VARIANT": "simple",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "Ana",
            "GIT_AUTHOR_EMAIL": "ana@example.org",
            "GIT_COMMITTER_NAME": "Ana",
            "GIT_COMMITTER_EMAIL": "ana@example.org",
        }

    def machine(self, name: str, store: str = ".sessionfs") -> Machine:
        """Return a machine with an empty home, or with the one that it has already."""
        home = self._directory / name
        home.mkdir(exist_ok=True)
        return Machine(self, name, home, store)


class Machine:
    """A machine: a home with a store, an index of its own, and the work that is done on it.

    Attributes:
        home: what is ``~`` there.
        root: where the store is.
        storage: the store as a program has it open all the time, with an index that it keeps.

    """

    def __init__(self, machines: Machines, name: str, home: Path, store: str) -> None:
        self._machines, self._store = machines, store
        self.name, self.home = name, home
        self.root = home / store
        self.index = home / ".cache" / "sessionfs"
        self.storage = self.opened()

    def opened(self) -> FileStorage:
        """Open the store once more, as another program with the same index does."""
        return FileStorage(self.root, durability="relaxed", index_dir=self.index, message_type=dict)

    def copied(self, name: str) -> Machine:
        """Return another machine with the same files, as from a backup; it has no index yet."""
        other = self._machines.machine(name, self._store)
        shutil.copytree(self.root, other.root, symlinks=True)
        return other

    # What its user types

    def run(self, script: str, **variables: str) -> str:
        """Run commands in its home, and return what they print; they must succeed."""
        done = self.tried(script, **variables)
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        return done.stdout

    def tried(self, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run commands in its home, whether they succeed or not."""
        return subprocess.run(
            self._shell(script),
            cwd=self.home,
            env=self._environment(variables),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def started(self, script: str, **variables: str) -> subprocess.Popen[bytes]:
        """Start commands in its home, as the leader of a group of processes that can be killed.

        Its standard error ends when all of the group have ended, whoever their parent is then.
        """
        return subprocess.Popen(
            self._shell(script),
            cwd=self.home,
            env=self._environment(variables),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def _shell(self, script: str) -> list[str]:
        return ["bash", "-euo", "pipefail", "-c", script]

    def _environment(self, variables: dict[str, str]) -> dict[str, str]:
        return {**self._machines.environment, "HOME": str(self.home), **variables}

    # What its user's programs do; each is remembered once it has been acknowledged

    def create(self, title: str, *texts: str) -> UUID:
        messages: list[Message] = [said(text) for text in texts or (title,)]
        created = self.storage.create_session(CreateSessionRequest(title, messages))
        self._keep(created.checkpoint.id, created.session_id, messages)
        return created.session_id

    def append(self, session: UUID, *texts: str) -> UUID:
        new: list[Message] = [said(text) for text in texts]
        made = self.storage.append_messages(session, new)
        before = [] if made.parent_id is None else self._machines.kept[made.parent_id][1]
        return self._keep(made.id, session, [*before, *new])

    def large(self, session: UUID, letter: str) -> UUID:
        """Append a message that is stored as an object of its own."""
        return self.append(session, letter * 70_000)

    def branch(self, session: UUID, parent: UUID, text: str) -> UUID:
        """Go on from an older checkpoint."""
        messages = [*self._machines.kept[parent][1], said(text)]
        request = CreateCheckpointRequest(messages).with_parent(parent)
        return self._keep(self.storage.create_checkpoint(session, request).id, session, messages)

    def rewind(self, session: UUID, checkpoint: UUID) -> None:
        self.storage.set_active_checkpoint(session, checkpoint)

    def rename(self, session: UUID, title: str) -> None:
        self.storage.update_session(session, UpdateSessionRequest(title=title))

    def move(self, session: UUID, cwd: str) -> None:
        self.storage.update_session(session, UpdateSessionRequest(cwd=cwd))

    def delete(self, session: UUID) -> None:
        self.storage.delete_session(session)

    def restore(self, session: UUID) -> None:
        self.storage.restore_session(session)

    def purge(self, session: UUID, *, force: bool = False) -> None:
        """Delete a session and remove its content for good; by force where git has it all the same."""
        self._machines.kept.purged.update(self.checkpoints(session))
        self.storage.delete_session(session)
        self.storage.purge_session(session, force=force)

    def fork(self, session: UUID, title: str) -> UUID:
        """Start a session from the active checkpoint of another one."""
        made = self.storage.fork_session(session, title=title)
        origin = self.storage.get_active_checkpoint(session).id
        self._keep(made.checkpoint.id, made.session_id, self._machines.kept[origin][1])
        return made.session_id

    def checkpoints(self, session: UUID) -> list[UUID]:
        """Return the checkpoints of a session that are here, oldest first."""
        found = self.storage.list_checkpoints(session, ListCheckpointsQuery(limit=10_000))
        return [each.id for each in found.checkpoints]

    def active(self, session: UUID) -> UUID:
        return self.storage.get_active_checkpoint(session).id

    def work(self, session: UUID, *, deletes: bool = True) -> UUID:
        """Do of everything something, in a session that others have too and in ones of its own.

        Returns its last checkpoint in the common session, which is active here.
        """
        first = self.checkpoints(session)[0]
        self.append(session, f"turn of {self.name}")
        self.large(session, self.name[0])
        self.rename(session, f"renamed on {self.name}")
        self.rewind(session, first)
        self.branch(session, first, f"turn of {self.name}, from the beginning")
        own = self.create(f"only on {self.name}", "turn", "and another one")
        self.append(own, "one more turn")
        if deletes:
            self.delete(self.create(f"deleted on {self.name}"))
        last = self.append(session, f"last turn of {self.name}")
        self.move(session, f"/home/{self.name}")
        return last

    def _keep(self, checkpoint: UUID, session: UUID, messages: list[Message]) -> UUID:
        self._machines.kept[checkpoint] = session, messages
        return checkpoint


def said(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}
