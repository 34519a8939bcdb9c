"""The names of refs: parsed exactly, sorted by time, anything else is foreign."""

from __future__ import annotations

import pytest

from sessionfs.format.refnames import ActiveRef, MetaRef, PurgeRef, RefNames, parse

AT, LATER, HASH = "20261122T101530123456Z", "20261122T101530123457Z", "3f2a9c41d07e"


@pytest.mark.parametrize("kind", [ActiveRef, MetaRef, PurgeRef])
def test_a_name_gives_the_ref_that_it_is_made_from(
    kind: type[ActiveRef] | type[MetaRef] | type[PurgeRef],
) -> None:
    ref = kind(AT, HASH)
    assert parse(ref.name) == ref
    assert type(parse(ref.name)) is kind
    assert ref.name < kind(LATER, "0" * 12).name


@pytest.mark.parametrize(
    "name",
    [
        *("", "active", f"active.{AT}-{HASH}.json", f"meta.{AT}-{HASH}", f"purge.{AT}-{HASH}"),
        *(f"active.{AT}-{HASH}\n", f"active.{AT}-{HASH.upper()}", f"active.{AT}-{HASH}0"),
        *(f"other.{AT}-{HASH}.json", f"active.20261322T101530123456Z-{HASH}", f".active.{AT}-{HASH}"),
    ],
)
def test_any_other_name_is_foreign(name: str) -> None:
    assert parse(name) is None


def test_the_lowest_and_highest_time_are_those_of_any_kind() -> None:
    names = RefNames([ActiveRef(LATER, HASH)], [MetaRef(AT, HASH)], [])
    assert (names.lowest_at, names.highest_at) == (AT, LATER)
    assert (RefNames([], [], []).lowest_at, RefNames([], [], []).highest_at) == (None, None)
