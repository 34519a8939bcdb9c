"""Watching a store: events for the changes that any process or sync tool makes.

Both watchers tell the same events. For one session the order is: its creation, checkpoints that are
whole now, which one is active, and one event for what a listing says of it from now on. Whoever keeps
the ``session`` of the last event that has one, and drops those that were removed, knows what
``list_sessions`` returns.

``AsyncWatcher`` is in ``sessionfs.watch.aio``.

Tested by ``tests/watch``.
"""

from .watcher import Watcher

__all__ = ["Watcher"]
