"""Puts lines into a text of the user's and takes them out again, every other byte as it was. Touches no file."""

from __future__ import annotations

from collections.abc import Sequence


def newline(content: bytes) -> str:
    """Return how the lines of a text end."""
    return "\r\n" if b"\r\n" in content else "\n"


def appended(content: bytes, lines: Sequence[str]) -> str:
    """Return the text that puts `lines` behind `content`, beginning with a line end where one is missing."""
    end = newline(content)
    is_open = content and not content.endswith(b"\n")
    is_continued = content.rstrip(b"\r\n").endswith(b"\\")  # the next line would belong to this one
    glue = end * ((1 if is_open else 0) + (1 if is_continued else 0))
    return glue + "".join(f"{line}{end}" for line in lines)


def without(content: bytes, text: str) -> bytes | None:
    """Return `content` without the whole lines `text`, None where they are not in it.

    What somebody wrote behind a text that began with a line end stays on a line of its own.
    """
    piece = text.encode()
    at = _found(content, piece)
    if at is None:
        return None
    before, after = content[:at], content[at + len(piece) :]
    glue = piece[: len(piece) - len(piece.lstrip(b"\r\n"))]
    return before + (glue if after else b"") + after


def holds(content: bytes, text: str) -> bool:
    """Tell whether `text` stands in `content` as whole lines."""
    return _found(content, text.encode()) is not None


def _found(content: bytes, piece: bytes) -> int | None:
    at = content.find(piece)
    while at > 0 and not piece.startswith((b"\r", b"\n")) and content[at - 1 : at] != b"\n":
        at = content.find(piece, at + 1)
    return None if at < 0 else at
