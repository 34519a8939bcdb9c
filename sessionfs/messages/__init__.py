"""A message of any shape: its bytes, its parts, and its statistics.

The invariant: a message that is read and stored again keeps its bytes, whatever its type does not
know; and there is one reading of what a message consists of (``parts``), which the page, the search,
the statistics and the exports share.

Imports ``format`` and below. Tested by ``tests/messages``.
"""
