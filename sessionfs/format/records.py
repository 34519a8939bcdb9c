"""The records of format 1 as bytes: ``spec/format/FORMAT.md``, section 4, and nothing else.

A record that was read is never encoded again: messages and metadata stay the bytes that they were.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from msgspec import UNSET, Raw, UnsetType

from ..models import SessionStatus, SessionVisibility
from .decoders import decoder
from .ids import is_sha256
from .timestamps import is_timestamp, parse_rfc3339

LARGE_MESSAGE = 65_536
"""From this many bytes on a message is stored in an object of its own."""

_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z", re.ASCII)
_Message = TypeVar("_Message")
_Hash = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
_Depth = Annotated[int, msgspec.Meta(ge=0)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=(1 << 32) - 1)]


class InvalidRecordError(ValueError):
    """Bytes that are no valid record; the caller knows which file they came from."""


class CheckpointObject(msgspec.Struct, kw_only=True):
    """A checkpoint object: what it says, its messages still as bytes.

    Attributes:
        after: the checkpoint that was active when this one was made without a parent, if that is not
            the base.
        stored: its elements, or the bytes of the record, which are split when somebody asks for them.
        large: the elements that are hashes, as (index in ``elements``, hash).
        metadata: the bytes of a JSON object, or None.

    """

    parent: str | None
    after: str | None = None
    base: str | None
    keep: int
    depth: int
    count: int
    at: str
    metadata: bytes | None = None
    stored: bytes | list[bytes]
    large: list[tuple[int, str]]

    @property
    def elements(self) -> list[bytes]:
        """What follows the kept messages; each a message's bytes, or a hash in quotes."""
        if isinstance(self.stored, bytes):
            self.stored = [bytes(each) for each in _decode_elements(self.stored).messages]
        return self.stored

    @property
    def follows(self) -> str | None:
        """The hash of the checkpoint that this one follows in time: its parent, or what was active."""
        return self.parent or self.after or self.base


class MessageObject(msgspec.Struct, frozen=True):
    """A message object: a large message, stored once, still as bytes."""

    message: bytes


class Facts(msgspec.Struct, omit_defaults=True, kw_only=True):
    """What a meta record sets about a session. A later record sets only what changes."""

    title: str | UnsetType = UNSET
    visibility: SessionVisibility | UnsetType = UNSET
    status: SessionStatus | UnsetType = UNSET
    cwd: str | UnsetType | None = UNSET
    created_at: str | UnsetType = UNSET
    left: list[str] | UnsetType = UNSET


class MetaRecord(msgspec.Struct, tag_field="kind", tag="meta", frozen=True, kw_only=True):
    """A meta record. ``set`` is a dict, so that facts that this version does not know stay."""

    session: str
    at: str
    set: dict[str, Any]


class PurgeRecord(msgspec.Struct, tag_field="kind", tag="purge", frozen=True, kw_only=True):
    """A purge record: the hashes of the objects that were seen and removed."""

    session: str
    at: str
    objects: list[str]


RefRecord = MetaRecord | PurgeRecord
"""What files in ``refs/`` hold, beside what is active."""


class CheckpointHeader(msgspec.Struct, tag_field="kind", tag="checkpoint", kw_only=True):
    """The fields of a checkpoint record before its messages, in the order in which they are written."""

    session: str
    parent: _Hash | None
    after: _Hash | UnsetType = UNSET
    base: _Hash | None
    keep: _Count
    depth: _Depth
    count: _Count
    at: str
    metadata: Raw | UnsetType = UNSET


class _CheckpointRecord(CheckpointHeader, tag="checkpoint", kw_only=True):
    messages: list[Raw]


class TypedRecord(CheckpointHeader, Generic[_Message], tag="checkpoint", kw_only=True):
    """A checkpoint record whose messages are decoded as a type; a large one is its hash."""

    messages: list[_Message | str]


TypedDecoder = Callable[[bytes], TypedRecord[Any]]
"""Decodes a checkpoint record and its messages, large ones as their hashes."""


class _Elements(msgspec.Struct):
    messages: list[Raw]


class _MessageRecord(msgspec.Struct, tag_field="kind", tag="message", kw_only=True):
    session: str
    message: Raw


_encode = msgspec.json.Encoder().encode
_encode_into = msgspec.json.Encoder().encode_into
_decode_object = decoder(_CheckpointRecord | _MessageRecord)
_decode_elements = decoder(_Elements)
_decode_ref = decoder(RefRecord)
_decode_fields = decoder(dict[str, Raw])
decoder(Facts)  # converted to by many threads
NOT_JSON = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)


def sha256(data: bytes) -> str:
    """Return the hash of a file's bytes as names carry it."""
    return hashlib.sha256(data).hexdigest()


