"""How many columns a text takes on a terminal, and texts cut and filled to a width. Pure; draws nothing."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import lru_cache

_WIDE = ("W", "F")
_UNCOUNTED = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")  # controls, joiners, marks of direction, what is no character
_LYING_OVER = ("Mn", "Me")
_SELECTORS = range(0xFE00, 0xFE10)  # they make the character before them wide, or not, as the terminal likes
_WIDE_BESIDES = (  # halves of flags, and what is wide since Unicode 16: older tables have them narrow
    range(0x1F1E6, 0x1F200),
    range(0x2630, 0x2638),
    range(0x268A, 0x2690),
    range(0x4DC0, 0x4E00),
    range(0x1D300, 0x1D357),
    range(0x1D360, 0x1D377),
)
MORE = "…"


def flat(text: str) -> str:
    """Return a text as one line in which each character takes the same number of columns on every terminal.

    Controls, joiners and variation selectors go, so that an emoji made of several is drawn as those.
    """
    return " ".join("".join(filter(_is_kept, text)).split())


def columns(text: str) -> int:
    """Return how many columns a flat text takes; at least as many as any terminal gives it."""
    return len(text) if text.isascii() else sum(map(_columns_of, text))


def cut(text: str, width: int) -> str:
    """Return a flat text in at most `width` columns, with an ellipsis where something is gone."""
    if columns(text) <= width:
        return text
    return f"{_head(text, width - 1).rstrip()}{MORE}" if width > 0 else ""


def filled(text: str, width: int) -> str:
    """Return a flat text in exactly `width` columns."""
    short = cut(text, width)
    return short + " " * (width - columns(short))


def folded(text: str, width: int) -> Iterator[str]:
    """Give a flat text in lines of at most `width` columns, broken between words and between wide characters.

    A longer word, a path say, stands whole in a line of its own: what is broken cannot be copied.
    """
    rest = text.strip()
    while columns(rest) > width:
        at = _break(rest, len(_head(rest, width)))
        if at >= len(rest):
            break
        yield rest[:at].rstrip()
        rest = rest[at:].lstrip()
    if rest:
        yield rest


def _break(text: str, most: int) -> int:
    """Return where a line ends that holds at most the first `most` characters, or else one word."""
    for at in range(most, 0, -1):
        if text[at] == " " or _columns_of(text[at - 1]) == 2:
            return at
    beyond = text.find(" ", most)
    return len(text) if beyond < 0 else beyond


def _head(text: str, width: int) -> str:
    """Return the longest beginning that takes at most `width` columns."""
    taken = 0
    for at, one in enumerate(text):
        taken += _columns_of(one)
        if taken > width:
            return text[:at]
    return text


def _is_kept(one: str) -> bool:
    if one.isspace():
        return True
    return unicodedata.category(one) not in _UNCOUNTED and ord(one) not in _SELECTORS


@lru_cache(maxsize=4096)
def _columns_of(one: str) -> int:
    if " " <= one <= "~":
        return 1
    if unicodedata.category(one) in _LYING_OVER:
        return 0
    is_wide = unicodedata.east_asian_width(one) in _WIDE or any(ord(one) in found for found in _WIDE_BESIDES)
    return 2 if is_wide else 1
