"""Format 1 as pure functions: ids, timestamps, names of refs, records, and their bytes.

The invariant: nothing here does I/O, and the same values always become the same bytes. What these
modules implement is written in ``spec/format/FORMAT.md``, which comes first.

Imports ``fs`` (for what a fork renews), ``models`` and ``errors``.
Tested by ``tests/format`` and ``tests/spec``.
"""
