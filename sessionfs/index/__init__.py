"""The index: a cache outside the store that makes listing fast, and never the truth.

The invariant: every answer is the one that a scan of the files gives. What the index holds of a session
is used only while the fingerprint of its directory is the one that was recorded, and the index itself
only while its file is, to the byte, the one that was last written here for this root on this machine.
Anything else (deleted, truncated, damaged, copied, older, newer, locked, nowhere to put it) costs time
and changes no answer.

Tested by ``tests/index``.
"""

from .index import Index
from .watches import Watch

__all__ = ["Index", "Watch"]
