"""Opening a watch of a store, which its index then relies on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

from ..index import Index, Watch
from ..models import ListSessionsQuery
from ..objects import ObjectCache
from ..root import Root
from ..session import Environment, SessionDirectory

_CACHE_BYTES = 16 << 20
_EVERYTHING = ListSessionsQuery(limit=1 << 60)

AnyWatcher = TypeVar("AnyWatcher", bound=Watch)


def open_watch(
    kind: Callable[..., AnyWatcher],
    root: Root,
    environment: Environment,
    index: Index,
    relist_seconds: float,
) -> AnyWatcher:
    """Return a watcher of this kind; the index asks it while it is open."""

    def directory(session_id: UUID) -> SessionDirectory:
        # It remembers nothing from one look to the next: what vanishes or is damaged shows.
        apart = environment._replace(cache=ObjectCache(_CACHE_BYTES))
        return SessionDirectory(root.session_path(session_id), session_id, apart)

    watch = kind(
        root.path,
        directory,
        root.session_ids,
        baseline=lambda: index.list_sessions(_EVERYTHING).sessions,
        relist_seconds=relist_seconds,
    )
    index.notices.add(watch)
    return watch
