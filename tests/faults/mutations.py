"""Bytes that nearly are what a decoder expects: valid ones, changed as accidents and attackers do."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from random import Random
from typing import Any

from hypothesis import strategies as st

VALUES: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    1,
    2**31,
    2**32 - 1,
    2**32,
    2**53,
    2**63,
    2**64,
    10**30,
    1.5,
    1e308,
    "",
    "x",
    "\0",
    "é😀\u2028",
    "a" * 64,
    "A" * 64,
    "0" * 63,
    "ACTIVE",
    "PUBLIC",
    "checkpoint",
    "message",
    "meta",
    "purge",
    "sealed",
    "99991231T235959999999Z",
    "99991231T235959999998Z",
    "00010101T000000000000Z",
    "20260230T000000000000Z",
    "2026-11-22T10:15:30.123456Z",
    "2026-11-22T24:00:00.000000Z",
    [],
    {},
    [[]],
    [{}],
    ["a" * 64],
    {"": {}},
    {"kind": "checkpoint"},
    {"__proto__": {}},
]
"""What takes the place of another value."""

TOKENS: list[bytes] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b'"',
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"\\udc00\\ud800",
    b"\\uD83D\\uDE00",
    b"null",
    b"true",
    b"NaN",
    b"-Infinity",
    b"1e400",
    b"-0",
    b"1.0",
    b"1e3",
    b"01",
    b"+1",
    b"9" * 400,
    b"9" * 5000,
    b"0." + b"1" * 400,
    b"\xff",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\0",
    b"\n",
    b"\r\n",
    b"\t",
    b" ",
    b"\x0b",
    b"/**/",
    b'"kind":"checkpoint",',
    b'"kind":"message",',
    b'"k\\u0069nd":"meta",',
    b'"kind":"purge",',
    b'"after":"' + b"b" * 64 + b'",',
    b'"objects":[],',
    b'"count":1,',
    b'"session":"x",',
    b'"a":' * 3,
    b"[" * 300,
    b'{"a":' * 300,
    b"]" * 300,
]
"""What is put between bytes."""


def mutated(seeds: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """Give one of these, changed as JSON, as bytes, as both or not at all; or any bytes."""
    near = st.builds(
        _mutate,
        st.sampled_from(seeds),
        st.randoms(use_true_random=False),
        st.integers(0, 3),
        st.integers(0, 3),
    )
    return st.one_of(near, near, near, st.binary(max_size=200))


def _mutate(seed: bytes, random: Random, in_json: int, in_bytes: int) -> bytes:
    data = seed
    if in_json:
        try:
            value = json.loads(data)
        except ValueError:
            pass
        else:
            for _ in range(in_json):
                value = _change(value, random)
            data = _write(value, random)
    for _ in range(in_bytes):
        data = _tear(data, random)
    return data


def _change(value: Any, random: Random) -> Any:
    """Change one value somewhere inside."""
    inside = value
    while isinstance(inside, dict | list) and inside:
        keys = list(inside) if isinstance(inside, dict) else range(len(inside))
        key: Any = random.choice(keys)
        child = inside[key]
        if not (isinstance(child, dict | list) and child and random.random() < 0.7):
            match random.randrange(5):
                case 0:
                    del inside[key]
                case 1 if isinstance(inside, dict):
                    inside[str(key) + random.choice(["", " ", "\0", "s"])] = _any_value(random)
                case 2 if isinstance(child, str) and child:
                    at = random.randrange(len(child))
                    inside[key] = (
                        child[:at] + random.choice(["", "0", "Z", "é", "\n"]) + child[at + 1 :]
                    )
                case 3 if isinstance(child, int):
                    inside[key] = child + random.choice([-1, 1, 2**32])
                case _:
                    inside[key] = _any_value(random)
            return value
        inside = child
    return _any_value(random)


def _any_value(random: Random) -> Any:
    return copy.deepcopy(random.choice(VALUES))  # the next change may be inside it


def _write(value: Any, random: Random) -> bytes:
    match random.randrange(4):
        case 0:
            return json.dumps(value, indent=1).encode()
        case 1:
            return json.dumps(value, sort_keys=True, ensure_ascii=False).encode(errors="replace")
        case _:
            return json.dumps(value, separators=(",", ":")).encode()


def _tear(data: bytes, random: Random) -> bytes:
    start = random.randrange(len(data) + 1)
    end = min(len(data), start + random.choice([0, 0, 1, 1, 2, 8, 64]))
    match random.randrange(5):
        case 0:
            return data[:start]
        case 1:
            return data[:start] + data[end:]
        case 2:
            return data[:end] + data[start:end] + data[end:]
        case 3:
            return data[:start] + bytes([random.randrange(256)]) + data[end:]
        case _:
            return data[:start] + random.choice(TOKENS) + data[end:]
