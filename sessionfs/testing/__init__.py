"""The contract suite: what every storage of sessions does, as tests.

For anyone who implements ``SessionStorage`` or ``AsyncSessionStorage``. Subclass the suite in your own
tests and say how to open your storage; pytest does the rest::

    from pathlib import Path
    from typing import Any

    from my_package import MyStorage
    from sessionfs.testing import SessionStorageContract


    class TestMyStorage(SessionStorageContract):
        def make_storage(self, place: Path, message_type: type[Any]) -> MyStorage:
            return MyStorage(place / "sessions", message_type=message_type)

``place`` is an empty directory of the test's own. Two storages opened in one test for one place are
two views of the same sessions: the suite reads some of them as ``message_type=dict`` to see every
field. ``make_storage`` may be a coroutine function; the storage that it returns may be synchronous
or not. Coroutines run on one event loop per test, so no plugin for asyncio is needed. Storages are
closed when the test ends. Times have microseconds: two writes, one after the other, are taken to have
different ones.

A storage that always gives messages as plain dicts takes ``PlainSessionStorageContract`` instead. A
part of the suite may be run by itself: ``ListingContract``, ``StatsContract`` and so on.

For anyone who writes an importer: ``check_importer(module, transcript, tmp_path)``, in a test of your
own, imports a transcript of its tool whole, again, cut anywhere, grown, and continued here.

Needs pytest, which sessionfs itself does not depend on; ``import sessionfs`` does not load this.

Tested by ``tests/contract``.
"""

import pytest

# Before the imports below, so that a failed assert shows its values in the tests of others too.
pytest.register_assert_rewrite(
    *(
        f"{__name__}.{name}"
        for name in (
            "active_checkpoint",
            "appending",
            "base",
            "checkpoints",
            "filters",
            "search_basics",
            "importing",
            "listing",
            "lossless",
            "search_filters",
            "opening",
            "ownership",
            "refusals",
            "searching",
            "sessions",
            "stats",
            "message_types",
            "unknown_ids",
        )
    )
)

from .active_checkpoint import ActiveContract  # noqa: E402
from .appending import AppendingContract  # noqa: E402
from .base import AsyncAdapter, Contract  # noqa: E402
from .checkpoints import CheckpointsContract  # noqa: E402
from .filters import FiltersContract  # noqa: E402
from .importing import check_importer  # noqa: E402
from .listing import ListingContract  # noqa: E402
from .lossless import LosslessContract  # noqa: E402
from .message_types import PlainMessagesContract, TypedMessagesContract  # noqa: E402
from .opening import OpeningContract  # noqa: E402
from .ownership import OwnershipContract  # noqa: E402
from .refusals import RefusalsContract  # noqa: E402
from .search_filters import SearchFiltersContract  # noqa: E402
from .searching import SearchContract  # noqa: E402
from .sessions import SessionsContract  # noqa: E402
from .stats import StatsContract, StoreStatsContract  # noqa: E402
from .unknown_ids import UnknownIdsContract  # noqa: E402

__all__ = [
    "ActiveContract",
    "AppendingContract",
    "AsyncAdapter",
    "CheckpointsContract",
    "Contract",
    "FiltersContract",
    "ListingContract",
    "LosslessContract",
    "OpeningContract",
    "OwnershipContract",
    "PlainMessagesContract",
    "PlainSessionStorageContract",
    "RefusalsContract",
    "SearchContract",
    "SearchFiltersContract",
    "SessionStorageContract",
    "SessionsContract",
    "StatsContract",
    "StoreStatsContract",
    "TypedMessagesContract",
    "UnknownIdsContract",
    "check_importer",
]


class _Common(
    OpeningContract,
    SessionsContract,
    ListingContract,
    FiltersContract,
    CheckpointsContract,
    AppendingContract,
    ActiveContract,
    SearchContract,
    SearchFiltersContract,
    OwnershipContract,
    LosslessContract,
    StatsContract,
    StoreStatsContract,
    UnknownIdsContract,
    RefusalsContract,
):
    """What holds whatever type messages are read as."""


class SessionStorageContract(_Common, TypedMessagesContract):
    """The whole contract, for a storage that reads messages as ``ChatMessage``."""


class PlainSessionStorageContract(_Common, PlainMessagesContract):
    """The whole contract, for a storage that reads messages as plain dicts."""

    message_type = dict
