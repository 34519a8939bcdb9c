"""Decoders of JSON and MessagePack, made one at a time.

msgspec learns what a type is made of when it is first used. A thread that uses the type meanwhile
finds it half learnt, which ends the process with a segmentation fault (seen with msgspec 0.22): so
whatever is decoded as a type of ours, or of a caller's, is decoded by what is made here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from threading import RLock
from typing import Any

import msgspec

from ..fs import atfork

_learning = RLock()
atfork.hold_while_forking(_learning)


@lru_cache(maxsize=256)
def decoder(kind: Any) -> Callable[[bytes], Any]:
    """Return what decodes JSON as a type, which any thread may use from then on.

    The same errors as of ``msgspec.json.Decoder`` for a type that it cannot decode.
    """
    with _learning:
        return msgspec.json.Decoder(kind).decode


def packed_decoder(kind: Any) -> Callable[[bytes], Any]:
    """Return what decodes MessagePack as a type; as ``decoder`` does."""
    with _learning:
        return msgspec.msgpack.Decoder(kind).decode
