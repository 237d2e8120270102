"""What a heading says by itself: a phase, a gate's number, a condition. Knows no sections."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from orchestrator.core.wording import fold, regex

_MARKS = regex(r"^(?:[\d#*]\ufe0f?\u20e3|[^\w-]|-(?!\d))+")
_NUMBERING = regex(r"^\d+(?:\.\d+)*[.)]?\s+(?=\D)")
_NUMBER = r"\d+(?:\.\d+)*(?:[a-z]\d*)*"
_PHASE = rf"\s+(?P<id>{_NUMBER}|final|[ivx]+|[a-z])(?!\w)(?P<rest>.*)"
_GATE = regex(rf"(?s:gate\s+#?(?P<id>-?{_NUMBER}|final|[a-z])(?!\w)(?P<rest>.*))")
_SEPARATOR = regex(r"^\s*[:.)\]|–—→-]+\s*")
_CONDITION = regex(r"\((?P<text>(?:apenas |somente |so |only )?(?:se|if|when|quando|caso|unless|where|onde)\b[^()]*)\)")


def phase(text: str, phase_words: Sequence[str]) -> tuple[str, str] | None:
    """Return id and title of a phase heading, or None. `Fase 0 a Fase 3` is a range and names no phase."""
    bare = _bare(text)
    for word in phase_words:
        found = re.match(re.escape(fold(word)) + _PHASE, fold(bare), re.DOTALL)
        if found and not _is_range(found["rest"], word) and _is_label(found["id"], found["rest"]):
            start, end = found.span("id")
            return bare[start:end], _SEPARATOR.sub("", bare[end:]).strip()
    return None


def gate_label(text: str) -> str:
    """Return `GATE 13` for the heading of that one gate, or nothing: a group of gates has no label."""
    bare = _bare(text)
    found = _GATE.match(fold(bare))
    if not found or _is_range(found["rest"], "gate") or not _is_label(found["id"], found["rest"]):
        return ""
    start, end = found.span("id")
    if re.match(r"\s[a-zà-ÿ]", bare[end:]):
        return ""  # `Gate 6 reminder` speaks of one
    return f"GATE {bare[start:end]}"


def is_numbered(text: str) -> bool:
    """Tell whether a heading begins with a number, as the steps of a phase do."""
    return _NUMBERING.match(_MARKS.sub("", text)) is not None


def condition(text: str) -> str:
    """Return what a heading says in parentheses after SE, IF or WHEN, verbatim, or nothing."""
    composed = unicodedata.normalize("NFC", text)
    found = _CONDITION.search(fold(composed))
    return composed[slice(*found.span("text"))].strip() if found else ""


def names(text: str, part: str) -> bool:
    """Tell whether a heading holds `part` as whole words; `GATE 3` is no part of `GATE 30` or `GATE 3.1`."""
    words = re.escape(fold(part.strip()))
    return re.search(rf"(?<!\w){words}(?!\w|\.\d)", fold(text)) is not None


def _bare(text: str) -> str:
    """Return a heading without the emoji, brackets and numbering in front of its words."""
    composed = unicodedata.normalize("NFC", text)
    return _MARKS.sub("", _NUMBERING.sub("", _MARKS.sub("", composed)))


def _is_label(number: str, rest: str) -> bool:
    """Tell whether a number is a label: a letter or FINAL needs a separator, or `Phase out` would be one."""
    return number[-1:].isdigit() or number[:1].isdigit() or not re.match(r"\s*\w", rest)


def _is_range(rest: str, word: str) -> bool:
    """Tell whether a number goes on to another one: `0 a FASE FINAL`, `1-5`, `10 e 11`; `2 - 3 telas` does not."""
    label = rf"(?:{re.escape(fold(word))}s?\s+)"
    spoken = rf"\s*(?:a|ate|e|to|and|through)\s+{label}?-?(?:\d|final\b)"
    written = rf"\s*[-–—/,+&]\s*(?:{label}-?(?:\d|final\b)|-?\d+(?:\.\d+)*(?!\w)(?!\s*\w))"
    return re.match(spoken, rest) is not None or re.match(written, rest) is not None