def decode_object(data: bytes, session: str) -> CheckpointObject | MessageObject | None:
    """Return the record of an object's bytes, or None where its kind is not known.

    Raises InvalidRecordError if the bytes are no valid record of this session.
    """
    try:
        data.decode()
        record = _decode_object(data)
    except NOT_JSON as error:
        if _kind_is_unknown(data):
            return None
        raise InvalidRecordError(str(error)) from error
    _check_session(record.session, session)
    _check_kind(data)
    if isinstance(record, _CheckpointRecord):
        return _checked_checkpoint(record)
    return MessageObject(_checked_json_object(bytes(record.message), "message"))


def typed_decoder(message_type: type[Any]) -> TypedDecoder:
    """Return a decoder of checkpoint records whose messages are of this type."""
    shape: Any = dict[str, Any] if message_type is dict else message_type
    return decoder(TypedRecord[shape])


def decode_typed(
    data: bytes, session: str, typed: TypedDecoder, buffer: bytearray
) -> tuple[CheckpointObject, list[Any]] | None:
    """Return a checkpoint object and its own messages, large ones as their hashes, in one pass.

    None unless the bytes are exactly those that this version would write: damage, and fields that the
    type of the messages does not know, are left to ``decode_object``.

    Args:
        data: the bytes of the object.
        session: the id of the session that it must belong to.
        typed: the decoder, from ``typed_decoder``.
        buffer: scratch memory to encode into; reusing one is faster than allocating for each record.

    """
    try:
        record = typed(data)
        _encode_into(record, buffer)
        if buffer != data or record.session != session:
            return None
        messages = record.messages
        large: list[tuple[int, str]] = []
        if str in set(map(type, messages)):
            large = [(i, each) for i, each in enumerate(messages) if isinstance(each, str)]
        return _checked(record, data, large, len(messages)), messages
    except (*NOT_JSON, InvalidRecordError):
        return None


def decode_meta(data: bytes, session: str) -> MetaRecord:
    """Return a meta record; InvalidRecordError if the bytes are no valid one of this session."""
    record = _ref_record(data, session)
    if not isinstance(record, MetaRecord):
        raise InvalidRecordError("it is a purge record")
    try:
        facts = msgspec.convert(record.set, Facts)
    except msgspec.MsgspecError as error:
        raise InvalidRecordError(str(error)) from error
    if facts.created_at is not UNSET and not _is_written_time(facts.created_at):
        raise InvalidRecordError(f"created_at is not an RFC 3339 time in UTC: {facts.created_at!r}")
    _check_hashes("left", facts.left or [])
    return record


def decode_purge(data: bytes, session: str) -> PurgeRecord:
    """Return a purge record; InvalidRecordError if the bytes are no valid one of this session."""
    record = _ref_record(data, session)
    if not isinstance(record, PurgeRecord):
        raise InvalidRecordError("it is a meta record")
    _check_hashes("objects", record.objects)
    return record


def _ref_record(data: bytes, session: str) -> RefRecord:
    try:
        data.decode()
        record: RefRecord = _decode_ref(data)
    except NOT_JSON as error:
        raise InvalidRecordError(str(error)) from error
    _check_session(record.session, session)
    _check_kind(data)
    if not is_timestamp(record.at):
        raise InvalidRecordError(f"at is not a timestamp: {record.at!r}")
    return record


def encode_meta(session: str, at: str, facts: dict[str, Any]) -> bytes:
    """Return the bytes of a meta record that sets these facts."""
    return _encode(MetaRecord(session=session, at=at, set=facts))


def encode_purge(session: str, at: str, objects: list[str]) -> bytes:
    """Return the bytes of a purge record of objects with these hashes."""
    return _encode(PurgeRecord(session=session, at=at, objects=objects))


def encode_checkpoint(session: str, checkpoint: CheckpointObject) -> bytes:
    """Return the bytes of a checkpoint object."""
    return _encode(
        _CheckpointRecord(
            session=session,
            parent=checkpoint.parent,
            after=UNSET if checkpoint.after is None else checkpoint.after,
            base=checkpoint.base,
            keep=checkpoint.keep,
            depth=checkpoint.depth,
            count=checkpoint.count,
            at=checkpoint.at,
            metadata=UNSET if checkpoint.metadata is None else Raw(_one_line(checkpoint.metadata)),
            messages=[Raw(_one_line(element)) for element in checkpoint.elements],
        )
    )


def encode_message_object(session: str, message: bytes) -> bytes:
    """Return the bytes of the object that stores a large message."""
    return _encode(_MessageRecord(session=session, message=Raw(_one_line(message))))


