"""One line of the log and its hash: how a record is written, and whether a line holds.

Knows no event types and opens no file. The format is a promise: keys are added, never renamed or removed.
"""

from __future__ import annotations

from hashlib import sha256

import msgspec

from orchestrator.core.values import Value

GENESIS = "0" * 64  # what the first record has for `prev`
_HASH_KEY = b',"hash":"'
_HASH_LENGTH = 64
_HASH_AT = -(len(_HASH_KEY) + _HASH_LENGTH + len(b'"}\n'))  # the hash is the last key of its line


class BadLine(ValueError):
    """A piece of the log that is no record; `str(error)` says why, to follow "line 7: "."""


class Draft(Value):
    """What is to be recorded, before it has a place in the chain. `payload` is a compact JSON object."""

    feature: str | None
    event_type: str
    workflow: str | None
    phase: str | None
    actor: str
    payload: bytes


class Record(Value):
    """One line of the log; the order of the fields is the order of the keys."""

    id: int
    timestamp: str
    feature: str | None
    event_type: str
    workflow: str | None
    phase: str | None
    actor: str
    payload: msgspec.Raw
    prev: str
    hash: str


class Head(Value):
    """The last whole line: its id, hash and time; `offset` is the byte at which the next line begins."""

    id: int
    hash: str
    offset: int
    timestamp: str


START = Head(0, GENESIS, 0, "")

_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Record)


def place(draft: Draft, after: Head, timestamp: str) -> Record:
    """Return the record that `draft` becomes when it follows `after` in the chain."""
    record = Record(
        id=after.id + 1,
        timestamp=timestamp,
        feature=draft.feature,
        event_type=draft.event_type,
        workflow=draft.workflow,
        phase=draft.phase,
        actor=draft.actor,
        payload=msgspec.Raw(draft.payload),
        prev=after.hash,
        hash=GENESIS,
    )
    return msgspec.structs.replace(record, hash=_digest(line(record)))


def line(record: Record) -> bytes:
    """Return the canonical line: compact JSON and a newline."""
    return _ENCODER.encode(record) + b"\n"


def decode(piece: bytes) -> Record:
    """Return the record that `piece`, a line with its newline, holds; raises BadLine."""
    if not piece.endswith(b"\n"):
        raise BadLine("it does not end in a newline")
    try:
        record = _DECODER.decode(piece)
    except msgspec.ValidationError as error:
        raise BadLine(f"it is not a record: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadLine(f"it is not JSON: {error}") from error
    if record.hash != _digest(piece):  # a hash that stands elsewhere would lie in what it is made of
        raise BadLine("its hash does not hold")
    if not bytes(record.payload).startswith(b"{"):
        raise BadLine("it is not a record: its payload is no object")
    return record


def hash_before(tail: bytes) -> str:
    """Return the hash of the line that ends where `tail`, at least 67 bytes of it, ends."""
    return tail[-_HASH_LENGTH - 3 : -3].decode("ascii", "replace")


def _digest(piece: bytes) -> str:
    """Return the SHA-256 of a line with its hash cut out and without the newline, in hexadecimal."""
    return sha256(piece[:_HASH_AT] + b"}").hexdigest()
