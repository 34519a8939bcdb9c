"""Where a match is marked in a text whose letters become several when case is put aside."""

from __future__ import annotations

import random
import re

from sessionfs.queries.search import snippet
from tests.effort import Counted, chosen

LETTERS = "aAbsSßİiſŉﬃé x\n"
TRIES = chosen(few=2_000, usual=20_000, everything=500_000)


def test_what_is_marked_is_the_letters_that_the_match_came_from(counted: Counted) -> None:
    rng = random.Random(TRIES)
    for _ in range(TRIES):
        text = "".join(rng.choices(LETTERS, k=rng.choice((1, 3, 10, 60, 300, 500))))
        folded, came_from = text.casefold(), [i for i, c in enumerate(text) for _ in c.casefold()]
        start = rng.randrange(len(folded))
        needle = folded[start : start + rng.choice((1, 1, 2, 3, 8, 300))]

        shown, spans = snippet(text, needle)

        at = folded.index(needle)
        begin = max(came_from[at] - 60, 0)
        end = min(max(begin + 200, came_from[at + len(needle) - 1] + 1), len(text))
        assert shown == "…" * bool(begin) + text[begin:end] + "…" * (end < len(text))
        expected: list[tuple[int, int]] = []
        for found in re.finditer(re.escape(needle), folded):
            first, last = came_from[found.start()], came_from[found.end() - 1] + 1
            if last <= end and (not expected or first >= expected[-1][1]):
                expected.append((first, last))
        shift = bool(begin) - begin  # for the ellipsis
        assert spans == [(first + shift, last + shift) for first, last in expected]
    counted("texts in which a match was marked", TRIES)
