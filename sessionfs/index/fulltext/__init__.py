"""Full-text search over the messages of a store: their text, and the words that rule blocks out.

The invariant: a hit is what contains the text; the words only say where not to look.

``textstore`` keeps the text, ``wordfilter`` rules out, ``blocks`` is what both read and write, and
``query`` answers. Imports ``fs`` and ``queries``; used by ``index`` alone. Tested by ``tests/index``.
"""
