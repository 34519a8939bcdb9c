"""A program that watches a store and prints its events as lines of JSON, for a test to stop."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from .helpers import eventually, listening, watch

if __name__ == "__main__":
    with listening(watch(Path(sys.argv[1]))) as watcher:
        eventually(lambda: not watcher._feed._again)  # all time stamps are relied on
        print("listening", flush=True)
        for event in watcher:
            print(msgspec.json.encode(event).decode(), flush=True)
