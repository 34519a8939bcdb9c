"""Records at the edge of what other writers make: damage is told from what is sound."""

from __future__ import annotations

import pytest

from sessionfs.format.records import InvalidRecordError, decode_object


@pytest.mark.parametrize("other", ['"kin\\u0064"', '"\\u006bind"', '"kind"'])
def test_a_record_that_names_two_kinds_is_damage_however_they_are_written(other: str) -> None:
    session = "01900000-0000-7000-8000-00000000000a"
    record = (
        f'{{"kind":"checkpoint","session":"{session}","parent":null,"base":null,"keep":0,"depth":0,'
        f'"count":0,"at":"20260101T000000000000Z","messages":[],{other}:"future"}}'
    )
    with pytest.raises(InvalidRecordError):
        decode_object(record.encode(), session)


def test_a_depth_that_one_reader_takes_and_another_does_not_is_never_a_crash() -> None:
    """The kind is looked for by a second reader, which gives up at another depth than the first."""
    session = "01900000-0000-7000-8000-00000000000a"
    refused = 0
    for depth in range(100, 1_200, 3):
        record = (
            f'{{"kind":"message","session":"{session}",'
            f'"message":{{"kind":{"[" * depth + "]" * depth}}}}}'
        )
        try:
            decode_object(record.encode(), session)
        except InvalidRecordError:
            refused += 1
    assert 0 < refused < 367
