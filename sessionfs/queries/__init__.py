"""Answers from the files alone: sessions, checkpoints, lists, search.

Slow and plain on purpose. The invariant: these are the reference, and whatever is faster (``index``)
gives the same answers.

Imports ``store`` and below. Tested by ``tests/queries`` and, beside the index, ``tests/index``.
"""
