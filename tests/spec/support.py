"""Where the spec lies, and how its cases are read."""

from __future__ import annotations

import base64
import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SPEC = Path(__file__).parents[2] / "spec" / "format"
GOLDEN = sorted(path.name for path in (SPEC / "golden").iterdir())

Case = dict[str, Any]


def vectors(name: str, key: str) -> list[Case]:
    cases: list[Case] = json.loads((SPEC / "vectors" / f"{name}.json").read_bytes())[key]
    return cases


def case_id(case: Case) -> str:
    return f"{case.get('kind', '')} {case.get('name', '')}".strip()


def with_ids(cases: list[Case], kind: str = "") -> list[Any]:
    """Parameters for a test, one a case, with the case's name."""
    return [pytest.param(case, id=f"{kind} {case['why']}" if kind else case_id(case)) for case in cases]


def case_bytes(case: Case) -> bytes:
    """The bytes of a record: as text, as text in parts that repeat, or in base64."""
    if "base64" in case:
        return base64.b64decode(case["base64"])
    parts = case.get("parts") or [[case["bytes"], 1]]
    return "".join(text * times for text, times in parts).encode()


def reference_reader() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference_reader", SPEC / "reference_reader.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
