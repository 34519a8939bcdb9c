"""What a finding means stands in the specification."""

from __future__ import annotations

import re
from pathlib import Path

from sessionfs.maintenance.doctor import KINDS

FINDINGS = Path(__file__).parents[3] / "spec" / "guide" / "findings.md"


def test_every_kind_is_described_with_its_severity() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (\w+) \| .+ \| .+ \|$", FINDINGS.read_text(), re.MULTILINE)
    assert dict(rows) == {kind: str(severity) for kind, severity in KINDS.items()}
    assert len(rows) == len(KINDS)
