"""Ids of sessions and checkpoints, and the texts that stand for them in names."""

from __future__ import annotations

import hashlib
from uuid import RFC_4122, UUID

import pytest

from sessionfs.format import ids

SHA = hashlib.sha256(b"x").hexdigest()
SESSION = "0199f3a2-6c1e-7d55-9b1f-3f0c7a1e2d44"


def test_a_session_id_carries_its_time() -> None:
    made = {ids.new_session_id(1_700_000_000_123) for _ in range(100)}
    assert len(made) == 100
    for each in made:
        assert (each.version, each.variant) == (7, RFC_4122)
        assert ids.session_time_ms(each) == 1_700_000_000_123
    assert ids.new_session_id(1) < ids.new_session_id(2)
    assert ids.session_time_ms(ids.checkpoint_id(SHA)) is None


def test_a_checkpoint_id_follows_from_the_hash_and_begins_as_its_file_does() -> None:
    found = ids.checkpoint_id(SHA)
    assert found == ids.checkpoint_id(SHA[:32] + "0" * 32)
    assert (found.version, found.variant) == (8, RFC_4122)
    assert ids.hash12_of(found) == SHA[: ids.HASH12]


@pytest.mark.parametrize(
    "name",
    ["", SESSION.upper(), SESSION.replace("-", ""), f"{{{SESSION}}}", SESSION + "\n", "é" * 36],
)
def test_a_name_that_is_not_canonical_is_not_a_session(name: str) -> None:
    assert not ids.is_session_name(name)
    assert ids.parse_session_id(name) is None
    assert ids.session_names([name, SESSION]) == [SESSION]
    assert ids.parse_session_id(SESSION) == UUID(SESSION)


@pytest.mark.parametrize("text", ["", SHA[:-1], SHA + "0", SHA.upper(), SHA + "\n", "g" * 64])
def test_a_hash_is_64_lower_case_digits(text: str) -> None:
    assert not ids.is_sha256(text)
    assert ids.is_sha256(SHA)


def test_the_hash_in_the_name_of_a_copy_is_found() -> None:
    assert ids.sha256_in(f"{SHA}.sync-conflict-20260101.json") == SHA
    assert ids.sha256_in(f"{SHA} (1).json") == SHA
    assert ids.sha256_in(f"{SHA}0.json") is None