def _one_line(raw: bytes) -> bytes:
    """Return JSON without line ends, which another writer may have left between its tokens."""
    return raw.replace(b"\n", b" ").replace(b"\r", b" ") if b"\n" in raw or b"\r" in raw else raw


def hash_element(sha: str) -> bytes:
    """Return the element of ``messages`` that names a message object."""
    return b'"' + sha.encode() + b'"'


def large_elements(elements: list[bytes]) -> list[tuple[int, str]]:
    """Return which elements are hashes, as (index, hash)."""
    return [
        (i, each[1:-1].decode(errors="replace")) for i, each in enumerate(elements) if each[:1] == b'"'
    ]


def element_hash(element: bytes) -> str | None:
    """Return the hash that an element of ``messages`` names, or None if it is a message."""
    return element[1:-1].decode(errors="replace") if element.startswith(b'"') else None


def _check_hashes(name: str, hashes: list[str]) -> None:
    for sha in hashes:
        if not is_sha256(sha):
            raise InvalidRecordError(f"{name} holds something other than a SHA-256 hash: {sha!r}")


def _check_session(found: str, expected: str) -> None:
    if found != expected:
        raise InvalidRecordError(f"the record belongs to session {found}")


def _check_kind(data: bytes) -> None:
    """Refuse a record that names two kinds: readers could differ on which one counts."""
    # It stands there once, or with an escape: in nearly every record neither is to be suspected.
    if data.count(b'kind"') < 2 and b"\\u00" not in data:
        return
    try:
        kinds = _kinds(data)
    except (ValueError, RecursionError) as error:
        raise InvalidRecordError(str(error)) from error
    if len(kinds) > 1:  # pragma: no cover - msgspec 0.22 refuses it before; not every version has to
        raise InvalidRecordError("the record names two kinds")


def _kinds(data: bytes) -> list[object]:
    """Return the different kinds that a record names, as many as there are."""
    outermost: list[tuple[str, object]] = []

    def build(fields: list[tuple[str, object]]) -> None:
        outermost[:] = fields

    import json  # for what is suspicious alone: few programs need it

    # A number of thousands of digits cannot be converted, and need not be: no number is a kind.
    json.loads(data, object_pairs_hook=build, parse_int=_no_kind, parse_float=_no_kind)
    kinds: list[object] = []
    for name, value in outermost:
        if name == "kind" and value not in kinds:
            kinds.append(value)
    return kinds


def _no_kind(_: str) -> int:
    return 0


def _is_written_time(text: str) -> bool:
    return _TIME.fullmatch(text) is not None and parse_rfc3339(text) is not None


def _checked_json_object(raw: bytes, what: str) -> bytes:
    if not raw.startswith(b"{"):
        raise InvalidRecordError(f"{what} is not a JSON object")
    return raw


def _checked_checkpoint(record: _CheckpointRecord) -> CheckpointObject:
    elements = [bytes(element) for element in record.messages]
    large = large_elements(elements)
    checkpoint = _checked(record, elements, large, len(elements))
    if sum(each[:1] == b"{" for each in elements) + len(large) != len(elements):
        raise InvalidRecordError("an element of messages is neither an object nor a hash")
    return checkpoint


def _checked(
    record: CheckpointHeader, stored: bytes | list[bytes], large: list[tuple[int, str]], number: int
) -> CheckpointObject:
    """Return the object of a record with this number of elements, or raise InvalidRecordError."""
    after = None if record.after is UNSET else record.after
    if (record.base is None) != (record.keep == 0):
        raise InvalidRecordError("base is null if and only if keep is 0")
    if record.keep + number != record.count:
        raise InvalidRecordError(
            f"count is {record.count}, but keep and messages make {record.keep} + {number}"
        )
    if not is_timestamp(record.at):
        raise InvalidRecordError(f"at is not a timestamp: {record.at!r}")
    metadata = None
    if record.metadata is not UNSET:
        metadata = _checked_json_object(bytes(record.metadata), "metadata")
    for _, sha in large:
        if not is_sha256(sha):
            raise InvalidRecordError(f"an element of messages is not a SHA-256 hash: {sha!r}")
    return CheckpointObject(
        parent=record.parent,
        after=after,
        base=record.base,
        keep=record.keep,
        depth=record.depth,
        count=record.count,
        at=record.at,
        metadata=metadata,
        stored=stored,
        large=large,
    )


def _kind_is_unknown(data: bytes) -> bool:
    """Tell whether this is a well-formed object of a kind that a later version may know."""
    try:
        data.decode()
        _decode_fields(data)
        kinds = _kinds(data)
    except (*NOT_JSON, ValueError):
        return False
    return len(kinds) == 1 and isinstance(kinds[0], str) and kinds[0] not in ("checkpoint", "message")
