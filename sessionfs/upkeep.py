"""What looks after a store: its index, its health."""

from __future__ import annotations

from . import checks
from .index import IndexState, Progress
from .opened import OpenedStore


class Upkeep(OpenedStore):
    """The methods of ``FileStorage`` that no caller needs to store and find sessions."""

    def update_index(self, on_session: Progress | None = None, *, workers: int = 1) -> bool:
        """Do now what the next listing and search would; False where the index cannot be written.

        Args:
            on_session: told, as they are read, how many of how many changed sessions are done.
            workers: so many processes read a large store; above 1 as for ``ProcessPoolExecutor``.

        """
        return self._index.update(on_session, checks.positive(workers, "workers"))

    def rebuild_index(self, on_session: Progress | None = None, *, workers: int = 1) -> bool:
        """Throw the index away, which is never needed, and make it anew as ``update_index`` does."""
        return self._index.rebuild(on_session, checks.positive(workers, "workers"))

    def index_state(self) -> IndexState:
        """Return where the index is and what it holds."""
        return self._index.state()
