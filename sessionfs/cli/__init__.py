"""The command ``sessionfs``: arguments, rendering and the environment, and nothing else.

Exit codes: 0 done, 1 the request failed (one line on standard error says why), 2 the command line
itself was wrong, 130 interrupted.

Tested by ``tests/cli``.
"""

from __future__ import annotations

import codecs
import io
import signal
import sys

_PLAIN = {"…": "...", "→": "->", "·": "-", "█": "#", "▓": "x", "░": ".", "×": "x", "—": "-", "│": "|"}


def main() -> None:
    """Run the command; the entry point of the installed script."""
    try:
        from .app import app
    except ModuleNotFoundError as error:
        if error.name not in ("typer", "rich", "markdown_it", "pygments"):
            raise
        sys.exit("sessionfs: the command line needs its extra: pip install 'sessionfs-store[cli]'")
    if hasattr(signal, "SIGPIPE"):
        # Whoever reads our output may have seen enough: end quietly, as other commands do.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    # What a terminal's encoding lacks is told in other characters, and is not an error.
    codecs.register_error("sessionfs", _plainly)
    for stream in (sys.stdout, sys.stderr):
        # The locale C lets nothing but ASCII through, and is not strict.
        if isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
            stream.reconfigure(errors="sessionfs")
    app(prog_name="sessionfs")


def _plainly(error: UnicodeError) -> tuple[str | bytes, int]:
    """Give what stands for characters that an encoding lacks."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    plain = "".join(
        _PLAIN.get(each) or each.encode("ascii", "backslashreplace").decode() for each in lacking
    )
    return plain, error.end
