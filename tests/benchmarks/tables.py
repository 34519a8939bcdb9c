"""Tables as text, and whether what was aimed at was reached."""

from __future__ import annotations

from collections.abc import Sequence


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    lines = [list(head), *([f"{cell}" for cell in row] for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    print(f"\n{title}")
    for line in lines:
        cells = [line[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
        print("  " + "  ".join(cells).rstrip())


def aim(limit: float, value: float, unit: str, *, at_least: bool = False) -> str:
    reached = value >= limit if at_least else value <= limit
    sign = ">=" if at_least else "<="
    return f"{sign} {limit:g} {unit}: {'yes' if reached else 'NO'}"
