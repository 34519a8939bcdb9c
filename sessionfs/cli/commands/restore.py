"""``sessionfs restore``: bring back deleted sessions."""

from __future__ import annotations

from ...models import SessionStatus
from ...storage import FileStorage
from ..options import AsJson, SessionArguments, Store
from .rm import set_status


def restore(sessions: SessionArguments, store: Store = None, as_json: AsJson = False) -> None:
    """Bring back sessions that were deleted."""
    set_status(sessions, store, as_json, FileStorage.restore_session, SessionStatus.ACTIVE)
