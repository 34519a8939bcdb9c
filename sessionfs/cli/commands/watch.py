"""The command that tells what changes."""

from __future__ import annotations

import sys

from .. import opening, output, render
from ..options import AsJson, Store


def watch(store: Store = None, as_json: AsJson = False) -> None:
    """Tell what changes in the store, by whichever program or sync tool, until interrupted.

    With --json a line for each event: session_created, session_updated, checkpoint_created,
    active_changed, session_deleted.
    """
    with output.reporting(as_json), opening.open_store(store) as storage, storage.watch() as events:
        output.note(f"watching {storage.backend_info().store_path}")
        for event in events:
            if as_json:
                output.print_line(event)
            else:
                render.event(output.console(), event)
            sys.stdout.flush()
