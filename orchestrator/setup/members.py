"""JSON as text: where its members lie, one put in, one cut out, every other byte as it was. Touches no file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from orchestrator.core.values import Value
from orchestrator.setup.inserting import newline

_BLANK = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


class Member(Value):
    """One member of an object, or element of an array, by where it lies in the text; `key` is empty in an array."""

    key: str
    begin: int
    start: int  # of the value
    end: int


def with_member(text: str, at: int, key: str, value: Any) -> tuple[str, str]:
    """Put a member at the end of the object or array that begins at `at`; return the text and the piece put in."""
    there = list(members(text, at))
    end = newline(text.encode())
    unit = _unit(text)
    outer = _indent(text, at)
    inner = _indent(text, there[-1].begin) if there else outer + unit
    named = f"{json.dumps(key)}: " if key else ""
    if there and "\n" not in text[at : there[-1].begin]:  # a container in one line stays so
        place, piece = there[-1].end, f", {named}{json.dumps(value)}"
    else:
        dumped = json.dumps(value, indent=unit).replace("\n", f"{end}{inner}")
        place = there[-1].end if there else at + 1
        is_open = not there and "\n" not in text[place : _close(text, at)]
        piece = f"{',' if there else ''}{end}{inner}{named}{dumped}{f'{end}{outer}' if is_open else ''}"
    return text[:place] + piece + text[place:], piece


def _unit(text: str) -> str:
    """Return one level of indentation, as the first member has it."""
    first = re.match(r"\s*\{\s*\n([ \t]+)\"", text)
    return first[1] if first else "  "


def _indent(text: str, at: int) -> str:
    """Return the blanks at the beginning of the line in which a place lies."""
    begin = text.rfind("\n", 0, at) + 1
    return text[begin : begin + len(text[begin:]) - len(text[begin:].lstrip(" \t"))]


# --- where things lie ------------------------------------------------------------------------------


def top(text: str) -> int:
    """Return where the value of a whole text begins."""
    return _past_blanks(text, 0)


def _past_blanks(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    return match.end() if match else at


def members(text: str, at: int) -> Iterator[Member]:
    """Give the members of the object or array that begins at `at`, in a text that is known to be JSON."""
    place = _past_blanks(text, at + 1)
    while text[place] not in "}]":
        begin, key = place, ""
        if text[at] == "{":
            key, place = _DECODER.raw_decode(text, place)
            place = _past_blanks(text, _past_blanks(text, place) + 1)
        _, end = _DECODER.raw_decode(text, place)
        yield Member(key=key, begin=begin, start=place, end=end)
        place = _past_blanks(text, end)
        if text[place] == ",":
            place = _past_blanks(text, place + 1)


def _close(text: str, at: int) -> int:
    """Return where the object or array that begins at `at` is closed."""
    return _DECODER.raw_decode(text, at)[1] - 1


def find(text: str, *keys: str) -> Member | None:
    """Return the member that a path of keys leads to; of two with one key the last, as readers of JSON have it."""
    at, member = top(text), None
    for key in keys:
        member = next((one for one in reversed(list(members(text, at))) if one.key == key), None)
        if member is None:
            return None
        at = member.start
    return member


def span(text: str, containers: Sequence[int], path: Sequence[Member]) -> tuple[int, int]:
    """Return from where to where the last member is cut out, or the outermost that holds nothing else."""
    for at, member in zip(containers[::-1], path[::-1], strict=True):
        siblings = list(members(text, at))
        if len(siblings) > 1 or at == containers[0]:
            place = siblings.index(member)
            if place:
                return siblings[place - 1].end, member.end
            return (member.begin, siblings[1].begin) if len(siblings) > 1 else (at + 1, _close(text, at))
    raise AssertionError("the outermost container is always cut in")
