"""The line of the log: its canonical form, and everything that makes it not hold."""

from __future__ import annotations

from hashlib import sha256

import pytest

from orchestrator.log.records import GENESIS, START, BadLine, Draft, Head, decode, hash_before, line, place

DRAFT = Draft("feat-payment", "gate_reached", "4.5a", "2", "agent:claude", '{"why":"é"}'.encode())
FIRST = place(DRAFT, START, "2025-06-01T10:00:00.000+02:00")
A_LIST = place(Draft(None, "x", None, None, "kit", b"[1]"), START, "")
BODY = (
    '{"id":1,"timestamp":"2025-06-01T10:00:00.000+02:00","feature":"feat-payment","event_type":"gate_reached",'
    f'"workflow":"4.5a","phase":"2","actor":"agent:claude","payload":{{"why":"é"}},"prev":"{GENESIS}"'
).encode()


def test_a_line_is_compact_json_with_its_keys_in_order_and_its_hash_last() -> None:
    digest = sha256(BODY + b"}").hexdigest()
    assert line(FIRST) == BODY + f',"hash":"{digest}"}}\n'.encode()


def test_a_line_that_was_written_is_read_back_as_the_same_record() -> None:
    assert decode(line(FIRST)) == FIRST


def test_a_record_follows_the_one_before_by_number_and_hash() -> None:
    second = place(DRAFT, Head(FIRST.id, FIRST.hash, 0, FIRST.timestamp), FIRST.timestamp)
    assert (second.id, second.prev) == (2, FIRST.hash)


def test_the_hash_of_a_line_is_found_in_its_last_bytes() -> None:
    assert hash_before(line(FIRST)[-67:]) == FIRST.hash


def test_a_key_that_a_later_version_adds_is_ignored() -> None:
    body = BODY + b',"later":1'
    digest = sha256(body + b"}").hexdigest()
    assert decode(body + f',"hash":"{digest}"}}\n'.encode()).id == 1


def test_every_flipped_bit_of_a_line_is_noticed() -> None:
    whole = line(FIRST)
    for place_of_bit in range(8 * (len(whole) - 1)):
        flipped = bytearray(whole)
        flipped[place_of_bit // 8] ^= 1 << place_of_bit % 8
        with pytest.raises(BadLine):
            decode(bytes(flipped))


@pytest.mark.parametrize(
    ("piece", "why"),
    [
        (line(FIRST)[:-1], "it does not end in a newline"),
        (b"\n", "it is not JSON: Input data was truncated"),
        (b"\0" * 9 + b"\n", "it is not JSON: JSON is malformed: invalid character (byte 0)"),
        (b"{}\n", "it is not a record: Object missing required field `id`"),
        (line(FIRST).replace(b"payment", b"invoice"), "its hash does not hold"),
        (line(FIRST).replace(b'"hash"', b' "hash"'), "its hash does not hold"),
        (line(A_LIST), "it is not a record: its payload is no object"),
    ],
    ids=["cut", "empty", "zeros", "other", "edited", "spaced", "list"],
)  # fmt: skip
def test_what_is_no_record_says_why(piece: bytes, why: str) -> None:
    with pytest.raises(BadLine) as caught:
        decode(piece)
    assert str(caught.value) == why
