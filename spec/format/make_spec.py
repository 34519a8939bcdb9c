"""Write vectors/ and golden/, or check with --check that they are what would be written.

Everything is computed from constants: no clock, no randomness, nothing of the package.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from make_golden import STORES, golden
from make_synced import SYNCED
from make_vectors import vectors

HERE = Path(__file__).parent
DIRECTORIES = ("vectors", "golden")


def present() -> dict[str, bytes]:
    files = (path for name in DIRECTORIES for path in (HERE / name).rglob("*") if path.is_file())
    return {path.relative_to(HERE).as_posix(): path.read_bytes() for path in files}


def differences(made: dict[str, bytes], found: dict[str, bytes]) -> list[str]:
    """Name each file that is missing, different or not of this generator."""
    lines = []
    for name in sorted(made.keys() | found.keys()):
        if name not in found:
            lines.append(f"missing: {name}")
        elif name not in made:
            lines.append(f"unexpected: {name}")
        elif made[name] != found[name]:
            lines.append(f"different: {name}")
    return lines


def write(made: dict[str, bytes]) -> None:
    for name in DIRECTORIES:
        shutil.rmtree(HERE / name, ignore_errors=True)
    for name, data in made.items():
        path = HERE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def main(arguments: list[str]) -> int:
    made = vectors() | golden(STORES | SYNCED)
    if arguments == ["--check"]:
        lines = differences(made, present())
        print(*lines, sep="\n", end="\n" if lines else "")
        return 1 if lines else 0
    if arguments:
        print("usage: make_spec.py [--check]", file=sys.stderr)
        return 2
    write(made)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
