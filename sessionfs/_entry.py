"""The installed command: checks that the package is ours, and runs the command line.

On PyPI ``sessionfs`` is another project with the same import name. Where both are installed in one
environment, each overwrites files of the other. This module has a name that the other does not use.
"""

from __future__ import annotations

import sys
from pathlib import Path

_DISTRIBUTION = "sessionfs-store"


def main() -> None:
    """Run the command, or say that another package has replaced this one."""
    import sessionfs

    if getattr(sessionfs, "DISTRIBUTION", None) != _DISTRIBUTION:
        sys.exit(_replaced())
    from sessionfs.cli import main as run

    run()


def _replaced() -> str:
    place = Path(__file__).parent
    return (
        f"sessionfs: another package with this import name has replaced files of {_DISTRIBUTION} in "
        f"{place}. Install {_DISTRIBUTION} in an environment of its own, for example with: "
        f"pipx install '{_DISTRIBUTION}[cli]'"
    )
