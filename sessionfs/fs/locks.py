"""An advisory lock on a directory, which nothing depends on where there are none."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from .files import open_directory, os_errors

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows: only the check after the write is left
    _try_lock: Callable[[int], bool] | None = None
else:

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return error.errno not in (errno.EWOULDBLOCK, errno.EACCES)  # else there are no locks
        return True

    def _unlock(descriptor: int) -> None:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)


_LOCK_SECONDS = 10.0
_LOCK_STEP = 0.002
_held: set[tuple[int, str]] = set()
"""Who is inside which directory: threads of this process."""


@contextmanager
def exclusive(directory: str) -> Iterator[None]:
    """Keep out other callers of this function for the same directory, on this machine.

    An advisory lock on the directory itself: it makes no file that a sync tool could carry away, and
    ends with the process. Where a platform or file system has none, and where somebody keeps it for
    longer than 10 seconds, nobody is kept out: the caller has to look once more after its write. A
    thread that holds the lock may take it again, as may a signal handler or a finalizer that interrupts
    the thread.
    """
    key = threading.get_ident(), directory
    if key in _held:
        yield
        return
    with os_errors(directory):
        descriptor = open_directory(directory)
    try:
        _held.add(key)
        if _try_lock is not None:
            patience = time.monotonic() + _LOCK_SECONDS
            while not _try_lock(descriptor) and time.monotonic() < patience:
                time.sleep(_LOCK_STEP)
        yield
    finally:
        _held.discard(key)
        with suppress(OSError):  # nothing was written through it
            if _try_lock is not None:
                _unlock(descriptor)  # closing is not enough: a child process may have it open, too
            os.close(descriptor)
