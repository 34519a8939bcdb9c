"""Draws curves as SVG: a white card, so that it reads the same on a light and on a dark page."""

from __future__ import annotations

import math
from collections.abc import Callable
from html import escape
from pathlib import Path

from tests.benchmarks.competitors import Floor, SessionFS, SessionFSReturned, SessionFSWhole
from tests.benchmarks.measuring import Results
from tests.benchmarks.report import PICTURES
from tests.benchmarks.stage import APART, PEERS, STORES
from tests.benchmarks.workloads import LENGTHS

Curve = list[tuple[float, float]]

WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 70, 220, 44, 48
PALETTE = ("#c0392b", "#d98200", "#2b6cb0", "#8e44ad", "#b5478f")
COLOURS = {
    SessionFS.name: "#0b6e4f",
    SessionFSWhole.name: "#4caf7d",
    Floor.name: "#777777",
    "as JSON": "#777777",
    **dict(zip((kind.name for kind in PEERS), PALETTE, strict=True)),
}


def draw(results: Results, directory: Path) -> list[Path]:
    """Draw how stores grow and how long writes take; return the files."""
    directory.mkdir(exist_ok=True)
    drawn = _growth(results), _latency(results, "full"), _latency(results, "relaxed")
    paths = []
    for name, picture in zip(PICTURES, drawn, strict=True):
        path = directory / f"{name}.svg"
        path.write_text(picture)
        paths.append(path)
    return paths


def _growth(results: Results) -> str:
    turns = results.numbers("blocks after {}")
    curves: dict[str, Curve] = {
        kind.name: [(n, results.median(f"blocks after {n}", "relaxed", kind.name)) for n in turns]
        for kind in APART
    }
    curves["as JSON"] = [(n, results.median(f"raw after {n}", "–", "–")) for n in turns]
    return chart("Bytes on disk of one session while it is written", "turns", curves, _bytes)


def _latency(results: Results, durability: str) -> str:
    curves: dict[str, Curve] = {}
    for kind in STORES:
        if kind is SessionFSReturned:
            continue
        points: Curve = [
            (n, results.median(f"write at {n}", durability, kind.name))
            for n in LENGTHS
            if results.of(f"write at {n}", durability, kind.name)
        ]
        if points:
            curves[kind.name] = points
    return chart(f"Time to write a turn, {durability}, median", "at turn", curves, _seconds)


def _bytes(value: float) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= size:
            return f"{value / size:g} {unit}"
    return f"{value:g} B"


def _seconds(value: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if value >= size * 0.999:
            return f"{value / size:g} {unit}"
    return f"{value / 1e-6:.0f} µs"


def chart(title: str, below: str, curves: dict[str, Curve], unit: Callable[[float], str]) -> str:
    """Return curves on two logarithmic axes, each with its name at its end."""
    xs = [x for curve in curves.values() for x, _ in curve]
    ys = [y for curve in curves.values() for _, y in curve]
    across = _Axis(min(xs), max(xs), LEFT, WIDTH - RIGHT)
    up = _Axis(10 ** math.floor(math.log10(min(ys))), max(ys) * 1.3, HEIGHT - BOTTOM, TOP)
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}"'
        f' height="{HEIGHT}" font-family="sans-serif" font-size="12" fill="#333333">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="8" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="26" font-size="15" font-weight="bold">{escape(title)}</text>',
        f'<text x="{middle:.0f}" y="{HEIGHT - 10}" text-anchor="middle">{below}</text>',
    ]
    for value in up.decades():
        y = up.at(value)
        parts.append(
            f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#dddddd"/>'
            f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{unit(value)}</text>'
        )
    for value in sorted({*across.decades(), min(xs), max(xs)}):
        x, y = across.at(value), HEIGHT - BOTTOM + 18
        parts.append(f'<text x="{x:.1f}" y="{y}" text-anchor="middle">{value:,.0f}</text>')
    lowest = math.inf
    # From below upwards, each name at least a line above the one before.
    for name, curve in sorted(curves.items(), key=lambda each: each[1][-1][1]):
        points = " ".join(f"{across.at(x):.1f},{up.at(y):.1f}" for x, y in curve)
        end_x, end_y = across.at(curve[-1][0]), up.at(curve[-1][1])
        lowest = min(end_y, lowest - 15)
        colour, wide = COLOURS[name], 3 if name.startswith("sessionfs") else 1.7
        dashed = ' stroke-dasharray="5 4"' if name in (Floor.name, "as JSON") else ""
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{wide}"{dashed}/>'
            f'<path d="M{end_x:.1f} {end_y:.1f}L{WIDTH - RIGHT + 10} {lowest:.1f}" stroke="{colour}"'
            ' stroke-width="0.6"/>'
            f'<text x="{WIDTH - RIGHT + 14}" y="{lowest + 4:.1f}" fill="{colour}">{escape(name)}</text>'
        )
    return "\n".join([*parts, "</svg>", ""])


class _Axis:
    """Places values on a logarithmic axis between two ends."""

    def __init__(self, least: float, most: float, begin: float, end: float) -> None:
        self._least, self._most, self._begin, self._end = least, most, begin, end

    def at(self, value: float) -> float:
        part = math.log(value / self._least) / math.log(self._most / self._least)
        return self._begin + part * (self._end - self._begin)

    def decades(self) -> list[float]:
        begin, end = math.ceil(math.log10(self._least) - 1e-9), math.floor(math.log10(self._most))
        return [10.0**power for power in range(begin, end + 1)]
