"""The file system: what the operating system is asked, and nothing of sessions.

Owns files that are published atomically and read verified, what lies under a name, locks, temporary
files, and what a child process forgets after a fork. The invariant: no other package imports ``os``,
``stat``, ``fcntl``, ``mmap`` or ``tempfile``, and every failure leaves here as a ``StorageError`` that
names the path.

Imports ``errors`` only; every other package may import it but the command line.
Tested by ``tests/fs`` and ``tests/faults``.
"""
