from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sessionfs import AsyncFileStorage
from sessionfs.testing import PlainMessagesContract, SessionStorageContract

pytestmark = pytest.mark.slow


class TestAsyncFileStorage(SessionStorageContract):
    async def make_storage(self, place: Path, message_type: type[Any]) -> AsyncFileStorage:
        return AsyncFileStorage(place / "store", durability="relaxed", message_type=message_type)


class TestAsyncFileStorageOfDicts(PlainMessagesContract):
    message_type = dict

    def make_storage(self, place: Path, message_type: type[Any]) -> AsyncFileStorage:
        return AsyncFileStorage(place / "store", durability="relaxed", message_type=message_type)
