"""Listening to the operating system: which sessions it says may have changed.

The invariant: a session that may have changed is in the next set that ``changed`` gives, or that is
None; so it is whenever notices may be missing. A notice is never trusted to tell what happened.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable
from contextlib import closing
from uuid import UUID

from ..format.ids import parse_session_id
from ..fs import files, fingerprints, tempfiles
from ..fs.mounts import is_local

_TICK_SECONDS = 0.1
"""How often to look whether the directory of the sessions is another one."""

_STEP_MS, _DEBOUNCE_MS = 25, 100
"""Notices are handed on when there was none for this long, or the first one is this old."""

_BURST = 500
"""So many paths at once that the queue of the operating system may have overflowed before."""

_HOT_SECONDS = fingerprints.RACY_NS / 1e9
"""How long a session counts as changed after a notice.

A new directory is listened to only a moment after it was made: what came in between has no notice.
"""

_RETRY_SECONDS = 30.0
"""When to try again where the operating system refused to give notices."""

_MOST_HOT = 10_000


class StopSignal:
    """Whether a watch is to end: it was closed, or nobody is left to listen."""

    def __init__(self, alive: Callable[[], bool]) -> None:
        self._alive = alive
        self._closed = threading.Event()
        self._ending = False

    def is_set(self) -> bool:
        """Tell whether it is."""
        # Without this a watch that was never closed would keep the process from ending.
        return self._closed.is_set() or not threading.main_thread().is_alive() or not self._alive()

    def set(self) -> None:
        """Make it end."""
        # Its lock is not re-entrant: a signal handler may end the watch in the middle of this.
        if not self._ending:
            self._ending = True
            self._closed.set()

    def wait(self, seconds: float) -> None:
        """Wait until it was set, or for this long."""
        self._closed.wait(seconds)


class Listener:
    """Hears of changes below a directory of sessions, which need not exist.

    Args:
        sessions: the directory of the sessions.
        ending: when to stop listening.
        heard: told which sessions to look at.
        missed: told that any session may have changed without a notice.

    """

    def __init__(
        self,
        sessions: str,
        ending: StopSignal,
        heard: Callable[[Collection[UUID]], None],
        missed: Callable[[], None],
    ) -> None:
        self._sessions, self._ending = sessions, ending
        self._heard, self._missed = heard, missed
        self._lock = threading.RLock()
        self._reliable = False
        self._any = True
        self._hot: dict[UUID, float] = {}
        self._lenient = False
        self._retry_at = 0.0

    def changed(self) -> set[UUID] | None:
        """See ``Watcher.changed_since_last_call``."""
        now = time.monotonic()
        with self._lock:
            if not self._reliable:
                return None
            # ``mark`` may be called by a signal handler between any two of these lines: what it marks
            # is in this answer or in the next one.
            any_, self._any = self._any, False
            found = set(self._hot)
            for session, until in list(self._hot.items()):
                if until <= now and self._hot.get(session) == until:
                    self._hot.pop(session, None)
            return None if any_ or self._any else found

    def mark(self, sessions: Iterable[UUID]) -> None:
        """Count sessions as changed."""
        until = time.monotonic() + _HOT_SECONDS
        with self._lock:
            self._hot.update(dict.fromkeys(sessions, until))
            if len(self._hot) > _MOST_HOT:
                self._any = True
                self._hot.clear()

    def listen(self) -> None:
        """Listen until the watch is to end."""
        self._missed()
        while not self._ending.is_set():
            place = self._place()
            if place is not None and time.monotonic() >= self._retry_at:
                self._listen_in(place)
                self._rely(False)
                self._missed()
            self._ending.wait(_TICK_SECONDS)

    def _place(self) -> tuple[int, int] | None:
        """Return what tells the directory of the sessions from another one in its place."""
        found = fingerprints.identity(self._sessions)
        return found and found[:2]

    def _rely(self, reliable: bool) -> None:
        with self._lock:
            self._reliable, self._any = reliable, True

    def _listen_in(self, place: tuple[int, int]) -> None:
        """Listen as long as the directory is this one and notices come."""
        from watchfiles import watch  # not above: few of those who import this package watch

        prefix = files.real_path(self._sessions)
        listening = False
        batches = watch(
            prefix,
            watch_filter=None,
            debounce=_DEBOUNCE_MS,
            step=_STEP_MS,
            stop_event=self._ending,
            rust_timeout=int(_TICK_SECONDS * 1000),
            yield_on_timeout=True,
            raise_interrupt=False,
            force_polling=False,
            ignore_permission_denied=self._lenient,
        )
        try:
            with closing(batches):
                for batch in batches:
                    if not listening:
                        listening = True
                        self._rely(not self._lenient and is_local(prefix))
                        self._missed()
                    self._note({path for _, path in batch}, prefix)
                    if self._place() != place:
                        break
        except PermissionError:
            self._lenient = True  # part of the tree cannot be listened to
        except FileNotFoundError:
            pass  # something went away while the tree was walked
        except (OSError, RuntimeError):
            # There are too many directories for the system, or a name is not text.
            if not listening:
                self._retry_at = time.monotonic() + _RETRY_SECONDS
        else:
            self._lenient = False

    def _note(self, paths: set[str], prefix: str) -> None:
        inside = {path.removeprefix(prefix).replace("\\", "/") for path in paths}
        names = {path.split("/", 2)[1] if path.startswith("/") else "" for path in inside}
        # What is written under these names counts once it has another one.
        names = {name for name in names if not name.startswith(tempfiles.TEMPORARY)}
        sessions = {session for name in names if (session := parse_session_id(name))}
        self.mark(sessions)
        if sessions:
            self._heard(sessions)
        if len(sessions) < len(names) or len(paths) >= _BURST:
            with self._lock:
                self._any = True
            self._missed()
