"""The command ``sessionfs``: arguments, rendering and the environment, and nothing else.

Exit codes: 0 done, 1 the request failed (one line on standard error says why), 2 the command line
itself was wrong, 130 interrupted.
"""

from __future__ import annotations

import signal
import sys


def main() -> None:
    """Run the command; the entry point of the installed script."""
    try:
        from .app import app
    except ModuleNotFoundError as error:
        if error.name not in ("typer", "rich"):
            raise
        sys.exit("sessionfs: the command line needs its extra: pip install 'sessionfs[cli]'")
    if hasattr(signal, "SIGPIPE"):
        # Whoever reads our output may have seen enough: end quietly, as other commands do.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    app(prog_name="sessionfs")
