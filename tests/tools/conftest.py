from __future__ import annotations

from pathlib import Path

import pytest

from sessionfs import FileStorage


@pytest.fixture
def storage(tmp_path: Path) -> FileStorage:
    return FileStorage(tmp_path / "store", durability="relaxed", message_type=dict)
