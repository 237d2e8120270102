"""Reads git's patch into rows that can be shown, what cannot be seen made visible. Pure; runs no git."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping

from orchestrator.core.values import Value

_FILE = "diff --git "
_SAID = ("old mode", "new mode", "new file", "deleted file", "Binary files")
_WIDTH = 400  # characters of a row
_LINES, _OF_ONE, _FILES = 4000, 1500, 100  # lines changed that are shown: in all, of one file; files
_KINDS = {"+": "added", "-": "removed", "@": "place", "\\": "meta"}
_UNSEEN = ("Cc", "Cf", "Co", "Cs", "Zl", "Zp")


class Line(Value):
    """One row of a patch; `kind` is added, removed, kept, place or meta."""

    kind: str
    text: str


class Patched(Value):
    """A file's part of a patch; `why` says why its lines are not shown."""

    name: str
    added: str
    removed: str
    lines: tuple[Line, ...] = ()
    why: str = ""


def chosen(sizes: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """Return for each changed file why its lines are not shown; empty where they are. `sizes` as evidence.sizes."""
    found: dict[str, str] = {}
    total = files = 0
    for name, counts in sizes.items():
        lines = sum(int(one) for one in counts if one.isdigit())
        if lines > _OF_ONE:
            found[name] = f"{lines} lines changed: too many to be shown here"
        elif total + lines > _LINES or files >= _FILES:
            found[name] = "not shown: the patch is too large"
        else:
            found[name] = ""
            total, files = total + lines, files + 1
    return found


def read(patch: bytes) -> tuple[Line, ...]:
    """Return the rows of one file's patch, without those that only name the file."""
    lines: list[Line] = []
    is_head = True
    for row in patch.split(b"\n")[:-1]:
        text = row.decode(errors="backslashreplace")
        # a row of the file's own begins with a blank, + or -
        is_head = text.startswith(_FILE) or (is_head and not text.startswith("@@"))
        if is_head and not text.startswith(_SAID):
            continue
        kind = "meta" if is_head else _KINDS.get(text[:1], "kept")
        lines.append(Line(kind=kind, text=visible(text)))
    return tuple(lines)


def visible(text: str) -> str:
    """Return a row in which what has no shape of its own, or reorders others, stands as its code point; cut."""
    shown = "".join(_seen(text[:_WIDTH]))
    return f"{shown} … {len(text) - _WIDTH} more characters" if len(text) > _WIDTH else shown


def _seen(text: str) -> Iterator[str]:
    for one in text:
        yield one if one == "\t" or unicodedata.category(one) not in _UNSEEN else f"<U+{ord(one):04X}>"
