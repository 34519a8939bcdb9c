"""What looks after a store: merging, purging, relocating, and the doctor.

The invariant: nothing is removed but what a purge record names and killed writers left, and nothing
is taken over from another store before its hash is verified.

Imports ``queries``, ``store`` and below; loaded only when it is asked for.
Tested by ``tests/maintenance``, ``tests/sync`` and ``tests/faults``.
"""
