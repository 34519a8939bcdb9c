"""One store on disk: its root, the sessions in it, their objects and refs.

The invariant: an object's bytes are on the disk before it has its name, and it has that before a ref
names it. Bytes that do not match their name are never returned and never overwritten.

Imports ``format``, ``fs``, ``messages`` and below; ``queries``, ``index``, ``maintenance``, ``watch``
and ``storage`` stand upon it. Tested by ``tests/store``, ``tests/faults`` and ``tests/sync``.
"""
