"""Decoders of JSON and MessagePack, made one at a time.

msgspec learns what a type is made of when it is first used. A thread that uses the type meanwhile
finds it half learnt, which ends the process with a segmentation fault (seen with msgspec 0.22): so
whatever is decoded as a type of ours, or of a caller's, is decoded by what is made here. So does a
signal handler or a finalizer in the middle of that, in the same thread: it is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from threading import RLock
from typing import Any

import msgspec

from ..errors import InternalError
from ..fs import atfork

_lock = RLock()
atfork.hold_while_forking(_lock)
_learners: list[object] = []


@contextmanager
def _learning() -> Iterator[None]:
    with _lock:
        if _learners:
            raise InternalError("a type of messages is being learnt by this very thread")
        _learners.append(None)
        try:
            yield
        finally:
            _learners.clear()


@lru_cache(maxsize=256)
def decoder(kind: Any) -> Callable[[bytes], Any]:
    """Return what decodes JSON as a type, which any thread may use from then on.

    The same errors as of ``msgspec.json.Decoder`` for a type that it cannot decode.
    """
    with _learning():
        return msgspec.json.Decoder(kind).decode


def packed_decoder(kind: Any) -> Callable[[bytes], Any]:
    """Return what decodes MessagePack as a type; as ``decoder`` does."""
    with _learning():
        return msgspec.msgpack.Decoder(kind).decode
