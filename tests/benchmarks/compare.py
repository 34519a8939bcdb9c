"""What sessionfs costs beside the stores that agents use today, in one run.

    python tests/benchmarks/compare.py [--quick] [--directory DIR] [--json FILE] [--publish]
    python tests/benchmarks/compare.py --from FILE [--publish]

The same turns of about 2.7 KB in 4 messages go into each store: sessions of 10, 100, 1,000 and 5,000
turns, one from its first turn on, 10,000 of 5 turns, one with 50 images of 2 MB, and sessions that 8
processes write at once. Stores are measured in turn, so that a disk whose speed drifts treats them
alike, and compared where they are equally durable. The floor is the same new bytes written to one new
file, with fsync of file and directory ("full") or without ("relaxed").

It takes about 30 minutes and 15 GB of disk; with --quick, which has a session of 100 turns from its
first turn on, 200 sessions and 4 images, less than two minutes. The competitors are the dependency
group "bench" of pyproject.toml; ``nox -s bench`` installs them.
"""

from __future__ import annotations

import argparse
import compileall
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

if not __package__:  # run as a script
    sys.path.append(str(Path(__file__).parents[2]))
    for needed in ("agents", "langgraph", "pyperf", "strands"):
        if find_spec(needed) is None:  # imported by none but those that measure it
            sys.exit(f"{needed} is not here: `nox -s bench` installs what is compared, and runs this")

import sessionfs
from tests.benchmarks import pictures, reading, report, workloads, writing
from tests.benchmarks.measuring import Results, fsync_seconds
from tests.benchmarks.stage import PEERS, Stage

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "spec" / "guide"
PARTS: dict[str, Callable[[Stage], None]] = {
    "lengths": writing.at_lengths,
    "session": writing.from_the_start,
    "starts": reading.starts,
    "many": reading.among_many,
    "images": writing.images,
    "processes": writing.processes,
}


def measure(directory: Path, effort: workloads.Effort, parts: list[str]) -> Results:
    """Measure these parts in a directory."""
    results, begin = Results(), time.monotonic()
    fsync = fsync_seconds(directory)
    results.about = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "effort": effort.name,
        "versions": ", ".join(dict.fromkeys(kind.about() for kind in PEERS)),
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.release()},"
        f" Python {platform.python_version()}, an fsync {1e6 * fsync:.0f} µs",
    }
    if fsync < 20e-6:
        print(
            "An fsync costs nothing here (a file system in memory?): full is no different from relaxed"
        )
    # Each length is written to as full and as relaxed, and once more whenever a store is opened again.
    longest = max(length + 2 * rounds for length, rounds in effort.rounds.items())
    stage = Stage(directory, effort, results, workloads.turns(longest + 100))
    for name in parts:
        PARTS[name](stage)
    results.about["seconds"] = f"{time.monotonic() - begin:.0f}"
    return results


def publish(results: Results) -> None:
    """Draw the pictures, and put the claims into the guide."""
    pictures.draw(results, GUIDE / "pictures")
    report.put_into(GUIDE / "speed.md", report.markdown(results))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_const", const=workloads.QUICK, dest="effort")
    parser.add_argument(
        "--directory", type=Path, help="on the disk to measure; default: below the checkout"
    )
    parser.add_argument("--json", type=Path, help="write all values there, for pyperf and --from")
    parser.add_argument("--from", type=Path, dest="old", help="measure nothing, take these values")
    parser.add_argument("--only", choices=PARTS, nargs="+", default=[*PARTS], help="parts to measure")
    parser.add_argument("--publish", action="store_true", help="draw the pictures, fill guide/speed.md")
    parser.set_defaults(effort=workloads.FULL)
    arguments = parser.parse_args()
    if arguments.old is not None:
        results = Results.load(arguments.old)
    else:
        compileall.compile_dir(Path(sessionfs.__file__).parent, quiet=1)
        above = arguments.directory or ROOT / ".benchmarks"
        above.mkdir(parents=True, exist_ok=True)
        directory = Path(tempfile.mkdtemp(dir=above))
        try:
            results = measure(directory, arguments.effort, arguments.only)
        finally:
            shutil.rmtree(directory)
    if arguments.json is not None:
        results.save(arguments.json)
    report.show(results)
    print(f"\n{results.about['machine']}; {results.about['date']}; took {results.about['seconds']} s")
    if arguments.publish:
        publish(results)


if __name__ == "__main__":
    main()
