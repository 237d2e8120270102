"""Text of others within Markdown: it stays text, whatever is written in it. Pure."""

from __future__ import annotations

import re

_MEANS = re.compile(r"[\\`*_\[\]<>|~$&]")
_BEGINS = re.compile(r"^(\d*)([#+=:.)-])")  # a heading, a list, a table's ruler
_MENTIONS = re.compile(r"(?<!\w)(@|#)(?=\w)")
_LINKS = re.compile(r"(?i)\b(https?|ftp|mailto|www)(?=[:.])")
_BREAK = "<!-- -->"  # nothing is shown for it; a site's own links for @name, #12 and addresses do not reach over it


def escaped(text: str) -> str:
    """Return one line of text as Markdown that shows just that text, and names nobody."""
    line = _MEANS.sub(lambda found: f"\\{found[0]}", " ".join(text.split()))
    line = _BEGINS.sub(r"\1\\\2", line)
    line = _LINKS.sub(lambda found: f"{found[0]}{_BREAK}", line)
    return _MENTIONS.sub(lambda found: f"{found[0]}{_BREAK}", line)


def code(text: str) -> str:
    """Return one line of text as a code span."""
    line = " ".join(text.split())
    longest = max((len(one) for one in re.findall("`+", line)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {line} {fence}" if line.startswith("`") or line.endswith("`") else f"{fence}{line}{fence}"
